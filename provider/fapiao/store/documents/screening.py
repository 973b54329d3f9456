"""Finds the records that a database refuses, after it refused the batch: they are quarantined, the others load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from fapiao.invoices.intake import Examined
from fapiao.invoices.model import Deduction, Finding, Invoice
from fapiao.invoices.problems import finding
from fapiao.store.documents.grouping import PageLoad
from fapiao.store.documents.rows import content_of
from fapiao.store.tables import deductions as deduction_tables
from fapiao.store.tables import invoices as invoice_tables
from fapiao.store.tables.columns import ExactDecimal, json_text

__all__ = ["RULE", "RULE_BEFORE", "screen"]

RULE = "V8"
"""The record does not fit the tables."""
RULE_BEFORE = "S1"
"""Its name in rows of before it had one of its own: S1 is a rule about states."""
_MOST_INTEGER = 2**31 - 1
_MOST_TEXT = 60_000
"""Bytes: MySQL's TEXT ends at 65,535."""


def screen(pages: Sequence[PageLoad]) -> tuple[list[PageLoad], int]:
    """The same pages with every record that cannot be stored turned into a rejection, and how many that were."""
    screened: list[PageLoad] = []
    refused = 0
    for page in pages:
        records: list[Examined] = []
        for record in page.records:
            wrong = tuple(_misfits(record)) if record.invoice is not None else ()
            if wrong:
                refused += 1
                record = msgspec.structs.replace(
                    record, invoice=None, numbers=(), findings=(), rejected=wrong + record.findings
                )
            records.append(record)
        screened.append(msgspec.structs.replace(page, records=records))
    return screened, refused


def _misfits(record: Examined) -> Iterator[Finding]:
    invoice = record.invoice
    if invoice is None:
        return
    if not record.numbers:
        yield _finding("", "The record has no number that identifies it.")
    try:
        json_text(record.raw)
        _, content, _ = content_of(invoice)
        values = msgspec.json.decode(content)
        msgspec.convert(values, Invoice, strict=True)
        if invoice.deduction is not None:  # no part of the content
            msgspec.convert(msgspec.json.decode(msgspec.json.encode(invoice.deduction)), Deduction, strict=True)
    except (msgspec.ValidationError, TypeError, ValueError, UnicodeError) as problem:
        # msgspec names the path and the types, never the value.
        text = str(problem) if isinstance(problem, msgspec.ValidationError) else type(problem).__name__
        yield _finding("", f"The plugin gave a value of the wrong type: {text}.")
        return
    for number in record.numbers:
        if len(number.value) > _length(invoice_tables.numbers.c.value):
            yield _finding(number.scheme, "The number is too long.")
    yield from _struct(invoice, invoice_tables.invoices, "")
    for name, table, key in (
        ("lines", invoice_tables.lines, "line_no"),
        ("trips", invoice_tables.trips, "trip_no"),
        ("special_businesses", invoice_tables.special_businesses, "seq"),
    ):
        children = getattr(invoice, name)
        if len({getattr(child, key) for child in children}) != len(children):
            yield _finding(name, f"Two of them have the same {key}.")
        for position, child in enumerate(children):
            yield from _struct(child, table, f"{name}[{position}].")
    for name, table in (
        ("vehicle", invoice_tables.vehicles),
        ("customs", invoice_tables.customs),
        ("deduction", deduction_tables.deductions),
    ):
        if getattr(invoice, name) is not None:
            yield from _struct(getattr(invoice, name), table, f"{name}.")


def _struct(struct: Any, table: sa.Table, path: str) -> Iterator[Finding]:
    for column in table.columns:
        value = getattr(struct, column.name, None)
        if value is None:
            continue
        fault = _fault(column.type, value)
        if fault:
            yield _finding(path + column.name, f"The value does not fit its column: {fault}.")


def _fault(kind: Any, value: Any) -> str | None:
    if isinstance(value, Decimal):
        if not value.is_finite():
            return "it is not a number"
        if isinstance(kind, ExactDecimal | sa.Numeric):
            digits = (kind.precision or 0) - (kind.scale or 0)
            if abs(value) >= Decimal(10) ** digits:
                return f"more than {digits} digits before the decimal point"
    elif isinstance(value, bool):
        return None
    elif isinstance(value, int):
        return "a number beyond 32 bits" if abs(value) > _MOST_INTEGER else None
    elif isinstance(value, str):
        length = getattr(kind, "length", None)
        if length is not None and len(value) > length:
            return f"{len(value)} characters, {length} fit"
        if isinstance(kind, sa.Text) and not _is_long(kind) and len(value.encode()) > _MOST_TEXT:
            return f"more than {_MOST_TEXT} bytes"
    return None


def _is_long(kind: Any) -> bool:
    return bool(getattr(kind, "_variant_mapping", None) or getattr(kind, "mapping", None))


def _length(column: sa.Column[Any]) -> int:
    return int(getattr(column.type, "length", 0) or 0)


def _finding(field: str, message: str) -> Finding:
    return finding(RULE, field, message)
