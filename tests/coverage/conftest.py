"""A small ledger on SQLite, and the command in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from commanding import run_command
from fapiao.store import Database
from storing import Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Ledger, loader and an open collection."""
    database = Database.connect(f"sqlite:///{tmp_path / 'fapiao.db'}")
    yield Shelf(database)
    database.close()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs ``fapiao coverage …``; gives what it printed."""
    return partial(run_command, monkeypatch, capsys, "coverage")
