"""Loads pages: transcripts, documents, quarantine and progress in one transaction, each page once.

A kill leaves all of a batch or nothing. Loading a page again changes nothing; loading the same records from another
page, another generation or another process in any order ends with the same documents.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.errors import StoreError
from fapiao.invoices.folding import Observation, fold
from fapiao.invoices.withholding import Withholding
from fapiao.store.access.bulk import Writer, chunks, generated_key
from fapiao.store.access.database import Database
from fapiao.store.access.failures import failure, is_misfit
from fapiao.store.access.keys import KeyReserve
from fapiao.store.access.sealing import RawKeys
from fapiao.store.documents.announcing import announce_pages
from fapiao.store.documents.claiming import assign
from fapiao.store.documents.deductions import Snapshots
from fapiao.store.documents.grouping import Group, PageLoad, Stated, StoredPage, group_records
from fapiao.store.documents.joining import Joins, without_contradictions
from fapiao.store.documents.merging import lock, merge
from fapiao.store.documents.policies import PolicyState, guard, ready
from fapiao.store.documents.rows import RowSet
from fapiao.store.documents.screening import screen
from fapiao.store.documents.settling import hold, observe, settle
from fapiao.store.documents.state_history import Sighted, state_history
from fapiao.store.raw.pages import WITHHELD
from fapiao.store.tables.columns import json_text
from fapiao.store.tables.invoices import states
from fapiao.store.tables.ledger import pages as page_table
from fapiao.store.tables.ledger import rejections, slice_records

__all__ = ["BY_KEY", "LoadReport", "Loader", "PageLoad", "withheld"]


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one call of :meth:`Loader.load` did."""

    pages: int = 0
    skipped: int = 0
    """Pages that were committed before."""
    records: int = 0
    rejected: int = 0
    """Quarantined records, those included that only the database refused."""
    new: int = 0
    """Documents seen for the first time."""
    changed: int = 0
    """Known documents about which something new was said."""
    same: int = 0
    """Known documents that were only seen again."""
    merged: int = 0
    """Documents that turned out to be another one and went into it."""


class Loader:
    """Writes pages of records into the database. Several threads may use one."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._raw_keys = database.raw_keys()
        self._keys = KeyReserve(database)
        self._clock = clock
        self._policy: PolicyState | None = None
        self._policy_lock = threading.Lock()

    @property
    def withholding(self) -> Withholding:
        """What the database's policy leaves of personal data: of every record that is loaded here, and of raw that is kept.

        :raises ConfigurationError: the policy hashes, and the key is missing or another one.
        """
        return self._ready().withholding

    def prepare(self) -> None:
        """Find what loading needs, before anything is asked of a vendor.

        :raises ConfigurationError: as :attr:`withholding`.
        """
        self._ready()

    @property
    def seals_raw(self) -> bool:
        """Whether raw is encrypted before it is stored."""
        return bool(self._raw_keys)

    @property
    def writers(self) -> int:
        """How many loads at once make sense: SQLite has one writer; a server works for one while another's rows are made."""
        return 1 if self._database.dialect == "sqlite" else 2

    def load(self, pages: Sequence[PageLoad], along: Callable[[Connection], None] | None = None) -> LoadReport:
        """Commit the pages in one transaction; a page that is committed already (slice, read, cursor) is skipped.

        A record that the database cannot hold, or that would make two invoices one, is quarantined with the reason, the others
        are loaded.

        :param along: what else belongs into the same transaction; called after the pages are written, and again when the
            transaction is.

        :raises StoreError: the database does not work, or its personal data policy is another one by now; nothing of the
            batch is in it then.
        """
        pages = [withheld(page, self.withholding) for page in pages]
        try:
            return self._load(pages, along)
        except (TypeError, ValueError, AttributeError, ArithmeticError, sa.exc.SQLAlchemyError) as error:
            refusal: Exception = error
        except Exception as error:  # COPY raises the driver's own errors
            if not is_misfit(error):
                raise
            refusal = error
        screened, refused = screen(pages)
        if not refused:
            if is_misfit(refusal):
                raise failure(refusal, self._database.place) from None
            raise refusal
        return self._load(screened, along)

    def _ready(self) -> PolicyState:
        with self._policy_lock:
            if self._policy is None:
                self._policy = ready(self._database)
            return self._policy

    def _load(self, pages: Sequence[PageLoad], along: Callable[[Connection], None] | None) -> LoadReport:
        count = sum(1 for page in pages for record in page.records if record.invoice is not None)
        keys = self._keys.take(count)
        unused = keys
        done: list[_Load] = []

        def work(connection: Connection) -> LoadReport:
            nonlocal unused
            fresh = iter(keys)
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(BY_KEY)
            guard(connection, self._ready().version)
            done[:] = [_Load(connection, self._database.schema, self._clock(), self._raw_keys)]
            report = done[0].run(*without_contradictions(connection, pages), fresh)
            if along is not None:
                along(connection)
            unused = list(fresh)
            return report

        try:
            report = self._database.attempt(work)
        except StoreError:
            unused = []  # whether the commit came through is not known
            raise
        finally:
            self._keys.give_back(unused)
        announce_pages(done[0].stored)
        return report


class _Load:
    """One transaction's work."""

    def __init__(self, connection: Connection, schema: str | None, now: float, raw_keys: RawKeys) -> None:
        self._connection = connection
        self._raw_keys = raw_keys
        self._writer = Writer(connection, schema)
        self._rows = RowSet(self._writer, now)
        self._deductions = Snapshots(connection, self._rows)
        self._now = now
        self.stored: list[StoredPage] = []
        """The pages that were not there before."""

    def run(self, pages: Sequence[PageLoad], joins: Joins, fresh: Iterator[int]) -> LoadReport:
        stored = self.stored = self._store_pages(pages)
        if not stored:
            return LoadReport(skipped=len(pages))
        known: dict[int, Group] = {}
        doubles: list[tuple[set[int], Group]] = []
        new = 0
        # In the order of reading, whatever became one batch: what was said first stays where it was said.
        in_time = sorted(stored, key=lambda page: page.seen)
        for document in assign(self._connection, self._writer, group_records(in_time), fresh):
            if len(document.keys) > 1:
                doubles.append((document.keys, document.group))
                continue
            (key,) = document.keys
            self._deductions.note(key, document.group)
            if document.is_new:
                new += 1
                self._add_new(key, document.group)
            else:
                known[key] = document.group
        for part in chunks(sorted([*known, *(key for keys, _ in doubles for key in keys)])):
            lock(self._connection, part)
        stated = {key: group.numbers for key, group in known.items()}
        joins.check(self._connection, stated | {key: group.numbers for keys, group in doubles for key in keys})
        merged: set[int] = set()
        for keys, group in doubles:
            key = merge(self._connection, keys, self._now)
            known[key] = group
            merged.add(key)
            self._deductions.note(key, group)
        for key, group in known.items():
            self._record_places(str(key), group)
        settlement = settle(self._connection, self._writer, self._rows, known, merged)
        self._deductions.write(set(known))
        self._rows.write()
        return LoadReport(
            pages=len(stored),
            skipped=len(pages) - len(stored),
            records=sum(len(page.load.records) for page in stored),
            rejected=sum(1 for page in stored for record in page.load.records if record.invoice is None),
            new=new,
            changed=settlement.changed,
            same=settlement.same,
            merged=sum(len(keys) - 1 for keys, _ in doubles),
        )

    def _store_pages(self, pages: Sequence[PageLoad]) -> list[StoredPage]:
        """Insert the pages that are not committed yet, in an order all processes share, with what they hold."""
        wanted = {(page.slice_id, page.read_no, page.cursor): page for page in pages}
        table = page_table.c
        stored: list[StoredPage] = []
        holders: dict[str, int] = {}
        committed = {
            (slice_id, read_no, cursor)
            for part in chunks(sorted({page.slice_id for page in pages}))
            for slice_id, read_no, cursor in self._connection.execute(
                sa.select(table.slice_id, table.read_no, table.cursor).where(
                    table.slice_id.in_(part), table.cursor.in_(sorted({page.cursor for page in pages}))
                )
            )
        }
        for place, page in sorted(wanted.items()):
            if place in committed:
                continue
            loaded = [record.invoice for record in page.records if record.invoice is not None]
            amount = sum((invoice.amount_excl_tax or _ZERO for invoice in loaded), _ZERO)
            tax = sum((invoice.tax_amount or _ZERO for invoice in loaded), _ZERO)
            if not (amount.is_finite() and tax.is_finite()):
                raise ValueError("an amount is not a number")  # PostgreSQL would keep it, and every sum would be lost
            seen = round(page.fetched_at, 6)
            # One read that brought several slices: its raw is kept once.
            holder = holders.get(page.transcript_sha256) if page.transcript_sha256 else None
            inserted = self._connection.execute(
                page_table.insert().values(
                    slice_id=page.slice_id,
                    read_no=page.read_no,
                    cursor=page.cursor,
                    api=page.api,
                    total=page.total,
                    remaining=json_text(page.remaining),
                    record_count=page.record_count,
                    loaded=len(loaded),
                    rejected=len(page.records) - len(loaded),
                    amount_excl_tax=amount,
                    tax_amount=tax,
                    billed=page.billed,
                    transcript=b"" if holder else self._raw_keys.seal(page.transcript),
                    transcript_sha256=page.transcript_sha256,
                    fetched_at=seen,
                    raw_page_id=holder,
                )
            )
            number = generated_key(inserted)
            holders.setdefault(page.transcript_sha256, number)
            page_id = str(number)
            stored.append(StoredPage(page, seen, str(page.slice_id), str(page.read_no), page_id))
            self._quarantine(stored[-1])
        return stored

    def _quarantine(self, page: StoredPage) -> None:
        for record in page.load.records:
            if record.invoice is not None:
                continue
            ordinal = str(record.ordinal)
            reasons = json_text(record.rejected)
            self._rows.add(slice_records, page.slice_id, page.read_no, page.page_id, ordinal, None)
            raw = self._raw_keys.seal_text(json_text(record.raw)) if page.load.keeps_raw else WITHHELD
            self._rows.add(rejections, page.page_id, ordinal, page.slice_id, reasons, raw, self._rows.now)

    def _add_new(self, number: int, group: Group) -> None:
        """A document nobody had: everything goes in without a look at the database."""
        rows = self._rows
        key = str(number)
        if len(group.stated) == 1:
            said = group.stated[0]
            invoice = said.invoice
            rows.new_document(key, invoice, said.source, rows.stamp(said.first))
            rows.add(states, key, "1", invoice.state, invoice.state_raw, said.source, rows.stamp(said.first))
            observe(rows, key, said)
        else:
            self._add_new_folded(key, group.stated)
        hold(rows, key, group)
        self._record_places(key, group)

    def _add_new_folded(self, key: str, said: list[Stated]) -> None:
        """A new document of which the batch already has several statements."""
        rows = self._rows
        observed = [
            Observation(source=part.source, api=part.api, observed_at=part.last, invoice=part.invoice)
            for part in sorted(said, key=lambda part: (part.source, part.api, part.content_hash))
        ]
        folded = fold(observed)
        first = rows.stamp(min(part.first for part in said))
        rows.new_document(key, folded.invoice, ",".join(sorted({part.source for part in said})), first)
        rows.findings(folded.conflicts, key, None, None, None)
        sighted = [Sighted(part.source, part.api, part.invoice, {part.first, part.last}) for part in said]
        for seq, (state, state_raw, who) in enumerate(state_history(sighted), 1):
            rows.add(states, key, str(seq), state, state_raw, who.source, rows.stamp(who.observed_at))
        for part in said:
            observe(rows, key, part)

    def _record_places(self, key: str, group: Group) -> None:
        for place in group.places:
            page = place.page
            self._rows.add(slice_records, page.slice_id, page.read_no, page.page_id, place.ordinal, key)


def withheld(page: PageLoad, withholding: Withholding) -> PageLoad:
    """The page with what the policy leaves of its records."""
    if withholding.is_idle:
        return page
    records = [withholding.examined(record, page.taxpayer_no) for record in page.records]
    if all(one is other for one, other in zip(records, page.records, strict=True)):
        return page
    return msgspec.structs.replace(page, records=records)


_ZERO = Decimal("0.00")  # as sums of cents are printed: SQLite keeps the text
BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
"""Every statement of a load goes by key. A table that has just been filled has no statistics yet, and PostgreSQL would
rather read all of it for each batch."""
