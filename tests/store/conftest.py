"""The databases the store runs on; each test gets an empty, migrated one of every kind that is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from fapiao.store import Database
from storing import Shelf

SERVERS = {
    "sqlite": (),
    "postgresql": (pytest.mark.postgres,),
    "mysql": (pytest.mark.mysql,),
}
DRIVERS = ["psycopg2"] if sa.__version__.startswith("1.") else ["psycopg2", "psycopg"]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'fapiao.db'}"


@pytest.fixture(params=[pytest.param(name, marks=marks) for name, marks in SERVERS.items()])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, once per kind."""
    return str(request.getfixturevalue(f"{'postgres' if request.param == 'postgresql' else request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, once per kind."""
    yield from _migrated(database_url)


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A migrated SQLite database, for what does not depend on the kind."""
    yield from _migrated(sqlite_url)


@pytest.fixture(params=DRIVERS)
def postgres_database(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[Database]:
    """A migrated PostgreSQL database, once per driver."""
    yield from _migrated(postgres_url.replace("postgresql://", f"postgresql+{request.param}://"))


@pytest.fixture
def shelf(database: Database) -> Shelf:
    """Ledger, loader and an open collection, once per kind of database."""
    return Shelf(database)


@pytest.fixture
def sqlite_shelf(sqlite_database: Database) -> Shelf:
    """Ledger, loader and an open collection on SQLite."""
    return Shelf(sqlite_database)


def _migrated(url: str) -> Iterator[Database]:
    database = Database.connect(url)
    database.migrate()
    yield database
    database.close()
