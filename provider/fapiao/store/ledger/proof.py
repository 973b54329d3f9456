"""What the committed pages of a slice prove: how far its reading is, what it adds up to, what has gone missing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.ledger.records import AbsentInvoice, ReadProgress, Tally
from fapiao.store.tables.ledger import collections, pages, slice_records, slices

__all__ = ["absent", "earlier_reading", "is_read_to_end", "progress", "tally"]

_READ_TO_END = ("complete", "empty", "rejected")
_HELD_SOMETHING = ("complete", "rejected", "incomplete")
_CURSORS: msgspec.json.Decoder[list[str]] = msgspec.json.Decoder(list[str])


def progress(connection: Connection, slice_id: int, read_no: int) -> ReadProgress:
    """Committed and known cursors of one reading."""
    query = sa.select(pages.c.cursor, pages.c.remaining, pages.c.total, pages.c.fetched_at)
    found = connection.execute(_reading(query, pages, slice_id, read_no).order_by(pages.c.fetched_at)).all()
    known = {""}
    for row in found:
        known.update(_CURSORS.decode(row.remaining))
    totals = [row.total for row in found if row.total is not None]
    return ReadProgress(
        committed=frozenset(row.cursor for row in found),
        known=frozenset(known),
        total=totals[-1] if totals else None,
        totals_differ=len(set(totals)) > 1,
    )


def tally(connection: Connection, slice_id: int, read_no: int) -> Tally:
    """The sums over one reading."""
    query = sa.select(
        pages.c.record_count, pages.c.rejected, pages.c.amount_excl_tax, pages.c.tax_amount, pages.c.total
    )
    found = connection.execute(_reading(query, pages, slice_id, read_no).order_by(pages.c.fetched_at)).all()
    totals = [row.total for row in found if row.total is not None]
    times = sa.func.count().label("times")
    per_invoice = _reading(
        sa.select(times).where(slice_records.c.invoice_key.is_not(None)), slice_records, slice_id, read_no
    )
    per_invoice = per_invoice.group_by(slice_records.c.invoice_key).subquery()
    loaded, duplicates = connection.execute(
        sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((per_invoice.c.times > 1, 1), else_=0)), 0)
        ).select_from(per_invoice)
    ).one()
    return Tally(
        expected=totals[-1] if totals else None,
        records=sum(row.record_count for row in found),
        loaded=int(loaded),
        rejected=sum(row.rejected for row in found),
        duplicates=int(duplicates),
        totals_differ=len(set(totals)) > 1,
        amount_excl_tax=sum((row.amount_excl_tax for row in found), _ZERO),
        tax_amount=sum((row.tax_amount for row in found), _ZERO),
    )


def absent(connection: Connection, collection: Any) -> list[AbsentInvoice]:
    """Per slice that was read to its end: what the newest earlier generation that read it had, and this one has not."""
    gone: list[AbsentInvoice] = []
    mine = sa.select(slices).where(slices.c.collection_id == collection.collection_id, slices.c.state.in_(_READ_TO_END))
    for now in connection.execute(mine.order_by(slices.c.slice_id)).all():
        before = earlier_reading(connection, collection, now)
        if before is None or before.state not in _HELD_SOMETHING:
            continue
        still = _reading(sa.select(slice_records.c.invoice_key), slice_records, now.slice_id, now.read_no)
        had = _reading(sa.select(slice_records.c.invoice_key), slice_records, before.slice_id, before.read_no)
        lost = had.where(
            slice_records.c.invoice_key.is_not(None),
            slice_records.c.invoice_key.not_in(still.where(slice_records.c.invoice_key.is_not(None))),
        )
        keys = connection.execute(lost.distinct().order_by(slice_records.c.invoice_key)).scalars()
        gone += [AbsentInvoice(slice_id=now.slice_id, invoice_key=key, generation=before.generation) for key in keys]
    return gone


def earlier_reading(connection: Connection, collection: Any, now: Any) -> Any:
    """The same slice as the newest earlier closed generation read it; None where none did."""
    earlier = (
        sa.select(slices.c.slice_id, slices.c.read_no, slices.c.state, collections.c.generation)
        .join_from(slices, collections, slices.c.collection_id == collections.c.collection_id)
        .where(
            collections.c.source == collection.source,
            collections.c.account == collection.account,
            collections.c.taxpayer_no == collection.taxpayer_no,
            collections.c.invoice_month == collection.invoice_month,
            collections.c.kind == collection.kind,
            collections.c.query == collection.query,
            collections.c.generation < collection.generation,
            collections.c.state.in_(("complete", "incomplete")),
            slices.c.type == now.type,
            slices.c.direction == now.direction,
            slices.c.state.in_((*_READ_TO_END, "incomplete")),
        )
        .order_by(collections.c.generation.desc())
        .limit(1)
    )
    return connection.execute(earlier).first()


def is_read_to_end(part: Any) -> bool:
    """Whether a slice can miss something."""
    return part.state in _READ_TO_END


_ZERO = Decimal("0.00")


def _reading(query: Any, table: Any, slice_id: int, read_no: int) -> Any:
    return query.where(table.c.slice_id == slice_id, table.c.read_no == read_no)
