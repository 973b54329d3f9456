"""What a task must know of the DAG run it belongs to, to tell *again* from *once more*. Imports no Airflow."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fapiao.store import TaskReference

__all__ = ["began", "is_automatic_retry", "task_reference"]


def began(context: Mapping[str, Any]) -> float:
    """Epoch second at which the run began; what was closed since is this run's own work. Clearing a run moves it.

    ``airflow dags test`` starts its run at the logical date, which may lie anywhere; there, and where nothing better is
    known, it is the task's own start, else now: then nothing counts as done, which costs a collection but loses none.
    """
    run, task_instance = context.get("dag_run"), context.get("ti")
    start, logical = getattr(run, "start_date", None), getattr(run, "logical_date", None)
    after = getattr(run, "run_after", None)
    if start is not None and start not in (logical, after):
        return float(start.timestamp())
    own = getattr(task_instance, "start_date", None)
    return float(own.timestamp()) if own is not None else time.time()


def is_automatic_retry(context: Mapping[str, Any]) -> bool:
    """Whether Airflow tries again by itself; not after a person cleared the task (which raises ``max_tries``)."""
    task_instance, task = context.get("ti"), context.get("task")
    if task_instance is None or task is None:
        return False
    first_try = (task_instance.max_tries or 0) - (task.retries or 0) + 1
    return bool(task_instance.try_number > first_try)


def task_reference(context: Mapping[str, Any]) -> TaskReference | None:
    """The try that runs, for the ledger; None outside a DAG run."""
    from fapiao.store import TaskReference

    task_instance = context.get("ti")
    if task_instance is None or getattr(task_instance, "run_id", None) is None:
        return None
    return TaskReference(
        dag_id=task_instance.dag_id,
        task_id=task_instance.task_id,
        run_id=task_instance.run_id,
        map_index=-1 if task_instance.map_index is None else task_instance.map_index,
        try_number=task_instance.try_number,
    )
