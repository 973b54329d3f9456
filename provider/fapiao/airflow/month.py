"""Which invoice month (开票月份) a DAG run collects. Pure; the same answer on Airflow 2.11 and 3.x.

The two versions give one and the same cron different data intervals: a monthly ``0 2 3 * *`` that fires on 3 January
has ``data_interval_start`` 3 December on 2.11 and 3 January on 3.x, and a template with that value would collect another
month after an upgrade. So the decision goes by what means the same on both:

=============  ==========================================  ==========================================================
run            invoice month                               why
=============  ==========================================  ==========================================================
scheduled      before the end of the data interval         that end is the moment the run fires, on both versions
backfill       of its logical date                         ``--from-date 2024-01-01 --to-date 2024-12-31`` fills the
                                                           months of 2024, whatever interval the version gives a date
manual,        before the logical date, else before        2.11 gives manual runs the *last complete* interval, which
and others     ``run_after``                               ended weeks ago; 3.x may give no logical date at all
=============  ==========================================  ==========================================================

A backfill that reprocesses an existing run turns that run's type into ``backfill`` but leaves its id; the run then keeps
the month it had. All dates count in China's zone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from fapiao.arguments import CHINA
from fapiao.errors import ConfigurationError

__all__ = ["PARAMETER", "month_before", "month_of_run"]

PARAMETER = "invoice_month"
"""Name of the DAG parameter (or run configuration key) that overrides the decision."""


class RunContext(Protocol):
    """What is needed of a task's context: Airflow's own, or the one Jinja hands to a macro."""

    def get(self, key: str, /) -> Any: ...


def month_of_run(context: RunContext, months_back: int = 1) -> str:
    """The invoice month ``yyyymm`` of a task's run: the parameter ``invoice_month``, else from the run's date.

    :param months_back: 1 is the month that the table above names; 2 the one before it, for collecting older months again.
    :raises ConfigurationError: the run has no date at all.
    """
    run = context.get("dag_run")
    for given in (context.get("params"), getattr(run, "conf", None)):
        if given and given.get(PARAMETER):
            return str(given[PARAMETER]).strip()
    kind = _kind(run)
    if kind == "backfill":
        date, months_back = _first(run, "logical_date", "data_interval_start", "run_after"), months_back - 1
    elif kind == "scheduled":
        date = _first(run, "data_interval_end", "run_after", "logical_date")
    else:
        date = _first(run, "logical_date", "run_after", "data_interval_end")
    if date is None:
        raise ConfigurationError(
            "The DAG run has no date to take the invoice month from.",
            advice=f"Give the parameter {PARAMETER} (yyyymm).",
        )
    return month_before(date, months_back)


def month_before(date: datetime, months_back: int = 1) -> str:
    """``yyyymm`` of the month that lies ``months_back`` before the one ``date`` falls in, in China.

    :param date: aware.
    """
    local = date.astimezone(CHINA)
    year, month = divmod(local.year * 12 + local.month - 1 - months_back, 12)
    return f"{year:04d}{month + 1:02d}"


def _kind(run: Any) -> str:
    # The run type is an enum on both versions, or its value where the record came over the wire.
    kind = getattr(run, "run_type", "")
    kind = str(getattr(kind, "value", kind))
    born_as, _, _ = str(getattr(run, "run_id", "")).partition("__")
    return born_as if kind == "backfill" and born_as in ("scheduled", "manual") else kind


def _first(run: Any, *names: str) -> datetime | None:
    return next((date for date in (getattr(run, name, None) for name in names) if date is not None), None)
