"""A vendor in memory, and a database of every kind to collect into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from fapiao.store import Database
from inquiring import Inquiry
from offices import FileHost, serving
from rereading import Shop, open_shops


@pytest.fixture(
    params=[
        pytest.param("sqlite"),
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    """A migrated database, once per kind."""
    return str(request.getfixturevalue(f"{request.param}_into"))


@pytest.fixture
def sqlite_into(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'fapiao.db'}"


@pytest.fixture
def postgres_into(postgres_url: str) -> str:
    Database.migrate_url(postgres_url)
    return postgres_url


@pytest.fixture
def mysql_into(mysql_url: str) -> str:
    Database.migrate_url(mysql_url)
    return mysql_url


@pytest.fixture
def shops() -> Iterator[Callable[..., Shop]]:
    """Open a shop: ``shops(url, input=[record(1)])``."""
    with open_shops() as opened:
        yield opened


@pytest.fixture
def another(url: str, tmp_path: Path) -> Iterator[str]:
    """A second migrated database of the same kind."""
    here = make_url(url)
    if here.get_backend_name() == "sqlite":
        yield f"sqlite:///{tmp_path / 'another.db'}"
        return
    name = f"{here.database}_b"
    engine = sa.create_engine(here, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        into = here.set(database=name).render_as_string(hide_password=False)
        Database.migrate_url(into)
        yield into
        connection.execute(sa.text(f"DROP DATABASE {name}{' WITH (FORCE)' if engine.name == 'postgresql' else ''}"))
    engine.dispose()


@pytest.fixture
def host() -> FileHost:
    """Where layout files lie."""
    return FileHost()


@pytest.fixture
def inquire(host: FileHost) -> Iterator[Callable[[str], Inquiry]]:
    """``inquire(url)``: a vendor that collects, and a bureau with its files."""
    with serving(host) as files, ExitStack() as stack:

        def open_one(into: str) -> Inquiry:
            inquiry = Inquiry(into, files)
            stack.callback(inquiry.close)
            return inquiry

        yield open_one
