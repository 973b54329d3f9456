"""Verification against a small vendor on a clock of the test's own, on every kind of database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bureau import Bureau
from fapiao.store import Database
from offices import Office

SERVERS = {"sqlite": (), "postgresql": (pytest.mark.postgres,), "mysql": (pytest.mark.mysql,)}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated SQLite database to copy."""
    path = tmp_path_factory.mktemp("migrated") / "fapiao.db"
    database = Database.connect(f"sqlite:///{path}")
    database.migrate()
    database.read(lambda connection: connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all())
    database.close()
    return path


@pytest.fixture
def sqlite_office(migrated: Path, tmp_path: Path) -> Iterator[Office]:
    """On SQLite, for what does not depend on the database."""
    database = Database.connect(f"sqlite:///{shutil.copyfile(migrated, tmp_path / 'fapiao.db')}")
    yield Office(database, Bureau())
    database.close()


@pytest.fixture(params=[pytest.param(name, marks=marks) for name, marks in SERVERS.items()])
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    """Once per kind of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_office")
        return
    database = Database.connect(
        request.getfixturevalue("postgres_url" if request.param == "postgresql" else "mysql_url")
    )
    database.migrate()
    yield Office(database, Bureau())
    database.close()


@pytest.fixture
def make_office(migrated: Path, tmp_path: Path) -> Iterator[Callable[[Bureau], Office]]:
    """On SQLite, with a vendor of the test's own."""
    opened: list[Database] = []

    def make(bureau: Bureau) -> Office:
        copy = shutil.copyfile(migrated, tmp_path / f"{len(opened)}.db")
        opened.append(Database.connect(f"sqlite:///{copy}"))
        return Office(opened[-1], bureau)

    yield make
    for database in opened:
        database.close()
