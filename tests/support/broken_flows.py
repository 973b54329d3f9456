"""Plugins whose flows reach outside, remember, or lose their way (groups B, C and G)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from broken import broken
from fapiao import hookimpl
from fapiao.errors import FapiaoError, VendorBroken
from fapiao.spec import Quota
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
)
from toy_source import DESCRIPTOR, Toy

__all__: list[str] = []


class Curious(Toy):
    """Looks at something outside before it asks."""

    def look(self) -> Any:
        raise NotImplementedError

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        try:
            self.look()
        except Exception:  # noqa: BLE001 - a plugin that hides what it does
            pass
        return (yield from super().read_page(account, query, cursor))


@broken("B1", "read_page", "clock (time.time)")
class TellsTheTime(Curious):
    def look(self) -> Any:
        return time.time()


@broken("B1", "read_page", "clock (datetime.now)")
class TellsTheDay(Curious):
    def look(self) -> Any:
        return datetime.now()  # noqa: DTZ005 - that is what is broken


@broken("B1", "read_page", "randomness")
class RollsDice(Curious):
    def look(self) -> Any:
        return random.random()


@broken("B1", "read_page", "environment")
class ReadsTheEnvironment(Curious):
    def look(self) -> Any:
        return os.environ.get("HOME")


@broken("B1", "read_page", "files (open)")
class ReadsAFile(Curious):
    def look(self) -> Any:
        return Path(__file__).read_text(encoding="utf-8")


@broken("B1", "read_page", "network")
class OpensASocket(Curious):
    def look(self) -> Any:
        return socket.create_connection(("127.0.0.1", 9), timeout=1)


@broken("B1", "read_page", "a thread")
class StartsAThread(Curious):
    def look(self) -> Any:
        return threading.Thread(target=print).start()


@broken("B2", "start_collection", "another hash seed")
class AsksInTheOrderOfASet(Toy):
    @hookimpl
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        words = ",".join({"jx", "xx", "all", "none", "some", "more", "most"})
        response = yield Request(
            method="POST", path="/jobs", json={"month": job.invoice_month, "kinds": words}, idempotent=False
        )
        return CollectionStatus(slices=(), job_id=response.json()["job"])


@broken("B2", "read_page", "played a second time")
class Counts(Toy):
    calls = 0

    def request(self, query: SliceQuery, number: int) -> Request:
        self.calls += 1
        request = super().request(query, number)
        return msgspec.structs.replace(request, json={**request.json, "call": self.calls})


@broken("B3", "read_page", "'yield from' is missing")
class ForgetsYieldFrom(Toy):
    def request(self, query: SliceQuery, number: int) -> Request:
        def size() -> Iterator[int]:
            yield 10

        request = super().request(query, number)
        return msgspec.structs.replace(request, json={**request.json, "mark": size()})


@broken("B3", "read_page", "the text of a generator")
class ForgetsYieldFromSilently(Toy):
    def request(self, query: SliceQuery, number: int) -> Request:
        mark = (word for word in ("never",))
        return msgspec.structs.replace(super().request(query, number), query=(("mark", str(mark)),))


@broken("B3", "read_page", "yielded")
class YieldsItsResult(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        response = yield self.request(query, int(cursor or 1))
        yield self.page(response, int(cursor or 1))  # type: ignore[misc]  # that is what is broken
        return Page(records=[])


@broken("B4", "read_page", "closed at its request 1 it raised RuntimeError")
class ClingsToLife(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        try:
            return (yield from super().read_page(account, query, cursor))
        finally:
            yield Request(method="POST", path="/jobs/state", json={"job": query.job_id})


@broken("B5", "read_page", "VendorUnreachable was thrown at its request 1, and it returned NoneType")
class SwallowsErrors(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        try:
            return (yield from super().read_page(account, query, cursor))
        except FapiaoError:
            return None  # type: ignore[return-value]  # that is what is broken


@broken("B6", "read_page", "is under way")
class RemembersTheQuery(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        self.number = int(cursor or 1)
        response = yield self.request(query, self.number)
        return self.page(response, self.number)


@broken("B7", "read_page", "under the asyncio driver")
class LooksForALoop(Toy):
    def request(self, query: SliceQuery, number: int) -> Request:
        request = super().request(query, number)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return request
        return msgspec.structs.replace(request, query=(("from", "the triggerer"),))


@broken("B8", "read_page", "changes afterwards")
class UsesOneBody(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        request = self.request(query, int(cursor or 1))
        response = yield request
        request.json["page"] += 1
        return self.page(response, int(cursor or 1))


class Paging(Toy):
    """Pages told otherwise."""

    def told(self, page: Page, number: int) -> Page:
        raise NotImplementedError

    def page(self, response: Response, number: int) -> Page:
        return self.told(super().page(response, number), number)


@broken("C1", "read_page", "a loop")
class GoesInCircles(Paging):
    def told(self, page: Page, number: int) -> Page:
        return msgspec.structs.replace(page, remaining=(str(number % 4 + 1),))


@broken("C1", "read_page", "records come twice")
class ReadsDouble(Toy):
    def request(self, query: SliceQuery, number: int) -> Request:
        return super().request(query, max(1, number - 1))


@broken("C1", "read_page", "did not end")
class BelievesEveryFullPage(Paging):
    def told(self, page: Page, number: int) -> Page:
        return msgspec.structs.replace(page, remaining=(str(number + 1),) if page.records else ())


@broken("C2", "read_page", "a new process reads")
class KeepsItsPlace(Paging):
    place = 1

    def request(self, query: SliceQuery, number: int) -> Request:
        self.place = self.place + 1 if number > 1 else 1
        return super().request(query, self.place)

    def told(self, page: Page, number: int) -> Page:
        return msgspec.structs.replace(page, remaining=("2", "3", "4") if number == 1 else ())


@broken("C3", "read_page", "too long")
class CarriesDataInTheCursor(Paging):
    def told(self, page: Page, number: int) -> Page:
        remaining = (json.dumps({"page": number + 1, "seen": page.records}),) if number < 4 else ()
        return msgspec.structs.replace(page, remaining=remaining)

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        number = json.loads(cursor)["page"] if cursor else 1
        response = yield self.request(query, number)
        return self.page(response, number)


@broken("C4", "read_page", "VendorBroken")
class FearsEmptiness(Paging):
    def told(self, page: Page, number: int) -> Page:
        if not page.records:
            raise VendorBroken("Toy gave no rows.")
        return page


@broken("C5", "read_page", "records of 209912")
class ClampsTheMonth(Toy):
    @hookimpl
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        job = msgspec.structs.replace(job, invoice_month=min(job.invoice_month, "202411"))
        return (yield from super().start_collection(account, job))


@broken("C6", "read_page", "pages are read")
class StopsAtAnEmptyPage(Paging):
    def told(self, page: Page, number: int) -> Page:
        more = bool(page.records) and number * 10 < 35
        return msgspec.structs.replace(page, remaining=(str(number + 1),) if more else ())


@broken("C7", "read_page", "35 records were read")
class CountsItself(Paging):
    def told(self, page: Page, number: int) -> Page:
        return msgspec.structs.replace(page, total=len(page.records))


@broken("C8", "read_page", "differs")
class RemembersWhatItRead(Paging):
    seen: frozenset[str] = frozenset()

    def told(self, page: Page, number: int) -> Page:
        fresh = [row for row in page.records if row["no"] not in self.seen]
        self.seen |= {row["no"] for row in page.records}
        return msgspec.structs.replace(page, records=fresh)


@broken("G1", "describe", "has a quota")
class MisspellsThePath(Toy):
    describe = hookimpl(
        lambda self: msgspec.structs.replace(DESCRIPTOR, quotas=(Quota(path="/page/", requests_per_second=5.0),))
    )


@broken("G1", "describe", "5 per second are allowed")
class ForgetsTheQuota(Toy):
    describe = hookimpl(lambda self: msgspec.structs.replace(DESCRIPTOR, quotas=()))


@broken("G2", "read_page", "memory grows")
class KeepsEveryPage(Paging):
    def __init__(self) -> None:
        self.pages: list[Page] = []

    def told(self, page: Page, number: int) -> Page:
        self.pages.append(page)
        return page


@broken("G3", "read_page", "cost 229 requests")
class AsksTwice(Toy):
    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        number = int(cursor or 1)
        yield self.request(query, number)
        response = yield self.request(query, number)
        return self.page(response, number)
