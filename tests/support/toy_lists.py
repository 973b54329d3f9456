"""The toy vendor with lists beside its jobs: a source that collects and syncs."""

from __future__ import annotations

import msgspec

from fapiao import hookimpl
from fapiao.spec import Capability, Descriptor
from fapiao.wire import Account, Flow, Page, Pending, Request, SliceKey, SliceQuery, SyncQuery
from toy_source import DESCRIPTOR, Toy

__all__ = ["plugin"]


class Lists(Toy):
    @hookimpl
    def describe(self) -> Descriptor:
        both = frozenset({Capability.COLLECT, Capability.SYNC})
        return msgspec.structs.replace(DESCRIPTOR, capabilities=both, lists={"A": "甲", "B": "乙"})

    @hookimpl
    def sync_query(self, wish: SyncQuery) -> SyncQuery:
        return msgspec.structs.replace(wish, tax_period=wish.tax_period or "202411")

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery | SyncQuery, cursor: str | None) -> Flow[Page | Pending]:
        number = int(cursor or 1)
        response = yield self.asked(query, number)
        return self.page(response, number)

    def asked(self, query: SliceQuery | SyncQuery, number: int) -> Request:
        if isinstance(query, SyncQuery):
            key = SliceKey(query.query, "input")
            period = query.tax_period or ""
            query = SliceQuery(taxpayer_no=query.taxpayer_no, invoice_month=period, key=key, job_id="a list")
        return self.request(query, number)


plugin = Lists()
