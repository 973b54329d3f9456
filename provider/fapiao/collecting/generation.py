"""One generation of a collection while it is worked on: its row and slices in the ledger, and questions about its job."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from fapiao.arguments import CollectRequest
from fapiao.collecting.outcomes import CLOSED, Waiting
from fapiao.collecting.turns import Turn
from fapiao.engine import BlockingDriver
from fapiao.errors import FapiaoError, VendorBusy, VendorRefused
from fapiao.registry import Source
from fapiao.store import CollectionKey, CollectionRecord, Database, Ledger, SliceRecord, TaskReference
from fapiao.wire import (
    Account,
    CollectionJob,
    CollectionStatus,
    Flow,
    Pending,
    SliceKey,
    SliceQuery,
    SliceStatus,
)

__all__ = ["Generation"]

log = logging.getLogger(__name__)


class Generation:
    """What all steps of one collection share. Nothing is opened before :meth:`open`.

    :param interval: seconds between two looks at the vendor's job.
    :param collection_id: a generation named by an earlier step is continued, also when it is closed: no other one is opened.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        database: Database,
        request: CollectRequest,
        *,
        driver: BlockingDriver,
        interval: float,
        collection_id: int | None,
        task: TaskReference | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self.account = account
        self.request = request
        self.driver = driver
        self.interval = interval
        self.now = clock
        self.ledger = Ledger(database)
        self.turn = Turn(source, account, database, driver, interval, clock)
        self.key = CollectionKey(
            source=source.name,
            account=account.name,
            taxpayer_no=request.taxpayer_no,
            invoice_month=request.invoice_month,
        )
        self.refusal: VendorRefused | None = None
        """Why the vendor refused the taxpayer as a whole during this run."""
        self._task = task
        self._record = None if collection_id is None else self.ledger.collection(collection_id)

    def has_begun(self) -> bool:
        """Whether there is a row in the ledger."""
        return self._record is not None

    @property
    def record(self) -> CollectionRecord:
        """Its row, as last read.

        :raises RuntimeError: there is none yet.
        """
        if self._record is None:
            raise RuntimeError("the collection has not begun: it is another one's turn, or start() was not called")
        return self._record

    def refresh(self) -> None:
        """Read its row again."""
        self._record = self.ledger.collection(self.record.collection_id)

    def is_closed(self) -> bool:
        """Whether nothing more is done about it."""
        return self.record.state in CLOSED

    def open(self) -> Pending | None:
        """Open or find it, with the turn at the vendor unless its job is there already. Pending: another one's turn."""
        if self._record is not None:
            self.refresh()
            return None if self.record.state in (*CLOSED, "started") else self.turn.take(self.record)
        self._record = self._fresh_enough()
        if self._record is not None:
            return None
        opened = self.turn.open(self.key, self.request.slices)
        if isinstance(opened, Pending):
            return opened
        self._record = opened
        return None

    def sign(self) -> None:
        """Write down who works on it now, before anything can go wrong, so that people find the log."""
        if self.record.task != self._task and not self.is_closed():
            self.ledger.worked_on(self.record.collection_id, self._task)
            self.refresh()

    def close(self, state: str) -> None:
        """Nothing more is done; the next collection of the taxpayer has its turn."""
        self.ledger.close(self.record.collection_id, state, self.now())
        self.turn.release(self.record)
        self.refresh()

    def slices(self, *states: str) -> list[SliceRecord]:
        """Its slices, those in the given states where any are given."""
        parts = self.ledger.slices(self.record.collection_id)
        return [part for part in parts if not states or part.state in states]

    def job(self) -> CollectionJob:
        """What the vendor's job is about: the one that was started last, or is to be started now."""
        record = self.record
        return self.job_of([part for part in self.slices() if part.part == record.part], record.vendor_job_id)

    def job_of(self, parts: Sequence[SliceRecord], job_id: str | None) -> CollectionJob:
        """The job about these slices, in the order of the request."""
        keys = {part.key for part in parts}
        return CollectionJob(
            taxpayer_no=self.request.taxpayer_no,
            invoice_month=self.request.invoice_month,
            slices=tuple(key for key in self.request.slices if key in keys),
            job_id=job_id,
        )

    def mine(self, status: CollectionStatus) -> list[SliceStatus]:
        """What a status says of the slices of the current job."""
        wanted: set[SliceKey] = set(self.job().slices)
        return [part for part in status.slices if part.key in wanted]

    def query(self, part: SliceRecord) -> SliceQuery:
        """What to ask the plugin for, for a slice's pages."""
        return SliceQuery(
            taxpayer_no=self.request.taxpayer_no,
            invoice_month=self.request.invoice_month,
            key=part.key,
            job_id=part.vendor_job_id,
        )

    def ask(self, flow: Flow[CollectionStatus | Pending]) -> CollectionStatus | Pending | None:
        """Run a flow about the job. None: the vendor refused this taxpayer for good, which is recorded and closed.

        :raises FapiaoError: any other failure, with source, taxpayer and month filled in.
        """
        before = self.driver.requests
        try:
            return self.driver.run(flow).value
        except VendorBusy as busy:
            return Pending(reason=busy.what, code=busy.code, after=busy.retry_after)
        except VendorRefused as refusal:
            log.error("%s", refusal.within(**self.context()))
            now = self.now()
            for part in self.slices("waiting"):
                self.ledger.close_slice(part.slice_id, "failed", None, refusal.code, refusal.what, now)
            if not self.slices("ready", "reading"):  # what a part of the month has brought is still read
                self.close("incomplete")
            self.refusal = refusal
            return None
        except FapiaoError as error:
            raise error.within(**self.context())
        finally:
            self.count(self.driver.requests - before)

    def wait(self, pending: Pending) -> Waiting:
        """The same as something to wait for."""
        return Waiting.on(pending, self.now(), self.interval)

    def later(self, reason: str) -> Waiting:
        """To be looked at again after the usual interval."""
        return Waiting(not_before=self.now() + self.interval, reason=reason)

    def count(self, requests: int) -> None:
        """Note requests that were sent for it."""
        if requests and self._record is not None:
            self.ledger.add_requests(self._record.collection_id, requests)

    def context(self) -> dict[str, str]:
        """Where an error happened."""
        return {
            "source": self.source.name,
            "taxpayer_no": self.request.taxpayer_no,
            "invoice_month": self.request.invoice_month,
        }

    def _fresh_enough(self) -> CollectionRecord | None:
        if self.request.refresh == 0:
            return None
        latest = self.ledger.latest_closed(self.key, self.request.slices)
        if latest is None or latest.state != "complete" or latest.closed_at is None:
            return None
        if self.request.refresh is not None and self.now() - latest.closed_at >= self.request.refresh:
            return None
        return latest
