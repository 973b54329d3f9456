"""Plugins that declare or shape themselves wrongly (groups A and H)."""

from __future__ import annotations

from typing import Any

import msgspec

from broken import broken
from fapiao import hookimpl
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
    SliceQuery,
    Verdict,
)
from toy_source import DESCRIPTOR, Toy

__all__ = ["Sieve"]


def described(**changes: Any) -> Any:
    return hookimpl(lambda self: msgspec.structs.replace(DESCRIPTOR, **changes))


@broken("A1", "describe", "no installed distribution has an entry point")
class Unlisted(Toy):
    pass


@broken("A3", "classifi", "classifi")
class Misspelt(Toy):
    @hookimpl
    def classifi(self, request: Request, response: Response) -> Verdict:
        return self.judged("0")


@broken("A3", "collection_status", "lacks the hooks collection_status")
class WithoutStatus(Toy):
    collection_status = None  # type: ignore[assignment]  # that is what is broken


@broken("A4", "read_page", "'cursor' has a default")
class Defaulted(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None = None) -> Flow[Page | Pending]:
        return (yield from super().read_page(account, query, cursor))


@broken("A5", "read_page", "no generator function")
class Delegating(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        return super().read_page(account, query, cursor)


@broken("A5", "classify", "async")
class Asynchronous(Toy):
    @hookimpl
    async def classify(self, request: Request, response: Response) -> Verdict:  # type: ignore[override]  # broken so
        return self.judged("0")


@broken("A6", "describe", "spec is '0'")
class OfAnotherVersion(Toy):
    describe = described(spec="0")


@broken("A6", "describe", "two calls give different descriptors")
class Inconstant(Toy):
    calls = 0

    @hookimpl
    def describe(self) -> Descriptor:
        self.calls += 1
        return msgspec.structs.replace(DESCRIPTOR, poll_interval=float(self.calls))


@broken("A7", "describe", "'password' (App secret) looks like a secret")
class Sieve(Toy):
    describe = described(fields=tuple(msgspec.structs.replace(field, kind="text") for field in DESCRIPTOR.fields))


@broken("A8", "describe", "default_host is 'http://vendor.invalid/'")
class InTheOpen(Toy):
    describe = described(default_host="http://vendor.invalid/")


@broken("H1", "collection_status", "show the setting password")
class TellsTheJob(Toy):
    @hookimpl
    def collection_status(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        status = yield from super().collection_status(account, job)
        assert isinstance(status, CollectionStatus)
        return msgspec.structs.replace(status, job_id=f"{job.job_id}/{account.secret.reveal()}")
