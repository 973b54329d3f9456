"""A vendor in memory that tells of persons, and databases to collect into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fapiao.store import Database
from rereading import Shop, open_shops

KEY = "a hash key of the tests, long enough for anybody"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FAPIAO_RAW_KEY", "FAPIAO_RAW_KEY_FILE", "FAPIAO_HASH_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FAPIAO_HASH_KEY", KEY)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy."""
    path = tmp_path_factory.mktemp("template") / "fapiao.db"
    Database.migrate_url(f"sqlite:///{path}")
    return path


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Callable[[], str]:
    """URLs of new migrated SQLite databases."""
    made: list[Path] = []

    def make() -> str:
        made.append(tmp_path / f"{len(made)}.db")
        made[-1].write_bytes(template.read_bytes())
        return f"sqlite:///{made[-1]}"

    return make


@pytest.fixture
def sqlite_into(fresh: Callable[[], str]) -> str:
    return fresh()


@pytest.fixture(
    params=[
        pytest.param("sqlite"),
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def url(request: pytest.FixtureRequest) -> str:
    """A migrated database, once per kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_into"))
    into = str(request.getfixturevalue(f"{request.param}_url"))
    Database.migrate_url(into)
    return into


@pytest.fixture
def shops() -> Iterator[Callable[..., Shop]]:
    """Open a shop: ``shops(url, input=[record(1)])``."""
    with open_shops() as opened:
        yield opened
