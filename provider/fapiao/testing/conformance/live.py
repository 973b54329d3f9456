"""Group L: the real vendor. Only with ``--live``, with the connection that the environment names; reads and never starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fapiao.connection import Connection
from fapiao.engine import BlockingDriver
from fapiao.errors import FapiaoError
from fapiao.registry import Source
from fapiao.spec import Capability
from fapiao.testing.conformance.check import Breach, Check, NotApplicable
from fapiao.testing.conformance.kit import Kit
from fapiao.wire import Account, CollectionJob, CollectionStatus, Flow, Pending, Token

__all__ = ["CHECKS"]


def first_words(kit: Kit) -> Iterator[Breach]:
    source = Source(kit.name, kit.load())
    account = source.account(Connection.from_environment(kit.name))
    hook, flow, kinds = _first_errand(kit, source, account)
    with BlockingDriver(source, account) as driver:
        try:
            value: Any = driver.run(flow).value
        except FapiaoError as error:
            yield Breach(hook, f"the real vendor's answer ends in {type(error).__name__}: {error}", _COMPARE)
            return
    if not isinstance(value, kinds):
        yield Breach(hook, f"the real vendor's answer gives {type(value).__name__}", _COMPARE)


def _first_errand(kit: Kit, source: Source, account: Account) -> tuple[str, Flow[Any], tuple[type, ...]]:
    """A look at a job, which logs in by itself; a login where the source has no jobs."""
    if Capability.COLLECT in source.descriptor.capabilities and kit.slice is not None:
        job = CollectionJob(taxpayer_no=kit.taxpayer_no, invoice_month=kit.invoice_month, slices=(kit.slice,))
        return "collection_status", source.collection_status(account, job), (CollectionStatus, Pending)
    if source.has("authorize"):
        return "authorize", source.authorize(account), (Token,)
    raise NotApplicable("every call of this vendor is billed or starts something")


_COMPARE = "compare the vendor's real answer with its document and with the kit's samples"

CHECKS = (
    Check(
        id="L1",
        title="The real vendor logs in the example account and answers one look at a job.",
        examine=first_words,
        live=True,
    ),
)
