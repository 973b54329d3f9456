"""Jobs that make layout files: one id per invoice and day, its result given once, dead after that and after thirty days."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import msgspec

from fapiao.invoices.model import Invoice
from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario

__all__ = ["LayoutDesk", "LayoutJob"]

_FIRST_ID = 1_780_000_000_000_000_003
"""19 digits, odd: it has no exact float."""
_DAY = 86_400.0


class LayoutJob(msgspec.Struct):
    task_id: int
    invoice: Invoice
    kinds: tuple[str, ...]
    day: str
    started_at: float
    taken: bool = False


class LayoutDesk:
    """All jobs since the scenario began. Safe for many threads."""

    def __init__(self, scenario: QixiangyunScenario, clock: Callable[[], float]) -> None:
        self._scenario = scenario
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, LayoutJob] = {}
        self.started: Counter[str] = Counter()
        """Jobs per invoice: each is paid for."""
        self.answered: Counter[str] = Counter()
        """Results given, per task id."""

    def order(self, invoice: Invoice, kinds: tuple[str, ...], day: str) -> LayoutJob:
        """The job of this invoice and day, or a new one where its result was taken."""
        number = str(invoice.digital_number)
        with self._lock:
            for job in self._jobs.values():
                if (job.invoice.digital_number, job.kinds, job.day) == (number, kinds, day) and not job.taken:
                    return job
            job = LayoutJob(_FIRST_ID + 2 * len(self._jobs), invoice, kinds, day, self._clock())
            self._jobs[str(job.task_id)] = job
            self.started[number] += 1
            return job

    def look(self, task_id: str) -> tuple[LayoutJob | None, str]:
        """(job, its state: "1", "2", "3", or "dead")."""
        now = self._clock()
        with self._lock:
            job = self._jobs.get(task_id)
            if job is None or job.taken or now >= job.started_at + self._scenario.task_days * _DAY:
                return job, "dead"
            if now < job.started_at + self._scenario.layout_seconds:
                return job, "1"
            job.taken = True
            self.answered[task_id] += 1
            return job, "2" if job.invoice.digital_number in self._scenario.failed_tasks else "3"

    def job(self, task_id: str) -> LayoutJob | None:
        with self._lock:
            return self._jobs.get(task_id)
