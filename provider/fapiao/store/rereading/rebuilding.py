"""Writes what replayed pages say now over what the database has: observations, documents, quarantine, page numbers.

One call is one transaction. It changes only rows that differ, so doing it again changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.errors import StoreError
from fapiao.invoices.model import Invoice
from fapiao.store.access.bulk import Writer
from fapiao.store.access.database import Database
from fapiao.store.access.failures import failure, is_misfit
from fapiao.store.access.keys import KeyReserve
from fapiao.store.access.sealing import RawKeys
from fapiao.store.documents.loading import BY_KEY
from fapiao.store.documents.policies import guard
from fapiao.store.documents.rows import RowSet
from fapiao.store.raw.pages import WITHHELD
from fapiao.store.rereading.changes import Changes
from fapiao.store.rereading.comparing import Difference, Replayed, compare, places_of_pages, screen_one
from fapiao.store.rereading.rechecking import recheck, relate
from fapiao.store.rereading.regrouping import Bundle, Circle, Replay, bundles, close_circle, refuse_contradictions
from fapiao.store.rereading.relinking import relink
from fapiao.store.rereading.reproving import mark
from fapiao.store.rereading.rewriting import DocumentWriter, TooFewKeys
from fapiao.store.tables.columns import json_text
from fapiao.store.tables.ledger import pages, rejections, slice_records

__all__ = ["Rebuilder"]


class Rebuilder:
    """Brings the database to what replayed pages say."""

    def __init__(
        self,
        database: Database,
        replay: Replay,
        keys: RawKeys,
        clock: Callable[[], float] = time.time,
        policy_version: int | None = None,
    ) -> None:
        """:param policy_version: which personal data policy the replayed pages follow; None: they follow whichever there is."""
        self._database = database
        self._policy_version = policy_version
        self._replay = replay
        self._raw_keys = keys
        self._reserve = KeyReserve(database)
        self._clock = clock

    def rebuild(self, batch: Sequence[Replayed]) -> Changes:
        """One transaction over the pages. A record that the database cannot hold is quarantined with the reason.

        :raises StoreError: the database does not work; nothing of the batch was changed then.
        """
        try:
            return self._rebuild(batch, self._replay)
        except (TypeError, ValueError, AttributeError, ArithmeticError, sa.exc.SQLAlchemyError) as error:
            refusal: Exception = error
        except Exception as error:  # COPY raises the driver's own errors
            if not is_misfit(error):
                raise
            refusal = error
        screened = [_screened(item) for item in batch]
        if all(one is other for one, other in zip(batch, screened, strict=True)):
            if is_misfit(refusal):
                raise failure(refusal, self._database.place) from None
            raise refusal

        def replay(page: Any) -> Replayed | None:
            item = self._replay(page)
            return None if item is None else _screened(item)

        return self._rebuild(screened, replay)

    def _rebuild(self, batch: Sequence[Replayed], replay: Replay) -> Changes:
        # Records with several numbers may be refused as before (N11); where they are not, TooFewKeys says so.
        sure = sum(1 for item in batch for record in item.load.records if len(record.numbers) == 1)
        count = max(0, sure - sum(item.page.loaded for item in batch))
        while True:
            # No key is reserved where nothing is new: a run that changes nothing leaves no trace.
            keys = self._reserve.take(count) if count else []
            unused = keys

            def work(connection: Connection, keys: list[int] = keys) -> Changes:
                nonlocal unused
                fresh = iter(keys)
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(BY_KEY)
                if self._policy_version is not None:
                    guard(connection, self._policy_version)
                changes = _Rebuild(connection, self._database.schema, self._clock(), self._raw_keys).run(
                    batch, replay, fresh
                )
                unused = list(fresh)
                return changes

            try:
                return self._database.attempt(work)
            except TooFewKeys as shortage:
                unused = keys
                count = shortage.needed
            except StoreError:
                unused = []  # whether the commit came through is not known
                raise
            finally:
                if unused:
                    self._reserve.give_back(unused)


class _Rebuild:
    """One transaction's work."""

    def __init__(self, connection: Connection, schema: str | None, now: float, keys: RawKeys) -> None:
        self._connection = connection
        self._writer = Writer(connection, schema)
        self._rows = RowSet(self._writer, now)
        self._now = now
        self._raw_keys = keys
        self._touched: set[int] = set()
        """Generations whose records or numbers change."""
        self._beyond: dict[int, Replayed] = {}
        """Pages outside the batch with records that had to be rejected."""
        self.changes = Changes()

    def run(self, batch: Sequence[Replayed], replay: Replay, fresh: Iterator[int]) -> Changes:
        changes = self.changes
        changes.pages = len(batch)
        changes.records = sum(len(item.load.records) for item in batch)
        difference = compare(self._connection, batch)
        batch = [difference.screened.get(item.page.page_id, item) for item in batch]
        circle: Circle | None = None
        made: list[Bundle] = []
        if difference:
            by_page = {item.page.page_id: item for item in batch}
            if difference.documents or difference.arrivals:
                circle = close_circle(self._connection, batch, difference, replay)
                contradictions = refuse_contradictions(circle)
                batch = [circle.replayed.get(item.page.page_id, item) for item in batch]
                by_page = {item.page.page_id: item for item in batch}
                for place in contradictions:
                    record = circle.replayed[place[0]].record(place[1])
                    if record is not None and place[0] in by_page:
                        difference.refuse(place, json_text(record.rejected))
                made = bundles(circle)
                DocumentWriter(self._connection, self._writer, self._rows, self._now, changes).write(
                    circle, made, fresh
                )
                self._place_records(circle, made)
                self._reject_beyond(circle, by_page)
            self._quarantine(difference, by_page)
            self._rows.write()
            self._numbers_beyond()
        self._answers(batch, circle, made)
        for item in batch:
            self._page_numbers(item)
        mark(self._connection, self._touched)
        return changes

    def _answers(self, batch: Sequence[Replayed], circle: Circle | None, made: Sequence[Bundle]) -> None:
        """What answers about single documents say beside their records: those of the batch, and about what was rewritten."""
        replayed = list(batch) if circle is None else list(circle.replayed.values())
        done = recheck(self._connection, replayed, self.changes)
        relink(self._connection, batch, self.changes)
        if circle is not None:
            documents = circle.documents | {bundle.key for bundle in made if bundle.key is not None}
            numbers = {number for bundle in made for number in bundle.group.numbers}
            relate(self._connection, documents, numbers, done, self.changes)

    def _place_records(self, circle: Circle, made: list[Bundle]) -> None:
        """Write down which document each record belongs to, where that has changed."""
        moved: list[tuple[int, int, int]] = []
        for bundle in made:
            assert bundle.key is not None
            places = [(int(place.page.page_id), int(place.ordinal)) for place in bundle.group.places]
            for page_id, ordinal in (*places, *bundle.kept_places):
                was = circle.was.get((page_id, ordinal))
                if was == bundle.key:
                    continue
                moved.append((page_id, ordinal, bundle.key))
                if was is not None:
                    self.changes.moved += 1
        self._touched.update(circle.pages[page_id].collection_id for page_id, _, _ in moved)
        self._forget([(circle.pages[page_id].slice_id, page_id, ordinal) for page_id, ordinal, _ in moved])
        for page_id, ordinal, key in sorted(moved):
            page = circle.pages[page_id]
            self._rows.add(slice_records, str(page.slice_id), str(page.read_no), str(page_id), str(ordinal), str(key))

    def _reject_beyond(self, circle: Circle, by_page: dict[int, Replayed]) -> None:
        """Records of pages outside the batch that are rejected by now: their documents are written without them."""
        beyond: dict[int, list[int]] = {}
        for (page_id, ordinal), key in circle.was.items():
            item = circle.replayed.get(page_id)
            if item is None or key is None or page_id in by_page:
                continue
            record = item.record(ordinal)
            if record is None or record.invoice is None:
                beyond.setdefault(page_id, []).append(ordinal)
        for page_id, ordinals in sorted(beyond.items()):
            item = self._beyond[page_id] = circle.replayed[page_id]
            self._forget([(item.page.slice_id, page_id, ordinal) for ordinal in ordinals])
            for ordinal in sorted(ordinals):
                if item.record(ordinal) is not None:
                    self._reject(item, ordinal)
                    self._place_rejected(item, ordinal)
                    self.changes.rejected += 1

    def _numbers_beyond(self) -> None:
        """Their numbers until their own turn: what their records are now, as far as that is written."""
        for page_id, item in sorted(self._beyond.items()):
            places = places_of_pages(self._connection, [item])
            ordinals = {ordinal for (_, ordinal), key in places.items() if key is not None}
            loaded = [record.invoice for record in item.load.records if record.ordinal in ordinals and record.invoice]
            values = {"loaded": len(ordinals), "rejected": len(places) - len(ordinals)} | _sums(loaded)
            self._connection.execute(pages.update().where(pages.c.page_id == page_id).values(**values))
            self._touched.add(item.page.collection_id)

    def _reject(self, item: Replayed, ordinal: int) -> None:
        record = item.record(ordinal)
        assert record is not None
        page = item.page
        place = (str(page.page_id), str(ordinal))
        raw = self._raw_keys.seal_text(json_text(record.raw)) if item.load.keeps_raw or self._raw_keys else WITHHELD
        self._rows.add(
            rejections, *place, str(page.slice_id), json_text(record.rejected), raw, self._rows.now,
        )  # fmt: skip

    def _place_rejected(self, item: Replayed, ordinal: int) -> None:
        page = item.page
        self._rows.add(slice_records, str(page.slice_id), str(page.read_no), str(page.page_id), str(ordinal), None)

    def _forget(self, places: list[tuple[int, int, int]]) -> None:
        """Take out rows of ``fapiao_slice_record``: (slice_id, page_id, ordinal)."""
        if places:
            table = slice_records.c
            self._connection.execute(
                slice_records.delete().where(
                    table.slice_id == sa.bindparam("of_slice"),
                    table.page_id == sa.bindparam("of_page"),
                    table.ordinal == sa.bindparam("at"),
                ),
                [{"of_slice": slice_id, "of_page": page_id, "at": ordinal} for slice_id, page_id, ordinal in places],
            )

    def _quarantine(self, difference: Difference, by_page: dict[int, Replayed]) -> None:
        """Records that are rejected now go in with their reasons, those that are loaded now come out."""
        changes = self.changes
        was_rejected = [
            place for place in (*difference.arrivals, *difference.surplus)
            if place in difference.before and difference.before[place] is None
        ]  # fmt: skip
        self._release([*was_rejected, *difference.reasons])
        gone = [*difference.surplus, *(place for place in difference.rejected if place in difference.before)]
        self._forget([(by_page[page_id].page.slice_id, page_id, ordinal) for page_id, ordinal in gone])
        for page_id, ordinal in sorted((*difference.rejected, *difference.reasons)):
            self._reject(by_page[page_id], ordinal)
        for page_id, ordinal in sorted(difference.rejected):
            self._place_rejected(by_page[page_id], ordinal)
        self._touched.update(
            by_page[page_id].page.collection_id
            for page_id, _ in (*difference.arrivals, *difference.rejected, *difference.surplus)
        )
        changes.loaded += sum(1 for place in difference.arrivals if place in difference.before)
        changes.rejected += sum(1 for place in difference.rejected if place in difference.before)
        changes.reasons += len(difference.reasons)
        changes.rows += len(difference.rejected) + len(difference.reasons) + len(was_rejected)

    def _release(self, places: list[tuple[int, int]]) -> None:
        if places:
            self._connection.execute(
                rejections.delete().where(
                    rejections.c.page_id == sa.bindparam("of_page"), rejections.c.ordinal == sa.bindparam("at")
                ),
                [{"of_page": page_id, "at": ordinal} for page_id, ordinal in places],
            )

    def _page_numbers(self, item: Replayed) -> None:
        page, load = item.page, item.load
        loaded = [record.invoice for record in load.records if record.invoice is not None]
        now: dict[str, Any] = {
            "total": load.total,
            "remaining": json_text(load.remaining),
            "record_count": load.record_count,
            "loaded": len(loaded),
            "rejected": len(load.records) - len(loaded),
        } | _sums(loaded)
        differing = {name: value for name, value in now.items() if getattr(page, name) != value}
        if differing:
            self._connection.execute(pages.update().where(pages.c.page_id == page.page_id).values(**differing))
            self._touched.add(page.collection_id)
            self.changes.rows += 1


def _sums(loaded: Sequence[Invoice]) -> dict[str, Decimal]:
    return {
        "amount_excl_tax": sum((invoice.amount_excl_tax or _ZERO for invoice in loaded), _ZERO),
        "tax_amount": sum((invoice.tax_amount or _ZERO for invoice in loaded), _ZERO),
    }


def _screened(item: Replayed) -> Replayed:
    records = [screen_one(item.load, record) for record in item.load.records]
    if all(one is other for one, other in zip(records, item.load.records, strict=True)):
        return item
    return msgspec.structs.replace(item, load=msgspec.structs.replace(item.load, records=records))


_ZERO = Decimal("0.00")  # as sums of cents are printed: SQLite keeps the text
