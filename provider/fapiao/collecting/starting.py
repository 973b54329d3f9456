"""Has a generation's job started at the vendor once: joins one that runs, sends the start, settles one whose answer was lost."""

from __future__ import annotations

import logging

from fapiao.arguments import StartedJob
from fapiao.collecting.generation import Generation
from fapiao.collecting.outcomes import Waiting
from fapiao.errors import OutcomeUnknown
from fapiao.wire import CollectionStatus, Pending, SliceState

__all__ = ["JobStart"]

log = logging.getLogger(__name__)


class JobStart:
    """Starts the current job of a generation. Every answer is what there is to wait for, or what the vendor said of the job
    just started, or None: a job is under way, or the generation was refused.

    :param continues: a job that the caller has started, to be continued where the ledger does not know of it.
    """

    def __init__(self, generation: Generation, continues: StartedJob | None) -> None:
        self._generation = generation
        self._ledger = generation.ledger
        self._continues = continues

    def begin(self) -> Waiting | CollectionStatus | None:
        """Look before starting: an active job is joined, what is finished already is remembered as possibly stale."""
        if self._adopt():
            return None
        status = self._generation.ask(
            self._generation.source.collection_status(self._generation.account, self._generation.job())
        )
        if isinstance(status, Pending):
            return self._generation.wait(status)
        if status is None:
            return None
        known = self._generation.mine(status)
        prior = [part.key for part in known if part.state in (SliceState.READY, SliceState.FAILED)]
        self._ledger.note_prior(self._generation.record.collection_id, prior)
        if any(part.state is SliceState.RUNNING for part in known):
            self._ledger.started(
                self._generation.record.collection_id, self._generation.now(), status.job_id, joined=True
            )
            self._generation.refresh()
            return None
        return self._send()

    def _adopt(self) -> bool:
        """Continue a job that was started with another ledger. Slices that it turns out not to cover are started then."""
        job, record = self._continues, self._generation.record
        if job is None or record.part:
            return False
        closed = self._ledger.latest_closed(self._generation.key, self._generation.request.slices)
        if closed is not None and (closed.started_at or 0.0) >= job.started_at:
            return False
        log.info("the vendor's job that was started with another ledger is continued")
        self._ledger.started(record.collection_id, job.started_at, job.job_id, joined=True)
        self._generation.refresh()
        return True

    def settle(self) -> Waiting | CollectionStatus | None:
        """A start was sent and its answer is not known (a kill, a lost connection): ask, and repeat only after a grace."""
        record = self._generation.record
        status = self._generation.ask(
            self._generation.source.collection_status(self._generation.account, self._generation.job())
        )
        if isinstance(status, Pending):
            return self._generation.wait(status)
        if status is None:
            return None
        stale = {part.key for part in self._generation.slices() if part.stale}
        if any(part.state is SliceState.RUNNING or part.key not in stale for part in self._generation.mine(status)):
            # Rows that were not there before our start, or that moved since: the start was carried out.
            self._ledger.started(
                record.collection_id, record.start_sent_at or self._generation.now(), status.job_id, joined=False
            )
            self._generation.refresh()
            return None
        grace_ends = (record.start_sent_at or 0.0) + float(self._generation.account.settings.get("start_grace", 60.0))
        now = self._generation.now()
        if now < grace_ends:
            return Waiting(
                not_before=min(grace_ends, now + self._generation.interval), reason="the answer to the start was lost"
            )
        return self._send()

    def _send(self) -> Waiting | CollectionStatus | None:
        record = self._generation.record
        collection_id = record.collection_id
        # Committed before the vendor is asked; of processes that continue one generation at once, one may ask.
        if not self._ledger.starting(collection_id, self._generation.now(), after=record.start_sent_at):
            self._generation.refresh()
            return self._generation.later("another process starts the vendor's job")
        try:
            status = self._generation.ask(
                self._generation.source.start_collection(self._generation.account, self._generation.job())
            )
        except OutcomeUnknown as lost:
            log.warning("%s", lost)
            self._generation.refresh()
            return Waiting(
                not_before=self._generation.now() + min(self._generation.interval, 5.0),
                reason="the answer to the start was lost",
            )
        if isinstance(status, Pending):
            self._ledger.not_started(collection_id, status.code, status.reason)
            self._generation.refresh()
            return self._generation.wait(status)
        if status is not None:
            self._ledger.started(collection_id, self._generation.now(), status.job_id, joined=False)
            self._generation.refresh()
        return status
