"""What a later collection of a month has brought: invoices that are new, that say something else now, that are absent.

Each slice is compared with the newest earlier generation that read it to its end. What an invoice said in a generation is
the observation whose span covers the moment it was read; where spans overlap, the one that began last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.errors import StoreError
from fapiao.store.access.bulk import chunks
from fapiao.store.access.database import Database
from fapiao.store.ledger import proof
from fapiao.store.reports.deduction_changes import invoice_numbers
from fapiao.store.tables.invoices import observations
from fapiao.store.tables.ledger import collections, pages, slice_records, slices

__all__ = ["MONTH_CHANGES", "FieldChange", "MonthChange", "month_changes"]

MONTH_CHANGES = ("new", "changed", "absent")
_LONGEST = 120
"""Characters of a value that are shown: lines and journeys can be long."""


class FieldChange(msgspec.Struct, frozen=True, order=True):
    """A field of an invoice, as JSON text before and now; None: not stated."""

    field: str
    before: str | None
    now: str | None


class MonthChange(msgspec.Struct, frozen=True, order=True):
    """One invoice that is not as it was in the earlier generation."""

    kind: str
    """One of ``MONTH_CHANGES``."""
    type: str
    direction: str
    number: str
    """The invoice's strongest number: 20 digits, ``code:number``, customs or certificate number."""
    invoice_key: int
    earlier: int
    """The generation it is compared with."""
    fields: tuple[FieldChange, ...] = ()
    """Of a changed invoice."""


def month_changes(
    database: Database, source: str, taxpayer_no: str, invoice_month: str, generation: int | None = None
) -> list[MonthChange]:
    """What the newest closed generation, or the one that is named, says differently from the ones before it, sorted.

    A slice that was read to its end for the first time has nothing to be compared with.

    :raises StoreError: there is no such closed generation.
    """

    def look(connection: Connection) -> list[MonthChange]:
        conditions = [
            collections.c.source == source,
            collections.c.taxpayer_no == taxpayer_no,
            collections.c.invoice_month == invoice_month,
            collections.c.kind == "collect",
            collections.c.state.in_(("complete", "incomplete")),
        ]
        if generation is not None:
            conditions.append(collections.c.generation == generation)
        query = sa.select(collections).where(*conditions)
        found = connection.execute(query.order_by(collections.c.closed_at.desc()).limit(1)).first()
        if found is None:
            named = "" if generation is None else f" {generation}"
            raise StoreError(
                f"the ledger has no closed generation{named} of {source}, taxpayer {taxpayer_no}, month {invoice_month}.",
                advice="Collect the month first, with the same database; 'fapiao coverage' shows what there is.",
            )
        return sorted(_changes(connection, found))

    return database.read(look)


def _changes(connection: Connection, collection: Any) -> Iterator[MonthChange]:
    mine = sa.select(slices).where(slices.c.collection_id == collection.collection_id)
    for now in connection.execute(mine.order_by(slices.c.slice_id)).all():
        before = proof.earlier_reading(connection, collection, now)
        if before is None or not proof.is_read_to_end(now):
            continue
        read_now, read_before = _read_at(connection, now), _read_at(connection, before)
        told: list[tuple[str, int, tuple[FieldChange, ...]]] = [
            ("new", key, ()) for key in read_now.keys() - read_before
        ]
        told += [("absent", key, ()) for key in read_before.keys() - read_now]
        both = sorted(read_now.keys() & read_before.keys())
        for part in chunks(both):
            told += _changed(connection, collection.source, part, read_before, read_now)
        numbers: dict[int, str] = {}
        for part in chunks(sorted(key for _, key, _ in told)):
            numbers |= invoice_numbers(connection, part)
        for kind, key, fields in told:
            yield MonthChange(kind, now.type, now.direction, numbers.get(key, ""), key, before.generation, fields)


def _read_at(connection: Connection, part: Any) -> dict[int, float]:
    """The invoices of a slice's last reading, and when each was read (epoch seconds)."""
    query = (
        sa.select(slice_records.c.invoice_key, sa.func.max(pages.c.fetched_at))
        .join_from(slice_records, pages, pages.c.page_id == slice_records.c.page_id)
        .where(
            slice_records.c.slice_id == part.slice_id,
            slice_records.c.read_no == part.read_no,
            slice_records.c.invoice_key.is_not(None),
        )
        .group_by(slice_records.c.invoice_key)
    )
    return {key: at for key, at in connection.execute(query)}  # noqa: C416 - mypy knows no type of a row


def _changed(
    connection: Connection, source: str, keys: list[int], before: dict[int, float], now: dict[int, float]
) -> Iterator[tuple[str, int, tuple[FieldChange, ...]]]:
    table = observations.c
    query = (
        sa.select(table.invoice_key, table.first_seen_at, table.last_seen_at, table.content_hash)
        .where(table.invoice_key.in_(keys), table.source == source, table.api == "collect")
        .order_by(table.first_seen_at)
    )
    spans: dict[int, list[Any]] = {}
    for row in connection.execute(query):
        spans.setdefault(row.invoice_key, []).append(row)
    for key, rows in spans.items():
        if len(rows) < 2:
            continue
        then, today = _said(rows, before[key]), _said(rows, now[key])
        if then != today:
            yield "changed", key, _fields(connection, key, source, then, today)


def _said(rows: list[Any], at: float) -> str:
    covering = [row for row in rows if row.first_seen_at <= at <= row.last_seen_at]
    hash: str = (covering or rows)[-1].content_hash
    return hash


def _fields(connection: Connection, key: int, source: str, then: str, today: str) -> tuple[FieldChange, ...]:
    query = sa.select(observations.c.content_hash, observations.c.content).where(
        observations.c.invoice_key == key, observations.c.source == source, observations.c.api == "collect"
    )
    said = {hash: msgspec.json.decode(content) for hash, content in connection.execute(query)}
    old, new = said[then], said[today]
    return tuple(
        FieldChange(name, _text(old.get(name)), _text(new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
