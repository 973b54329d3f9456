"""What is said about a document from now on: its observations as replayed records and kept ones state them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.folding import Observation
from fapiao.invoices.model import Invoice
from fapiao.store.access.bulk import chunks
from fapiao.store.documents.rows import RowSet, content_of, from_content
from fapiao.store.documents.state_history import Sighted, state_history
from fapiao.store.rereading.comparing import FindingKey, RecordPlace, told_findings
from fapiao.store.rereading.regrouping import Bundle, Circle, Observed
from fapiao.store.tables.invoices import observations, states

__all__ = ["ObservationWriter", "Said", "StateWriter", "said_before", "statements", "to_fold", "told_states"]


class Said(msgspec.Struct, gc=False):
    """One observation as it is from now on."""

    row: Observed
    invoice: Invoice
    times: list[float]
    """When it was said, as far as that is known."""
    findings: Counter[FindingKey] | None
    """About the record that first stated it; None: it is kept as it was, with its findings."""


def statements(circle: Circle, bundle: Bundle, key: int) -> list[Said]:
    """The observations of a bundle that has got its key, by identity."""
    made: dict[tuple[str, str, str], Said] = {}
    first_places: dict[tuple[str, str, str], list[tuple[float, RecordPlace]]] = defaultdict(list)
    contents: dict[tuple[str, str, str], tuple[Invoice, str]] = {}
    for place in bundle.group.places:
        at = (int(place.page.page_id), int(place.ordinal))
        record = circle.replayed[at[0]].record(at[1])
        assert record is not None
        assert record.invoice is not None
        invoice, content, content_hash = content_of(record.invoice)
        identity = (place.page.load.source, place.page.load.api, content_hash)
        contents[identity] = (invoice, content)
        first_places[identity].append((place.page.seen, at))
    for identity, places in first_places.items():
        invoice, content = contents[identity]
        times = sorted({seen for seen, _ in places})
        at = min(places)[1]
        record = circle.replayed[at[0]].record(at[1])
        assert record is not None
        row = Observed(key, *identity, content, at[0], at[1], times[0], times[-1])
        made[identity] = Said(row, invoice, times, told_findings(record.findings))
    for row in bundle.kept:
        span = sorted({row.first_seen_at, row.last_seen_at})
        same = made.get(row.identity)
        if same is None:
            kept = msgspec.structs.replace(row, invoice_key=key)
            made[row.identity] = Said(kept, from_content(row.content), span, None)
            continue
        times = sorted({*same.times, *span})
        same.times = times
        same.row.first_seen_at, same.row.last_seen_at = times[0], times[-1]
        if (row.page_id, row.ordinal) not in {place for _, place in first_places.get(row.identity, ())}:
            same.row.page_id, same.row.ordinal, same.findings = row.page_id, row.ordinal, None
    return [made[identity] for identity in sorted(made)]


def to_fold(said: Sequence[Said]) -> list[Observation]:
    """The observations as ``fold`` takes them."""
    return [_observation(item.row, item.invoice, item.row.last_seen_at) for item in said]


def said_before(rows: Sequence[Observed]) -> list[Observation]:
    """What the database has, as ``fold`` takes it."""
    return [_observation(row, from_content(row.content), row.last_seen_at) for row in rows]


def told_states(said: Iterable[tuple[Observed, Invoice]]) -> dict[Any, tuple[float, float]]:
    """What the observations say about the state, who says it, from when until when."""
    spans: dict[Any, tuple[float, float]] = {}
    for row, invoice in said:
        told = (row.source, row.api, invoice.state, invoice.state_raw)
        first, last = spans.get(told, (row.first_seen_at, row.last_seen_at))
        spans[told] = (min(first, row.first_seen_at), max(last, row.last_seen_at))
    return spans


class ObservationWriter:
    """Replaces the rows of ``fapiao_observation`` that differ."""

    def __init__(self, connection: Connection, rows: RowSet) -> None:
        self._connection = connection
        self._rows = rows
        self._dropped: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        """(source, api) → (document, content hash)."""

    def write(self, key: int, said: Sequence[Said], before: Sequence[Observed]) -> bool:
        """Whether anything differs."""
        old = {row.identity: row for row in before}
        now = {item.row.identity: item.row for item in said}
        changed = [identity for identity, row in now.items() if old.get(identity) != row]
        gone = old.keys() - now.keys()
        for identity in (*changed, *gone):
            if identity in old:
                source, api, content_hash = identity
                self._dropped[source, api].append((key, content_hash))
        for identity in changed:
            row = now[identity]
            self._rows.add(
                observations, str(key), row.source, row.api, row.content_hash, row.content, str(row.page_id),
                str(row.ordinal), self._rows.stamp(row.first_seen_at), self._rows.stamp(row.last_seen_at),
            )  # fmt: skip
        return bool(changed or gone)

    def flush(self) -> None:
        """Delete what goes or is replaced."""
        table = observations.c
        for (source, api), dropped in sorted(self._dropped.items()):
            for part in chunks(dropped):
                self._connection.execute(
                    observations.delete().where(
                        table.invoice_key.in_([key for key, _ in part]),
                        table.source == source,
                        table.api == api,
                        table.content_hash.in_([content_hash for _, content_hash in part]),
                    )
                )


class StateWriter:
    """Histories of states (``fapiao_invoice_state``) as they would have been written, had the records been read like this."""

    def __init__(self, connection: Connection, rows: RowSet) -> None:
        self._connection = connection
        self._rows = rows
        self._renewed: list[int] = []

    def last(self, keys: Iterable[int]) -> dict[int, tuple[int, str]]:
        """Document → number and state of the newest row."""
        table = states.c
        found: dict[int, tuple[int, str]] = {}
        query = sa.select(table.invoice_key, table.seq, table.state).order_by(table.seq)
        for part in chunks(sorted(keys)):
            for key, seq, state in self._connection.execute(query.where(table.invoice_key.in_(part))):
                found[key] = (seq, state)
        return found

    def begin(self, key: int, said: Sequence[Said]) -> None:
        """The whole history of a document that has none."""
        self._add(key, said, None, 0)

    def renew(self, key: int, said: Sequence[Said]) -> None:
        """The whole history in place of the one that is there."""
        self._renewed.append(key)
        self.begin(key, said)

    def append(self, key: int, said: Sequence[Said], after: int) -> None:
        """One row behind the last: what is said is the same, but it is folded to another state now."""
        self._add(key, said, [max(at for item in said for at in item.times)], after)

    def flush(self) -> None:
        """Delete what is replaced."""
        for part in chunks(self._renewed):
            self._connection.execute(states.delete().where(states.c.invoice_key.in_(part)))

    def _add(self, key: int, said: Sequence[Said], times: Sequence[float] | None, after: int) -> None:
        sighted = [Sighted(item.row.source, item.row.api, item.invoice, item.times) for item in said]
        for seq, (state, state_raw, who) in enumerate(state_history(sighted, times), after + 1):
            self._rows.add(
                states, str(key), str(seq), state, state_raw, who.source, self._rows.stamp(who.observed_at)
            )  # fmt: skip


def _observation(row: Observed, invoice: Invoice, at: float) -> Observation:
    return Observation(source=row.source, api=row.api, observed_at=at, invoice=invoice)
