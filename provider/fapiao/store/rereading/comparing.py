"""Which records of replayed pages say something else than the database has. Reads only; most pages differ in nothing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.intake import Examined
from fapiao.invoices.model import Finding
from fapiao.store.access.bulk import chunks
from fapiao.store.documents.deductions import told_hash
from fapiao.store.documents.grouping import PageLoad
from fapiao.store.documents.rows import content_of
from fapiao.store.documents.screening import RULE, RULE_BEFORE, screen
from fapiao.store.raw.pages import RawPage
from fapiao.store.tables.columns import json_text
from fapiao.store.tables.deductions import deductions
from fapiao.store.tables.invoices import findings, numbers, observations
from fapiao.store.tables.ledger import rejections, slice_records
from fapiao.wire import LayoutFiles, Verification

__all__ = ["Difference", "RecordPlace", "Replayed", "compare", "places_of_pages", "told_findings"]

RecordPlace = tuple[int, int]
"""(page_id, ordinal)."""
NumberKey = tuple[str, str]
FindingKey = tuple[str, str, str, str]
"""(rule, severity, field, message)."""


class Replayed(msgspec.Struct, frozen=True, gc=False):
    """A page and what its transcript says now."""

    page: RawPage
    load: PageLoad
    said: Verification | LayoutFiles | None = None
    """The answer itself, where it was given to a question about a single document."""

    def record(self, ordinal: int) -> Examined | None:
        """The record at that place; None where the page has none there any more."""
        return self.load.records[ordinal] if ordinal < len(self.load.records) else None


class Difference(msgspec.Struct):
    """What has to be written anew."""

    documents: set[int]
    """Documents of which a record says something else now."""
    arrivals: list[RecordPlace]
    """Records that are loaded now and belonged to no document."""
    rejected: list[RecordPlace]
    """Records that are rejected now and were loaded, or were not there."""
    reasons: list[RecordPlace]
    """Records that are rejected as before, for other reasons."""
    surplus: list[RecordPlace]
    """Records that the page does not have any more."""
    before: dict[RecordPlace, int | None]
    """The document of every record of the pages as the database has it; None: rejected."""
    said: dict[RecordPlace, str]
    """The reasons of every record of the pages that is rejected in the database, as it has them."""
    screened: dict[int, Replayed]
    """Pages in which a record that the database had refused was refused again."""

    def __bool__(self) -> bool:
        return bool(self.documents or self.arrivals or self.rejected or self.reasons or self.surplus)

    def refuse(self, place: RecordPlace, reasons: str) -> None:
        """A record of the pages that could be loaded is rejected for what others say."""
        if place in self.arrivals:
            self.arrivals.remove(place)
        if place not in self.before or self.before[place] is not None:
            self.rejected.append(place)
        elif self.said.get(place) != reasons:
            self.reasons.append(place)


class _Known(msgspec.Struct):
    """What the database has of the documents in question."""

    observed: dict[int, dict[tuple[str, str, str], tuple[float, float]]]
    """document → (source, api, content hash) → first and last seen."""
    stated: dict[RecordPlace, list[tuple[int, str]]]
    """record → the observations that name it as their first statement: (document, content hash)."""
    numbers: dict[int, set[NumberKey]]
    findings: dict[RecordPlace, Counter[FindingKey]]
    deductions: dict[tuple[int, str, str], list[tuple[float, str]]]
    """(document, holder, source) → what was said about the deduction, as (time, hash) in the order of time."""
    told: dict[RecordPlace, tuple[int, str]]
    """record → document and hash of the snapshot that was taken from it."""


def compare(connection: Connection, replayed: Sequence[Replayed]) -> Difference:
    """Hold what replayed pages say against the database."""
    before = places_of_pages(connection, replayed)
    reasons = _reasons(connection, [item.page.page_id for item in replayed if item.page.rejected])
    known = _known(connection, {key for key in before.values() if key is not None})
    found = Difference(
        documents=set(), arrivals=[], rejected=[], reasons=[], surplus=[], before=before, said=reasons, screened={}
    )
    for item in replayed:
        item = _refused_again(item, reasons, found)
        page_id = item.page.page_id
        for record in item.load.records:
            place = (page_id, record.ordinal)
            key = before.get(place)
            if record.invoice is None:
                if key is not None:
                    found.documents.add(key)
                    found.rejected.append(place)
                elif place not in before:
                    found.rejected.append(place)
                elif reasons.get(place) != json_text(record.rejected):
                    found.reasons.append(place)
            elif key is None:
                found.arrivals.append(place)
            elif not _is_as_known(item, record, key, place, known):
                found.documents.add(key)
    ends = {item.page.page_id: len(item.load.records) for item in replayed}
    for place, key in before.items():
        if place[1] >= ends[place[0]]:
            found.surplus.append(place)
            if key is not None:
                found.documents.add(key)
    return found


_REFUSED = re.compile(f'"rule":"(?:{RULE}|{RULE_BEFORE})"').search


def _refused_again(item: Replayed, reasons: dict[RecordPlace, str], found: Difference) -> Replayed:
    """Records that only the database had refused are screened again, not loaded to be refused once more."""
    suspects = {
        record.ordinal
        for record in item.load.records
        if record.invoice is not None and _REFUSED(reasons.get((item.page.page_id, record.ordinal), ""))
    }
    if not suspects:
        return item
    records = [screen_one(item.load, record) if record.ordinal in suspects else record for record in item.load.records]
    screened = msgspec.structs.replace(item, load=msgspec.structs.replace(item.load, records=records))
    found.screened[item.page.page_id] = screened
    return screened


def screen_one(load: PageLoad, record: Examined) -> Examined:
    """The record, turned into a rejection where the tables cannot hold it."""
    (page,), _ = screen([msgspec.structs.replace(load, records=[record])])
    return page.records[0]


def _is_as_known(item: Replayed, record: Examined, key: int, place: RecordPlace, known: _Known) -> bool:
    invoice = record.invoice
    assert invoice is not None
    load = item.load
    _, _, content_hash = content_of(invoice)
    observed = known.observed[key]
    span = observed.get((load.source, load.api, content_hash))
    if span is None or not span[0] <= item.page.fetched_at <= span[1]:
        return False
    have = known.numbers[key]
    mine = {(str(number.scheme), number.value) for number in record.numbers}
    if mine != have and (len(observed) == 1 or not mine <= have):
        return False
    for document, stated_hash in known.stated.get(place, ()):
        if document != key or stated_hash != content_hash:
            return False
        if told_findings(record.findings) != known.findings.get(place, _NONE):
            return False
    return _deduction_is_as_known(item, place, key, told_hash(invoice), known)


def _deduction_is_as_known(item: Replayed, place: RecordPlace, key: int, told: str | None, known: _Known) -> bool:
    snapshot = known.told.get(place)
    if snapshot is not None and snapshot != (key, told):
        return False
    if told is None:
        return True
    history = known.deductions.get((key, item.page.taxpayer_no, item.page.source), [])
    at = item.page.fetched_at
    # Several records of one instant may tell different things; one of them is this one's.
    said = [content_hash for time, content_hash in history if time == at]
    said += [content_hash for time, content_hash in history if time < at][-1:]
    return told in said


_NONE: Counter[FindingKey] = Counter()


def told_findings(told: Iterable[Finding]) -> Counter[FindingKey]:
    """Findings as their table has them."""
    return Counter((item.rule, item.severity.value, item.field, item.message) for item in told)


def places_of_pages(connection: Connection, replayed: Sequence[Replayed]) -> dict[RecordPlace, int | None]:
    """The document of every record of the pages; None: rejected."""
    by_read: dict[tuple[int, int], list[int]] = defaultdict(list)
    for item in replayed:
        by_read[item.page.slice_id, item.page.read_no].append(item.page.page_id)
    table = slice_records.c
    places: dict[RecordPlace, int | None] = {}
    for (slice_id, read_no), page_ids in by_read.items():
        for part in chunks(page_ids):
            query = sa.select(table.page_id, table.ordinal, table.invoice_key).where(
                table.slice_id == slice_id, table.read_no == read_no, table.page_id.in_(part)
            )
            for page_id, ordinal, key in connection.execute(query):
                places[page_id, ordinal] = key
    return places


def _reasons(connection: Connection, page_ids: list[int]) -> dict[RecordPlace, str]:
    table = rejections.c
    found: dict[RecordPlace, str] = {}
    for part in chunks(page_ids):
        query = sa.select(table.page_id, table.ordinal, table.reasons).where(table.page_id.in_(part))
        for page_id, ordinal, reasons in connection.execute(query):
            found[page_id, ordinal] = reasons
    return found


def _known(connection: Connection, keys: set[int]) -> _Known:
    known = _Known(
        observed={key: {} for key in keys},
        stated=defaultdict(list),
        numbers={key: set() for key in keys},
        findings=defaultdict(Counter),
        deductions=defaultdict(list),
        told={},
    )
    seen, noted, snapped = observations.c, findings.c, deductions.c
    observed: Any = sa.select(
        seen.invoice_key, seen.source, seen.api, seen.content_hash, seen.page_id, seen.ordinal, seen.first_seen_at,
        seen.last_seen_at,
    )  # fmt: skip
    numbered: Any = sa.select(numbers.c.invoice_key, numbers.c.scheme, numbers.c.value)
    found: Any = sa.select(noted.page_id, noted.ordinal, noted.rule, noted.severity, noted.field, noted.message).where(
        noted.page_id.is_not(None)
    )
    told: Any = sa.select(
        snapped.invoice_key, snapped.taxpayer_no, snapped.source, snapped.observed_at, snapped.content_hash,
        snapped.page_id, snapped.ordinal,
    ).order_by(snapped.observed_at, snapped.deduction_id)  # fmt: skip
    for part in chunks(sorted(keys)):
        rows = connection.execute(observed.where(seen.invoice_key.in_(part)))
        for key, source, api, content_hash, page_id, ordinal, first, last in rows:
            known.observed[key][source, api, content_hash] = (first, last)
            known.stated[page_id, ordinal].append((key, content_hash))
        for key, scheme, value in connection.execute(numbered.where(numbers.c.invoice_key.in_(part))):
            known.numbers[key].add((scheme, value))
        for page_id, ordinal, *words in connection.execute(found.where(noted.invoice_key.in_(part))):
            rule, severity, field, message = words
            known.findings[page_id, ordinal][rule, severity, field, message] += 1
        rows = connection.execute(told.where(snapped.invoice_key.in_(part)))
        for key, taxpayer_no, source, at, content_hash, page_id, ordinal in rows:
            known.deductions[key, taxpayer_no, source].append((at, content_hash))
            known.told[page_id, ordinal] = (key, content_hash)
    return known
