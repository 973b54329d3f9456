"""Reads slices page by page: a bounded pool of readers, one or two writers, everything of a page in one transaction.

Readers fetch, compress and normalise; they call nothing but the driver. Writers commit; a server has two, so that it works
for one while the rows of the other are made. The calling thread hands out and keeps count: at most ``max_concurrency``
pages are fetched and not yet committed, and that is the most a killed process reads again.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

import msgspec

from fapiao.arguments import CHINA
from fapiao.engine import BlockingDriver
from fapiao.engine.transcript import pack, told
from fapiao.errors import ConfigurationError, FapiaoError, QuotaExhausted, VendorBusy, VendorRefused
from fapiao.invoices.intake import examine
from fapiao.invoices.model import NormalizeContext
from fapiao.registry import Source
from fapiao.store import CollectionRecord, Ledger, Loader, LoadReport, PageLoad, SliceRecord, Tally
from fapiao.wire import Account, Pending, SliceQuery, SyncQuery

__all__ = ["NO_COUNT", "Progress", "SliceReader"]

log = logging.getLogger(__name__)

MOST_READS = 3
"""How often a slice whose total drifts, or whose records do not add up, is read before it ends *incomplete*."""
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
        self._source = source
        self._account = account
        self._driver = driver
        self._ledger = ledger
        self._loader = loader
        self._collection = collection
        self._query = query
        self._api = api
        self._needs_count = needs_count
        # A sync is about the state of invoices, whatever month they were issued in.
        self._month = collection.key.invoice_month if collection.key.kind == "collect" else ""
        self._clock = clock
        self._progress = progress
        self._normalize = source.normalizer()
        self._readers = driver.max_concurrency
        self._batch = max(1, self._readers // 2)
        self._sent_before = driver.requests
        self._slices = self._done = self._pages = self._records = self._expected = 0
        self._fetching: dict[Future[PageLoad | Pending], _Reading] = {}
        self._fetched: deque[tuple[PageLoad, _Reading]] = deque()
        self._writing: dict[Future[LoadReport], list[tuple[PageLoad, _Reading]]] = {}
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
            ThreadPoolExecutor(self._loader.writers, thread_name_prefix="fapiao-write") as writers,
        ):
            try:
                while True:
                    self._hand_out(readers, queue, active)
                    self._write(writers)
                    under_way: list[Future[Any]] = [*self._fetching, *self._writing]
                    if under_way:
                        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                        for future in done:
                            self._ended(future)
                    for reading in [part for part in active if part.is_read()]:
                        active.remove(reading)
                        again = self._finish(reading)
                        if again is not None:
                            queue.append(again)
                    if not queue and not active:
                        break
            except BaseException:
                for pool in (readers, writers):
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

    def _fetch(self, record: SliceRecord, cursor: str) -> PageLoad | Pending:
        """In a reader thread: one page, from the vendor to examined records."""
        key = self._collection.key
        query = self._query(record)
        completed = self._driver.run(self._source.read_page(self._account, query, cursor or None))
        page = completed.value
        if isinstance(page, Pending):
            return page
        transcript, sha256 = pack(completed.transcript, told(self._source.descriptor, self._account, query))
        context = NormalizeContext(
            source=key.source,
            api=self._api,
            taxpayer_no=key.taxpayer_no,
            invoice_month=self._month,
            type=record.key.type,
            direction=record.key.direction,
        )
        normalize = self._normalize
        fetched_at = self._clock()
        in_china = datetime.fromtimestamp(fetched_at, CHINA).replace(tzinfo=None)
        return PageLoad(
            slice_id=record.slice_id,
            collection_id=record.collection_id,
            read_no=record.read_no,
            cursor=cursor,
            source=key.source,
            api=self._api,
            fetched_at=fetched_at,
            total=page.total,
            remaining=page.remaining,
            record_count=len(page.records),
            transcript=transcript,
            transcript_sha256=sha256,
            taxpayer_no=key.taxpayer_no,
            direction=record.key.direction,
            invoice_month=self._month,
            type=record.key.type,
            billed=page.billed,
            records=[
                examine(raw, ordinal, normalize(raw=raw, context=context), context, in_china)
                for ordinal, raw in enumerate(page.records)
            ],
        )

    def _hand_out(self, readers: ThreadPoolExecutor, queue: deque[_Reading], active: list[_Reading]) -> None:
        """Fetch more while fewer than ``max_concurrency`` pages are fetched, or being fetched, and not yet committed."""
        uncommitted = len(self._fetching) + len(self._fetched) + sum(map(len, self._writing.values()))
        while uncommitted < self._readers:
            reading = next((part for part in active if part.todo), None)
            if reading is None:
                if not queue:
                    return
                active.append(queue.popleft())
                continue
            reading.under_way += 1
            uncommitted += 1
            self._fetching[readers.submit(self._fetch, reading.record, reading.todo.popleft())] = reading

    def _write(self, writers: ThreadPoolExecutor) -> None:
        """Hand what is fetched to a free writer, in one transaction as far as it goes."""
        while self._fetched and len(self._writing) < self._loader.writers:
            batch = [self._fetched.popleft() for _ in range(min(self._batch, len(self._fetched)))]
            self._writing[writers.submit(self._loader.load, [load for load, _ in batch])] = batch

    def _ended(self, future: Future[Any]) -> None:
        """Take up what a reader or a writer brought."""
        batch = self._writing.pop(future, None)
        if batch is None:
            self._take(future, self._fetching.pop(future))
            return
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

    def _take(self, future: Future[PageLoad | Pending], reading: _Reading) -> None:
        try:
            result = future.result()
        except FapiaoError as error:
            reading.under_way -= 1
            self._failed(reading, error)
            return
        if isinstance(result, Pending):
            reading.under_way -= 1
            self._postpone(reading, result)
        else:
            self._fetched.append((result, reading))

    def _advance(self, reading: _Reading, load: PageLoad) -> None:
        self._pages += 1
        self._records += load.record_count
        if load.cursor == FIRST:
            reading.total = load.total
            self._expected += load.total or 0
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
