"""The hooks of the 金财数科 (JCSK) source: each one leads to the module that knows it."""

from __future__ import annotations

from typing import Any

from fapiao import hookimpl
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.spec import Descriptor
from fapiao.wire import Account, Flow, Page, Pending, Request, Response, Signed, SliceQuery, SyncQuery, Verdict
from fapiao_jcsk import normalize as rows
from fapiao_jcsk import paging, verdicts, wishes
from fapiao_jcsk.descriptor import DESCRIPTOR

__all__ = ["Jcsk"]


class Jcsk:
    """金财数科: 发票实时同步接口 S000621, the deduction state of every input invoice (进项发票)."""

    @hookimpl
    def describe(self) -> Descriptor:
        return DESCRIPTOR

    @hookimpl
    def sign(self, request: Request, account: Account) -> Signed:
        return paging.sign(request, account)

    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        return verdicts.classify(request, response)

    @hookimpl
    def sync_query(self, account: Account, wish: SyncQuery) -> SyncQuery:
        return wishes.query_of(account, wish)

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery | SyncQuery, cursor: str | None) -> Flow[Page | Pending]:
        return (yield from paging.read_page(account, query, cursor))

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        return rows.normalize(raw, context)
