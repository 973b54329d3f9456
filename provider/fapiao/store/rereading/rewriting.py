"""Documents written anew from their observations: only what differs, so that the rest keeps its times and its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.folding import fold
from fapiao.invoices.model import Invoice
from fapiao.store.access.bulk import Row, Writer, chunks
from fapiao.store.access.failures import Stale
from fapiao.store.documents.deductions import Snapshots
from fapiao.store.documents.grouping import NumberKey
from fapiao.store.documents.merging import CHILDREN, lead
from fapiao.store.documents.rows import RowSet, from_content
from fapiao.store.rereading.changes import Changes, changed_fields
from fapiao.store.rereading.regrouping import Bundle, Circle, Observed
from fapiao.store.rereading.reholding import HoldingWriter
from fapiao.store.rereading.remarking import FindingWriter
from fapiao.store.rereading.restating import (
    ObservationWriter,
    Said,
    StateWriter,
    said_before,
    statements,
    to_fold,
    told_states,
)
from fapiao.store.tables.deductions import deductions
from fapiao.store.tables.invoices import findings, holdings, invoices, merged, numbers, observations, states

__all__ = ["DocumentWriter", "TooFewKeys"]


class TooFewKeys(Exception):
    """More documents are new than keys were reserved: do it again with as many."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


_CHILD_FIELDS = ("lines", "vehicle", "customs", "trips", "special_businesses", "is_red", "remark")
"""What the rows of the children are made of."""


class DocumentWriter:
    """Writes the documents of one circle in one transaction."""

    def __init__(self, connection: Connection, writer: Writer, rows: RowSet, now: float, changes: Changes) -> None:
        self._connection = connection
        self._writer = writer
        self._rows = rows
        self._now = now
        self._changes = changes
        self._observations = ObservationWriter(connection, rows)
        self._states = StateWriter(connection, rows)
        self._holdings = HoldingWriter(connection, rows)
        self._findings = FindingWriter(connection, rows, changes)
        self._heads: list[Row] = []
        self._renew_children: list[int] = []

    def write(self, circle: Circle, made: Sequence[Bundle], fresh: Iterator[int]) -> None:
        """Give every bundle its key and write what differs; documents that nothing is left of are deleted."""
        nameless = [bundle for bundle in made if bundle.key is None]
        for bundle in nameless:
            bundle.key = next(fresh, None)
        if any(bundle.key is None for bundle in nameless):
            raise TooFewKeys(len(nameless))
        known = circle.documents
        gone = known - {bundle.key for bundle in made}
        self._renumber(circle, made, gone)
        noted = self._findings.known(known - gone)
        held = self._holdings.known(known - gone)
        last_states = self._states.last(known - gone)
        for bundle in sorted(made, key=_key):
            key = _key(bundle)
            said = statements(circle, bundle, key)
            before = circle.observed.get(key, []) if key in known else []
            folded = fold(to_fold(said))
            touched = self._observations.write(key, said, before)
            touched |= self._holdings.write(circle, bundle, key, held.get(key, {}))
            touched |= self._findings.write(circle, key, said, folded, noted.get(key, []))
            if key in known:
                self._rewrite(key, said, before, folded.invoice, last_states.get(key))
            else:
                first, sources = _origin(said)
                self._rows.new_document(str(key), folded.invoice, sources, self._rows.stamp(first))
                self._states.begin(key, said)
                self._changes.new += 1
            if touched or key not in known:
                self._changes.rows += 1
        self._delete(gone)
        self._flush()
        self._snapshots(circle, made)
        self._lead(made, gone)
        self._changes.gone += len(gone - {key for bundle in made for key in bundle.merged})
        self._changes.rows += len(gone)

    def _rewrite(
        self,
        key: int,
        said: Sequence[Said],
        before: Sequence[Observed],
        invoice: Invoice,
        last_state: tuple[int, str] | None,
    ) -> None:
        """Head, children and states of a known document."""
        was = fold(said_before(before)).invoice
        first, sources = _origin(said)
        seen = (min(row.first_seen_at for row in before), ",".join(sorted({row.source for row in before})))
        if was != invoice or seen != (first, sources):
            self._heads.append(self._head(key, was, invoice, sources, first))
        if was != invoice:
            self._changes.changed += 1
            self._changes.fields.update(changed_fields(was, invoice))
        told_before = told_states((row, from_content(row.content)) for row in before)
        if told_before != told_states((item.row, item.invoice) for item in said):
            self._states.renew(key, said)
        elif last_state is not None and last_state[1] != invoice.state:
            self._states.append(key, said, after=last_state[0])

    def _head(self, key: int, was: Invoice, now: Invoice, sources: str, first: float) -> Row:
        """The document's own row; its children are written anew only where one of them differs."""
        if any(getattr(was, name) != getattr(now, name) for name in _CHILD_FIELDS):
            self._renew_children.append(key)
            return self._rows.document(str(key), now, sources, self._rows.stamp(first))
        return self._rows.head(str(key), now, sources, self._rows.stamp(first))

    def _renumber(self, circle: Circle, made: Sequence[Bundle], gone: set[int]) -> None:
        """Numbers go where they are stated; a number that nobody states any more is free again."""
        wanted: dict[NumberKey, int] = {number: _key(bundle) for bundle in made for number in bundle.group.numbers}
        have: dict[NumberKey, int] = {}
        for part in chunks(sorted(circle.documents)):
            query = sa.select(numbers.c.scheme, numbers.c.value, numbers.c.invoice_key)
            for scheme, value, key in self._connection.execute(query.where(numbers.c.invoice_key.in_(part))):
                have[scheme, value] = key
        dropped = [number for number, key in have.items() if wanted.get(number) != key]
        if dropped:
            self._connection.execute(
                numbers.delete().where(
                    numbers.c.scheme == sa.bindparam("of_scheme"), numbers.c.value == sa.bindparam("of_value")
                ),
                [{"of_scheme": scheme, "of_value": value} for scheme, value in dropped],
            )
        added = sorted(number for number, key in wanted.items() if have.get(number) != key)
        if added and self._writer.claim(numbers, [(*number, str(wanted[number])) for number in added]) != len(added):
            raise Stale  # another process was first with one of them

    def _delete(self, gone: set[int]) -> None:
        for part in chunks(sorted(gone)):
            for table in (observations, holdings, states, findings, *CHILDREN, invoices):
                self._connection.execute(table.delete().where(table.c.invoice_key.in_(part)))

    def _flush(self) -> None:
        """Everything that goes or is replaced; what is new is written with the other rows afterwards."""
        for writer in (self._findings, self._observations, self._holdings, self._states):
            writer.flush()
        for part in chunks(self._renew_children):
            for child in CHILDREN:
                self._connection.execute(child.delete().where(child.c.invoice_key.in_(part)))
        self._writer.update(invoices, self._heads)

    def _snapshots(self, circle: Circle, made: Sequence[Bundle]) -> None:
        """Deduction histories from the records; what was told by pages that cannot be replayed stays."""
        table = deductions.c
        kept = {place for bundle in made for place in bundle.kept_places}
        over: list[int] = []
        query: Any = sa.select(table.deduction_id, table.page_id, table.ordinal)
        for part in chunks(sorted(circle.documents)):
            for deduction_id, page_id, ordinal in self._connection.execute(query.where(table.invoice_key.in_(part))):
                if (page_id, ordinal) not in kept:
                    over.append(deduction_id)
        for part in chunks(over):
            self._connection.execute(deductions.delete().where(table.deduction_id.in_(part)))
        snapshots = Snapshots(self._connection, self._rows)
        for bundle in made:
            snapshots.note(_key(bundle), bundle.group)
        snapshots.write(circle.documents)
        self._changes.deductions += len(over)

    def _lead(self, made: Sequence[Bundle], gone: set[int]) -> None:
        """A document that went into another one leads there; one that is gone leads nowhere."""
        into = {key: _key(bundle) for bundle in made for key in bundle.merged if key in gone}
        lead(self._connection, into, self._now)
        for part in chunks(sorted(gone - into.keys())):
            self._connection.execute(merged.delete().where(merged.c.to_key.in_(part)))


def _key(bundle: Bundle) -> int:
    assert bundle.key is not None
    return bundle.key


def _origin(said: Sequence[Said]) -> tuple[float, str]:
    """When the document was first seen, and whose word it is."""
    return min(item.row.first_seen_at for item in said), ",".join(sorted({item.row.source for item in said}))
