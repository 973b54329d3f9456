"""Deduction states beside the documents: a snapshot per holder and source whenever one of them says something new."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from itertools import repeat
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.model import Deduction, Invoice
from fapiao.store.access.bulk import chunks, columns
from fapiao.store.documents.grouping import Group, Place
from fapiao.store.documents.rows import RowSet
from fapiao.store.tables.deductions import deductions

__all__ = ["Snapshots", "told_hash"]

_Holder = tuple[int, str, str]
"""(invoice_key, taxpayer_no, source)."""
_ENCODER = msgspec.json.Encoder(order="deterministic")
_COLUMNS = columns(deductions)
_TIMES = ("checked_at", "certified_at", "modified_at")
_FLAGS = ("is_checked", "is_certified", "has_mismatch")


class Snapshots:
    """The deduction states that one transaction's records tell."""

    def __init__(self, connection: Connection, rows: RowSet) -> None:
        self._connection = connection
        self._rows = rows
        self._told: dict[_Holder, list[Place]] = defaultdict(list)

    def note(self, key: int, group: Group) -> None:
        """Take up what the records of a document say about their holders' deduction."""
        for place in group.places:
            if place.stated is not None:
                load = place.page.load
                self._told[key, load.taxpayer_no, load.source].append(place)

    def write(self, known: set[int]) -> None:
        """Add a row for each holder whose state differs from the one before it in time.

        ``known`` documents were in the database before and are locked, so nobody else adds to them meanwhile.
        """
        if not self._told:
            return
        have = self._stored({key for key, _, _ in self._told} & known)
        for holder, places in self._told.items():
            history = have[holder]
            for place in sorted(places, key=_order):
                invoice = place.stated
                if invoice is None or invoice.deduction is None:
                    continue
                deduction = _storable(invoice.deduction)
                content_hash = _hash(invoice, deduction)
                seen = place.page.seen
                after = bisect_right(history, seen, key=_time)
                if after and history[after - 1][1] == content_hash:
                    continue
                history.insert(after, (seen, content_hash))
                self._add(holder, place, invoice, deduction, content_hash)

    def _stored(self, keys: set[int]) -> dict[_Holder, list[tuple[float, str]]]:
        """What was said before, in the order of time."""
        table = deductions.c
        have: dict[_Holder, list[tuple[float, str]]] = defaultdict(list)
        for part in chunks(sorted(keys)):
            query = (
                sa.select(table.invoice_key, table.taxpayer_no, table.source, table.observed_at, table.content_hash)
                .where(table.invoice_key.in_(part))
                .order_by(table.observed_at, table.deduction_id)
            )
            for key, taxpayer_no, source, at, content_hash in self._connection.execute(query):
                have[key, taxpayer_no, source].append((at, content_hash))
        return have

    def _add(self, holder: _Holder, place: Place, invoice: Invoice, deduction: Deduction, content_hash: str) -> None:
        key, taxpayer_no, source = holder
        page = place.page
        values: dict[str, Any] = msgspec.to_builtins(deduction)
        for name in _FLAGS:
            if name in values:
                values[name] = "1" if values[name] else "0"
        for name in _TIMES:
            if name in values:
                values[name] = getattr(deduction, name).isoformat(" ", "microseconds")
        values |= {
            "invoice_key": str(key),
            "taxpayer_no": taxpayer_no,
            "source": source,
            "observed_at": self._rows.stamp(page.seen),
            "collection_id": str(page.load.collection_id),
            "slice_id": page.slice_id,
            "page_id": page.page_id,
            "ordinal": place.ordinal,
            "content_hash": content_hash,
            "state": invoice.state,
            "state_raw": invoice.state_raw,
        }
        self._rows.add(deductions, *map(values.get, _COLUMNS, repeat(None)))


def _time(entry: tuple[float, str]) -> float:
    return entry[0]


def _order(place: Place) -> tuple[float, int]:
    return place.page.seen, int(place.ordinal)


def told_hash(invoice: Invoice) -> str | None:
    """The hash under which a snapshot of what the invoice tells is kept; None where it tells nothing."""
    return None if invoice.deduction is None else _hash(invoice, _storable(invoice.deduction))


def _hash(invoice: Invoice, deduction: Deduction) -> str:
    told = _ENCODER.encode((deduction, invoice.state, invoice.state_raw))
    return hashlib.blake2b(told, digest_size=16).hexdigest()


def _storable(deduction: Deduction) -> Deduction:
    """PostgreSQL keeps no NUL characters in text; the transcript still has them."""
    if b"\\u0000" not in _ENCODER.encode(deduction):
        return deduction
    changes = {
        name: value.replace("\x00", "\ufffd")
        for name in deduction.__struct_fields__
        if isinstance(value := getattr(deduction, name), str)
    }
    return msgspec.structs.replace(deduction, **changes)
