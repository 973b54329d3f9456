"""Interprets stored raw answers again, after a mapping fix: no vendor call, no credentials, only what differs is written.

Every committed page is replayed through the plugin as it is now: the pages of collections and lists, of all generations and of all
reads, since the documents are folded from the observations of all of them; answers to verifications, and layout files. A batch of
pages is one transaction, and doing it again changes nothing; so a run that was killed is simply run again.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from fapiao.registry import Registry, registry
from fapiao.rereading.replaying import Replayer
from fapiao.store import Database
from fapiao.store.documents.policies import ready
from fapiao.store.raw.answers import answer_batches
from fapiao.store.raw.pages import fetch_pages, page_batches, scopes
from fapiao.store.rereading.changes import Changes
from fapiao.store.rereading.rebuilding import Rebuilder
from fapiao.store.rereading.reproving import reprove_marked

__all__ = ["Renormalized", "renormalize"]

_SHOWN = 20


class Renormalized(msgspec.Struct, kw_only=True):
    """What a run did."""

    changes: Changes
    purged: int = 0
    """Pages whose raw was purged, or never stored: they keep what they said."""
    purged_kinds: Counter[str] = msgspec.field(default_factory=Counter)
    """Of them: ``collect``, ``sync``, ``verify``, ``files``."""
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
            (done.checks, f"verifications changed: {_counted(done.check_fields)}"),
            (done.layout_tasks, "layout tasks changed"),
            (done.links_new, "links to layout files are new: the next run that archives fetches them"),
            (done.links_gone, "links to layout files are gone: no answer names them any more"),
            (done.files, "archived files belong to another document now"),
            (
                self.purged,
                f"pages cannot be replayed, their raw was purged ({_counted(self.purged_kinds)}): they keep what they said",
            ),
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
    clock: Callable[[], float] = time.time,
    progress: Callable[[Changes], None] | None = None,
) -> Renormalized:
    """Replay the stored pages that are wanted, all without a wish, and write what they say now.

    A document that is also held elsewhere (by another taxpayer, in another month) is put together anew from all its
    records, also those that were not asked for; the numbers of their slices follow when these are.

    :param taxpayer_no: of answers to verifications and of layout files: on whose behalf it was verified.
    :param invoice_month: ``yyyymm``; of these: the month of issue of the invoice, as it was claimed.

    :param progress: called after every batch with the counts so far.
    :raises StoreError: the database does not work, or a transcript is encrypted and its key is not here.
    :raises ConfigurationError: the source is not installed, or the personal data policy hashes and its key is not here.
    """
    began = time.monotonic()
    if source is not None:
        sources.get(source)  # not installed is the user's matter, before anything is done
    keys = database.raw_keys()
    policy = ready(database)
    replayer = Replayer(sources, keys, policy.withholding)
    rebuilder = Rebuilder(database, replayer.replay, keys, clock, policy.version)
    result = Renormalized(changes=Changes())
    wanted = {"source": source, "taxpayer_no": taxpayer_no, "invoice_month": invoice_month}

    def interpret(batches: Iterator[list[int]]) -> None:
        for page_ids in batches:
            _interpret(database, page_ids, replayer, rebuilder, result)
            if progress is not None:
                progress(result.changes)

    for scope in scopes(database, **wanted):
        for collection_id in scope.collection_ids:
            interpret(page_batches(database, collection_id))
        result.changes.add(reprove_marked(database, clock()))
    interpret(answer_batches(database, **wanted))
    result.changes.add(reprove_marked(database, clock()))  # also what a killed run left
    result.failures = list(replayer.failures.values())[:_SHOWN]
    result.seconds = round(time.monotonic() - began, 3)
    return result


def _interpret(
    database: Database, page_ids: Sequence[int], replayer: Replayer, rebuilder: Rebuilder, result: Renormalized
) -> None:
    batch = []
    for page in database.read(lambda connection: fetch_pages(connection, page_ids)):
        item = replayer.replay(page)
        if item is not None:
            batch.append(item)
        elif not page.transcript:
            result.purged += 1
            result.purged_kinds[page.kind] += 1
        else:
            result.failed += 1
    if batch:
        result.changes.add(rebuilder.rebuild(batch))
