"""Findings of rewritten documents: about the records that state their observations, and conflicts between these."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.folding import Folded
from fapiao.store.access.bulk import chunks
from fapiao.store.documents.rows import RowSet
from fapiao.store.rereading.changes import Changes
from fapiao.store.rereading.comparing import FindingKey, told_findings
from fapiao.store.rereading.regrouping import Circle
from fapiao.store.rereading.restating import Said
from fapiao.store.tables.invoices import findings

__all__ = ["FindingWriter", "Noted"]

_Place = tuple[int | None, int | None]
"""(page_id, ordinal) of a record; nothing for a conflict."""


class Noted(msgspec.Struct, gc=False):
    """A row of ``fapiao_finding`` about a record, or a conflict."""

    finding_id: int
    slice_id: int | None
    page_id: int | None
    ordinal: int | None
    key: FindingKey


class FindingWriter:
    """Replaces the rows of ``fapiao_finding`` that differ."""

    def __init__(self, connection: Connection, rows: RowSet, changes: Changes) -> None:
        self._connection = connection
        self._rows = rows
        self._changes = changes
        self._dropped: list[int] = []

    def known(self, keys: Iterable[int]) -> dict[int, list[Noted]]:
        """By document; what is found when a generation closes (no record) is proven elsewhere."""
        table = findings.c
        found: dict[int, list[Noted]] = defaultdict(list)
        query = sa.select(
            table.invoice_key, table.finding_id, table.slice_id, table.page_id, table.ordinal, table.rule, table.severity,
            table.field, table.message,
        ).where(sa.or_(table.page_id.is_not(None), table.slice_id.is_(None)))  # fmt: skip
        for part in chunks(sorted(keys)):
            rows = self._connection.execute(query.where(table.invoice_key.in_(part)))
            for key, finding_id, slice_id, page_id, ordinal, *told in rows:
                found[key].append(Noted(finding_id, slice_id, page_id, ordinal, tuple(told)))
        return found

    def write(self, circle: Circle, key: int, said: Sequence[Said], folded: Folded, noted: Sequence[Noted]) -> bool:
        """Whether anything differs."""
        wanted, kept = _wanted(said, folded)
        lost: Counter[str] = Counter()
        gained: Counter[str] = Counter()
        for row in noted:
            place = (row.page_id, row.ordinal)
            if place in kept:
                continue
            if wanted.get(place, Counter())[row.key] > 0:
                wanted[place][row.key] -= 1
            else:
                self._dropped.append(row.finding_id)
                lost[row.key[0]] += 1
        for (page_id, ordinal), counts in wanted.items():
            slice_id = None if page_id is None else circle.pages[page_id].slice_id
            for rule, severity, field, message in counts.elements():
                self._rows.add(
                    findings, str(key), _text(slice_id), _text(page_id), _text(ordinal), rule, severity, field,
                    message, self._rows.now,
                )  # fmt: skip
                gained[rule] += 1
        self._changes.findings_gained.update(gained)
        self._changes.findings_lost.update(lost)
        return bool(gained or lost)

    def flush(self) -> None:
        """Delete what goes."""
        for part in chunks(self._dropped):
            self._connection.execute(findings.delete().where(findings.c.finding_id.in_(part)))


def _wanted(said: Sequence[Said], folded: Folded) -> tuple[dict[_Place, Counter[FindingKey]], set[_Place]]:
    """What should be there by place, and the places whose findings stay as they are."""
    wanted: dict[_Place, Counter[FindingKey]] = {}
    kept: set[_Place] = set()
    for item in said:
        place = (item.row.page_id, item.row.ordinal)
        if item.findings is None:
            kept.add(place)
        else:
            wanted[place] = wanted.get(place, Counter()) + item.findings
    wanted[None, None] = told_findings(folded.conflicts)
    return wanted, kept


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)
