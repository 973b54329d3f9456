"""Documents written anew from their observations: only what differs, so that the rest keeps its times and its keys."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.folding import Folded, Observation, fold
from fapiao.invoices.model import Invoice
from fapiao.store.bulk import Row, Writer, chunks, columns
from fapiao.store.comparing import FindingKey, RecordPlace, told_findings
from fapiao.store.deduction_tables import deductions
from fapiao.store.deductions import Snapshots
from fapiao.store.documents import RowSet, content_of, from_content
from fapiao.store.failures import Stale
from fapiao.store.grouping import NumberKey
from fapiao.store.invoice_tables import findings, holdings, invoices, links, numbers, observations, states
from fapiao.store.merging import CHILDREN, PAPER_OF_DIGITAL
from fapiao.store.raw_changes import Changes, changed_fields
from fapiao.store.regrouping import Bundle, Circle, Observed
from fapiao.store.settling import state_source

__all__ = ["DocumentWriter", "TooFewKeys"]


class TooFewKeys(Exception):
    """More documents are new than keys were reserved: do it again with as many."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class _Said(msgspec.Struct, gc=False):
    """One observation as it is from now on."""

    row: Observed
    invoice: Invoice
    times: list[float]
    """When it was said, as far as that is known."""
    findings: Counter[FindingKey] | None
    """About the record that first stated it; None: it is kept as it was, with its findings."""


class _Noted(msgspec.Struct, gc=False):
    """A row of ``fapiao_finding`` about a record, or a conflict."""

    finding_id: int
    slice_id: int | None
    page_id: int | None
    ordinal: int | None
    key: FindingKey


_CHILD_FIELDS: dict[str, Any] = {
    "lines": (), "vehicle": None, "customs": None, "trips": (), "special_businesses": ()
}  # fmt: skip
_LINE_COUNT = columns(invoices).index("line_count")


class DocumentWriter:
    """Writes the documents of one circle in one transaction."""

    def __init__(self, connection: Connection, writer: Writer, rows: RowSet, now: float, changes: Changes) -> None:
        self._connection = connection
        self._writer = writer
        self._rows = rows
        self._now = now
        self._changes = changes
        self._heads: list[Row] = []
        self._drop_findings: list[int] = []
        self._drop_observed: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        """(source, api) → (document, content hash)."""
        self._drop_holdings: list[dict[str, Any]] = []
        self._renew_children: list[int] = []
        self._renew_states: list[int] = []

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
        noted = self._noted(known - gone)
        held = self._held(known - gone)
        last_states = self._last_states(known - gone)
        for bundle in sorted(made, key=_key):
            key = _key(bundle)
            self._document(circle, bundle, key in known, noted.get(key, []), held.get(key, {}), last_states.get(key))
        self._delete(gone)
        self._flush()
        self._snapshots(circle, made)
        self._link(made, gone)
        self._changes.gone += len(gone - {key for bundle in made for key in bundle.merged})
        self._changes.rows += len(gone)

    # One document

    def _document(
        self,
        circle: Circle,
        bundle: Bundle,
        is_known: bool,
        noted: list[_Noted],
        held: dict[tuple[str, str], Any],
        last_state: tuple[int, str] | None,
    ) -> None:
        key = _key(bundle)
        before = circle.observed.get(key, []) if is_known else []
        said = self._said(circle, bundle)
        touched = self._observe(key, said, before)
        folded = fold(_observations(said))
        touched |= self._hold(circle, bundle, key, held)
        touched |= self._note(circle, key, said, folded, noted)
        first = min(item.row.first_seen_at for item in said)
        sources = ",".join(sorted({item.row.source for item in said}))
        if not is_known:
            self._rows.new_document(str(key), folded.invoice, sources, self._rows.stamp(first))
            self._changes.new += 1
            self._write_states(key, said, fresh=True)
        else:
            was = fold([_observation(row, from_content(row.content), row.last_seen_at) for row in before]).invoice
            seen = (min(row.first_seen_at for row in before), {row.source for row in before})
            if was != folded.invoice or seen != (first, {item.row.source for item in said}):
                self._heads.append(self._head(key, was, folded.invoice, sources, first))
            if was != folded.invoice:
                self._changes.changed += 1
                self._changes.fields.update(changed_fields(was, folded.invoice))
            if _told_states((row, from_content(row.content)) for row in before) != _told_states(
                (item.row, item.invoice) for item in said
            ):
                self._renew_states.append(key)
                self._write_states(key, said, fresh=True)
            elif last_state is not None and last_state[1] != folded.invoice.state:
                self._write_states(key, said, after=last_state[0])
        if touched or not is_known:
            self._changes.rows += 1

    def _head(self, key: int, was: Invoice, now: Invoice, sources: str, first: float) -> Row:
        """The document's own row; its children are written anew only where one of them differs."""
        if any(getattr(was, name) != getattr(now, name) for name in _CHILD_FIELDS):
            self._renew_children.append(key)
            return self._rows.document(str(key), now, sources, self._rows.stamp(first))
        alone = msgspec.structs.replace(now, **_CHILD_FIELDS)
        row = list(self._rows.document(str(key), alone, sources, self._rows.stamp(first)))
        row[_LINE_COUNT] = str(len(now.lines))
        return row

    def _said(self, circle: Circle, bundle: Bundle) -> list[_Said]:
        """The document's observations from now on, by identity."""
        made: dict[tuple[str, str, str], _Said] = {}
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
            row = Observed(_key(bundle), *identity, content, at[0], at[1], times[0], times[-1])
            made[identity] = _Said(row, invoice, times, told_findings(record.findings))
        for row in bundle.kept:
            span = sorted({row.first_seen_at, row.last_seen_at})
            same = made.get(row.identity)
            if same is None:
                kept = msgspec.structs.replace(row, invoice_key=_key(bundle))
                made[row.identity] = _Said(kept, from_content(row.content), span, None)
                continue
            times = sorted({*same.times, *span})
            same.times = times
            same.row.first_seen_at, same.row.last_seen_at = times[0], times[-1]
            if (row.page_id, row.ordinal) not in {place for _, place in first_places.get(row.identity, ())}:
                same.row.page_id, same.row.ordinal, same.findings = row.page_id, row.ordinal, None
        return [made[identity] for identity in sorted(made)]

    def _observe(self, key: int, said: Sequence[_Said], before: Sequence[Observed]) -> bool:
        old = {row.identity: row for row in before}
        now = {item.row.identity: item.row for item in said}
        changed = [identity for identity, row in now.items() if old.get(identity) != row]
        for identity in (*changed, *(old.keys() - now.keys())):
            if identity in old:
                source, api, content_hash = identity
                self._drop_observed[source, api].append((key, content_hash))
        for identity in changed:
            row = now[identity]
            self._rows.add(
                observations, str(key), row.source, row.api, row.content_hash, row.content, str(row.page_id),
                str(row.ordinal), self._rows.stamp(row.first_seen_at), self._rows.stamp(row.last_seen_at),
            )  # fmt: skip
        return bool(changed) or bool(old.keys() - now.keys())

    def _note(self, circle: Circle, key: int, said: Sequence[_Said], folded: Folded, noted: Sequence[_Noted]) -> bool:
        """Findings about the records that state the observations, and conflicts between these."""
        place: tuple[int | None, int | None]
        wanted: dict[tuple[int | None, int | None], Counter[FindingKey]] = {}
        kept: set[tuple[int | None, int | None]] = set()
        for item in said:
            place = (item.row.page_id, item.row.ordinal)
            if item.findings is None:
                kept.add(place)
            else:
                wanted[place] = wanted.get(place, Counter()) + item.findings
        wanted[None, None] = told_findings(folded.conflicts)
        lost: Counter[str] = Counter()
        gained: Counter[str] = Counter()
        for row in noted:
            place = (row.page_id, row.ordinal)
            if place in kept:
                continue
            if wanted.get(place, Counter())[row.key] > 0:
                wanted[place][row.key] -= 1
            else:
                self._drop_findings.append(row.finding_id)
                lost[row.key[0]] += 1
        for (page_id, ordinal), counts in wanted.items():
            for (rule, severity, field, message), count in counts.items():
                for _ in range(count):
                    slice_id = None if page_id is None else circle.pages[page_id].slice_id
                    self._rows.add(
                        findings, str(key), _text(slice_id), _text(page_id), _text(ordinal), rule, severity, field,
                        message, self._rows.now,
                    )  # fmt: skip
                    gained[rule] += 1
        self._changes.findings_gained.update(gained)
        self._changes.findings_lost.update(lost)
        return bool(gained or lost)

    def _hold(self, circle: Circle, bundle: Bundle, key: int, held: dict[tuple[str, str], Any]) -> bool:
        """Holdings follow from the records."""
        spans: dict[tuple[str, str], tuple[str, float, float]] = {}
        places = [(int(place.page.page_id), int(place.ordinal)) for place in bundle.group.places]
        for page_id, _ in (*places, *bundle.kept_places):
            page = circle.pages[page_id]
            holder = (page.taxpayer_no, page.direction)
            month, first, last = spans.get(holder, (page.invoice_month, page.fetched_at, page.fetched_at))
            spans[holder] = (month, min(first, page.fetched_at), max(last, page.fetched_at))
        if not spans:
            return False  # everything said about it came from elsewhere
        touched = False
        for holder, (month, first, last) in spans.items():
            old = held.get(holder)
            if old is not None and (old.first_seen_at, old.last_seen_at) == (first, last):
                continue
            if old is not None:
                month = old.invoice_month
                self._drop_holdings.append({"of_key": key, "of_taxpayer": holder[0], "of_direction": holder[1]})
            self._rows.add(
                holdings, str(key), *holder, month or _issued(bundle), self._rows.stamp(first), self._rows.stamp(last)
            )
            touched = True
        for holder in held.keys() - spans.keys():
            self._drop_holdings.append({"of_key": key, "of_taxpayer": holder[0], "of_direction": holder[1]})
            touched = True
        return touched

    def _write_states(self, key: int, said: Sequence[_Said], *, fresh: bool = False, after: int = 0) -> None:
        """The history as it would have been written, had the records been read like this at once."""
        times = sorted({at for item in said for at in item.times})
        if not fresh:
            times = times[-1:]
        seq, state = after, None
        for at in times:
            then = [
                _observation(item.row, item.invoice, max(time for time in item.times if time <= at))
                for item in said
                if item.times[0] <= at
            ]
            invoice = fold(then).invoice
            if invoice.state == state:
                continue
            seq, state = seq + 1, invoice.state
            who = state_source(then, state)
            self._rows.add(
                states, str(key), str(seq), invoice.state, invoice.state_raw, who.source,
                self._rows.stamp(who.observed_at),
            )  # fmt: skip

    # All documents

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

    def _noted(self, keys: set[int]) -> dict[int, list[_Noted]]:
        """Findings about records and conflicts; what is absent from a slice (no record) is proven elsewhere."""
        table = findings.c
        found: dict[int, list[_Noted]] = defaultdict(list)
        query = sa.select(
            table.invoice_key, table.finding_id, table.slice_id, table.page_id, table.ordinal, table.rule, table.severity,
            table.field, table.message,
        ).where(sa.or_(table.page_id.is_not(None), table.slice_id.is_(None)))  # fmt: skip
        for part in chunks(sorted(keys)):
            rows = self._connection.execute(query.where(table.invoice_key.in_(part)))
            for key, finding_id, slice_id, page_id, ordinal, *told in rows:
                found[key].append(_Noted(finding_id, slice_id, page_id, ordinal, tuple(told)))
        return found

    def _held(self, keys: set[int]) -> dict[int, dict[tuple[str, str], Any]]:
        found: dict[int, dict[tuple[str, str], Any]] = defaultdict(dict)
        for part in chunks(sorted(keys)):
            for row in self._connection.execute(sa.select(holdings).where(holdings.c.invoice_key.in_(part))):
                found[row.invoice_key][row.taxpayer_no, row.direction] = row
        return found

    def _last_states(self, keys: set[int]) -> dict[int, tuple[int, str]]:
        table = states.c
        found: dict[int, tuple[int, str]] = {}
        query = sa.select(table.invoice_key, table.seq, table.state).order_by(table.seq)
        for part in chunks(sorted(keys)):
            for key, seq, state in self._connection.execute(query.where(table.invoice_key.in_(part))):
                found[key] = (seq, state)
        return found

    def _delete(self, gone: set[int]) -> None:
        for part in chunks(sorted(gone)):
            for table in (observations, holdings, states, findings, *CHILDREN, invoices):
                self._connection.execute(table.delete().where(table.c.invoice_key.in_(part)))

    def _flush(self) -> None:
        """Everything that goes or is replaced; what is new is written with the other rows afterwards."""
        connection = self._connection
        for part in chunks(self._drop_findings):
            connection.execute(findings.delete().where(findings.c.finding_id.in_(part)))
        table = observations.c
        for (source, api), dropped in sorted(self._drop_observed.items()):
            for part in chunks(dropped):
                connection.execute(
                    observations.delete().where(
                        table.invoice_key.in_([key for key, _ in part]),
                        table.source == source,
                        table.api == api,
                        table.content_hash.in_([content_hash for _, content_hash in part]),
                    )
                )
        if self._drop_holdings:
            connection.execute(
                holdings.delete().where(
                    holdings.c.invoice_key == sa.bindparam("of_key"),
                    holdings.c.taxpayer_no == sa.bindparam("of_taxpayer"),
                    holdings.c.direction == sa.bindparam("of_direction"),
                ),
                self._drop_holdings,
            )
        for part in chunks(self._renew_children):
            for child in CHILDREN:
                connection.execute(child.delete().where(child.c.invoice_key.in_(part)))
        for part in chunks(self._renew_states):
            connection.execute(states.delete().where(states.c.invoice_key.in_(part)))
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

    def _link(self, made: Sequence[Bundle], gone: set[int]) -> None:
        """A document that went into another one leads there; one that is gone leads nowhere."""
        into = {key: _key(bundle) for bundle in made for key in bundle.merged if key in gone}
        for key in sorted(gone):
            where = links.c.to_key == key
            if key in into:
                self._connection.execute(links.update().where(where).values(to_key=into[key]))
                self._connection.execute(
                    links.insert().values(
                        from_key=key, to_key=into[key], link_type=PAPER_OF_DIGITAL, linked_at=self._now
                    )
                )
            else:
                self._connection.execute(links.delete().where(sa.or_(where, links.c.from_key == key)))


def _key(bundle: Bundle) -> int:
    assert bundle.key is not None
    return bundle.key


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _issued(bundle: Bundle) -> str:
    """The month of issue, for lists that are not about one; empty where no record states a day."""
    days = [stated.invoice.issued_on for stated in bundle.group.stated if stated.invoice.issued_on is not None]
    return f"{min(days):%Y%m}" if days else ""


def _observation(row: Observed, invoice: Invoice, at: float) -> Observation:
    return Observation(source=row.source, api=row.api, observed_at=at, invoice=invoice)


def _observations(said: Sequence[_Said]) -> list[Observation]:
    return [_observation(item.row, item.invoice, item.row.last_seen_at) for item in said]


def _told_states(said: Iterable[tuple[Observed, Invoice]]) -> dict[Any, tuple[float, float]]:
    """What the observations say about the state, who says it, from when until when."""
    spans: dict[Any, tuple[float, float]] = {}
    for row, invoice in said:
        told = (row.source, row.api, invoice.state, invoice.state_raw)
        first, last = spans.get(told, (row.first_seen_at, row.last_seen_at))
        spans[told] = (min(first, row.first_seen_at), max(last, row.last_seen_at))
    return spans
