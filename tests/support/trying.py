"""One collection in process against a simulated vendor, on a clock of the test's own, and how it ended."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from collecting import APP_SECURITY, MONTH, unproven, wrong_with
from fapiao.arguments import CHINA, collect_request
from fapiao.collecting.collection import Collector
from fapiao.collecting.outcomes import Waiting
from fapiao.connection import Connection
from fapiao.engine import BlockingDriver
from fapiao.errors import FapiaoError
from fapiao.manifest import Manifest
from fapiao.registry import registry
from fapiao.store import Database, SharedAccountState, TaskReference, coverage
from fapiao.testing.observation import Report
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

__all__ = ["Ended", "FakeClock", "Trial", "china", "trial"]

TYPES = ("81", "04", "17")
"""A shape each of the digital, the paper and the customs family; 17 has no output, which the vendor says with notSupported."""


def china(text: str) -> float:
    """``2024-12-05 12:00`` in China as epoch seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp()


class FakeClock:
    """Shared by vendor, driver and collector: it runs like any clock, and whoever sleeps on it moves it instead."""

    def __init__(self, now: float) -> None:
        self._ahead = now - time.monotonic()
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._ahead += max(0.0, seconds)


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended."""

    error: FapiaoError | None
    manifest: Manifest | None
    waits: list[Waiting]
    delays: list[float]
    """Seconds of each wait, from when it was known."""
    waited_out: bool
    """It was still waiting when the test's patience ended."""

    @property
    def slices(self) -> dict[str, str]:
        """State by ``type direction``."""
        assert self.manifest is not None
        return {f"{part.type} {part.direction}": part.state for part in self.manifest.slices}

    @property
    def state(self) -> str:
        assert self.manifest is not None
        return self.manifest.state

    @property
    def text(self) -> str:
        """The error as a user reads it."""
        return str(self.error)


class Trial:
    """A simulated vendor, a database and a taxpayer's month; :meth:`run` is one run of the collection."""

    def __init__(
        self, simulator: EkuaibaoSimulator, clock: Any, sleep: Any, url: str, settings: dict[str, Any]
    ) -> None:
        self.simulator = simulator
        self.clock = clock
        self.url = url
        self.taxpayer = simulator.scenario.taxpayers[0]
        self._sleep = sleep
        self._settings = {"requests_per_second": 0, "page_size": 10, "start_grace": 60} | settings

    def run(
        self,
        *,
        types: Sequence[str] = TYPES,
        directions: Sequence[str] = (),
        month: str = MONTH,
        taxpayer: str | None = None,
        on_rejected: str = "fail",
        refresh: str = "always",
        poll_interval: float = 30.0,
        patience: float = 86400.0,
        password: str = APP_SECURITY,
        task: TaskReference | None = None,
    ) -> Ended:
        source = registry.get("ekuaibao")
        given = dict(self.simulator.connection())
        given["extra"] = {**given["extra"], **self._settings}
        given["password"] = password
        account = source.account(Connection.from_json(msgspec.json.encode(given), conn_id="the test"))
        request = collect_request(
            source.descriptor,
            taxpayer_no=taxpayer or self.taxpayer,
            invoice_month=month,
            now=self.clock(),
            types=types,
            directions=directions,
            refresh=refresh,
            on_rejected=on_rejected,
            poll_interval=poll_interval,
        )
        database = Database.connect(self.url)
        deadline = self.clock() + patience
        waits: list[Waiting] = []
        delays: list[float] = []
        error: FapiaoError | None = None
        waited_out = False
        with (
            BlockingDriver(
                source,
                account,
                state=SharedAccountState(database, account),
                clock=self.clock,
                sleep=self._sleep,
                random=Random(7).random,
            ) as driver,
            Collector(source, account, database, request, driver=driver, task=task, clock=self.clock) as collector,
        ):
            try:
                while (waiting := collector.advance()) is not None:
                    waits.append(waiting)
                    delays.append(waiting.not_before - self.clock())
                    if waiting.not_before > deadline:
                        waited_out = True
                        break
                    self._sleep(max(0.0, waiting.not_before - self.clock()))
                else:
                    collector.verdict()
            except FapiaoError as problem:
                error = problem
            manifest = collector.manifest() if collector.has_begun() else None
        return Ended(error=error, manifest=manifest, waits=waits, delays=delays, waited_out=waited_out)

    def report(self) -> Report:
        return self.simulator.report()

    def untrue(self, ended: Ended, *, types: Sequence[str] = TYPES, generation: int = 1) -> list[str]:
        """How tables and manifest differ from the truth, and what the run did against the vendor's document."""
        assert ended.manifest is not None
        manifest = msgspec.json.decode(ended.manifest.to_json())
        found = wrong_with(self.url, self.simulator, manifest["taxpayer_no"], types, generation=generation)
        found += unproven(manifest, self.simulator, generation=generation)
        return found + self.unruly()

    def unruly(self) -> list[str]:
        """What the run did against the vendor's document, and where coverage contradicts the manifest."""
        report = self.report()
        allowed = self._settings.get("max_concurrency", 8)
        found = list(report.violations)
        if report.peak_concurrency > allowed:
            found.append(f"{report.peak_concurrency} requests at once, {allowed} are allowed")
        if report.over_concurrency or report.over_rate:
            found.append(f"{report.over_concurrency} over concurrency, {report.over_rate} over the rate")
        return found

    def covered(self, generation: int = 1) -> dict[str, str]:
        """What ``fapiao coverage`` says about the slices of a generation."""
        return {
            f"{row.type} {row.direction}": row.state
            for row in coverage(Database.connect(self.url), taxpayer_no=self.taxpayer)
            if row.generation == generation
        }


@contextmanager
def trial(
    template: Path, folder: Path, scenario: dict[str, Any], *, at: str | None = "2024-12-10 12:00", **settings: Any
) -> Iterator[Trial]:
    """A trial on a copy of a migrated database; ``at`` is the instant in China at which it begins, None the real clock."""
    usual: dict[str, Any] = {"uniform": 25, "app_security": APP_SECURITY}
    made = EkuaibaoScenario(**(usual | scenario))
    url = f"sqlite:///{shutil.copyfile(template, folder / 'trial.db')}"
    if at is None:
        simulator, clock, sleep = EkuaibaoSimulator(made), time.time, time.sleep
        with simulator.running():
            yield Trial(simulator, clock, sleep, url, settings)
        return
    fake = FakeClock(china(at))
    simulator = EkuaibaoSimulator(made, clock=fake, sleep=fake.sleep)
    with simulator.running():
        yield Trial(simulator, fake, fake.sleep, url, settings)
