"""Which months have been closed as complete since an instant: what a watcher of the ledger asks again and again."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from fapiao.store.access.database import Database
from fapiao.store.tables.ledger import collections, slices

__all__ = ["Arrival", "arrivals"]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A generation that was closed as complete."""

    collection_id: int
    source: str
    taxpayer_no: str
    invoice_month: str
    generation: int
    closed_at: float
    """Epoch seconds."""
    invoices: int
    rejected: int
    slices: int


def arrivals(
    database: Database, after: float, *, source: str | None = None, taxpayer_no: str | None = None
) -> list[Arrival]:
    """Generations that were closed as complete after the instant (epoch seconds), the oldest first."""
    wanted = [collections.c.kind == "collect", collections.c.state == "complete", collections.c.closed_at > after]
    if source is not None:
        wanted.append(collections.c.source == source)
    if taxpayer_no is not None:
        wanted.append(collections.c.taxpayer_no == taxpayer_no)
    key = collections.c.collection_id
    names = [collections.c[name] for name in Arrival.__struct_fields__[:6]]
    query = (
        sa.select(
            *names,
            sa.func.sum(slices.c.loaded).label("invoices"),
            sa.func.sum(slices.c.rejected).label("rejected"),
            sa.func.count().label("slices"),
        )
        .join_from(collections, slices, slices.c.collection_id == key)
        .where(*wanted)
        .group_by(*names)
        .order_by(collections.c.closed_at, key)
    )
    return database.read(
        lambda connection: [
            Arrival(**{**row._mapping, "invoices": int(row.invoices), "rejected": int(row.rejected)})
            for row in connection.execute(query)
        ]
    )
