"""Databases of each kind, desks at which syncs are run, the command."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fapiao.store import Database
from fapiao_jcsk.simulator import JcskScenario, JcskSimulator
from syncing import APP_SECRET, Desk, JcskCommand, desk

KINDS = [
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.postgres),
    pytest.param("mysql", marks=pytest.mark.mysql),
]


@pytest.fixture(params=KINDS)
def into(request: pytest.FixtureRequest) -> str:
    """URL of an empty, migrated database of this test's own, of each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_into"))
    url = str(request.getfixturevalue(f"{request.param}_url"))
    Database.migrate_url(url)
    return url


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: migrating takes longer than most syncs."""
    path = tmp_path_factory.mktemp("template") / "fapiao.db"
    Database.migrate_url(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_into(template: Path, tmp_path: Path) -> str:
    """URL of an empty, migrated SQLite database."""
    return f"sqlite:///{shutil.copyfile(template, tmp_path / 'fapiao.db')}"


@pytest.fixture
def at_desk(sqlite_into: str) -> Iterator[Callable[..., Desk]]:
    """Sit down at a desk: ``at_desk(uniform=230)`` names what the vendor does, ``url`` the database."""
    with ExitStack() as stack:

        def sit(url: str | None = None, settings: dict[str, Any] | None = None, **scenario: Any) -> Desk:
            return stack.enter_context(desk(url or sqlite_into, settings=settings, **scenario))

        yield sit


@pytest.fixture
def vendor() -> Iterator[Callable[..., JcskSimulator]]:
    """Start a simulated vendor on the real clock that lives as long as the test."""
    with ExitStack() as stack:

        def start(**scenario: Any) -> JcskSimulator:
            given: dict[str, Any] = {"uniform": 25, "app_secret": APP_SECRET} | scenario
            simulator = JcskSimulator(JcskScenario(**given))
            stack.enter_context(simulator.running())
            return simulator

        yield start


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., JcskCommand]:
    """The command line, connected to a simulated vendor."""
    return lambda simulator, **settings: JcskCommand(simulator, tmp_path, **settings)
