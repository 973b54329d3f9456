"""Collect one taxpayer's month: start or join the vendor's job, wait, read, load, prove.

A :class:`Collector` is a sequence of steps over the ledger. Each step does all that can be done now and returns a
:class:`Waiting` when something must be waited for; it never sleeps itself. The command line sleeps, Airflow defers, and
both call the same steps again, so a deferred, a blocking and a killed-and-repeated run take the same road.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import msgspec

from fapiao.arguments import CollectRequest
from fapiao.engine import BlockingDriver
from fapiao.errors import FapiaoError, IncompleteError, OutcomeUnknown, VendorBusy, VendorRefused
from fapiao.manifest import Manifest, manifest_of
from fapiao.reading import Progress, SliceReader
from fapiao.registry import Source
from fapiao.store import CollectionKey, CollectionRecord, Database, Ledger, Loader, SharedAccountState, SliceRecord
from fapiao.watching import JobView, Judgement, judge
from fapiao.wire import (
    Account,
    CollectionJob,
    CollectionStatus,
    Flow,
    Pending,
    SliceKey,
    SliceQuery,
    SliceState,
    SliceStatus,
)

__all__ = ["ACCEPTABLE", "Collector", "Waiting", "sentence"]

log = logging.getLogger(__name__)

ACCEPTABLE = frozenset({"complete", "empty", "unsupported"})
"""Final slice states that prove that nothing is missing."""
_FINAL = ACCEPTABLE | {"rejected", "incomplete", "failed"}
_CLOSED = frozenset({"complete", "incomplete", "abandoned"})


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more can be done before ``not_before`` (epoch seconds, UTC)."""

    not_before: float
    reason: str
    code: str | None = None


class Collector:
    """One taxpayer's month of one account. Create it again after a kill or in another process: the ledger remembers.

    :raises FapiaoError: from every step, with source, taxpayer and month filled in. After an error other than a refusal
        the generation stays open and a later call continues it.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        database: Database,
        request: CollectRequest,
        *,
        driver: BlockingDriver | None = None,
        collection_id: int | None = None,
        clock: Callable[[], float] = time.time,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._source = source
        self._account = account
        self._request = request
        self._clock = clock
        self._progress = progress
        self._ledger = Ledger(database)
        self._loader = Loader(database)
        self._owns_driver = driver is None
        self._driver = driver or BlockingDriver(source, account, state=SharedAccountState(database, account))
        self._interval = request.poll_interval or source.descriptor.poll_interval
        self._minimum_job_age = float(account.settings.get("minimum_job_age", 300.0))
        self._key = CollectionKey(
            source=source.name,
            account=account.name,
            taxpayer_no=request.taxpayer_no,
            invoice_month=request.invoice_month,
        )
        # A generation named by an earlier step is continued, also when it is closed: no other one is opened.
        self._collection: CollectionRecord | None = (
            None if collection_id is None else self._ledger.collection(collection_id)
        )
        self._refusal: VendorRefused | None = None

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the account shares with other processes."""
        if self._owns_driver:
            self._driver.close()

    def has_begun(self) -> bool:
        """Whether there is a generation to report about."""
        return self._collection is not None

    def collection(self) -> CollectionRecord:
        """The generation that this run continues, as last read."""
        return self._record()

    def job(self) -> CollectionJob:
        """What the vendor's job is about."""
        record = self._collection
        return CollectionJob(
            taxpayer_no=self._request.taxpayer_no,
            invoice_month=self._request.invoice_month,
            slices=self._request.slices,
            job_id=record.vendor_job_id if record else None,
        )

    def advance(self) -> Waiting | None:
        """All that can be done now. None: the generation is closed; look at :meth:`manifest` and :meth:`verdict`."""
        waiting = self.start()
        if waiting is None and not self._is_closed():
            polled = self.poll()
            loaded = self.load()
            waiting = loaded if polled is None else _sooner(polled, loaded)
        return waiting

    def start(self) -> Waiting | None:
        """Open or continue the generation; join the vendor's active job or start one. None: a job is under way or done."""
        self._open()
        if self._record().state == "intended":
            return self._begin()
        if self._record().state == "starting":
            return self._settle_lost_start()
        return None

    def poll(self) -> Waiting | None:
        """One look at the job. None: every slice is final or can be read."""
        if self._is_closed() or not self._slices("waiting"):
            return None
        status = self._ask(self._source.collection_status(self._account, self.job()))
        if isinstance(status, Pending):
            return self._wait(status)
        held: tuple[SliceKey, ...] = ()
        if status is not None:
            judgement = self._apply(status)
            held = judgement.held
            if judgement.start_again:
                pending = self._start_again(judgement.start_again)
                if pending is not None:
                    return pending
        waiting = self._slices("waiting")
        if not waiting:
            return None
        if len(held) == len(waiting):
            return Waiting(
                # Looked at meanwhile, too: a slice that is seen running proves that the news is ours.
                not_before=self._clock() + self._interval,
                reason=f"what the vendor says of {len(held)} slices may be an earlier job's, until ours is old enough",
            )
        names = ", ".join(str(part.key) for part in waiting[:5]) + (" …" if len(waiting) > 5 else "")
        return Waiting(
            not_before=self._clock() + self._interval,
            reason=f"the vendor's job still runs for {len(waiting)} slices: {names}",
        )

    def load(self) -> Waiting | None:
        """Read and load every slice that is ready, prove each, close the generation when all are final."""
        if self._is_closed():
            return None
        readable = self._slices("ready", "reading")
        waiting: Waiting | None = None
        if readable:
            reader = SliceReader(
                source=self._source,
                account=self._account,
                driver=self._driver,
                ledger=self._ledger,
                loader=self._loader,
                collection=self._record(),
                query=self._query,
                api="collect",
                clock=self._clock,
                progress=self._progress,
            )
            try:
                pending = reader.run(readable)
            finally:
                self._count(reader.requests)
            if pending is not None:
                waiting = self._wait(pending)
        unfinished = [part for part in self._slices() if part.state not in _FINAL]
        if not unfinished:
            self._finish()
            return None
        if waiting is None:
            waiting = Waiting(
                not_before=self._clock() + self._interval,
                reason=f"{len(unfinished)} slices are not finished at the vendor",
            )
        return waiting

    def manifest(self) -> Manifest:
        """The collection as the ledger has it now."""
        record = self._ledger.collection(self._record().collection_id)
        return manifest_of(record, self._ledger.slices(record.collection_id), self._clock())

    def verdict(self) -> None:
        """Say whether the closed generation proves the month.

        :raises IncompleteError: with every slice that is not complete, its numbers and the vendor's message.
        :raises VendorRefused: the vendor refused the taxpayer as a whole during this run.
        """
        if self._refusal is not None:
            raise self._refusal
        wrong = [part for part in self._slices() if part.state not in self._accepted()]
        if not wrong:
            return
        shown = "; ".join(sentence(part) for part in wrong[:10])
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise IncompleteError(
            f"{len(wrong)} of {len(self._request.slices)} slices are not complete: {shown}{more}."
        ).within(**self._context())

    # -- the generation -----------------------------------------------------------------------------------------------

    def _open(self) -> None:
        if self._collection is not None:
            self._collection = self._ledger.collection(self._collection.collection_id)
            return
        now = self._clock()
        fresh = self._fresh_enough(now)
        self._collection = fresh or self._ledger.open(self._key, self._request.slices, now)

    def _fresh_enough(self, now: float) -> CollectionRecord | None:
        if self._request.refresh == 0:
            return None
        latest = self._ledger.latest_closed(self._key, self._request.slices)
        if latest is None or latest.state != "complete" or latest.closed_at is None:
            return None
        if self._request.refresh is not None and now - latest.closed_at >= self._request.refresh:
            return None
        return latest

    def _finish(self) -> None:
        record = self._record()
        complete = all(part.state in self._accepted() for part in self._slices())
        absent = self._ledger.absent(record.collection_id)
        if absent:
            log.warning(
                "%d invoices of an earlier generation are absent now (source %s, taxpayer %s, month %s): see rule C8 in "
                "fapiao_finding",
                len(absent),
                record.key.source,
                record.key.taxpayer_no,
                record.key.invoice_month,
            )
        self._ledger.close(record.collection_id, "complete" if complete else "incomplete", self._clock())
        self._refresh_record()

    # -- starting -----------------------------------------------------------------------------------------------------

    def _begin(self) -> Waiting | None:
        """Look before starting: an active job is joined, what is finished already is remembered as possibly stale."""
        status = self._ask(self._source.collection_status(self._account, self.job()))
        if isinstance(status, Pending):
            return self._wait(status)
        if status is None:
            return None
        known = self._mine(status)
        prior = [part.key for part in known if part.state in (SliceState.READY, SliceState.FAILED)]
        self._ledger.note_prior(self._record().collection_id, prior)
        if any(part.state is SliceState.RUNNING for part in known):
            self._ledger.started(self._record().collection_id, self._clock(), status.job_id, joined=True)
            self._refresh_record()
            return None
        return self._send_start(self._request.slices)

    def _settle_lost_start(self) -> Waiting | None:
        """A start was sent and its answer is not known (a kill, a lost connection): ask, and repeat only after a grace."""
        record = self._record()
        status = self._ask(self._source.collection_status(self._account, self.job()))
        if isinstance(status, Pending):
            return self._wait(status)
        if status is None:
            return None
        stale = {part.key for part in self._slices() if part.stale}
        if any(part.state is SliceState.RUNNING or part.key not in stale for part in self._mine(status)):
            # Rows that were not there before our start, or that moved since: the start was carried out.
            self._ledger.started(
                record.collection_id, record.start_sent_at or self._clock(), status.job_id, joined=False
            )
            self._refresh_record()
            return None
        grace_ends = (record.start_sent_at or 0.0) + float(self._account.settings.get("start_grace", 60.0))
        now = self._clock()
        if now < grace_ends:
            return Waiting(not_before=min(grace_ends, now + self._interval), reason="the answer to the start was lost")
        return self._send_start(self._request.slices)

    def _send_start(self, keys: Sequence[SliceKey]) -> Waiting | None:
        collection_id = self._record().collection_id
        self._ledger.starting(collection_id, self._clock())  # committed before the vendor is asked
        job = msgspec.structs.replace(self.job(), slices=tuple(keys))
        try:
            status = self._ask(self._source.start_collection(self._account, job))
        except OutcomeUnknown as lost:
            log.warning("%s", lost)
            self._refresh_record()
            return Waiting(
                not_before=self._clock() + min(self._interval, 5.0), reason="the answer to the start was lost"
            )
        if isinstance(status, Pending):
            self._ledger.not_started(collection_id, status.code, status.reason)
            self._refresh_record()
            return self._wait(status)
        if status is not None:
            self._ledger.started(collection_id, self._clock(), status.job_id, joined=False)
            self._refresh_record()
            self._apply(status)
        return None

    # -- watching -----------------------------------------------------------------------------------------------------

    def _apply(self, status: CollectionStatus) -> Judgement:
        record = self._record()
        now = self._clock()
        settings = self._account.settings
        judgement = judge(
            self._slices("waiting"),
            status,
            JobView(
                age=now - (record.started_at or now),
                joined=record.joined,
                minimum_age=self._minimum_job_age,
                start_grace=float(settings.get("start_grace", 60.0)),
            ),
        )
        self._ledger.apply(record.collection_id, judgement.updates, now)
        for part, row in judgement.failed:
            self._ledger.close_slice(part.slice_id, "failed", None, row.code, row.message, now)
        for part, row in judgement.unsupported:
            self._ledger.close_slice(part.slice_id, "unsupported", None, row.code, row.message, now)
        return judgement

    def _start_again(self, keys: tuple[SliceKey, ...]) -> Waiting | None:
        """Start the job once more for slices that failed or were not covered, each at most once a generation."""
        self._ledger.restarted(
            self._record().collection_id, keys, self._clock()
        )  # committed before the vendor is asked
        try:
            status = self._ask(
                self._source.start_collection(self._account, msgspec.structs.replace(self.job(), slices=keys))
            )
        except OutcomeUnknown as lost:
            log.warning("%s", lost)
            return None
        if isinstance(status, Pending):
            return self._wait(status)
        if status is not None:
            if status.job_id is not None:
                # A vendor that numbers its jobs: from now on this one is looked at and read.
                self._ledger.started(self._record().collection_id, self._clock(), status.job_id, joined=False)
                self._refresh_record()
            self._apply(status)
        return None

    # -- small steps --------------------------------------------------------------------------------------------------

    def _ask(self, flow: Flow[CollectionStatus | Pending]) -> CollectionStatus | Pending | None:
        """Run a flow about the job. None: the vendor refused this taxpayer for good, which is recorded and closed."""
        collection_id = self._record().collection_id
        before = self._driver.requests
        try:
            return self._driver.run(flow).value
        except VendorBusy as busy:
            return Pending(reason=busy.what, code=busy.code, after=busy.retry_after)
        except VendorRefused as refusal:
            log.error("%s", refusal.within(**self._context()))
            now = self._clock()
            for part in self._slices():
                if part.state not in _FINAL:
                    self._ledger.close_slice(part.slice_id, "failed", None, refusal.code, refusal.what, now)
            self._ledger.close(collection_id, "incomplete", now)
            self._refresh_record()
            self._refusal = refusal
            return None
        except FapiaoError as error:
            raise error.within(**self._context())
        finally:
            self._count(self._driver.requests - before)

    def _wait(self, pending: Pending) -> Waiting:
        return Waiting(not_before=pending.due(self._clock(), self._interval), reason=pending.reason, code=pending.code)

    def _mine(self, status: CollectionStatus) -> list[SliceStatus]:
        wanted = set(self._request.slices)
        return [part for part in status.slices if part.key in wanted]

    def _slices(self, *states: str) -> list[SliceRecord]:
        parts = self._ledger.slices(self._record().collection_id)
        return [part for part in parts if not states or part.state in states]

    def _query(self, part: SliceRecord) -> SliceQuery:
        return SliceQuery(
            taxpayer_no=self._request.taxpayer_no,
            invoice_month=self._request.invoice_month,
            key=part.key,
            job_id=self._record().vendor_job_id,
        )

    def _accepted(self) -> frozenset[str]:
        return ACCEPTABLE | {"rejected"} if self._request.accept_rejected else ACCEPTABLE

    def _count(self, requests: int) -> None:
        if requests and self._collection is not None:
            self._ledger.add_requests(self._collection.collection_id, requests)

    def _record(self) -> CollectionRecord:
        if self._collection is None:
            self._open()
        assert self._collection is not None
        return self._collection

    def _refresh_record(self) -> None:
        self._collection = self._ledger.collection(self._record().collection_id)

    def _is_closed(self) -> bool:
        return self._record().state in _CLOSED

    def _context(self) -> dict[str, str]:
        return {
            "source": self._source.name,
            "taxpayer_no": self._request.taxpayer_no,
            "invoice_month": self._request.invoice_month,
        }


def sentence(part: SliceRecord) -> str:
    """A slice, its numbers and what the vendor said, for errors."""
    numbers = f"expected {'unknown' if part.expected is None else part.expected}, loaded {part.loaded}, rejected {part.rejected}"
    said = (
        f", vendor: {part.vendor_code or ''} {part.vendor_message or ''}".rstrip()
        if part.vendor_code or part.vendor_message
        else ""
    )
    return f"{part.key} is {part.state} ({numbers}{said})"


def _sooner(one: Waiting, other: Waiting | None) -> Waiting:
    return one if other is None or one.not_before <= other.not_before else other
