"""Several taxpayers' collections in one task: each goes as far as it can, the failure of one does not touch the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fapiao.airflow.events import Job
from fapiao.airflow.failures import concerns_all, is_final
from fapiao.errors import FapiaoError, VendorBusy

if TYPE_CHECKING:
    from fapiao.collecting.collection import Collector
    from fapiao.collecting.outcomes import Waiting
    from fapiao.collecting.sync import Syncer
    from fapiao.store import CollectionRecord
    from fapiao.wire import SliceKey

__all__ = ["Batch"]

log = logging.getLogger(__name__)


class Batch:
    """What a task has to do, taxpayer by taxpayer, and how far it is.

    :param taxpayers: in the order in which they are worked on.
    :param source: name of the vendor plugin.
    :param invoice_month: the month of all of them (``yyyymm``).
    :param slices: the slices of all of them.
    :param collector: opens the collection or the sync of one taxpayer; the ledger says how far it is.
    :param step: one step of a collector: ``start``, ``poll`` or ``advance``.
    :param finish: called when the step needs no more waiting; its value is the taxpayer's result.
    :param later: taxpayers that need not be looked at yet.
    :param failed: taxpayers that a trigger saw refused.
    """

    def __init__(
        self,
        taxpayers: Iterable[str],
        *,
        source: str,
        invoice_month: str,
        slices: Sequence[SliceKey],
        collector: Callable[[str], Collector | Syncer],
        step: Callable[[Any], Waiting | None],
        finish: Callable[[Any], Any],
        later: Mapping[str, Job] | None = None,
        failed: Mapping[str, FapiaoError] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._collector = collector
        self._step = step
        self._finish = finish
        self._clock = clock
        self._reasons: dict[str, str] = {}
        self.source = source
        self.invoice_month = invoice_month
        self.slices = tuple(slices)
        self.waiting: dict[str, Job] = {
            taxpayer: (later or {}).get(taxpayer) or Job(taxpayer_no=taxpayer, not_before=0.0) for taxpayer in taxpayers
        }
        """Taxpayers that are neither done nor failed."""
        self.taxpayers = tuple(self.waiting)
        self._many = len(self.waiting) > 1
        self._results: dict[str, Any] = {}
        self.records: dict[str, CollectionRecord] = {}
        """The generations behind the results."""
        self.seen: dict[str, CollectionRecord] = {}
        """Every generation that was worked on, as last seen."""
        self.failed: dict[str, FapiaoError] = {}
        for taxpayer, error in (failed or {}).items():
            self._give_up(taxpayer, error)

    @property
    def results(self) -> dict[str, Any]:
        """What the taxpayers that are done came to, in the order in which the taxpayers were given."""
        return {taxpayer: self._results[taxpayer] for taxpayer in self.taxpayers if taxpayer in self._results}

    @property
    def due(self) -> float:
        """When there is something to do again (epoch seconds)."""
        return min(job.not_before for job in self.waiting.values())

    def advance(self) -> None:
        """Everything that can be done now.

        :raises FapiaoError: what concerns every taxpayer of the account: wrong credentials, a quota that is used up.
        """
        for taxpayer, job in list(self.waiting.items()):
            if job.not_before <= self._clock():
                try:
                    self._advance_one(taxpayer)
                except FapiaoError as error:
                    error.within(taxpayer_no=taxpayer)
                    if concerns_all(error):
                        raise
                    self._give_up(taxpayer, error)

    def stop_waiting(self, why: str) -> None:
        """Everything that still waits has failed for now; what is loaded stays, and the job goes on at the vendor."""
        for taxpayer, job in list(self.waiting.items()):
            reason = self._reasons.get(taxpayer, "the vendor's job is not finished")
            wait = max(0.0, job.not_before - self._clock())
            self._give_up(taxpayer, VendorBusy(f"{why}: {reason}.", retry_after=wait, taxpayer_no=taxpayer))

    def may_pass(self) -> bool:
        """Whether some failure may pass by itself, so that trying the task again makes sense."""
        return any(not is_final(error) for error in self.failed.values())

    def _advance_one(self, taxpayer: str) -> None:
        with self._collector(taxpayer) as collector:
            waiting = self._step(collector)
            if collector.has_begun():
                self.seen[taxpayer] = collector.collection()
            if waiting is None:
                self._results[taxpayer] = self._finish(collector)
                self.records[taxpayer] = collector.collection()
                del self.waiting[taxpayer]
                return
            record = collector.collection() if collector.has_begun() else None
        self.waiting[taxpayer] = Job(
            taxpayer_no=taxpayer,
            not_before=waiting.not_before,
            job_id=record.vendor_job_id if record else None,
            # Lists have no job to be watched, and there is none before it is the collection's turn.
            watch=record is not None and record.state == "started" and record.key.kind == "collect",
        )
        if self._reasons.get(taxpayer) != waiting.reason:
            self._reasons[taxpayer] = waiting.reason
            log.info("%s waits until %s: %s", taxpayer, _clock_text(waiting.not_before), waiting.reason)

    def _give_up(self, taxpayer: str, error: FapiaoError) -> None:
        self.waiting.pop(taxpayer, None)
        self.failed[taxpayer] = error
        if self._many:
            log.error("%s failed, the others go on: %s", taxpayer, error)


def _clock_text(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(epoch))
