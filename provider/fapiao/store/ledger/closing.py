"""What is written down when a generation closes: documents absent now, stale states of blue invoices, number gaps.

All are about the generation as a whole, so no record carries them: they are findings with a slice and without a page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.red_letter import judge
from fapiao.store.access.bulk import chunks
from fapiao.store.ledger import proof
from fapiao.store.ledger.number_gaps import GAP_RULE, number_gaps
from fapiao.store.tables.invoices import findings, invoices, numbers, references
from fapiao.store.tables.ledger import slice_records, slices

__all__ = ["CLOSING_RULES", "ClosingFinding", "closing_findings", "record"]

ABSENT_RULE = "C8"
CLOSING_RULES = (GAP_RULE, ABSENT_RULE, "S3", "S4", "S5")


class ClosingFinding(msgspec.Struct, frozen=True, order=True):
    """A finding about a document of a slice, without a record."""

    slice_id: int
    invoice_key: int
    rule: str
    severity: str
    field: str
    message: str


def closing_findings(connection: Connection, collection: Any) -> list[ClosingFinding]:
    """What closing the generation now would write down."""
    gone = [
        ClosingFinding(
            item.slice_id, item.invoice_key, ABSENT_RULE, "warning", "",
            f"Generation {item.generation} had it in this slice; it is absent now.",
        )
        for item in proof.absent(connection, collection)
    ]  # fmt: skip
    gaps = [
        ClosingFinding(
            gap.slice_id, gap.invoice_key, GAP_RULE, gap.severity.value, "invoice_number", gap.message
        )
        for gap in number_gaps(connection, collection)
    ]  # fmt: skip
    return gone + gaps + _red_letters(connection, collection.collection_id)


def record(connection: Connection, found: Sequence[ClosingFinding], now: float) -> None:
    """Write findings down."""
    for part in chunks(found):
        connection.execute(findings.insert(), [msgspec.structs.asdict(item) | {"found_at": now} for item in part])


def _red_letters(connection: Connection, collection_id: int) -> list[ClosingFinding]:
    """Rules S3 to S5 about the blue invoices that are in the generation, or that one of its red letters names.

    A red letter may come months later than its blue invoice, whose state is then stale until its own month is collected
    again. The state stays what the sources say: the sum only shows that it cannot be right.
    """
    blue = _blue_invoices(connection, collection_id)
    reds = _reds_of(connection, sorted(blue))
    found: list[ClosingFinding] = []
    for part in chunks(sorted(reds)):
        for head in connection.execute(_heads().where(invoices.c.invoice_key.in_(part))).all():
            _, judged = judge(head, reds[head.invoice_key])
            found += [
                ClosingFinding(
                    blue[head.invoice_key], head.invoice_key, item.rule, item.severity.value, item.field, item.message
                )
                for item in judged
            ]
    return sorted(found)


def _blue_invoices(connection: Connection, collection_id: int) -> dict[int, int]:
    """Blue invoice → the slice it is in, else that of the red letter that names it."""
    records = slice_records.join(
        slices, sa.and_(slices.c.slice_id == slice_records.c.slice_id, slices.c.read_no == slice_records.c.read_no)
    )
    same_number = sa.and_(numbers.c.value == references.c.value, numbers.c.scheme == references.c.scheme)
    named = (
        sa.select(numbers.c.invoice_key, sa.func.min(slices.c.slice_id))
        .select_from(
            records.join(references, references.c.invoice_key == slice_records.c.invoice_key).join(numbers, same_number)
        )
        .where(slices.c.collection_id == collection_id, references.c.is_certain)
        .group_by(numbers.c.invoice_key)
    )
    held = (
        sa.select(numbers.c.invoice_key, sa.func.min(slices.c.slice_id))
        .select_from(
            records.join(numbers, numbers.c.invoice_key == slice_records.c.invoice_key).join(references, same_number)
        )
        .where(slices.c.collection_id == collection_id, references.c.is_certain)
        .group_by(numbers.c.invoice_key)
    )
    found: dict[int, int] = {}
    for query in (named, held):
        found.update((key, slice_id) for key, slice_id in connection.execute(query))
    return found


def _reds_of(connection: Connection, keys: Sequence[int]) -> dict[int, list[Any]]:
    """Blue invoice → its red letters, those without a void."""
    reds: dict[int, list[Any]] = defaultdict(list)
    pairs = (
        sa.select(numbers.c.invoice_key.label("blue_key"), references.c.invoice_key)
        .join_from(
            numbers, references, sa.and_(numbers.c.value == references.c.value, numbers.c.scheme == references.c.scheme)
        )
        .where(references.c.is_certain, numbers.c.invoice_key != references.c.invoice_key)
    )
    for part in chunks(keys):
        some = pairs.where(numbers.c.invoice_key.in_(part)).distinct().subquery()
        query = _heads().add_columns(some.c.blue_key).join(some, some.c.invoice_key == invoices.c.invoice_key)
        for red in connection.execute(query.where(invoices.c.state != "voided")).all():
            reds[red.blue_key].append(red)
    return reds


def _heads() -> Any:
    """What :func:`fapiao.invoices.red_letter.judge` looks at."""
    return sa.select(invoices.c.invoice_key, invoices.c.is_red, invoices.c.amount_excl_tax, invoices.c.state)
