"""The operator that lets a DAG go on only when a month is proven."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from fapiao.airflow.compat import AirflowFailException, AirflowSkipException, BaseOperator
from fapiao.airflow.databases import database, mask_url
from fapiao.airflow.failures import translated
from fapiao.airflow.links import COVERAGE_LINKS
from fapiao.airflow.month import month_of_run
from fapiao.airflow.taxpayers import listed, taxpayers_of
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.airflow.compat import XComArg
    from fapiao.arguments import CollectRequest
    from fapiao.registry import Source
    from fapiao.reports.gate import Gate
    from fapiao.store import Database

__all__ = ["RequireCoverageOperator"]

SHOWN = 20
"""Gaps that the task's failure names; the log has them all."""


class RequireCoverageOperator(BaseOperator):
    """Succeeds only when every slice of the month is proven; else prints what is missing and fails. Calls no vendor.

    The value is a summary: counts only. When something is missing it is also the XCom ``coverage``.

    :param conn_id: the vendor connection that the month was collected with: it names source and account.
    :param into: the id of a database connection, or a database URL: where the ledger is.
    :param taxpayer_no: taxpayer number (纳税人识别号), or a list; a taxpayer that was never collected is missing. None = every
        taxpayer that was ever collected with this account, of whatever month, so that one that was forgotten is found.
    :param invoice_month: ``yyyymm``; the default is that of
        :class:`~fapiao.airflow.operators.CollectInvoicesOperator`.
    :param types: invoice types, the vendor's codes or canonical names; None = all.
    :param directions: ``input`` (进项), ``output`` (销项); None = both.
    :param on_rejected: ``fail`` or ``accept``: whether a slice with quarantined records is proven.
    :param max_age: what was proven longer ago is missing: seconds, a timedelta, or text such as ``12h``. None = any age.
    :param control_totals: ``ignore``; ``compare``: the totals from outside (控制总数) that ``fapiao control-totals`` has stored for the
        month must agree with what is stored; ``require``: there must be one for everything that a taxpayer holds, too.
    :param soft_fail: skip instead of failing.
    """

    template_fields: Sequence[str] = (
        "conn_id", "into", "taxpayer_no", "invoice_month", "types", "directions", "on_rejected", "max_age",
        "control_totals",
    )  # fmt: skip
    ui_color = "#e8e3f3"
    operator_extra_links = COVERAGE_LINKS

    def __init__(
        self,
        *,
        conn_id: str,
        into: str,
        taxpayer_no: str | Sequence[str] | XComArg | None = None,
        invoice_month: str | None = None,
        types: Sequence[str] | None = None,
        directions: Sequence[str] | None = None,
        on_rejected: str = "fail",
        max_age: float | str | timedelta | None = None,
        control_totals: str = "ignore",
        soft_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        mask_url(into)
        self.conn_id = conn_id
        self.into = into
        self.taxpayer_no = taxpayer_no
        self.invoice_month = invoice_month
        self.types = types
        self.directions = directions
        self.on_rejected = on_rejected
        self.max_age = max_age.total_seconds() if isinstance(max_age, timedelta) else max_age
        self.control_totals = control_totals
        self.soft_fail = soft_fail

    @override
    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Look at the ledger, once."""
        from fapiao.airflow.hooks import InvoiceSourceHook
        from fapiao.arguments import age_in_seconds
        from fapiao.reports.gate import gate

        with translated(self.conn_id):
            hook = InvoiceSourceHook(self.conn_id)
            ledger = database(self.into)
            found = gate(
                ledger,
                hook.source.name,
                hook.account.name,
                self._requests(context, hook.source, hook.account.name, ledger),
                time.time(),
                None if self.max_age in (None, "", "None") else age_in_seconds(str(self.max_age)),
                self.control_totals or "ignore",
            )
        summary: dict[str, Any] = {
            name: value for name, value in msgspec.to_builtins(found).items() if name != "gaps"
        } | {"missing": len(found.gaps), "taxpayers_missing": len({gap.taxpayer_no for gap in found.gaps})}
        if found.is_open:
            self.log.info(
                "Month %s is proven: %d taxpayers, %d slices, %d invoices; %d control totals agree.",
                found.invoice_month, found.taxpayers, found.slices, found.invoices, found.control_totals,
            )  # fmt: skip
            return summary
        self.log.error("Month %s is not proven. Missing:\n%s", found.invoice_month, found.table())
        context["ti"].xcom_push(key="coverage", value=summary)
        raise (AirflowSkipException if self.soft_fail else AirflowFailException)(_sentence(found))

    def _requests(
        self, context: Mapping[str, Any], source: Source, account: str, ledger: Database
    ) -> list[CollectRequest]:
        from fapiao.arguments import collect_request
        from fapiao.store import known_taxpayers

        if self.taxpayer_no is None:
            taxpayers = known_taxpayers(ledger, source.name, account)
            if not taxpayers:
                raise ConfigurationError(
                    f"No taxpayer was ever collected with the account {account} of {source.name} into this database.",
                    advice="Collect first, or correct conn_id and into.",
                )
        else:
            taxpayers = taxpayers_of(self.taxpayer_no)
        month = self.invoice_month or month_of_run(context)
        return [
            collect_request(
                source.descriptor,
                taxpayer_no=taxpayer,
                invoice_month=month,
                now=time.time(),
                types=listed(self.types),
                directions=listed(self.directions),
                on_rejected=self.on_rejected,
            )
            for taxpayer in dict.fromkeys(taxpayers)
        ]


def _sentence(found: Gate) -> str:
    lines = [f"- {gap.taxpayer_no} {gap.what}: {gap.why}" for gap in found.gaps[:SHOWN]]
    if len(found.gaps) > SHOWN:
        lines.append(f"and {len(found.gaps) - SHOWN} more, see the log")
    missing = len({gap.taxpayer_no for gap in found.gaps})
    return (
        f"The month {found.invoice_month} of {found.source} is not proven for {missing} of {found.taxpayers} taxpayers; "
        "collect what is missing, then clear this task:\n" + "\n".join(lines)
    )
