"""What is proven: per taxpayer, month, invoice type and direction the latest closed generation, and what is open."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from fapiao.store.access.database import Database
from fapiao.store.ledger.tasks import TASK_COLUMNS, TaskReference, task_of
from fapiao.store.tables.ledger import collections, slices

__all__ = [
    "CLOSED",
    "PROVEN",
    "CoverageRow",
    "coverage",
    "known_taxpayers",
    "newest_slices",
    "restriction",
    "superseded",
]


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
    task: TaskReference | None = None
    """The Airflow task that worked on the generation last; None: the command line did."""


CLOSED = ("complete", "incomplete")
"""States of a generation that is over; *abandoned* ones cover nothing."""
PROVEN = frozenset({"complete", "empty", "unsupported"})
"""States of a slice of which everything is accounted for and loaded."""
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
    wanted = [
        collections.c.kind.in_(("collect", "sync")),
        *restriction(source, account, taxpayer_no, first_month, last_month),
    ]
    newest = newest_slices(wanted)
    stored = [name for name in CoverageRow.__struct_fields__ if name != "task"]
    fields = [newest.c[name] for name in (*stored, *TASK_COLUMNS)]
    query = sa.select(*fields).order_by(*fields[:9])

    def read(connection: Any) -> list[CoverageRow]:
        return [
            CoverageRow(**{name: getattr(row, name) for name in stored}, task=task_of(row))
            for row in connection.execute(query)
        ]

    return database.read(read)


def known_taxpayers(
    database: Database, source: str | None = None, account: str | None = None, *, kind: str = "collect"
) -> list[str]:
    """Every taxpayer that was ever collected (or synced, ``kind``) with the account, of whatever month, sorted.

    :param source: None: with any source, as ``account``.
    """
    query = sa.select(collections.c.taxpayer_no).where(
        collections.c.kind == kind, *restriction(source, account, None, None, None)
    )
    return database.read(lambda connection: sorted(set(connection.execute(query.distinct()).scalars())))


def restriction(
    source: str | None,
    account: str | None,
    taxpayer_no: str | None,
    first_month: str | None,
    last_month: str | None,
) -> list[Any]:
    """Conditions on ``fapiao_collection``; None = any. Values are bound, never part of the text."""
    found: list[Any] = [
        column == value
        for column, value in (
            (collections.c.source, source),
            (collections.c.account, account),
            (collections.c.taxpayer_no, taxpayer_no),
        )
        if value is not None
    ]
    if first_month is not None:
        found.append(collections.c.invoice_month >= first_month)
    if last_month is not None:
        found.append(collections.c.invoice_month <= last_month)
    return found


def newest_slices(wanted: list[Any]) -> Any:
    """A subquery: of every slice the latest closed generation's row, and the latest open one's."""
    is_closed = sa.case((collections.c.state.in_(CLOSED), 1), else_=0)
    ranked = (
        sa.select(
            *_CELL,
            collections.c.generation,
            collections.c.state.label("collection_state"),
            collections.c.closed_at,
            slices.c.slice_id,
            slices.c.state,
            slices.c.expected,
            slices.c.loaded,
            slices.c.rejected,
            slices.c.amount_excl_tax,
            slices.c.tax_amount,
            slices.c.vendor_code,
            slices.c.vendor_message,
            *(collections.c[name] for name in TASK_COLUMNS),
            is_closed.label("is_closed"),
            sa.func.row_number()
            .over(partition_by=[*_CELL, is_closed], order_by=collections.c.generation.desc())
            .label("age"),
        )
        .join_from(slices, collections, slices.c.collection_id == collections.c.collection_id)
        .where(collections.c.state != "abandoned", *wanted)
        .subquery()
    )
    return sa.select(*(column for column in ranked.c if column.name != "age")).where(ranked.c.age == 1).subquery()


def superseded() -> Any:
    """Of a slice joined to its collection: a later closed generation went over it again.

    Where few slices are asked about, or most months have one generation, this costs less than :func:`newest_slices`.
    """
    later, again = collections.alias("later"), slices.alias("again")
    same = ("source", "account", "taxpayer_no", "invoice_month", "kind", "query")
    return (
        sa.select(sa.literal(1))
        .select_from(later.join(again, again.c.collection_id == later.c.collection_id))
        .where(
            *(later.c[name] == collections.c[name] for name in same),
            later.c.generation > collections.c.generation,
            later.c.state.in_(CLOSED),
            again.c.type == slices.c.type,
            again.c.direction == slices.c.direction,
        )
        .correlate(collections, slices)
        .exists()
    )
