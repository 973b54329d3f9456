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

@pytest.fixture
def simulate() -> Iterator[Callable[..., EkuaibaoSimulator]]:
    """Start a simulated vendor that lives as long as the test."""
    with ExitStack() as stack:

        def start(**scenario: Any) -> EkuaibaoSimulator:
            quick = {"queued_seconds": 0.05, "processing_seconds": 0.2, "app_security": APP_SECURITY}
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
