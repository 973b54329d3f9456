"""Holdings of rewritten documents: they follow from the records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import chunks
from fapiao.store.documents.rows import RowSet
from fapiao.store.rereading.regrouping import Bundle, Circle
from fapiao.store.tables.invoices import holdings

__all__ = ["HoldingWriter"]

_Holder = tuple[str, str]
"""(taxpayer_no, direction)."""


class HoldingWriter:
    """Replaces the rows of ``fapiao_invoice_holding`` that differ."""

    def __init__(self, connection: Connection, rows: RowSet) -> None:
        self._connection = connection
        self._rows = rows
        self._dropped: list[dict[str, Any]] = []

    def known(self, keys: Iterable[int]) -> dict[int, dict[_Holder, Any]]:
        """Document → holder → row."""
        found: dict[int, dict[_Holder, Any]] = defaultdict(dict)
        for part in chunks(sorted(keys)):
            for row in self._connection.execute(sa.select(holdings).where(holdings.c.invoice_key.in_(part))):
                found[row.invoice_key][row.taxpayer_no, row.direction] = row
        return found

    def write(self, circle: Circle, bundle: Bundle, key: int, held: dict[_Holder, Any]) -> bool:
        """Whether anything differs."""
        spans: dict[_Holder, tuple[str, float, float]] = {}
        origins: set[tuple[str, str]] = set()
        places = [(int(place.page.page_id), int(place.ordinal)) for place in bundle.group.places]
        for page_id, _ in (*places, *bundle.kept_places):
            page = circle.pages[page_id]
            origins.add((page.source, page.api))
            if not page.direction:
                continue  # a question about the document alone tells nothing about who holds it
            holder = (page.taxpayer_no, page.direction)
            month, first, last = spans.get(holder, (page.invoice_month, page.fetched_at, page.fetched_at))
            spans[holder] = (month, min(first, page.fetched_at), max(last, page.fetched_at))
        if not spans and any((row.source, row.api) not in origins for row in bundle.kept):
            return False  # who holds it was told elsewhere
        gone = held.keys() - spans.keys()
        differing = 0
        for holder, (month, first, last) in spans.items():
            old = held.get(holder)
            if old is not None and (old.first_seen_at, old.last_seen_at) == (first, last):
                continue
            if old is not None:
                month = old.invoice_month
                self._drop(key, holder)
            self._rows.add(
                holdings, str(key), *holder, month or _issued(bundle), self._rows.stamp(first), self._rows.stamp(last)
            )
            differing += 1
        for holder in gone:
            self._drop(key, holder)
        return bool(differing or gone)

    def flush(self) -> None:
        """Delete what goes or is replaced."""
        if self._dropped:
            self._connection.execute(
                holdings.delete().where(
                    holdings.c.invoice_key == sa.bindparam("of_key"),
                    holdings.c.taxpayer_no == sa.bindparam("of_taxpayer"),
                    holdings.c.direction == sa.bindparam("of_direction"),
                ),
                self._dropped,
            )

    def _drop(self, key: int, holder: _Holder) -> None:
        self._dropped.append({"of_key": key, "of_taxpayer": holder[0], "of_direction": holder[1]})


def _issued(bundle: Bundle) -> str:
    """The month of issue, for lists that are not about one; empty where no record states a day."""
    days = [stated.invoice.issued_on for stated in bundle.group.stated if stated.invoice.issued_on is not None]
    return f"{min(days):%Y%m}" if days else ""
