"""What SQLite needs to keep a ledger: WAL, immediate write transactions, patience, exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

__all__ = ["BUSY_TIMEOUT", "WRITES", "prepare"]

WRITES = "fapiao_writes"
"""Execution option of connections that are going to write."""
BUSY_TIMEOUT = 30.0
"""Seconds to wait for another process's transaction."""


def prepare(engine: Engine) -> None:
    """Make every connection of the engine fit for the store."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where _begin says so, not where the driver guesses
        cursor = connection.cursor()
        # Committed means on the disk: synchronous stays FULL, or a start recorded before a power cut is sent twice.
        for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        connection.create_aggregate("decimal_sum", 1, _DecimalSum)
        connection.create_function("decimal_cmp", 2, _compare, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail, not wait, when another has written meanwhile.
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class _DecimalSum:
    """The aggregate of SQLite's own decimal extension, which few builds carry."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, value: str | int | None) -> None:
        if value is not None:
            self._sum = Decimal(value) + (self._sum or 0)

    def finalize(self) -> str | None:
        return None if self._sum is None else format(self._sum, "f")


def _compare(one: str | int | None, other: str | int | None) -> int | None:
    """Negative, zero or positive, as the decimal extension's ``decimal_cmp``."""
    if one is None or other is None:
        return None
    left, right = Decimal(one), Decimal(other)
    return (left > right) - (left < right)
