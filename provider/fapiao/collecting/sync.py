"""Sync a taxpayer's deduction state: read lists of the vendor's to their end, load what they say, prove, compare.

A :class:`Syncer` is to lists what a :class:`~fapiao.collecting.collection.Collector` is to jobs: steps over the ledger that never
sleep. There is no job to wait for, so a run is open only while it is read; one that was left unfinished is continued where
its stored pages end, because pages are billed, as long as it is young enough to be *one* look at the lists.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from fapiao.collecting.outcomes import CLOSED, FINAL, Waiting, sentence
from fapiao.collecting.reading import Progress, SliceReader
from fapiao.engine import BlockingDriver
from fapiao.errors import IncompleteError, VendorRefused
from fapiao.manifest import SyncManifest, sync_manifest_of
from fapiao.registry import Source
from fapiao.store import (
    CollectionKey,
    CollectionRecord,
    Database,
    Ledger,
    Loader,
    SharedAccountState,
    SliceRecord,
    SliceUpdate,
    TaskReference,
    count_changes,
    deduction_changes,
)
from fapiao.store.reports.coverage import PROVEN
from fapiao.sync_arguments import SyncRequest
from fapiao.wire import Account

__all__ = ["YOUNG", "Syncer", "key_of"]

log = logging.getLogger(__name__)

YOUNG = 6 * 3600.0
"""Seconds after which an unfinished run is given up: pages of yesterday and of today would not be one look at a list."""


def key_of(source: Source, account: Account, request: SyncRequest) -> CollectionKey:
    """Under what the ledger keeps the runs of this question."""
    return CollectionKey(
        source=source.name,
        account=account.name,
        taxpayer_no=request.taxpayer_no,
        invoice_month=request.tax_period,
        kind="sync",
        query=request.text,
    )


class Syncer:
    """One look at lists of one taxpayer. Create it again after a kill or in another process: the ledger remembers.

    :raises FapiaoError: from every step, with source and taxpayer filled in. After an error other than a refusal the run
        stays open and a later call continues it.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        database: Database,
        request: SyncRequest,
        *,
        driver: BlockingDriver | None = None,
        collection_id: int | None = None,
        task: TaskReference | None = None,
        clock: Callable[[], float] = time.time,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._source = source
        self._account = account
        self._database = database
        self._request = request
        self._task = task
        self._clock = clock
        self._progress = progress
        self._ledger = Ledger(database)
        self._loader = Loader(database)
        self._owns_driver = driver is None
        self._driver = driver or BlockingDriver(source, account, state=SharedAccountState(database, account))
        # A run named by an earlier step is continued, also when it is closed: no other one is opened.
        self._run: CollectionRecord | None = None if collection_id is None else self._ledger.collection(collection_id)
        self._refusals: list[VendorRefused] = []

    def __enter__(self) -> Syncer:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owns_driver:
            self._driver.close()

    def has_begun(self) -> bool:
        """Whether there is a run to report about."""
        return self._run is not None

    def collection(self) -> CollectionRecord:
        """The run as it is now."""
        run = self._run or self._open()
        self._run = self._ledger.collection(run.collection_id)
        return self._run

    def advance(self) -> Waiting | None:
        """All that can be done now. None: the run is closed; look at :meth:`manifest` and :meth:`verdict`."""
        run = self.collection()
        if run.state in CLOSED:
            return None
        if run.task != self._task:
            self._ledger.worked_on(run.collection_id, self._task)
        self._be_ready(run)
        reader = SliceReader(
            source=self._source,
            account=self._account,
            driver=self._driver,
            ledger=self._ledger,
            loader=self._loader,
            collection=run,
            query=lambda part: self._request.query(part.key),
            api="sync",
            needs_count=False,
            clock=self._clock,
            progress=self._progress,
        )
        try:
            pending = reader.run([part for part in self._slices(run) if part.state not in FINAL])
        finally:
            self._refusals += reader.refusals
            if reader.requests:
                self._ledger.add_requests(run.collection_id, reader.requests)
        if pending is not None:
            due = pending.due(self._clock(), self._source.descriptor.poll_interval)
            return Waiting(not_before=due, reason=pending.reason, code=pending.code)
        complete = all(part.state in self._accepted() for part in self._slices(run))
        self._ledger.close(run.collection_id, "complete" if complete else "incomplete", self._clock())
        return None

    def manifest(self) -> SyncManifest:
        """The run as the ledger has it now; what changed is told once it is closed."""
        run = self.collection()
        changes = deduction_changes(self._database, run.collection_id) if run.state in CLOSED else []
        return sync_manifest_of(
            run,
            self._slices(run),
            self._ledger.billed(run.collection_id),
            count_changes(changes),
            self._clock(),
        )

    def verdict(self) -> None:
        """Say whether the closed run proves its lists.

        :raises VendorRefused: the vendor refused every list that is missing, during this run.
        :raises IncompleteError: with every list that is not complete, its numbers and the vendor's message.
        """
        run = self.collection()
        parts = self._slices(run)
        wrong = [part for part in parts if part.state not in self._accepted()]
        if not wrong:
            return
        if len(self._refusals) == len(wrong):
            raise self._refusals[0]
        raise IncompleteError(
            f"{len(wrong)} of {len(parts)} lists are not complete: {'; '.join(map(sentence, wrong))}.",
            advice="See 'fapiao coverage' for the lists; run the sync again when the cause is mended.",
        ).within(source=self._source.name, taxpayer_no=self._request.taxpayer_no)

    def _open(self) -> CollectionRecord:
        self._loader.prepare()
        key, now = key_of(self._source, self._account, self._request), self._clock()
        run = self._ledger.open(key, self._request.slices, now)
        if now - run.opened_at > YOUNG:
            self._give_up(run)
            run = self._ledger.open(key, self._request.slices, now)
        return run

    def _give_up(self, run: CollectionRecord) -> None:
        log.warning("the unfinished run %d of %s is too old to be continued", run.collection_id, run.key.taxpayer_no)
        now = self._clock()
        for part in self._slices(run):
            if part.state not in FINAL:
                said = "given up: begun too long ago to be continued"
                self._ledger.close_slice(part.slice_id, "failed", None, None, said, now)
        self._ledger.close(run.collection_id, "abandoned", now)

    def _be_ready(self, run: CollectionRecord) -> None:
        """Lists are there to be read: no job is waited for."""
        now = self._clock()
        waiting = [part.key for part in self._slices(run) if part.state == "waiting"]
        self._ledger.apply(run.collection_id, [SliceUpdate(key=key, state="ready") for key in waiting], now)
        if run.state == "intended":
            self._ledger.started(run.collection_id, now, None, joined=False)

    def _slices(self, run: CollectionRecord) -> list[SliceRecord]:
        return self._ledger.slices(run.collection_id)

    def _accepted(self) -> frozenset[str]:
        return PROVEN | {"rejected"} if self._request.accept_rejected else PROVEN
