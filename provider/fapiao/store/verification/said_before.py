"""Documents as all sources but the bureau's verification had stated them by an instant in the past."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.folding import Observation, fold
from fapiao.invoices.model import Invoice
from fapiao.store.access.bulk import chunks
from fapiao.store.documents.rows import from_content
from fapiao.store.tables.invoices import observations
from fapiao.store.tables.ledger import collections, pages, slice_records, slices

__all__ = ["VERIFY", "SaidBefore"]

VERIFY = "verify"
"""The interface under which the bureau's answers are observations."""
_Origin = tuple[str, str]
"""(source, api)."""


class _Row(msgspec.Struct, gc=False):
    origin: _Origin
    content: str
    first: float
    last: float


class SaidBefore:
    """What the observations of some documents tell about any instant.

    An observation keeps when it was seen first and last. Where both lie on either side of the instant, the pages tell when the
    source was last read before it.
    """

    def __init__(self, connection: Connection, keys: Iterable[int]) -> None:
        table = observations.c
        query = sa.select(observations).where(table.api != VERIFY)
        self._rows: dict[int, list[_Row]] = defaultdict(list)
        for part in chunks(sorted(set(keys))):
            for row in connection.execute(query.where(table.invoice_key.in_(part))):
                self._rows[row.invoice_key].append(
                    _Row((row.source, row.api), row.content, row.first_seen_at, row.last_seen_at)
                )
        doubtful = [key for key, rows in self._rows.items() if len(rows) > 1]
        self._read = _reads(connection, doubtful)

    def at(self, key: int, instant: float) -> Invoice | None:
        """The document by then; None where nobody had said anything about it."""
        had = [row for row in self._rows.get(key, ()) if row.first <= instant]
        if not had:
            return None
        said = [
            Observation(
                source=row.origin[0],
                api=row.origin[1],
                observed_at=self._seen(key, row, had, instant),
                invoice=from_content(row.content),
            )
            for row in had
        ]
        return fold(said).invoice

    def _seen(self, key: int, row: _Row, had: Sequence[_Row], instant: float) -> float:
        """When it was last said by then."""
        if row.last <= instant:
            return row.last
        read = max((at for at in self._read.get((key, row.origin), ()) if at <= instant), default=row.first)
        rivals = (other for other in had if other.origin == row.origin and other is not row)
        if any(other.last == read if other.last <= instant else other.first > row.first for other in rivals):
            return row.first  # then it was the other one that was read last
        return read


def _reads(connection: Connection, keys: Sequence[int]) -> dict[tuple[int, _Origin], list[float]]:
    """(document, source and interface) → when records about it were read."""
    found: dict[tuple[int, _Origin], list[float]] = defaultdict(list)
    query: Any = (
        sa.select(slice_records.c.invoice_key, collections.c.source, pages.c.api, pages.c.fetched_at)
        .join_from(slice_records, pages, pages.c.page_id == slice_records.c.page_id)
        .join(slices, slices.c.slice_id == pages.c.slice_id)
        .join(collections, collections.c.collection_id == slices.c.collection_id)
        .where(pages.c.api != VERIFY)
    )
    for part in chunks(keys):
        for key, source, api, at in connection.execute(query.where(slice_records.c.invoice_key.in_(part))):
            found[key, (source, api)].append(at)
    return found
