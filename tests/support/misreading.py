"""The plugin of the bureau as an older version of it might have been: what it gets wrong can be chosen, and mended."""

from __future__ import annotations

from decimal import Decimal
from importlib.metadata import EntryPoint
from typing import Any

import msgspec

from bureau import BureauPlugin
from fapiao.invoices.model import Finding, Invoice, NormalizeContext, Rejected, Severity
from fapiao.registry import Registry
from fapiao.spec import hookimpl
from fapiao.wire import Account, Claim, Flow, LayoutFiles, LayoutTask, Outcome, Pending, Request, Verification

__all__ = ["BOTH", "BUREAU", "Misreading"]

_REASON = Finding(rule="V1", severity=Severity.REJECT, field="day", message="The day cannot be read.")
_REMARK = Finding(rule="X1", severity=Severity.INFO, field="seller_name", message="A remark.")


class Misreading(BureauPlugin):
    """``wrong`` names its mistakes; without one it reads as the plugin of today does."""

    def __init__(self) -> None:
        self.wrong: frozenset[str] = frozenset()

    def mistake(self, *names: str) -> None:
        """Read like this from now on."""
        self.wrong = frozenset(names)

    @hookimpl
    def verify(self, account: Account, claim: Claim) -> Flow[Verification | Pending]:
        said = yield from super().verify(account, claim)
        if "asks" in self.wrong:
            yield Request(method="POST", path="/verify/more", json={})
        if "later" in self.wrong:
            return Pending(reason="not now")
        if isinstance(said, Pending):
            return said
        if "outcome" in self.wrong and said.outcome is Outcome.NOT_FOUND:
            said = msgspec.structs.replace(said, outcome=Outcome.DIFFERENT, message="")
        if "unfound" in self.wrong and said.outcome is Outcome.GENUINE:
            return Verification(outcome=Outcome.NOT_FOUND, code="ok")
        if "untold" in self.wrong:
            said = msgspec.structs.replace(said, request_id=None, message="")
        if "task" in self.wrong and said.task is not None:
            mangled = msgspec.structs.replace(said.task, task_id=str(int(float(said.task.task_id))))
            said = msgspec.structs.replace(said, task=mangled)
        return said

    @hookimpl
    def layout_files(self, account: Account, task: LayoutTask) -> Flow[LayoutFiles | Pending]:
        said = yield from super().layout_files(account, task)
        if isinstance(said, LayoutFiles) and "failed" in self.wrong:
            return LayoutFiles(failed=True, code="NoFiles", message="no file is named")
        if isinstance(said, LayoutFiles) and "links" in self.wrong:
            kinds = {"pdf": "ofd", "xml": "xml"}  # one is taken for another, one is overlooked
            links = [msgspec.structs.replace(link, kind=kinds[link.kind]) for link in said.links if link.kind in kinds]
            return LayoutFiles(links=tuple(links))
        return said

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        if "rejects" in self.wrong:
            return Rejected(reasons=(_REASON,))
        invoice = super().normalize(raw, context)
        changes: dict[str, Any] = {}
        if isinstance(invoice, Rejected):
            return invoice
        if "seller" in self.wrong:
            changes["seller_name"] = "别的测试有限公司"
        if "state" in self.wrong:
            changes["state"] = "void"
        if "amount" in self.wrong:
            changes |= {"amount_incl_tax": Decimal("999.00"), "amount_excl_tax": Decimal("986.00")}
        if "number" in self.wrong:
            changes["digital_number"] = "2498" + raw["number"][4:]
        if "one" in self.wrong:
            changes["digital_number"] = "2499" + "1".zfill(16)
        if "finding" in self.wrong:
            changes["findings"] = (_REMARK,)
        return msgspec.structs.replace(invoice, **changes)


BUREAU = Misreading()
BOTH = Registry(
    [
        EntryPoint("atlas", "rereading:PLUGIN", "fapiao.sources"),
        EntryPoint("bureau", "misreading:BUREAU", "fapiao.sources"),
    ],
    disabled=(),
)
"""A vendor that collects, and the bureau."""
