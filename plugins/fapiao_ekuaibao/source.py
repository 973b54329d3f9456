"""The hooks of the 易快报 (ekuaibao) source: each one leads to the module that knows it."""

from __future__ import annotations

from typing import Any

from fapiao import hookimpl
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.spec import Descriptor
from fapiao.wire import (
    Account,
    CollectionJob,
    CollectionStatus,
    Flow,
    Page,
    Pending,
    Request,
    Response,
    Signed,
    SliceQuery,
    Token,
    Verdict,
)
from fapiao_ekuaibao import collection, login, paging, verdicts
from fapiao_ekuaibao.descriptor import DESCRIPTOR
from fapiao_ekuaibao.normalize import normalize

__all__ = ["Ekuaibao"]


class Ekuaibao:
    """易快报 / 合思: 增值税发票全量采集 (https://docs.ekuaibao.com/docs/open-api/invoice/apply-invoice-collection-task)."""

    @hookimpl
    def describe(self) -> Descriptor:
        return DESCRIPTOR

    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        return (yield from login.log_in(account))

    @hookimpl
    def sign(self, request: Request, token: Token | None) -> Signed:
        return login.sign(request, token)

    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        return verdicts.classify(request, response)

    @hookimpl
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        return (yield from collection.start(account, job))

    @hookimpl
    def collection_status(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        return (yield from collection.ask(account, job))

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        return (yield from paging.read_page(account, query, cursor))

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        return normalize(raw, context)
