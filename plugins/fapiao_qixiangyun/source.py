"""The hooks of the 企享云 (Qixiangyun) source: each one leads to the module that knows it."""

from __future__ import annotations

from typing import Any

from fapiao import hookimpl
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.spec import Descriptor
from fapiao.wire import (
    Account,
    Claim,
    CollectionJob,
    CollectionStatus,
    Flow,
    LayoutFiles,
    LayoutTask,
    Page,
    Pending,
    Request,
    Response,
    Signed,
    SliceQuery,
    Stamp,
    SyncQuery,
    Token,
    Verdict,
    Verification,
)
from fapiao_qixiangyun import layouts, login, pages, tasks, verdicts, verification
from fapiao_qixiangyun.descriptor import DESCRIPTOR
from fapiao_qixiangyun.normalize import normalize

__all__ = ["Qixiangyun"]


class Qixiangyun:
    """企享云: 发票查验, 版式文件下载, 发票归集 (https://www.qixiangyun.com)."""

    @hookimpl
    def describe(self) -> Descriptor:
        return DESCRIPTOR

    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        return (yield from login.log_in(account))

    @hookimpl
    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        return login.sign(request, account, token, stamp, body)

    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        return verdicts.classify(request, response)

    @hookimpl
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        return (yield from tasks.start(account, job))

    @hookimpl
    def collection_status(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        return (yield from tasks.ask(account, job))

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery | SyncQuery, cursor: str | None) -> Flow[Page | Pending]:
        return (yield from pages.read_page(account, query, cursor))

    @hookimpl
    def verify(self, account: Account, claim: Claim) -> Flow[Verification | Pending]:
        return (yield from verification.verify(account, claim))

    @hookimpl
    def layout_files(self, account: Account, task: LayoutTask) -> Flow[LayoutFiles | Pending]:
        return (yield from layouts.layout_files(account, task))

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        return normalize(raw, context)
