"""How a sensor is begun in the triggerer, without a worker (Airflow 3.3 and newer)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fapiao.airflow.compat import AIRFLOW_3_3
from fapiao.airflow.task import SLACK

__all__ = ["LONGEST", "StartArguments", "airflows_limit", "start_arguments"]

LONGEST = 366 * 86400.0
"""Seconds after which Airflow ends a mapped sensor, whose own limit is not known before its trigger runs."""

TRIGGER = "fapiao.airflow.started_trigger.StartedCollectionTrigger"


def airflows_limit(patience: float | None, execution_timeout: timedelta | None) -> float:
    """Seconds after which Airflow ends a deferral that is begun in the triggerer.

    :param patience: of the task in seconds; None: it is mapped.
    """
    limit = LONGEST if patience is None else patience + SLACK
    return limit if execution_timeout is None else min(limit, execution_timeout.total_seconds())


def start_arguments(patience: float | None, /, **trigger_kwargs: Any) -> Any:
    """What Airflow stores with the DAG.

    :param patience: of the task in seconds; None: it is mapped.
    :param trigger_kwargs: plain JSON, or templates; rendered in the triggerer.
    """
    from airflow.triggers.base import StartTriggerArgs

    return StartTriggerArgs(
        trigger_cls=TRIGGER,
        trigger_kwargs=trigger_kwargs,
        next_method="execute_complete",
        timeout=timedelta(seconds=airflows_limit(patience, None)),
    )


class StartArguments:
    """The class attribute ``start_trigger_args``: made when a mapped sensor asks its class, since it costs an import.

    Which instance it will be is not known then: the trigger reads the arguments from the DAG that Airflow gives it.
    """

    def __get__(self, sensor: object | None, _: type) -> Any:
        return start_arguments(None) if AIRFLOW_3_3 and sensor is None else None
