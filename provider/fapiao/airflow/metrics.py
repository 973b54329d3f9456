"""What a task has done, as Airflow's own metrics (StatsD, OpenTelemetry), with the source as a tag where tags are on."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fapiao.airflow.batch import Batch

__all__ = ["count"]

log = logging.getLogger(__name__)


def count(batch: Batch, since: float) -> None:
    """Count the months that were closed since the instant, and the taxpayers that have failed.

    ========================================  ===============================================
    ``fapiao.months_proven``                  generations closed as complete
    ``fapiao.invoices_loaded``                in them
    ``fapiao.records_rejected``               in them
    ``fapiao.vendor_requests``                sent for them
    ``fapiao.month_duration``                 from opening a generation to closing it (timing)
    ``fapiao.taxpayers_failed``               of the task's taxpayers
    ========================================  ===============================================
    """
    try:
        _count(batch, since)
    except Exception:  # the work is done: a metric that cannot be told must not fail it
        log.warning("The metrics of this task could not be counted.", exc_info=True)


def _count(batch: Batch, since: float) -> None:
    stats, tags, results = _stats(), {"source": batch.source}, batch.results
    for taxpayer, record in batch.records.items():
        manifest = results[taxpayer]
        if record.closed_at is None or record.closed_at < since or not hasattr(manifest, "slices"):
            continue
        stats.incr("fapiao.months_proven", tags=tags)
        stats.incr("fapiao.invoices_loaded", count=manifest.loaded, tags=tags)
        stats.incr("fapiao.records_rejected", count=sum(part.rejected for part in manifest.slices), tags=tags)
        stats.incr("fapiao.vendor_requests", count=manifest.requests, tags=tags)
        stats.timing("fapiao.month_duration", timedelta(seconds=manifest.seconds), tags=tags)
    if batch.failed:
        stats.incr("fapiao.taxpayers_failed", count=len(batch.failed), tags=tags)


def _stats() -> Any:
    try:
        from airflow.sdk.observability import stats
    except ImportError:  # 2.11, and the first releases of 3
        from airflow.stats import Stats

        return Stats
    return stats if hasattr(stats, "incr") else stats.Stats  # 3.2 has the module, but not yet its functions
