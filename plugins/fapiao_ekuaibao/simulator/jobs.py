"""Collection jobs: one active per tax number, each slice moving toProcess → processing → processed on the clock.

Jobs have no id. A row tells the state of the newest job of a slice, or, for a while after a start, of the one before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import msgspec

from fapiao.testing.kinds import KINDS
from fapiao_ekuaibao.simulator.document import TYPES
from fapiao_ekuaibao.simulator.scenario import EkuaibaoScenario

__all__ = ["Busy", "JobBoard"]

_CHINA = timezone(timedelta(hours=8))
Cell = tuple[str, str, str, str]
"""(taxpayer_no, invoice_month, type, direction)."""


class Busy(Exception):
    """当前税号在税局有正在执行的任务: a job of this tax number has not ended."""


class _SliceJob(msgspec.Struct, frozen=True):
    started_at: float
    queued_until: float
    ends_at: float
    outcome: str
    """The final status."""
    generation: int
    """Which processed job of the slice this is, from 1; 0 where it does not end processed."""

    def status(self, now: float) -> str:
        if now >= self.ends_at:
            return self.outcome
        return "toProcess" if now < self.queued_until else "processing"


class JobBoard:
    """All jobs since the scenario began."""

    def __init__(self, scenario: EkuaibaoScenario, clock: Callable[[], float]) -> None:
        self._scenario = scenario
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[Cell, list[_SliceJob]] = {}
        self._active_until: dict[str, float] = {}

    def start(self, taxpayer_no: str, invoice_month: str, keys: Sequence[tuple[str, str]]) -> None:
        """Starts a job for (type, direction) pairs.

        :raises Busy: one of this tax number has not ended yet, of whatever month.
        """
        now = self._clock()
        with self._lock:
            if now < self._active_until.get(taxpayer_no, 0.0):
                raise Busy
            ends = now
            for type_, direction in keys:
                cell = (taxpayer_no, invoice_month, type_, direction)
                job = self._slice_job(cell, now)
                self._known(cell).append(job)
                ends = max(ends, job.ends_at)
            self._active_until[taxpayer_no] = ends

    def status(self, taxpayer_no: str, invoice_month: str, type_: str, direction: str) -> str | None:
        """The status in the slice's row, None where there is no row."""
        now = self._clock()
        with self._lock:
            job = self._shown((taxpayer_no, invoice_month, type_, direction), now)
            if job is None or now < job.started_at + self._silence((taxpayer_no, invoice_month, type_, direction)):
                return None
            return job.status(now)

    def _silence(self, cell: Cell) -> float:
        """Seconds after a start without a row."""
        longer = (rule.seconds for rule in self._scenario.silent if rule.covers(*cell))
        return max(longer, default=self._scenario.silent_seconds)

    def generation(self, taxpayer_no: str, invoice_month: str, type_: str, direction: str) -> int:
        """Which generation of the slice's data can be read now; 0 = none, its job is not processed."""
        now = self._clock()
        with self._lock:
            job = self._shown((taxpayer_no, invoice_month, type_, direction), now)
            return job.generation if job is not None and job.status(now) == "processed" else 0

    def outcome(self, taxpayer_no: str, invoice_month: str, type_: str, direction: str) -> str:
        """How the slice's next job, or one restart of it, ends."""
        if self._unsupported(invoice_month, type_, direction):
            return "notSupported"
        status = "processed"
        for rule in self._scenario.outcomes:
            if rule.covers(taxpayer_no, invoice_month, type_, direction):
                status = rule.status
        return "processed" if status == "failed_once" else status

    def today(self) -> str:
        """``yyyymmdd`` in China."""
        if self._scenario.today:
            return self._scenario.today.replace("-", "")
        return datetime.fromtimestamp(self._clock(), _CHINA).strftime("%Y%m%d")

    def _known(self, cell: Cell) -> list[_SliceJob]:
        jobs = self._jobs.get(cell)
        if jobs is None:
            jobs = self._jobs[cell] = []
            if any(month.covers(*cell) for month in self._scenario.earlier_jobs) and not self._unsupported(*cell[1:]):
                jobs.append(_SliceJob(float("-inf"), 0.0, 0.0, "processed", 1))
        return jobs

    def _shown(self, cell: Cell, now: float) -> _SliceJob | None:
        jobs = self._known(cell)
        if len(jobs) > 1 and now < jobs[-1].started_at + self._scenario.stale_seconds:
            return jobs[-2]
        return jobs[-1] if jobs else None

    def _slice_job(self, cell: Cell, now: float) -> _SliceJob:
        scenario, jobs = self._scenario, self._known(cell)
        outcome = self.outcome(*cell)
        if not jobs and any(rule.status == "failed_once" and rule.covers(*cell) for rule in scenario.outcomes):
            outcome = "failed" if outcome == "processed" else outcome
        if outcome in ("notSupported", "disabled"):
            return _SliceJob(now, now, now, outcome, 0)
        queued_until = now + scenario.queued_seconds
        ends_at = queued_until + scenario.processing_seconds
        for rule in scenario.slow:
            if rule.covers(*cell):
                ends_at = now + rule.seconds
        generation = 0 if outcome != "processed" else 1 + max((job.generation for job in jobs), default=0)
        return _SliceJob(now, queued_until, ends_at, outcome, generation)

    def _unsupported(self, invoice_month: str, type_: str, direction: str) -> bool:
        """取票月份大于当前时间/销项不支持海关缴款书."""
        return invoice_month > self.today()[:6] or direction not in KINDS[TYPES[type_]].directions
