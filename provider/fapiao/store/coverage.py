"""What is proven: per taxpayer, month, invoice type and direction the latest closed generation, and what is open."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from fapiao.store.database import Database
from fapiao.store.ledger_tables import collections, slices

__all__ = ["CoverageRow", "coverage"]


class CoverageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One slice as the ledger proves it."""

    source: str
    account: str
    taxpayer_no: str
    invoice_month: str
    """Of a sync the tax period that was asked for, or empty."""
    kind: str
    """``collect`` or ``sync``."""
    query: str
    """Of a sync: what was asked for."""
    type: str
    direction: str
    generation: int
    state: str
    """Of the slice."""
    collection_state: str
    """``complete`` or ``incomplete``; any other: the generation is still open."""
    expected: int | None
    """The vendor's own count."""
    loaded: int
    rejected: int
    amount_excl_tax: Decimal | None
    tax_amount: Decimal | None
    closed_at: float | None
    """When the generation was closed, epoch seconds; None while it is open."""


_CLOSED = ("complete", "incomplete")
_CELL = (
    collections.c.source,
    collections.c.account,
    collections.c.taxpayer_no,
    collections.c.invoice_month,
    collections.c.kind,
    collections.c.query,
    slices.c.type,
    slices.c.direction,
)


def coverage(
    database: Database,
    *,
    source: str | None = None,
    account: str | None = None,
    taxpayer_no: str | None = None,
    first_month: str | None = None,
    last_month: str | None = None,
) -> list[CoverageRow]:
    """The latest closed generation of every slice, and the open one beside it where there is one.

    :param first_month: ``yyyymm``, inclusive, as ``last_month``.
    """
    # Verifications and files are questions about single documents: there is no slice to be complete.
    wanted: list[Any] = [collections.c.state != "abandoned", collections.c.kind.in_(("collect", "sync"))]
    for column, value in (
        (collections.c.source, source),
        (collections.c.account, account),
        (collections.c.taxpayer_no, taxpayer_no),
    ):
        if value is not None:
            wanted.append(column == value)
    if first_month is not None:
        wanted.append(collections.c.invoice_month >= first_month)
    if last_month is not None:
        wanted.append(collections.c.invoice_month <= last_month)
    is_closed = sa.case((collections.c.state.in_(_CLOSED), 1), else_=0)
    newest = (
        sa.select(
            *_CELL,
            collections.c.generation,
            collections.c.state.label("collection_state"),
            collections.c.closed_at,
            slices.c.state,
            slices.c.expected,
            slices.c.loaded,
            slices.c.rejected,
            slices.c.amount_excl_tax,
            slices.c.tax_amount,
            sa.func.row_number()
            .over(partition_by=[*_CELL, is_closed], order_by=collections.c.generation.desc())
            .label("age"),
        )
        .join_from(slices, collections, slices.c.collection_id == collections.c.collection_id)
        .where(*wanted)
        .subquery()
    )
    fields = [newest.c[name] for name in CoverageRow.__struct_fields__]
    query = sa.select(*fields).where(newest.c.age == 1).order_by(*fields[:9])
    return database.read(lambda connection: [CoverageRow(**row._mapping) for row in connection.execute(query)])
