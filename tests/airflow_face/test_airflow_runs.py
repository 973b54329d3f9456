"""What counts as this run's own work, and which try is an automatic one."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from fapiao.airflow.runs import began, is_automatic_retry


def at(hour: int) -> datetime:
    return datetime(2025, 1, 3, hour, tzinfo=timezone.utc)


def test_a_run_began_when_the_scheduler_started_it() -> None:
    run = SimpleNamespace(start_date=at(3), logical_date=at(2), run_after=at(2))
    task_instance = SimpleNamespace(start_date=at(4))
    assert began({"dag_run": run, "ti": task_instance}) == at(3).timestamp()


def test_a_test_run_began_with_its_task_because_its_start_is_only_the_logical_date() -> None:
    run = SimpleNamespace(start_date=at(2), logical_date=at(2), run_after=at(5))
    task_instance = SimpleNamespace(start_date=at(4))
    assert began({"dag_run": run, "ti": task_instance}) == at(4).timestamp()


def test_where_no_start_is_known_nothing_counts_as_done() -> None:
    before = time.time()
    assert began({"dag_run": SimpleNamespace(), "ti": SimpleNamespace(start_date=None)}) >= before


@pytest.mark.parametrize(
    ("try_number", "max_tries", "automatic"),
    [(1, 2, False), (2, 2, True), (3, 2, True), (4, 5, False), (5, 5, True)],
    ids=["first", "first retry", "last retry", "after a clear", "retry after a clear"],
)
def test_only_a_try_that_airflow_made_by_itself_is_a_retry(try_number: int, max_tries: int, automatic: bool) -> None:
    task_instance = SimpleNamespace(try_number=try_number, max_tries=max_tries)
    assert is_automatic_retry({"ti": task_instance, "task": SimpleNamespace(retries=2)}) is automatic
