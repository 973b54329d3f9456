"""Taking turns: vendors run one job per tax number, so the collections of a taxpayer that share a database queue for it.

A generation holds the taxpayer's lease from its first question to the vendor until it is closed. Whoever works on it
renews the lease. While a task waits in a triggerer nobody does: then the one that waits for its turn asks the vendor
about the other's job, and lets the holder have the turn for as long as that job runs, and once more after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from fapiao.engine import BlockingDriver
from fapiao.errors import FapiaoError, VendorRefused
from fapiao.registry import Source
from fapiao.store import CollectionKey, CollectionRecord, Database, Lease, Leases, Ledger
from fapiao.wire import Account, CollectionJob, Pending, SliceKey, SliceState

__all__ = ["LEASE", "Turn"]

log = logging.getLogger(__name__)

LEASE = 300.0
"""Seconds without a sign of life after which a holder is doubted; at least three looks at its job fit in."""
LONGEST_PAUSE = 3600.0
"""A job that the vendor does not start for longer than this (the month is not open yet) must not hold up other months."""


class Turn:
    """One collection's turn. Several threads of the process may call :meth:`keep`.

    :param interval: seconds between two looks at a job.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        database: Database,
        driver: BlockingDriver,
        interval: float,
        clock: Callable[[], float],
    ) -> None:
        self._source = source
        self._account = account
        self._driver = driver
        self._interval = interval
        self._clock = clock
        self._ledger = Ledger(database)
        self._leases = Leases(database)
        self._lease = max(LEASE, 3 * interval)
        self._until = 0.0

    def open(self, key: CollectionKey, wanted: Sequence[SliceKey]) -> CollectionRecord | Pending:
        """The generation to work on, once it is its turn. While it is not, nothing is opened or given up."""
        while True:
            now = self._clock()
            found = self._leases.open(key, wanted, now, now + self._lease)
            if isinstance(found, CollectionRecord):
                self._until = now + self._lease
                return found
            pending = self._behind(found, now)
            if pending is not None:
                return pending

    def take(self, record: CollectionRecord) -> Pending | None:
        """Have the turn, or keep it. Pending: another collection has it."""
        while True:
            now = self._clock()
            lease = self._leases.take(record, now, now + self._lease)
            if lease is None:
                self._until = now + self._lease
                return None
            pending = self._behind(lease, now)
            if pending is not None:
                return pending

    def keep(self, record: CollectionRecord) -> None:
        """A sign of life, written when the last one is some time ago. Without the turn nothing happens: reading needs none."""
        now = self._clock()
        if self._until - now < self._lease * 0.75:
            self._until = now + self._lease
            self._leases.take(record, now, self._until)

    def pause(self, record: CollectionRecord, until: float) -> None:
        """The vendor has started nothing and is asked again then: the turn is kept, or given up when that is far away."""
        now = self._clock()
        if until - now > LONGEST_PAUSE:
            self.release(record)
        else:
            self._until = until + self._lease
            self._leases.take(record, now, self._until)

    def release(self, record: CollectionRecord) -> None:
        """The collection needs the vendor no more."""
        self._until = 0.0
        self._leases.release(record)

    def _behind(self, lease: Lease, now: float) -> Pending | None:
        """What is waited for; None: the silent holder has lost its turn, try again."""
        holder = lease.holder
        if lease.expires_at <= now:
            runs = self._runs(holder, now)
            if runs is None:
                log.warning(
                    "the collection of %s, month %s, generation %d gave no sign of life for long; its turn is over",
                    holder.key.taxpayer_no, holder.key.invoice_month, holder.generation,
                )  # fmt: skip
                self._leases.drop(lease)
                return None
            self._leases.prolong(lease, now + self._lease, is_over=not runs)
        by = f", by {holder.task}" if holder.task else ""
        return Pending(
            reason=(
                f"another collection of this taxpayer is under way (month {holder.key.invoice_month}, generation "
                f"{holder.generation}, {holder.state}{by}) and the vendor runs one job per tax number"
            ),
            after=5 * self._interval,
        )

    def _runs(self, holder: CollectionRecord, now: float) -> bool | None:
        """Whether the holder's job runs at the vendor, as the vendor says; None where the vendor cannot be asked."""
        parts = [part for part in self._ledger.slices(holder.collection_id) if part.part <= holder.part]
        if holder.state != "started" or holder.key.account != self._account.name:
            return None
        if not any(part.state == "waiting" for part in parts):
            return None
        job = CollectionJob(
            taxpayer_no=holder.key.taxpayer_no,
            invoice_month=holder.key.invoice_month,
            slices=tuple(part.key for part in parts if part.part == holder.part),
            job_id=holder.vendor_job_id,
        )
        try:
            status = self._driver.run(self._source.collection_status(self._account, job)).value
        except VendorRefused:
            return False
        except FapiaoError as error:
            log.info("whether the job of month %s still runs is not known: %s", holder.key.invoice_month, error)
            return True
        if isinstance(status, Pending):
            return True
        young = now - (holder.started_at or now) < float(self._account.settings.get("minimum_job_age", 300.0))
        return young or any(part.state is SliceState.RUNNING for part in status.slices)
