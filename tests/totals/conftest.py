"""A small ledger on SQLite, CSV files, and the commands in this process."""

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
def file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CSV file of these lines; gives its path."""

    def write(*lines: str, encoding: str = "utf-8") -> Path:
        path = tmp_path / "totals.csv"
        path.write_bytes("".join(f"{line}\r\n" for line in lines).encode(encoding))
        return path

    return write


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs ``fapiao …``; gives what it printed, stdout first."""
    return partial(run_command, monkeypatch, capsys)
