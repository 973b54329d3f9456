"""Which invoice month (开票月份) a DAG run collects. Pure; the same answer on Airflow 2.11 and 3.x.

A run stands for a *date*, and collects the month before it (in China's zone). Which date that is differs by the kind of
run, because the two versions give one and the same cron different data intervals: a monthly cron ``0 2 3 * *`` that
fires on 3 January has ``data_interval_start`` 3 December on 2.11 and 3 January on 3.x. Only the *end* of the interval is
the moment the run stands for on both.

=================  =====================================  ==========================================================
run                date                                   why
=================  =====================================  ==========================================================
scheduled          end of the data interval               2.11: the moment it fires; 3.x: the same, or start = end
backfill           end of the data interval               so that it collects what the scheduled run of that date did;
                                                          its own wall clock means nothing, and 3.x turns an existing
                                                          run into a backfill run when it is reprocessed
manual, and all    logical date, else ``run_after``       2.11 gives manual runs the *last complete* interval, which
others                                                    ends weeks ago; 3.x may give no logical date at all
=================  =====================================  ==========================================================
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from fapiao.arguments import CHINA
from fapiao.errors import ConfigurationError

__all__ = ["PARAMETER", "month_before", "month_of_run", "run_date"]

PARAMETER = "invoice_month"
"""Name of the DAG parameter (or run configuration key) that overrides the decision."""


class RunContext(Protocol):
    """What is needed of a task's context: Airflow's own, or the one Jinja hands to a macro."""

    def get(self, key: str, /) -> Any: ...


_BY_INTERVAL = frozenset({"scheduled", "backfill"})


def month_of_run(context: RunContext, months_back: int = 1) -> str:
    """The invoice month ``yyyymm`` of a task's run: the parameter ``invoice_month``, else from the run's date.

    :param months_back: 1 is the month before the run's date; 2 the one before that, for collecting older months again.
    :raises ConfigurationError: the run has no date at all.
    """
    run = context.get("dag_run")
    for given in (context.get("params"), getattr(run, "conf", None)):
        if given and given.get(PARAMETER):
            return str(given[PARAMETER]).strip()
    date = run_date(run)
    if date is None:
        raise ConfigurationError(
            "The DAG run has no date to take the invoice month from.",
            advice=f"Give the parameter {PARAMETER} (yyyymm).",
        )
    return month_before(date, months_back)


def run_date(run: Any) -> datetime | None:
    """The moment a DAG run stands for (see the table above)."""
    # The run type is an enum on both versions, or its value where the record came over the wire.
    kind = getattr(run, "run_type", None)
    kind = getattr(kind, "value", kind)
    if kind in _BY_INTERVAL:
        order = ("data_interval_end", "run_after", "logical_date")
    else:
        order = ("logical_date", "run_after", "data_interval_end")
    return next((date for date in (getattr(run, name, None) for name in order) if date is not None), None)


def month_before(date: datetime, months_back: int = 1) -> str:
    """``yyyymm`` of the month that lies ``months_back`` before the one ``date`` falls in, in China.

    :param date: aware.
    """
    local = date.astimezone(CHINA)
    year, month = divmod(local.year * 12 + local.month - 1 - months_back, 12)
    return f"{year:04d}{month + 1:02d}"
