"""The raw answers that pages were read from: finding them, giving them out to be interpreted again, purging them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import chunks
from fapiao.store.access.database import Database
from fapiao.store.raw.questions import ANSWER_KINDS, Question, questions
from fapiao.store.tables.columns import EpochTime, json_text
from fapiao.store.tables.ledger import collections, pages, rejections, slices

__all__ = [
    "PAGE_RECORDS",
    "WITHHELD",
    "Purged",
    "RawPage",
    "RawScope",
    "fetch_pages",
    "is_purged",
    "page_batches",
    "purge_raw",
    "scopes",
]

PAGE_RECORDS = 1000
"""Records in one batch, about; a batch is one transaction."""
_MOST_PAGES = 50
_PURGE_CHUNK = 200
_PURGED_NAME = "fapiao_purged_at"
_PURGED_START = f'{{"{_PURGED_NAME}":'


class RawScope(msgspec.Struct, frozen=True, order=True):
    """All generations of one collection (or of one sync), oldest first."""

    source: str
    account: str
    taxpayer_no: str
    invoice_month: str
    kind: str
    query: str
    collection_ids: tuple[int, ...]


class RawPage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A committed read with its stored transcript; ``transcript`` is empty where it was purged."""

    page_id: int
    slice_id: int
    collection_id: int
    read_no: int
    cursor: str
    api: str
    total: int | None
    remaining: str
    record_count: int
    loaded: int
    rejected: int
    amount_excl_tax: Any
    tax_amount: Any
    transcript: bytes
    transcript_sha256: str
    fetched_at: float
    source: str
    account: str
    taxpayer_no: str
    invoice_month: str
    """Of the records: empty where a sync read them, which is about no month of issue."""
    generation: int
    vendor_job_id: str | None
    type: str
    direction: str
    kind: str
    """Of the collection: ``collect``, ``sync``, ``verify`` or ``files``."""
    asked: Question | None = None
    """What a page answers that is about a single document; None for all others, or where the question is gone."""

    def __str__(self) -> str:
        if self.kind in ANSWER_KINDS:
            return f"page {self.page_id} (source {self.source}, {self.asked or self.kind})"
        month = f"month {self.invoice_month}" if self.invoice_month else "a sync"
        place = (
            f"taxpayer {self.taxpayer_no}, {month}, generation {self.generation}, slice {self.type} {self.direction}"
        )
        return f"page {self.page_id} (source {self.source}, {place})"


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What a purge removed, or would remove."""

    pages: int
    stored_bytes: int
    """Of the transcripts, as they were stored."""
    rejected: int
    """Quarantined records whose raw JSON went."""


def scopes(
    database: Database, *, source: str | None = None, taxpayer_no: str | None = None, invoice_month: str | None = None
) -> list[RawScope]:
    """What there is to interpret again, each with the ids of its generations."""
    table = collections.c
    fields = (table.source, table.account, table.taxpayer_no, table.invoice_month, table.kind, table.query)
    wanted = [
        column == value
        for column, value in (
            (table.source, source), (table.taxpayer_no, taxpayer_no), (table.invoice_month, invoice_month)
        )
        if value is not None
    ]  # fmt: skip
    # Answers to verifications and about files are of no taxpayer's month: see `answer_batches`.
    wanted.append(table.kind.in_(("collect", "sync")))
    query = sa.select(*fields, table.collection_id).where(*wanted).order_by(*fields, table.generation)

    def look(connection: Connection) -> list[RawScope]:
        found: dict[tuple[str, ...], list[int]] = {}
        for row in connection.execute(query):
            found.setdefault(tuple(row[:6]), []).append(row[6])
        return [RawScope(*key, tuple(ids)) for key, ids in found.items()]  # type: ignore[call-arg, arg-type]  # six texts

    return database.read(look)


def page_batches(database: Database, collection_id: int) -> Iterator[list[int]]:
    """Ids of the generation's pages, older reads included, in batches of about ``PAGE_RECORDS`` records."""
    query = (
        sa.select(pages.c.page_id, pages.c.record_count)
        .join_from(pages, slices, pages.c.slice_id == slices.c.slice_id)
        .where(slices.c.collection_id == collection_id)
        .order_by(slices.c.type, slices.c.direction, pages.c.read_no, pages.c.page_id)
    )
    found = database.read(lambda connection: [(row[0], row[1]) for row in connection.execute(query)])
    batch: list[int] = []
    records = 0
    for page_id, record_count in found:
        if batch and (records + record_count > PAGE_RECORDS or len(batch) == _MOST_PAGES):
            yield batch
            batch, records = [], 0
        batch.append(page_id)
        records += record_count
    if batch:
        yield batch


def fetch_pages(connection: Connection, page_ids: Sequence[int]) -> list[RawPage]:
    """Pages with their stored transcripts, in the order of their ids."""
    page_names = (
        "page_id", "slice_id", "read_no", "cursor", "api", "total", "remaining", "record_count", "loaded", "rejected",
        "amount_excl_tax", "tax_amount", "transcript_sha256", "fetched_at",
    )  # fmt: skip
    job_names = (
        "collection_id", "source", "account", "taxpayer_no", "invoice_month", "generation", "kind",
    )  # fmt: skip
    holders = pages.alias()
    query = (
        sa.select(
            *[pages.c[name] for name in page_names],
            sa.func.coalesce(holders.c.transcript, pages.c.transcript).label("transcript"),
            *[collections.c[name] for name in job_names],
            slices.c.type,
            slices.c.direction,
            slices.c.vendor_job_id,
        )
        .select_from(
            pages.join(slices, pages.c.slice_id == slices.c.slice_id)
            .join(collections, slices.c.collection_id == collections.c.collection_id)
            .outerjoin(holders, holders.c.page_id == pages.c.raw_page_id)
        )
        .order_by(pages.c.page_id)
    )
    found: list[RawPage] = []
    for part in chunks(sorted(page_ids)):
        for row in connection.execute(query.where(pages.c.page_id.in_(part))).mappings():
            values = dict(row)
            values["transcript"] = bytes(values["transcript"])
            if values["kind"] != "collect":
                values["invoice_month"] = ""
            found.append(RawPage(**values))
    return _asked(connection, found)


def _asked(connection: Connection, found: list[RawPage]) -> list[RawPage]:
    """The pages, those that answer a question about a single document with that question and in whose name it was asked."""
    cursors = {page.page_id: page.cursor for page in found if page.kind in ANSWER_KINDS}
    if not cursors:
        return found
    asked = questions(connection, cursors)
    return [
        msgspec.structs.replace(page, asked=question, taxpayer_no=question.taxpayer_no)
        if (question := asked.get(page.page_id)) is not None
        else page
        for page in found
    ]


def purge_raw(database: Database, before: float, now: float, *, dry_run: bool = False) -> Purged:
    """Remove the raw of pages fetched before an instant (epoch seconds): transcripts, and JSON of rejected records.

    What proves the slices stays: page rows, SHA-256, counts and sums, reasons. Runs in many short transactions; a kill
    loses none of what was done, and a second run does the rest.
    """
    total = [0, 0, 0]
    after = 0
    while True:
        found = database.read(lambda connection, after=after: _to_purge(connection, before, after))  # type: ignore[misc]  # bound now
        if not found:
            break
        after = found[-1][0]
        ids = [page_id for page_id, _ in found]
        stored = {page_id: size for page_id, size in found if size}

        def work(connection: Connection, ids: list[int] = ids, stored: dict[int, int] = stored) -> int:
            return _purge(connection, ids, sorted(stored), now, dry_run=dry_run)

        rejected = database.read(work) if dry_run else database.transact(work)
        total[0] += len(stored)
        total[1] += sum(stored.values())
        total[2] += rejected
    return Purged(pages=total[0], stored_bytes=total[1], rejected=total[2])


WITHHELD = '{"fapiao_withheld":true}'
"""Stands for the JSON of a rejected record that the personal data policy does not let be stored."""


def is_purged(text: str) -> bool:
    """Whether a rejected record's ``raw`` is only the mark that it was purged."""
    return text.startswith(_PURGED_START)


def _to_purge(connection: Connection, before: float, after: int) -> list[tuple[int, int]]:
    """The next pages by id, each with the size of its transcript: 0 where it is gone already and a rejection may remain."""
    query = (
        sa.select(pages.c.page_id, sa.func.length(pages.c.transcript))
        .where(pages.c.page_id > after, pages.c.fetched_at < sa.literal(before, EpochTime()))
        .order_by(pages.c.page_id)
        .limit(_PURGE_CHUNK)
    )
    return [(page_id, int(size)) for page_id, size in connection.execute(query)]


def _purge(connection: Connection, ids: list[int], stored: list[int], now: float, *, dry_run: bool) -> int:
    rejected = sa.and_(rejections.c.page_id.in_(ids), ~rejections.c.raw.startswith(_PURGED_START, autoescape=True))
    if dry_run:
        count = connection.execute(sa.select(sa.func.count()).select_from(rejections).where(rejected)).scalar_one()
        return int(count)
    if stored:
        connection.execute(pages.update().where(pages.c.page_id.in_(stored)).values(transcript=b""))
    mark = json_text({_PURGED_NAME: int(now)})
    return connection.execute(rejections.update().where(rejected).values(raw=mark)).rowcount
