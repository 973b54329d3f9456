"""Which task of Airflow's has worked on a generation last, so that people find its log."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["TASK_COLUMNS", "TaskReference", "task_of", "task_values"]


class TaskReference(msgspec.Struct, frozen=True, kw_only=True):
    """A task's try by Airflow's own names, none of which is longer than 250 characters. Nothing personal."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int = -1
    """-1: the task is not mapped."""
    try_number: int = 1

    def __str__(self) -> str:
        mapped = f"[{self.map_index}]" if self.map_index >= 0 else ""
        return f"task {self.task_id}{mapped} of DAG {self.dag_id}, run {self.run_id}, try {self.try_number}"


TASK_COLUMNS = TaskReference.__struct_fields__
"""Of ``fapiao_collection``: all of them NULL where no task has worked on the generation, but the command line."""


def task_of(row: Any) -> TaskReference | None:
    """The task that a row with :data:`TASK_COLUMNS` names."""
    if row.dag_id is None:
        return None
    return TaskReference(**{name: getattr(row, name) for name in TASK_COLUMNS})


def task_values(task: TaskReference | None) -> dict[str, Any]:
    """The columns that name the task."""
    return dict.fromkeys(TASK_COLUMNS) if task is None else msgspec.structs.asdict(task)
