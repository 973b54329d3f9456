"""Which vendor jobs a task has started, kept by Airflow beside the task (its task state store, Airflow 3.3 and newer).

The ledger knows that too, and it is what counts. But it is in the database that ``into`` names: a task that is tried again with
another database, or on a worker that has lost a SQLite file, finds an empty ledger, and would start (and pay for) the same job
once more. What is kept here survives retries and clearing, and lets a ledger that knows nothing continue that job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from fapiao.arguments import StartedJob

if TYPE_CHECKING:
    from fapiao.airflow.batch import Batch

__all__ = ["JobMemory"]

log = logging.getLogger(__name__)

KEY = "fapiao_jobs"
MOST = 500
"""Jobs that are kept of one task: about half of the 64 KB that Airflow allows a value."""
FRESH = 86400.0
"""Seconds after which a job is started anew: its result would be what the vendor knew then."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The value of the key. No secret, nothing personal beyond the taxpayer numbers that the DAG has too."""

    source: str
    account: str
    invoice_month: str
    jobs: dict[str, StartedJob]
    """Taxpayer number → its job."""


class JobMemory:
    """What one task instance has started for one account and month.

    :param context: of the task; without a store (before Airflow 3.3) nothing is kept.
    """

    def __init__(self, context: Mapping[str, Any], source: str, account: str, invoice_month: str) -> None:
        self._store = context.get("task_state_store")
        self._kept = _Kept(source=source, account=account, invoice_month=invoice_month, jobs={})
        stored = self._read()
        if stored is not None and msgspec.structs.replace(stored, jobs={}) == self._kept:
            self._kept = stored

    def recall(self, taxpayer_no: str) -> StartedJob | None:
        """The job that this task started a short while ago."""
        job = self._kept.jobs.get(taxpayer_no)
        return job if job is not None and time.time() - job.started_at < FRESH else None

    def note(self, batch: Batch) -> None:
        """Keep what the batch has started. Where that fails, only a help is missing."""
        if self._store is None:
            return
        started = {
            taxpayer: StartedJob(started_at=record.started_at, job_id=record.vendor_job_id)
            for taxpayer, record in list(batch.seen.items())[:MOST]
            if record.started_at is not None and not record.part
        }
        if started.items() <= self._kept.jobs.items():
            return
        self._kept = msgspec.structs.replace(self._kept, jobs={**self._kept.jobs, **started})
        try:
            self._store.set(KEY, msgspec.to_builtins(self._kept))
        except Exception as problem:  # noqa: BLE001 - Airflow's API server or a backend of the user's: the run does not need it
            log.warning("The task state store does not take what was started: %s", type(problem).__name__)

    def _read(self) -> _Kept | None:
        if self._store is None:
            return None
        try:
            return msgspec.convert(self._store.get(KEY), _Kept)
        except msgspec.ValidationError:  # nothing is kept, or by another version
            return None
        except Exception as problem:  # noqa: BLE001 - as above
            log.warning("The task state store does not answer: %s", type(problem).__name__)
            return None
