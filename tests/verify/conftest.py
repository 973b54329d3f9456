"""Verification against a small vendor on a clock of the test's own, on every kind of database."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bureau import Bureau
from fapiao.store import Database
from fapiao.store.schema import metadata
from fapiao.verification import Verifier
from fapiao.wire import Claim
from trying import FakeClock, china

SERVERS = {"sqlite": (), "postgresql": (pytest.mark.postgres,), "mysql": (pytest.mark.mysql,)}


class Office:
    """A database, a vendor and a clock; :meth:`verify` is one run."""

    def __init__(self, database: Database, bureau: Bureau) -> None:
        self.database = database
        self.bureau = bureau
        self.clock = FakeClock(china("2024-11-20 12:00"))
        self.settings: dict[str, Any] = {}

    @contextmanager
    def verifier(self, claims: list[Claim], **options: Any) -> Iterator[Verifier]:
        account = self.bureau.account(**self.settings)
        with (
            self.bureau.driver(self.database, self.clock, self.clock.sleep, **self.settings) as driver,
            Verifier(
                self.bureau.source(), account, self.database, claims, driver=driver, clock=self.clock, **options
            ) as made,
        ):
            yield made

    def verify(self, claims: list[Claim], *, patience: float = 7200.0, **options: Any) -> Verifier:
        """One run that waits as a command would."""
        deadline = self.clock() + patience
        with self.verifier(claims, **options) as verifier:
            while (waiting := verifier.advance()) is not None and waiting.not_before <= deadline:
                self.clock.sleep(waiting.not_before - self.clock())
            return verifier

    def rows(self, name: str) -> list[dict[str, Any]]:
        table = metadata.tables[name]
        query = sa.select(table).order_by(*table.primary_key.columns)
        return self.database.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])


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
