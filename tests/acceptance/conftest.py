"""A simulated vendor, the command that collects from it, and databases to collect into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from collecting import APP_SECURITY, Command
from fapiao.store import Database
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator
from trying import Trial, trial


@pytest.fixture
def simulate() -> Iterator[Callable[..., EkuaibaoSimulator]]:
    """Start a simulated vendor that lives as long as the test."""
    with ExitStack() as stack:

        def start(**scenario: Any) -> EkuaibaoSimulator:
            quick: dict[str, Any] = {"queued_seconds": 0.05, "processing_seconds": 0.2, "app_security": APP_SECURITY}
            simulator = EkuaibaoSimulator(EkuaibaoScenario(**(quick | scenario)))
            stack.enter_context(simulator.running())
            return simulator

        yield start


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Command]:
    def make(simulator: EkuaibaoSimulator, **extra: Any) -> Command:
        return Command(simulator, extra, tmp_path)

    return make


@pytest.fixture(params=["sqlite", "postgres"])
def into(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty, migrated database of this test's own, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fapiao.db'}"
    url = str(request.getfixturevalue("postgres_url"))
    Database.migrate_url(url)
    return url


@pytest.fixture
def sqlite_into(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'fapiao.db'}"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: migrating takes longer than most trials."""
    path = tmp_path_factory.mktemp("template") / "fapiao.db"
    Database.migrate_url(f"sqlite:///{path}")
    return path


@pytest.fixture
def trying(template: Path, tmp_path: Path) -> Iterator[Callable[..., Trial]]:
    """Begin a trial: ``trying({…scenario…}, page_size=5)``. See :func:`trying.trial`."""
    with ExitStack() as stack:

        def begin(scenario: dict[str, Any] | None = None, **given: Any) -> Trial:
            return stack.enter_context(trial(template, tmp_path, scenario or {}, **given))

        yield begin
