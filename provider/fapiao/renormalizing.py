"""Interprets stored raw answers again, after a mapping fix: no vendor call, no credentials, only what differs is written.

Every committed page is replayed through the plugin's ``read_page`` and ``normalize`` as they are now, the pages of all
generations and of all reads: the documents are folded from the observations of all of them. A batch of pages is one
transaction, and doing it again changes nothing; so a run that was killed is simply run again.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.arguments import CHINA
from fapiao.engine.transcript import Told, replay, unpack_told
from fapiao.errors import ConfigurationError, FapiaoError, PluginError, StoreError
from fapiao.invoices.intake import examine
from fapiao.invoices.model import NormalizeContext
from fapiao.registry import Registry, Source, registry
from fapiao.settings import COMMON_FIELDS
from fapiao.store import Database, PageLoad
from fapiao.store.comparing import Replayed
from fapiao.store.raw import RawPage, fetch_pages, page_batches, scopes
from fapiao.store.raw_changes import Changes
from fapiao.store.rebuilding import Rebuilder
from fapiao.store.reproving import reprove_marked
from fapiao.store.sealing import RawKeys
from fapiao.wire import Account, Page, Secret, SliceKey, SliceQuery, SyncQuery

__all__ = ["Renormalized", "renormalize", "replay_account"]

_KEPT = 24
"""Replayed pages kept for documents that several generations have."""
_SHOWN = 20


class Renormalized(msgspec.Struct, kw_only=True):
    """What a run did."""

    changes: Changes
    purged: int = 0
    """Pages whose raw was purged: they keep what they said."""
    failed: int = 0
    """Pages that the plugin cannot read any more: they keep what they said."""
    failures: list[str] = []
    """Of the first of them, what and why."""
    seconds: float = 0.0

    def to_json(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_text(self) -> str:
        """For people: a sentence, then what changed, one kind a line."""
        done = self.changes
        lines = [f"{done.records} records of {done.pages} pages were interpreted again in {self.seconds:.1f} s."]
        if not done.rows:
            lines.append("Nothing changed.")
        told = (
            (done.changed, f"documents changed: {_counted(done.fields)}"),
            (done.new, "documents are new"),
            (done.gone, "documents are gone: no record states them any more"),
            (done.loaded, "records that were rejected are loaded now"),
            (done.rejected, "records that were loaded are rejected now"),
            (done.reasons, "records are rejected for other reasons"),
            (done.moved, "records belong to another document now"),
            (done.findings_gained.total(), f"findings gained: {_counted(done.findings_gained)}"),
            (done.findings_lost.total(), f"findings lost: {_counted(done.findings_lost)}"),
            (done.deductions, "deduction snapshots were taken anew"),
            (self.purged, "pages cannot be replayed, their raw was purged: they keep what they said"),
            (self.failed, "pages cannot be replayed by the plugin: they keep what they said"),
        )
        lines += [f"{count} {text}" for count, text in told if count]
        lines += [
            f"slice {part.slice} (source {part.source}, taxpayer {part.taxpayer_no}, month {part.invoice_month}, "
            f"generation {part.generation}): {part.before} -> {part.after}"
            for part in done.slices
        ]
        return "\n".join([*lines, *self.failures])


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def renormalize(
    database: Database,
    *,
    source: str | None = None,
    taxpayer_no: str | None = None,
    invoice_month: str | None = None,
    sources: Registry = registry,
    raw_keys: RawKeys | None = None,
    clock: Callable[[], float] = time.time,
    progress: Callable[[Changes], None] | None = None,
) -> Renormalized:
    """Replay the stored pages that are wanted, all without a wish, and write what they say now.

    A document that is also held elsewhere (by another taxpayer, in another month) is put together anew from all its
    records, also those that were not asked for; the numbers of their slices follow when these are.

    :param progress: called after every batch with the counts so far.
    :raises StoreError: the database does not work, or a transcript is encrypted and its key is not here.
    :raises ConfigurationError: the source is not installed.
    """
    began = time.monotonic()
    keys = RawKeys.from_environment() if raw_keys is None else raw_keys
    replayer = _Replayer(sources, keys)
    rebuilder = Rebuilder(database, replayer.replay, keys, clock)
    result = Renormalized(changes=Changes())
    if source is not None:
        sources.get(source)  # not installed is the user's matter, before anything is done
    for scope in scopes(database, source=source, taxpayer_no=taxpayer_no, invoice_month=invoice_month):
        for collection_id in scope.collection_ids:
            for page_ids in page_batches(database, collection_id):
                pages = database.read(lambda connection, ids=page_ids: fetch_pages(connection, ids))  # type: ignore[misc]  # bound now
                batch = []
                for page in pages:
                    item = replayer.replay(page)
                    if item is not None:
                        batch.append(item)
                    elif not page.transcript:
                        result.purged += 1
                    else:
                        result.failed += 1
                if batch:
                    result.changes.add(rebuilder.rebuild(batch))
                if progress is not None:
                    progress(result.changes)
        result.changes.add(reprove_marked(database, clock()))
    result.changes.add(reprove_marked(database, clock()))  # what a killed run left
    result.failures = list(replayer.failures.values())[:_SHOWN]
    result.seconds = round(time.monotonic() - began, 3)
    return result


def replay_account(source: Source, name: str, told: Told) -> Account:
    """The account as a replayed flow sees it: its name, the settings its pages were read with, no credentials."""
    settings: dict[str, Any] = {
        field.name: field.default for field in (*source.descriptor.fields, *COMMON_FIELDS) if field.place == "extra"
    }
    for field in source.descriptor.fields:
        value = told.settings.get(field.name)
        if value is not None:
            settings[field.name] = float(value) if isinstance(value, Decimal) else value
    return Account(
        source=source.name,
        name=name,
        base_url=source.descriptor.default_host.rstrip("/"),
        login="",
        secret=Secret(""),
        settings=settings,
    )


class _Replayer:
    """Pages as the plugins read them now, the newest of them kept: generations of a month hold the same documents."""

    def __init__(self, sources: Registry, keys: RawKeys) -> None:
        self._sources = sources
        self._keys = keys
        self._normalizers: dict[str, Any] = {}
        self._kept: OrderedDict[int, Replayed | None] = OrderedDict()
        self.failures: dict[int, str] = {}

    def replay(self, page: RawPage) -> Replayed | None:
        """None: the raw was purged, or the plugin cannot read it any more (see ``failures``).

        What the database has of a page changes while it is written: the page given is the one returned.
        """
        if page.page_id in self._kept:
            self._kept.move_to_end(page.page_id)
            kept = self._kept[page.page_id]
            return None if kept is None else Replayed(page, kept.load)
        item = None
        if page.transcript:
            data = self._keys.open(page.transcript, str(page))  # without the key nothing goes on
            try:
                item = Replayed(page, self._load(page, data))
            except (PluginError, ConfigurationError, StoreError) as problem:
                self.failures[page.page_id] = f"{page}: {problem.what}"
        self._kept[page.page_id] = item
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return item

    def _load(self, page: RawPage, data: bytes) -> PageLoad:
        source = self._sources.get(page.source)
        transcript, told = unpack_told(data, page.transcript_sha256)
        account = replay_account(source, page.account, told)
        try:
            value = replay(source, source.read_page(account, _query(page, told), page.cursor or None), transcript)
        except PluginError:
            raise
        except FapiaoError as problem:
            raise PluginError(
                f"The stored answer is now read as an error: {problem.what}", source=page.source
            ) from None
        if not isinstance(value, Page):
            raise PluginError("The stored answer is now read as 'later'.", source=page.source)
        context = NormalizeContext(
            source=page.source,
            api=page.api,
            taxpayer_no=page.taxpayer_no,
            invoice_month=page.invoice_month,
            type=page.type,
            direction=page.direction,
        )
        normalize = self._normalizers.get(page.source)
        if normalize is None:
            normalize = self._normalizers[page.source] = source.normalizer()
        in_china = datetime.fromtimestamp(page.fetched_at, CHINA).replace(tzinfo=None)
        return PageLoad(
            slice_id=page.slice_id,
            collection_id=page.collection_id,
            read_no=page.read_no,
            cursor=page.cursor,
            source=page.source,
            api=page.api,
            fetched_at=page.fetched_at,
            total=value.total,
            remaining=value.remaining,
            record_count=len(value.records),
            transcript=b"",
            transcript_sha256=page.transcript_sha256,
            taxpayer_no=page.taxpayer_no,
            direction=page.direction,
            invoice_month=page.invoice_month,
            type=page.type,
            records=[
                examine(raw, ordinal, normalize(raw=raw, context=context), context, in_china)
                for ordinal, raw in enumerate(value.records)
            ],
        )


def _query(page: RawPage, told: Told) -> SliceQuery | SyncQuery:
    if told.sync is not None:
        return told.sync
    return SliceQuery(
        taxpayer_no=page.taxpayer_no,
        invoice_month=page.invoice_month,
        key=SliceKey(page.type, page.direction),
        job_id=page.vendor_job_id,
    )
