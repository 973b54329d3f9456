"""Collection tasks: one active per tax number, its rows mixed over types and directions, page by page or as files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from fapiao_qixiangyun.simulator.bureau import Bureau, Cell
from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario

__all__ = ["Busy", "CollectTask", "CollectTasks", "TooMany"]

_FIRST_ID = 1_690_000_000_000_000_001
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


class Busy(Exception):
    """任务正在执行中."""


class TooMany(Exception):
    """查询范围内发票超过5000张."""


class CollectTask(msgspec.Struct, frozen=True):
    task_id: str
    taxpayer_no: str
    cells: tuple[Cell, ...]
    started_at: float
    total: int


class CollectTasks:
    """All tasks since the scenario began. Safe for many threads."""

    def __init__(self, scenario: QixiangyunScenario, bureau: Bureau, clock: Callable[[], float]) -> None:
        self._scenario = scenario
        self._bureau = bureau
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: dict[str, CollectTask] = {}

    def start(self, taxpayer_no: str, cells: tuple[Cell, ...]) -> CollectTask:
        """:raises Busy: one of this tax number has not ended. :raises TooMany: where the scenario says so at the start."""
        now, scenario = self._clock(), self._scenario
        total = sum(self._bureau.count(cell) for cell in cells)
        if total > scenario.range_limit and scenario.range_refused_at == "start":
            raise TooMany
        with self._lock:
            for task in self._tasks.values():
                if task.taxpayer_no == taxpayer_no and self._state(task, now) in ("0", "1"):
                    raise Busy
            task = CollectTask(str(_FIRST_ID + len(self._tasks)), taxpayer_no, cells, now, total)
            self._tasks[task.task_id] = task
            return task

    def task(self, task_id: str) -> CollectTask | None:
        with self._lock:
            return self._tasks.get(task_id)

    def state(self, task: CollectTask) -> str:
        return self._state(task, self._clock())

    def _state(self, task: CollectTask, now: float) -> str:
        queued = task.started_at + self._scenario.queued_seconds
        if now < queued:
            return "0"
        if now < queued + self._scenario.processing_seconds:
            return "1"
        return "2" if task.total > self._scenario.range_limit else "3"

    def page(self, task: CollectTask, page: int, size: int) -> tuple[bytes, int]:
        """(the JSON array of the page's rows, how many rows)."""
        skip, want = (page - 1) * size, size
        rows: list[dict[str, Any]] = []
        for cell in task.cells:
            count = self._bureau.count(cell)
            if skip >= count:
                skip -= count
                continue
            taken = range(skip, min(count, skip + want))
            rows += self._bureau.rows(cell, taken)
            skip, want = 0, want - len(taken)
            if not want:
                break
        return _ENCODE(rows), len(rows)
