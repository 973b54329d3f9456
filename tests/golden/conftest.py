"""A database of every kind, and vendors that say what a test dictates."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dictating import Golden
from fapiao.store import Database
from trying import Trial, trial


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("template") / "fapiao.db"
    Database.migrate_url(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(template: Path, tmp_path: Path) -> str:
    """URL of an empty, migrated SQLite database."""
    return f"sqlite:///{shutil.copyfile(template, tmp_path / 'fapiao.db')}"


@pytest.fixture(
    params=[
        pytest.param("sqlite"),
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    """URL of an empty, migrated database, once per kind."""
    made = str(request.getfixturevalue(f"{request.param}_url"))
    if request.param != "sqlite":
        Database.migrate_url(made)
    return made


@pytest.fixture
def golden(url: str) -> Iterator[Golden]:
    """For what the database can spoil: once per kind."""
    made = Golden(url)
    yield made
    made.close()


@pytest.fixture
def sqlite_golden(sqlite_url: str) -> Iterator[Golden]:
    """For what does not depend on the database."""
    made = Golden(sqlite_url)
    yield made
    made.close()


@pytest.fixture
def trying(template: Path, tmp_path: Path) -> Iterator[Callable[..., Trial]]:
    """Begin a trial against the simulated 易快报: ``trying({…scenario…}, page_size=5)``. See :func:`trying.trial`."""
    with ExitStack() as stack:

        def begin(scenario: dict[str, Any] | None = None, **given: Any) -> Trial:
            return stack.enter_context(trial(template, tmp_path, scenario or {}, **given))

        yield begin
