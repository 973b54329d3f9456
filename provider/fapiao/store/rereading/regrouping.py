"""Documents put together anew from all records that are about them: which records belong together, under which key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.codes import Scheme
from fapiao.invoices.identity import numbers_of
from fapiao.invoices.intake import Examined
from fapiao.store.access.bulk import chunks
from fapiao.store.documents.claiming import owners_of
from fapiao.store.documents.grouping import Group, NumberKey, StoredPage, group_records
from fapiao.store.documents.joining import Joins, refused
from fapiao.store.documents.merging import lock
from fapiao.store.documents.rows import from_content
from fapiao.store.raw.pages import RawPage, fetch_pages
from fapiao.store.rereading.comparing import Difference, RecordPlace, Replayed
from fapiao.store.tables.invoices import observations
from fapiao.store.tables.ledger import slice_records

__all__ = ["Bundle", "Circle", "Observed", "bundles", "close_circle", "refuse_contradictions"]

Replay = Callable[[RawPage], "Replayed | None"]
"""What a page says now; None where it cannot be replayed."""


class Observed(msgspec.Struct, gc=False):
    """A row of ``fapiao_observation``."""

    invoice_key: int
    source: str
    api: str
    content_hash: str
    content: str
    page_id: int
    ordinal: int
    first_seen_at: float
    last_seen_at: float

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.source, self.api, self.content_hash


class Circle(msgspec.Struct):
    """The documents that must be looked at together, locked, and every record that is or was about one of them."""

    documents: set[int]
    owners: dict[NumberKey, int]
    """Of every number that one of the records states, and of those the documents had."""
    was: dict[RecordPlace, int | None]
    """The document each record belonged to."""
    pages: dict[int, RawPage]
    replayed: dict[int, Replayed]
    observed: dict[int, list[Observed]]


def close_circle(connection: Connection, batch: Sequence[Replayed], difference: Difference, replay: Replay) -> Circle:
    """Start with the documents that differ; add those that own a number some record states now, until there is no other."""
    circle = Circle(
        documents=set(), owners={}, was={}, pages={item.page.page_id: item.page for item in batch},
        replayed={item.page.page_id: item for item in batch}, observed={},
    )  # fmt: skip
    asked: set[NumberKey] = set()
    for place in difference.arrivals:
        circle.was[place] = difference.before.get(place)
    fresh = set(difference.documents)
    while fresh or any(place for place in circle.was if _numbers(circle, place) - asked):
        if fresh:
            for part in chunks(sorted(fresh)):
                lock(connection, part)
            _take_in(connection, circle, fresh, replay)
        wanted = {number for place in circle.was for number in _numbers(circle, place)} - asked
        asked |= wanted
        circle.owners.update(owners_of(connection, sorted(wanted)))
        fresh = {circle.owners[number] for number in wanted if number in circle.owners} - circle.documents
    return circle


def _numbers(circle: Circle, place: RecordPlace) -> set[NumberKey]:
    record = _record(circle, place)
    return {(number.scheme, number.value) for number in record.numbers} if record is not None else set()


def _record(circle: Circle, place: RecordPlace) -> Examined | None:
    item = circle.replayed.get(place[0])
    return None if item is None else item.record(place[1])


def _take_in(connection: Connection, circle: Circle, fresh: set[int], replay: Replay) -> None:
    table = slice_records.c
    circle.documents |= fresh
    missing: set[int] = set()
    for part in chunks(sorted(fresh)):
        query = sa.select(table.page_id, table.ordinal, table.invoice_key).where(table.invoice_key.in_(part))
        for page_id, ordinal, key in connection.execute(query):
            circle.was[page_id, ordinal] = key
            if page_id not in circle.pages:
                missing.add(page_id)
        rows = connection.execute(sa.select(observations).where(observations.c.invoice_key.in_(part)))
        for row in rows.mappings():
            circle.observed.setdefault(row["invoice_key"], []).append(Observed(**row))
    for page in fetch_pages(connection, sorted(missing)):
        circle.pages[page.page_id] = page
        item = replay(page)
        if item is not None:
            circle.replayed[page.page_id] = item


def refuse_contradictions(circle: Circle) -> list[RecordPlace]:
    """Turn each record that would make two documents one into a rejection, as loading does; which ones these are.

    What cannot be replayed was there before; then the records in the order of reading.
    """
    joins = Joins(())
    for row in (row for rows in circle.observed.values() for row in rows if row.page_id not in circle.replayed):
        joins.add([(number.scheme, number.value) for number in numbers_of(from_content(row.content))])
    joining = sorted(
        (circle.pages[place[0]].fetched_at, place)
        for place in circle.was
        if (record := _record(circle, place)) is not None and len(record.numbers) > 1
    )
    wrong: dict[int, dict[int, Examined]] = {}
    for _, place in joining:
        record = _record(circle, place)
        assert record is not None
        scheme = joins.add([(number.scheme, number.value) for number in record.numbers])
        if scheme is not None:
            wrong.setdefault(place[0], {})[place[1]] = refused(record, scheme)
    for page_id, records in wrong.items():
        item = circle.replayed[page_id]
        left = [records.get(record.ordinal, record) for record in item.load.records]
        circle.replayed[page_id] = msgspec.structs.replace(item, load=msgspec.structs.replace(item.load, records=left))
    return [(page_id, ordinal) for page_id, records in wrong.items() for ordinal in records]


class Bundle:
    """What one document is made of from now on."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.kept: list[Observed] = []
        """Observations that cannot be made again: their pages cannot be replayed, or they came from elsewhere."""
        self.kept_places: list[RecordPlace] = []
        self.key: int | None = None
        """None until it is given one; then a fresh one where no known document fits."""
        self.merged: set[int] = set()
        """Documents whose numbers are this one's now and that no other one is left of."""


def bundles(circle: Circle) -> list[Bundle]:
    """The records in groups by their numbers, with what is kept of records that cannot be made again."""
    members: dict[int, list[Examined]] = {}
    held: dict[int, list[RecordPlace]] = {}
    for place, key in circle.was.items():
        record = _record(circle, place)
        if record is not None and record.invoice is not None:
            members.setdefault(place[0], []).append(record)
        elif key is not None and place[0] not in circle.replayed:
            # Purged, or not replayable: it keeps what it said.
            held.setdefault(key, []).append(place)
    stored = []
    for page_id, records in sorted(members.items()):
        item = circle.replayed[page_id]
        load = msgspec.structs.replace(item.load, records=sorted(records, key=_ordinal))
        page = item.page
        stored.append(StoredPage(load, page.fetched_at, str(page.slice_id), str(page.read_no), str(page_id)))
    made = [Bundle(group) for group in group_records(stored)]
    _keep(circle, made, held)
    _give_keys(circle, made)
    return made


def _ordinal(record: Examined) -> int:
    return record.ordinal


def _keep(circle: Circle, made: list[Bundle], held: dict[int, list[RecordPlace]]) -> None:
    by_number = {number: bundle for bundle in made for number in bundle.group.numbers}
    origins: dict[int, set[tuple[str, str]]] = {}
    for (page_id, _), owner in circle.was.items():
        if owner is not None:
            origins.setdefault(owner, set()).add((circle.pages[page_id].source, circle.pages[page_id].api))
    for key in sorted(circle.documents):
        rows = circle.observed.get(key, [])
        paged = origins.get(key, set())
        said: dict[tuple[str, str, str], list[RecordPlace]] = {
            row.identity: [] for row in rows if (row.source, row.api) not in paged
        }
        for place in held.get(key, ()):
            row = max(rows, key=_likely(circle.pages[place[0]], place))
            said.setdefault(row.identity, []).append(place)
        for row in rows:
            if row.identity in said:
                bundle = _bundle_of(row, made, by_number)
                bundle.kept.append(row)
                bundle.kept_places += said[row.identity]


def _likely(page: RawPage, place: RecordPlace) -> Callable[[Observed], Any]:
    """How likely an observation is what a record said that cannot be made again: it is its first statement, or it begins
    or ends at that instant, or the instant lies between."""
    at = page.fetched_at

    def rank(row: Observed) -> Any:
        return (
            (row.source, row.api) == (page.source, page.api),
            (row.page_id, row.ordinal) == place,
            at in (row.first_seen_at, row.last_seen_at),
            row.first_seen_at <= at <= row.last_seen_at,
            row.last_seen_at,
        )

    return rank


def _bundle_of(row: Observed, made: list[Bundle], by_number: dict[NumberKey, Bundle]) -> Bundle:
    """The bundle that shares a number with the observation, or a new one; bundles that it joins become one."""
    numbers = tuple((number.scheme, number.value) for number in numbers_of(from_content(row.content)))
    bundle = next((by_number[number] for number in numbers if number in by_number), None)
    if bundle is None:
        bundle = Bundle(Group(numbers))
        made.append(bundle)
    for number in numbers:
        other = by_number.setdefault(number, bundle)
        if other is not bundle:
            _absorb(bundle, other, by_number)
            made.remove(other)
    bundle.group.numbers = tuple(dict.fromkeys((*bundle.group.numbers, *numbers)))
    return bundle


def _absorb(bundle: Bundle, other: Bundle, by_number: dict[NumberKey, Bundle]) -> None:
    for number in other.group.numbers:
        by_number[number] = bundle
    bundle.group.absorb(other.group)
    bundle.kept += other.kept
    bundle.kept_places += other.kept_places


def _give_keys(circle: Circle, made: list[Bundle]) -> None:
    """A document keeps its key as long as something of it is left: by its numbers first, then by its records."""
    taken: set[int] = set()

    def owned(bundle: Bundle) -> list[int]:
        keys = {number: circle.owners[number] for number in bundle.group.numbers if number in circle.owners}
        digital = {key for (scheme, _), key in keys.items() if scheme == Scheme.DIGITAL20}
        return sorted(set(keys.values()), key=lambda key: (key not in digital, key))

    def met(bundle: Bundle) -> list[int]:
        places = [(int(place.page.page_id), int(place.ordinal)) for place in bundle.group.places]
        keys = {circle.was[place] for place in places} | {row.invoice_key for row in bundle.kept}
        return sorted(key for key in keys if key is not None)

    candidates: list[tuple[Any, Bundle, list[int]]] = []
    for choose in (owned, met):
        candidates = [(keys, bundle, keys) for bundle in made if bundle.key is None and (keys := choose(bundle))]
        for _, bundle, keys in sorted(candidates, key=lambda item: item[0]):
            free = [key for key in keys if key not in taken]
            if free:
                bundle.key = free[0]
                taken.add(free[0])
    for bundle in made:
        if bundle.key is not None:
            bundle.merged = {key for key in owned(bundle) if key not in taken}
