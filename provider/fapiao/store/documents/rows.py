"""From canonical values to rows: what one transaction is going to insert, table by table.

msgspec turns a whole invoice into texts in one call; picking columns from the result is the only work left to Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import repeat
from typing import Any

import msgspec
import sqlalchemy as sa

from fapiao.invoices.model import Finding, Invoice
from fapiao.invoices.red_letter import parse
from fapiao.store.access.bulk import Row, Writer, columns
from fapiao.store.tables import deductions as deduction_tables
from fapiao.store.tables import invoices as invoice_tables
from fapiao.store.tables import ledger as ledger_tables
from fapiao.store.tables.columns import json_text

__all__ = ["RowSet", "content_of", "from_content"]

_CONTENT = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.json.Decoder(Invoice)
_TABLES: tuple[sa.Table, ...] = (
    invoice_tables.invoices,
    invoice_tables.lines,
    invoice_tables.vehicles,
    invoice_tables.customs,
    invoice_tables.trips,
    invoice_tables.special_businesses,
    invoice_tables.references,
    invoice_tables.holdings,
    invoice_tables.observations,
    invoice_tables.states,
    invoice_tables.findings,
    deduction_tables.deductions,
    ledger_tables.slice_records,
    ledger_tables.rejections,
)
_HEAD = columns(invoice_tables.invoices)
_LINE = columns(invoice_tables.lines)


def content_of(invoice: Invoice) -> tuple[Invoice, str, str]:
    """The invoice as it is kept, as JSON, and the hash of that. Findings and the holder's deduction are not content."""
    if invoice.findings or invoice.deduction is not None:
        invoice = msgspec.structs.replace(invoice, findings=(), deduction=None)
    content = _CONTENT.encode(invoice)
    if b"\\u0000" in content:
        # PostgreSQL keeps no NUL characters in text; the transcript still has them.
        invoice = _DECODER.decode(_CONTENT.encode(_without_nul(msgspec.to_builtins(invoice))))
        content = _CONTENT.encode(invoice)
    return invoice, content.decode(), hashlib.blake2b(content, digest_size=16).hexdigest()


def from_content(content: str) -> Invoice:
    """The invoice as one source stated it."""
    return _DECODER.decode(content)


class RowSet:
    """Rows collected for one transaction and written in one go."""

    def __init__(self, writer: Writer, now: float) -> None:
        self._writer = writer
        self._rows: dict[sa.Table, list[Row]] = {table: [] for table in _TABLES}
        self._absent = writer.absent
        self._aware = writer.keeps_zones
        self._stamps: dict[float, str] = {}
        self.now = self.stamp(now)

    def stamp(self, epoch: float) -> str:
        """An instant as text for a timestamp column."""
        text = self._stamps.get(epoch)
        if text is None:
            instant = datetime.fromtimestamp(epoch, timezone.utc)
            text = (instant if self._aware else instant.replace(tzinfo=None)).isoformat(" ", "microseconds")
            self._stamps[epoch] = text
        return text

    def add(self, table: sa.Table, *row: str | None) -> None:
        """One row as texts, with ``None`` where there is no value."""
        if None in row:
            row = tuple(self._absent if value is None else value for value in row)
        self._rows[table].append(row)

    def write(self) -> None:
        """Insert everything collected."""
        for table, rows in self._rows.items():
            self._writer.insert(table, rows)

    def document(self, key: str, invoice: Invoice, sources: str, first_seen: str) -> Row:
        """Add the children of a document and return its head; the caller inserts it or writes it over the old one."""
        values: dict[str, Any] = msgspec.to_builtins(invoice)
        if invoice.lines:
            self._add_lines(key, values["lines"])
        if invoice.vehicle is not None or invoice.customs is not None or invoice.trips or invoice.special_businesses:
            self._add_particulars(key, invoice, values)
        if invoice.is_red:
            self._add_references(key, invoice)
        return self._head(key, invoice, values, sources, first_seen)

    def head(self, key: str, invoice: Invoice, sources: str, first_seen: str) -> Row:
        """The row of a document whose children stay as they are."""
        return self._head(key, invoice, msgspec.to_builtins(invoice), sources, first_seen)

    def _head(self, key: str, invoice: Invoice, values: dict[str, Any], sources: str, first_seen: str) -> Row:
        values["invoice_key"] = key
        values["sources"] = sources
        values["first_seen_at"] = first_seen
        values["changed_at"] = self.now
        values["line_count"] = str(len(invoice.lines))
        # msgspec leaves out what equals its default:
        values["state"] = invoice.state
        values["level"] = invoice.level.value
        values["is_red"] = "1" if invoice.is_red else "0"
        # and gives other than texts, or not as databases write them, for these:
        if invoice.has_goods_list is not None:
            values["has_goods_list"] = "1" if invoice.has_goods_list else "0"
        if invoice.declared_line_count is not None:
            values["declared_line_count"] = str(invoice.declared_line_count)
        if invoice.issued_at is not None:
            values["issued_at"] = invoice.issued_at.isoformat(" ", "microseconds")
        if invoice.amounts_derived:
            values["amounts_derived"] = ",".join(invoice.amounts_derived)
        if invoice.extra is not None:
            values["extra"] = json_text(invoice.extra)
        return tuple(map(values.get, _HEAD, repeat(self._absent)))

    def new_document(self, key: str, invoice: Invoice, sources: str, first_seen: str) -> None:
        """Add a document that is not in the database yet, with its children."""
        self._rows[invoice_tables.invoices].append(self.document(key, invoice, sources, first_seen))

    def findings(
        self, found: Sequence[Finding], key: str | None, slice_id: str | None, page_id: str | None, ordinal: str | None
    ) -> None:
        """Add findings about a record, or (without slice and page) conflicts between observations."""
        for finding in found:
            self.add(
                invoice_tables.findings, key, slice_id, page_id, ordinal, finding.rule, finding.severity.value,
                finding.field, finding.message.replace("\x00", "\ufffd"), self.now,
            )  # fmt: skip

    def _add_lines(self, key: str, lines: list[dict[str, Any]]) -> None:
        kept = self._rows[invoice_tables.lines]
        absent = repeat(self._absent)
        for line in lines:
            line["invoice_key"] = key
            line["line_no"] = str(line["line_no"])
            if "kind" not in line:
                line["kind"] = "normal"
            if "extra" in line:
                line["extra"] = json_text(line["extra"])
            kept.append(tuple(map(line.get, _LINE, absent)))

    def _add_particulars(self, key: str, invoice: Invoice, values: dict[str, Any]) -> None:
        """What only some types have."""
        for trip, leg in zip(values.get("trips", ()), invoice.trips, strict=True):
            trip["trip_no"] = str(leg.trip_no)
            if leg.recorded_at is not None:
                trip["recorded_at"] = leg.recorded_at.isoformat(" ", "microseconds")
            self._add_child(invoice_tables.trips, key, trip)
        for business in values.get("special_businesses", ()):
            business["seq"] = str(business["seq"])
            self._add_child(invoice_tables.special_businesses, key, business)
        if invoice.vehicle is not None:
            self._add_child(invoice_tables.vehicles, key, values["vehicle"])
        if invoice.customs is not None:
            self._add_child(invoice_tables.customs, key, values["customs"])

    def _add_references(self, key: str, invoice: Invoice) -> None:
        """What a red-letter invoice refers to, as text: which document that is, is looked up when it is asked."""
        for (scheme, value), is_certain in parse(invoice.remark).named().items():
            self.add(invoice_tables.references, key, scheme, value, "1" if is_certain else "0")

    def _add_child(self, table: sa.Table, key: str, values: dict[str, Any]) -> None:
        values["invoice_key"] = key
        if "extra" in values:
            values["extra"] = json_text(values["extra"])
        self._rows[table].append(tuple(map(values.get, columns(table), repeat(self._absent))))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, Mapping):
        return {_without_nul(name): _without_nul(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(part) for part in value]
    return value
