"""A vendor in memory, and a database of every kind to collect into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fapiao.store import Database
from rereading import Shop


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
    with ExitStack() as stack:

        def open_shop(into: str, **given: Any) -> Shop:
            shop = Shop(into, **given)
            stack.callback(shop.database.close)
            return shop

        yield open_shop
