"""Collect one taxpayer's month: start or join the vendor's job, wait, read, load, prove.

A :class:`Collector` is a sequence of steps over the ledger. Each step does all that can be done now and returns a
:class:`Waiting` when something must be waited for; it never sleeps itself. The command line sleeps, Airflow defers, and
both call the same steps again, so a deferred, a blocking and a killed-and-repeated run take the same road.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from fapiao.arguments import CollectRequest, StartedJob
from fapiao.collecting.generation import Generation
from fapiao.collecting.outcomes import FINAL, Waiting, sentence
from fapiao.collecting.reading import Progress, SliceReader
from fapiao.collecting.starting import JobStart
from fapiao.collecting.watching import JobView, Judgement, judge
from fapiao.engine import BlockingDriver
from fapiao.errors import IncompleteError, PluginError
from fapiao.manifest import Manifest, manifest_of
from fapiao.registry import Source
from fapiao.store import (
    CollectionRecord,
    Database,
    Loader,
    SharedAccountState,
    TaskReference,
)
from fapiao.store.reports.coverage import PROVEN
from fapiao.wire import (
    Account,
    CollectionJob,
    CollectionStatus,
    Pending,
    SliceKey,
    SliceState,
)

__all__ = ["Collector"]

log = logging.getLogger(__name__)


class Collector:
    """One taxpayer's month of one account. Create it again after a kill or in another process: the ledger remembers.

    :param continues: a job that the caller has started, to be continued where the ledger does not know of it: it may be a new
        one, in another database.
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
        task: TaskReference | None = None,
        clock: Callable[[], float] = time.time,
        progress: Callable[[Progress], None] | None = None,
        continues: StartedJob | None = None,
    ) -> None:
        self._request = request
        self._progress = progress
        self._owns_driver = driver is None
        self._driver = driver or BlockingDriver(source, account, state=SharedAccountState(database, account))
        self._generation = Generation(
            source,
            account,
            database,
            request,
            driver=self._driver,
            interval=request.poll_interval or source.descriptor.poll_interval,
            collection_id=collection_id,
            task=task,
            clock=clock,
        )
        self._start = JobStart(self._generation, continues)
        self._ledger = self._generation.ledger
        self._loader = Loader(database)
        self._minimum_job_age = float(account.settings.get("minimum_job_age", 300.0))

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
        return self._generation.has_begun()

    def collection(self) -> CollectionRecord:
        """The generation that this run continues, as last read; there is one when :meth:`has_begun` says so."""
        return self._generation.record

    def job(self) -> CollectionJob:
        """What the vendor's job is about: the one that was started last, or is to be started now."""
        return self._generation.job()

    def counts_from(self) -> float:
        """From when on (epoch seconds) what the vendor says of the started job is this job's own news.

        Vendors return no job id: where an earlier job had ended before this one was started, its rows are still shown
        for a while (see :mod:`fapiao.collecting.watching`).
        """
        started_at = self._generation.record.started_at or self._generation.now()
        stale = any(part.stale for part in self._generation.slices("waiting"))
        return started_at + self._minimum_job_age if stale else started_at

    def is_divided(self) -> bool:
        """Whether the month's slices are jobs one after another, because the vendor found one job too large."""
        return len({part.part for part in self._generation.slices()}) > 1

    def advance(self) -> Waiting | None:
        """All that can be done now. None: the generation is closed; look at :meth:`manifest` and :meth:`verdict`."""
        waiting = self.start()
        if waiting is None and not self._generation.is_closed():
            polled = self.poll()
            loaded = self.load()
            waiting = loaded if polled is None else _sooner(polled, loaded)
        return waiting

    def start(self) -> Waiting | None:
        """Open or continue the generation; join the vendor's active job or start one. None: a job is under way or done.

        While another collection of the taxpayer has the turn, no generation is opened.
        """
        self._loader.prepare()
        behind = self._generation.open()
        if behind is not None:
            return self._generation.wait(behind)
        self._generation.sign()
        waiting = None
        if self._generation.record.state == "intended":
            waiting = self._begun(self._start.begin())
        elif self._generation.record.state == "starting":
            waiting = self._begun(self._start.settle())
        if waiting is not None and self._generation.record.state == "intended":
            self._generation.turn.pause(self._generation.record, waiting.not_before)
        return waiting

    def poll(self) -> Waiting | None:
        """One look at the job. None: every slice is final or can be read."""
        if self._generation.is_closed() or not self._generation.slices("waiting"):
            return None
        self._generation.sign()
        if self._generation.record.part and self._generation.record.state != "started":
            unstarted = self.start()
            if unstarted is not None or self._generation.is_closed():
                return unstarted
        self._generation.turn.keep(self._generation.record)
        held: list[SliceKey] = []
        runs = False
        for job in self._jobs():
            status = self._generation.ask(self._generation.source.collection_status(self._generation.account, job))
            if isinstance(status, Pending):
                return self._generation.wait(status)
            if status is None:
                return None
            runs = runs or any(row.state is SliceState.RUNNING for row in status.slices)
            held += self._apply(status, job.slices).held
        unstarted = None if runs else self._start_next_part()
        if unstarted is not None or self._generation.is_closed():
            return unstarted
        waiting = self._generation.slices("waiting")
        if not waiting:
            return None
        if len(held) == len(waiting):
            # Looked at meanwhile, too: a slice that is seen running proves that the news is ours.
            return self._generation.later(
                f"what the vendor says of {len(held)} slices may be an earlier job's, until ours is old enough"
            )
        names = ", ".join(str(part.key) for part in waiting[:5]) + (" …" if len(waiting) > 5 else "")
        return self._generation.later(f"the vendor's job still runs for {len(waiting)} slices: {names}")

    def load(self) -> Waiting | None:
        """Read and load every slice that is ready, prove each, close the generation when all are final."""
        if self._generation.is_closed():
            return None
        self._generation.turn.keep(self._generation.record)
        readable = self._generation.slices("ready", "reading")
        waiting: Waiting | None = None
        if readable:
            reader = SliceReader(
                source=self._generation.source,
                account=self._generation.account,
                driver=self._driver,
                ledger=self._ledger,
                loader=self._loader,
                collection=self._generation.record,
                query=self._generation.query,
                api="collect",
                clock=self._generation.now,
                progress=self._show,
            )
            try:
                pending = reader.run(readable)
            finally:
                self._generation.count(reader.requests)
            if pending is not None:
                waiting = self._generation.wait(pending)
        unfinished = [part for part in self._generation.slices() if part.state not in FINAL]
        if not unfinished:
            self._finish()
            return None
        if waiting is None:
            waiting = self._generation.later(f"{len(unfinished)} slices are not finished at the vendor")
        return waiting

    def manifest(self) -> Manifest:
        """The collection as the ledger has it now."""
        record = self._ledger.collection(self._generation.record.collection_id)
        return manifest_of(record, self._ledger.slices(record.collection_id), self._generation.now())

    def verdict(self) -> None:
        """Say whether the closed generation proves the month.

        :raises IncompleteError: with every slice that is not complete, its numbers and the vendor's message.
        :raises VendorRefused: the vendor refused the taxpayer as a whole during this run.
        """
        if self._generation.refusal is not None:
            raise self._generation.refusal
        wrong = [part for part in self._generation.slices() if part.state not in self._accepted()]
        if not wrong:
            return
        shown = "; ".join(sentence(part) for part in wrong[:10])
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise IncompleteError(
            f"{len(wrong)} of {len(self._request.slices)} slices are not complete: {shown}{more}."
        ).within(**self._generation.context())

    def _finish(self) -> None:
        record = self._generation.record
        complete = all(part.state in self._accepted() for part in self._generation.slices())
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
        self._generation.close("complete" if complete else "incomplete")

    def _begun(self, outcome: Waiting | CollectionStatus | None) -> Waiting | None:
        """Take up what the start of a job came to: some vendors tell at once how its slices are."""
        if isinstance(outcome, CollectionStatus):
            self._apply(outcome, self.job().slices)
            return None
        return outcome

    def _jobs(self) -> list[CollectionJob]:
        """The started jobs that slices still wait for. Slices without a job's id are all asked about as one job."""
        started = [part for part in self._generation.slices() if part.part <= self._generation.record.part]
        ids = dict.fromkeys(part.vendor_job_id for part in started if part.state == "waiting")
        return [
            self._generation.job_of([part for part in started if part.vendor_job_id == job_id], job_id)
            for job_id in ids
        ]

    def _apply(self, status: CollectionStatus, asked: Sequence[SliceKey]) -> Judgement:
        record = self._generation.record
        now = self._generation.now()
        settings = self._generation.account.settings
        judgement = judge(
            [part for part in self._generation.slices("waiting") if part.key in set(asked)],
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
        if judgement.start_again:
            self._ledger.divide(record, [judgement.start_again], now, retried=True)
        if judgement.parts:
            self._divide(judgement.parts, asked)
        return judgement

    def _divide(self, parts: Sequence[Sequence[SliceKey]], asked: Sequence[SliceKey]) -> None:
        """Write down the smaller jobs that a job which is too large is replaced by."""
        named = [key for keys in parts for key in keys]
        if sorted(named) != sorted(asked) or not all(parts) or len(parts) < 2:
            raise PluginError(
                f"collection_status divides a job of {len(asked)} slices into {len(parts)} parts with {len(named)} slices: "
                "each slice must be in exactly one of several parts.",
                source=self._generation.source.name,
            ).within(**self._generation.context())
        log.info("the job for %d slices is too large and is replaced by %d smaller ones", len(asked), len(parts))
        self._ledger.divide(self._generation.record, parts, self._generation.now())

    def _start_next_part(self) -> Waiting | None:
        """Start the job of the next part now that none runs: vendors run one job per tax number."""
        while later := [
            part.part for part in self._generation.slices("waiting") if part.part > self._generation.record.part
        ]:
            behind = self._generation.turn.take(self._generation.record)
            if behind is not None:
                return self._generation.wait(behind)
            turned = self._ledger.turn_to(self._generation.record.collection_id, min(later))
            self._generation.refresh()
            if not turned:  # another process that continues this generation was first
                return None
            waiting = self._begun(self._start.begin())
            current = self._generation.record.part
            if waiting is not None or any(part.part == current for part in self._generation.slices("waiting")):
                return waiting
        return None

    def _accepted(self) -> frozenset[str]:
        return PROVEN | {"rejected"} if self._request.accept_rejected else PROVEN

    def _show(self, progress: Progress) -> None:
        self._generation.turn.keep(self._generation.record)
        if self._progress is not None:
            self._progress(progress)


def _sooner(one: Waiting, other: Waiting | None) -> Waiting:
    return one if other is None or one.not_before <= other.not_before else other
