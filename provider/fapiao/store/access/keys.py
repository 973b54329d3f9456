"""Invoice keys: opaque numbers, reserved in blocks before the write transaction that uses them."""

from __future__ import annotations

import threading

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.database import Database
from fapiao.store.tables.ledger import counters

__all__ = ["KeyReserve"]

_NAME = "invoice_key"
_BLOCK = 1000


class KeyReserve:
    """Keys that belong to this process. What is not used is kept for the next time; what dies with it is a gap."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free: list[int] = []
        self._lock = threading.Lock()

    def take(self, count: int) -> list[int]:
        """``count`` keys that nobody else has, ascending. Not to be called within a transaction."""
        with self._lock:
            missing = count - len(self._free)
            if missing > 0:
                first, last = self._database.transact(lambda connection: _reserve(connection, max(missing, _BLOCK)))
                self._free.extend(range(first, last))
            taken, self._free = self._free[:count], self._free[count:]
            return taken

    def give_back(self, keys: list[int]) -> None:
        """Keys that were taken and not used."""
        with self._lock:
            self._free = sorted(self._free + keys)


def _reserve(connection: Connection, count: int) -> tuple[int, int]:
    mine = counters.c.name == _NAME
    moved = connection.execute(counters.update().where(mine).values(next_value=counters.c.next_value + count))
    if moved.rowcount == 0:
        connection.execute(counters.insert().values(name=_NAME, next_value=1 + count))
    end = connection.execute(sa.select(counters.c.next_value).where(mine)).scalar_one()
    return end - count, end
