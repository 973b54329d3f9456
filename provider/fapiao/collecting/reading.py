"""Reads slices page by page: a bounded pool of readers, one or two writers, everything of a page in one transaction.

Three stages, so that no connection waits for the database: ``max_concurrency`` threads ask the vendor, one maps and examines
what they bring, and one or two write (a server works for one while the rows of the other are made). The calling thread hands
out and keeps count: pages that were asked for and are not committed are what a killed process reads again, so there are at
most twice ``max_concurrency`` of them; once, where the vendor charges for pages.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import msgspec

from fapiao.collecting.fetching import Fetched, PageFetcher
from fapiao.engine import BlockingDriver
from fapiao.errors import ConfigurationError, FapiaoError, QuotaExhausted, VendorBusy, VendorRefused
from fapiao.registry import Source
from fapiao.store import CollectionRecord, Ledger, Loader, LoadReport, PageLoad, SliceRecord, Tally
from fapiao.wire import Account, Pending, SliceKey, SliceQuery, SyncQuery

__all__ = ["NO_COUNT", "Progress", "SliceReader"]

log = logging.getLogger(__name__)

MOST_READS = 3
"""How often a slice whose total drifts, or whose records do not add up, is read before it ends *incomplete*."""
AHEAD = 2
"""Pages asked for and not yet committed, for each connection: one under way, one that is examined or written."""
NO_COUNT = "the vendor gives no count; read to its end"
FIRST = ""
"""The cursor of a first page, as the ledger writes it."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is; given to the caller after every commit."""

    slices: int
    slices_done: int
    pages: int
    records: int
    expected: int


class _Reading:
    """One slice while it is being read: which cursors are to do, under way, done."""

    def __init__(self, record: SliceRecord) -> None:
        self.record = record
        self.todo: deque[str] = deque([FIRST])
        self.under_way = 0
        self.total: int | None = None
        self.drifted = False
        self.stopped = False

    def is_read(self) -> bool:
        return not self.todo and not self.under_way


class SliceReader:
    """Reads ready slices of one collection, or the lists of one sync, to their end and proves each.

    ``needs_count``: a slice without the vendor's own count is not proven. False where a vendor has lists that give none:
    then pages are read until one is empty, and the slice says so.
    """

    def __init__(
        self,
        *,
        source: Source,
        account: Account,
        driver: BlockingDriver,
        ledger: Ledger,
        loader: Loader,
        collection: CollectionRecord,
        query: Callable[[SliceRecord], SliceQuery | SyncQuery],
        api: str,
        needs_count: bool = True,
        clock: Callable[[], float] = time.time,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._fetcher = PageFetcher(
            source=source,
            account=account,
            driver=driver,
            loader=loader,
            collection=collection,
            query=query,
            api=api,
        )
        self._driver = driver
        self._ledger = ledger
        self._loader = loader
        self._collection = collection
        self._needs_count = needs_count
        self._clock = clock
        self._progress = progress
        self._readers = driver.max_concurrency
        self._ahead = self._readers
        self._sent_before = driver.requests
        self._slices = self._done = self._pages = self._records = self._expected = 0
        self._fetching: dict[Future[Fetched | Pending], _Reading] = {}
        self._examining: dict[Future[list[PageLoad]], list[_Reading]] = {}
        self._examined: deque[list[tuple[PageLoad, _Reading]]] = deque()
        self._writing: dict[Future[LoadReport], list[tuple[PageLoad, _Reading]]] = {}
        self._asked_alone: set[str] = set()
        """Ids of jobs of which one slice is asked for first: its page may bring the others."""
        self._apart: set[str] = set()
        """Ids of jobs whose slices do not come together."""
        self._soonest: Pending | None = None
        self._errors: list[FapiaoError] = []
        self.refusals: list[VendorRefused] = []
        """What the vendor refused for good; the slices are recorded as failed."""

    @property
    def requests(self) -> int:
        """Requests sent by this reader so far, logins and retries included."""
        return self._driver.requests - self._sent_before

    def run(self, slices: Sequence[SliceRecord]) -> Pending | None:
        """Read all of them. Returns the soonest ``Pending`` when some must be asked for again later.

        :raises FapiaoError: after all others were read, the first error that left a slice unfinished. Slices that the
            vendor refuses for good are recorded as failed and raise nothing.
        """
        self._slices = len(slices)
        queue = deque(self._prepared(record) for record in slices)
        active: list[_Reading] = []
        with (
            ThreadPoolExecutor(self._readers, thread_name_prefix="fapiao-read") as readers,
            ThreadPoolExecutor(1, thread_name_prefix="fapiao-examine") as examiner,
            ThreadPoolExecutor(self._loader.writers, thread_name_prefix="fapiao-write") as writers,
        ):
            try:
                while True:
                    self._hand_out(readers, queue, active)
                    self._write(writers)
                    under_way: list[Future[Any]] = [*self._fetching, *self._examining, *self._writing]
                    if under_way:
                        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                        for future in under_way:  # in their order: a set has none
                            if future in done:
                                self._ended(future, examiner, active)
                    for reading in [part for part in active if part.is_read()]:
                        active.remove(reading)
                        again = self._finish(reading)
                        if again is not None:
                            queue.append(again)
                    if not queue and not active:
                        break
            except BaseException:
                for pool in (readers, examiner, writers):
                    pool.shutdown(wait=True, cancel_futures=True)
                raise
        if self._errors:
            error = self._errors[0]
            if len(self._errors) > 1:
                log.error("%d reads failed in all; the first: %s", len(self._errors), error)
            raise error
        return self._soonest

    def _prepared(self, record: SliceRecord) -> _Reading:
        """Where the committed pages of an earlier process end, this one goes on."""
        reading = _Reading(record)
        progress = self._ledger.progress(record.slice_id, record.read_no)
        if FIRST in progress.committed:
            reading.todo = deque(sorted(progress.known - progress.committed, key=_natural))
            reading.total = progress.total
            reading.drifted = progress.totals_differ
            self._expected += progress.total or 0
        if reading.drifted:
            reading.todo.clear()
        return reading

    def _hand_out(self, readers: ThreadPoolExecutor, queue: deque[_Reading], active: list[_Reading]) -> None:
        """Ask for more while few enough pages are asked for and not yet committed."""
        uncommitted = (
            len(self._fetching) + len(self._examining) + len(self._examined) + sum(map(len, self._writing.values()))
        )
        while uncommitted < self._ahead:
            reading = next((part for part in active if part.todo and self._may_ask(part)), None)
            if reading is None:
                if not queue:
                    return
                active.append(queue.popleft())
                continue
            reading.under_way += 1
            uncommitted += 1
            others = self._ask_alone(reading, queue, active)
            cursor = reading.todo.popleft()
            self._fetching[readers.submit(self._fetcher.fetch, reading.record, cursor, others)] = reading

    def _may_ask(self, reading: _Reading) -> bool:
        return reading.record.vendor_job_id not in self._asked_alone

    def _ask_alone(
        self, reading: _Reading, queue: deque[_Reading], active: list[_Reading]
    ) -> dict[SliceKey, SliceRecord]:
        """The unread slices that the first page of this one may bring along; empty where it is asked for by itself."""
        job_id = reading.record.vendor_job_id
        if job_id is None or job_id in self._apart or reading.todo[0] != FIRST:
            return {}
        self._asked_alone.add(job_id)
        active += queue
        queue.clear()
        return {
            part.record.key: part.record
            for part in active
            if part is not reading and part.record.vendor_job_id == job_id and FIRST in part.todo
        }

    def _write(self, writers: ThreadPoolExecutor) -> None:
        """Hand what is examined to a free writer, in one transaction as far as it goes.

        Slices may hold the same invoice (one company sells to another of the same owner), and which record came first must not
        be chance: what is written at the same time is of one slice.
        """
        while self._examined and len(self._writing) < self._loader.writers:
            batch: list[tuple[PageLoad, _Reading]] = []
            beside = {load.slice_id for part in self._writing.values() for load, _ in part}
            while self._examined and len(batch) < self._readers:
                if beside and beside != {load.slice_id for load, _ in self._examined[0]}:
                    break
                batch += self._examined.popleft()  # what one read brought is committed together
            if not batch:
                return
            self._writing[writers.submit(self._loader.load, [load for load, _ in batch])] = batch

    def _ended(self, future: Future[Any], examiner: ThreadPoolExecutor, active: Sequence[_Reading]) -> None:
        """Take up what a reader, the examiner or a writer brought."""
        if future in self._fetching:
            self._take(future, self._fetching.pop(future), examiner, active)
            return
        if future in self._examining:
            readings = self._examining.pop(future)
            self._examined.append(list(zip(future.result(), readings, strict=True)))
            return
        batch = self._writing.pop(future)
        future.result()
        for load, reading in batch:
            reading.under_way -= 1
            self._advance(reading, load)
        if self._progress is not None:
            self._progress(
                Progress(
                    slices=self._slices,
                    slices_done=self._done,
                    pages=self._pages,
                    records=self._records,
                    expected=self._expected,
                )
            )

    def _take(
        self,
        future: Future[Fetched | Pending],
        reading: _Reading,
        examiner: ThreadPoolExecutor,
        active: Sequence[_Reading],
    ) -> None:
        job_id = reading.record.vendor_job_id
        if job_id is not None:
            self._asked_alone.discard(job_id)
        try:
            fetched = future.result()
        except FapiaoError as error:
            reading.under_way -= 1
            self._failed(reading, error)
            return
        if isinstance(fetched, Pending):
            reading.under_way -= 1
            self._postpone(reading, fetched)
            return
        _, *brought = fetched.parts
        # What a killed process reads again is paid for again where pages are.
        self._ahead = self._readers if fetched.page.billed is not None else AHEAD * self._readers
        readings = [reading]
        by_slice = {part.record.slice_id: part for part in active}
        for record, _ in brought:
            other = by_slice[record.slice_id]
            other.todo.clear()
            other.under_way += 1
            readings.append(other)
        if job_id is not None and not brought:
            self._apart.add(job_id)
        # The time is taken here, not where the answer came: pages are examined and written in the order of their times.
        self._examining[examiner.submit(self._fetcher.examine, fetched, self._clock())] = readings

    def _advance(self, reading: _Reading, load: PageLoad) -> None:
        self._pages += 1
        self._records += load.record_count
        if load.total is None:
            pass  # a page that does not count contradicts none that does: a list may be counted once, at its end
        elif reading.total is None:
            reading.total = load.total
            self._expected += load.total
        elif load.total != reading.total:
            reading.drifted = True
        if reading.drifted or reading.stopped:
            reading.todo.clear()
        else:
            reading.todo.extend(load.remaining)

    def _failed(self, reading: _Reading, error: FapiaoError) -> None:
        record = reading.record
        key = self._collection.key
        error.within(
            source=key.source, taxpayer_no=key.taxpayer_no, invoice_month=key.invoice_month, slice=str(record.key)
        )
        reading.todo.clear()
        first = not reading.stopped
        reading.stopped = True
        if isinstance(error, ConfigurationError | QuotaExhausted):
            raise error  # the account's trouble, not the slice's: every further call would meet it again
        if isinstance(error, VendorBusy):
            self._later(Pending(reason=error.what, code=error.code, after=error.retry_after))
        elif isinstance(error, VendorRefused):
            if first:
                log.error("%s", error)
                self.refusals.append(error)
                tally = self._ledger.tally(record.slice_id)
                self._ledger.close_slice(record.slice_id, "failed", tally, error.code, error.what, self._clock())
                self._done += 1
        else:
            self._errors.append(error)

    def _postpone(self, reading: _Reading, pending: Pending) -> None:
        reading.todo.clear()
        reading.stopped = True
        self._later(pending)

    def _later(self, pending: Pending) -> None:
        now = self._clock()
        if self._soonest is None or pending.due(now, 60.0) < self._soonest.due(now, 60.0):
            self._soonest = pending

    def _finish(self, reading: _Reading) -> _Reading | None:
        """Prove a slice that was read to its end, or return the new reading that it needs."""
        if reading.stopped:
            return None
        record = reading.record
        tally = self._ledger.tally(record.slice_id)
        trouble = self._trouble(reading, tally)
        if trouble and record.read_no < MOST_READS:
            log.warning(
                "slice %s of taxpayer %s, month %s is read again (%d of %d): %s",
                record.key,
                self._collection.key.taxpayer_no,
                self._collection.key.invoice_month,
                record.read_no + 1,
                MOST_READS,
                trouble,
            )
            self._records -= tally.records
            self._expected -= tally.expected or 0
            return _Reading(self._ledger.read_again(record.slice_id, self._clock()))
        if trouble:
            state = "incomplete"
        elif tally.rejected:
            state = "rejected"
        else:
            state = "complete" if tally.loaded else "empty"
        code = record.vendor_code if not trouble else None
        message = trouble or record.vendor_message or (NO_COUNT if tally.expected is None else "")
        self._ledger.close_slice(record.slice_id, state, tally, code, message, self._clock())
        self._done += 1
        return None

    def _trouble(self, reading: _Reading, tally: Tally) -> str | None:
        """Why the records read do not prove the slice, in a sentence; None when they do."""
        if tally.totals_differ or reading.drifted:
            return "the vendor's total changed between pages"
        if tally.duplicates:
            return f"{tally.duplicates} numbers came more than once"
        if tally.expected is None:
            return "the vendor gave no count" if self._needs_count else None
        if tally.expected != tally.loaded + tally.rejected:
            return f"the vendor counts {tally.expected}, its pages held {tally.loaded + tally.rejected}"
        return None


def _natural(cursor: str) -> tuple[int, str]:
    return (len(cursor), cursor)
