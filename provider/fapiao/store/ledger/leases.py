"""Whose turn it is: a vendor runs one job per tax number (纳税人识别号), so one generation holds the taxpayer's lease.

The holder is a generation, not a process: whoever continues it after a kill still holds the lease. It ends when the
generation is closed, when it is given back, or when nobody has renewed it in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.database import Database
from fapiao.store.documents.announcing import announce_slices
from fapiao.store.ledger.ledger import collection_row, continued, open_generation
from fapiao.store.ledger.records import CLOSED_STATES, CollectionKey, CollectionRecord
from fapiao.store.tables.ledger import leases
from fapiao.wire import SliceKey

__all__ = ["Lease", "Leases"]


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Another generation's turn. Times are epoch seconds, UTC."""

    holder: CollectionRecord
    expires_at: float
    is_over: bool
    """Somebody has seen at the vendor that the holder's job has ended; nobody has come for its result since."""


class Leases:
    """Every method is one short transaction; rivals wait for each other at the taxpayer's row.

    :raises fapiao.errors.StoreError: the database does not work.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(
        self, key: CollectionKey, wanted: Sequence[SliceKey], now: float, until: float
    ) -> CollectionRecord | Lease:
        """The open generation of ``wanted``, or the next one, with the taxpayer's lease; or who has the lease.

        While another one has it, nothing is opened, and an open generation with other slices is not given up. A lease
        that has expired is still the other's, unless its job is known to be over: the vendor may be asked first.
        """

        given_up: list[int] = []

        def work(connection: Connection) -> CollectionRecord | Lease:
            given_up.clear()
            row = _locked(connection, key)
            going_on = continued(connection, key, wanted)
            lease = _of_another(connection, row, None if going_on is None else going_on.collection_id, now)
            if lease is None:
                record = going_on
                if record is None:
                    record, left = open_generation(connection, key, wanted, now)
                    given_up.extend(left)
                _give(connection, row, record, until)
                return record
            # A job that is at the vendor already is only watched and read, which needs no turn.
            return going_on if going_on is not None and going_on.state == "started" else lease

        found = self._database.transact(work)
        announce_slices(self._database, given_up)
        return found

    def take(self, record: CollectionRecord, now: float, until: float) -> Lease | None:
        """Renew the generation's lease until then, or take it where it is free. Else who has it."""

        def work(connection: Connection) -> Lease | None:
            row = _locked(connection, record.key)
            lease = _of_another(connection, row, record.collection_id, now)
            if lease is None:
                _give(connection, row, record, until)
            return lease

        return self._database.transact(work)

    def prolong(self, lease: Lease, until: float, *, is_over: bool) -> None:
        """Let a silent holder have its turn until then; nothing happens when it has renewed it meanwhile."""
        values = {"expires_at": until, "is_over": is_over}
        self._database.transact(
            lambda connection: connection.execute(leases.update().where(_unchanged(lease)).values(**values)).rowcount
        )

    def drop(self, lease: Lease) -> None:
        """End a silent holder's turn; nothing happens when it has renewed it meanwhile."""
        self._database.transact(
            lambda connection: connection.execute(leases.delete().where(_unchanged(lease))).rowcount
        )

    def release(self, record: CollectionRecord) -> None:
        """Give the lease back; one that is another's by now stays."""
        mine = sa.and_(_of(record.key), leases.c.collection_id == record.collection_id)
        self._database.transact(lambda connection: connection.execute(leases.delete().where(mine)).rowcount)


def _of(key: CollectionKey) -> Any:
    return sa.and_(leases.c.source == key.source, leases.c.taxpayer_no == key.taxpayer_no)


def _unchanged(lease: Lease) -> Any:
    return sa.and_(
        _of(lease.holder.key),
        leases.c.collection_id == lease.holder.collection_id,
        leases.c.expires_at == lease.expires_at,
    )


def _locked(connection: Connection, key: CollectionKey) -> Any:
    """The taxpayer's row, nobody else's until the transaction ends; None where there is none."""
    return connection.execute(sa.select(leases).where(_of(key)).with_for_update()).first()


def _of_another(connection: Connection, row: Any, collection_id: int | None, now: float) -> Lease | None:
    if row is None or row.collection_id == collection_id:
        return None
    holder = collection_row(connection, row.collection_id)
    if holder.state in CLOSED_STATES or (row.is_over and row.expires_at <= now):
        return None
    return Lease(holder=holder, expires_at=row.expires_at, is_over=row.is_over)


def _give(connection: Connection, row: Any, record: CollectionRecord, until: float) -> None:
    values = {"collection_id": record.collection_id, "expires_at": until, "is_over": False}
    if row is None:  # of two that insert at once, one is told that the key exists and looks again
        names = {"source": record.key.source, "taxpayer_no": record.key.taxpayer_no}
        connection.execute(leases.insert().values(**names, **values))
    else:
        connection.execute(leases.update().where(_of(record.key)).values(**values))
