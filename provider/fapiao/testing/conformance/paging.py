"""Group C: pages and cursors. Every record once, wherever a run was interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fapiao.errors import VendorError
from fapiao.testing.conformance.check import Breach, Check, NotApplicable, Stuck
from fapiao.testing.conformance.conversation import Conversation, Meddle
from fapiao.testing.conformance.kit import Kit
from fapiao.testing.conformance.tour import Query, Read, Reading, ready_query, tour_of, walk
from fapiao.wire import Request, SliceKey, SyncQuery

__all__ = ["CHECKS", "readings_of", "ready", "several"]

_LONGEST_CURSOR = 2_000
_FEWEST_PAGES = 3


def whole(kit: Kit) -> Iterator[Breach]:
    for reading in readings_of(kit):
        pages = len(reading.reads)
        if kit.one_page != (pages == 1) or (not kit.one_page and pages < _FEWEST_PAGES):
            yield Breach(
                "kit",
                f"what it declares is read as {pages} pages, and one_page is {kit.one_page}",
                f"declare at least {_FEWEST_PAGES} pages, with a small page size in Kit.settings; one_page=True where the "
                "plugin reads any slice by one flow",
            )
            continue
        records = [repr(record) for read in reading.reads for record in read.page.records]
        if len(set(records)) < len(records):
            yield Breach(
                "read_page",
                f"{len(records) - len(set(records))} of {len(records)} records come twice",
                "ask each cursor's page for exactly its own records",
            )
        if not kit.one_page:
            yield from _endless(kit, reading)


def _endless(kit: Kit, reading: Reading) -> Iterator[Breach]:
    """A vendor that repeats its second page for ever must not be read for ever."""
    second, most, asked = reading.reads[1].visit, 3 * len(reading.reads) + 50, 0

    def repeat(request: Request, ask: Callable[[], Any]) -> Any:
        nonlocal asked
        if not request.authorized or (request.method, request.path) not in {
            (other.method, other.path) for other in second.requests
        }:
            return ask()
        asked += 1
        return ask() if asked == 1 else second.answers[-1]

    try:
        conversation, query = ready(kit, reading.target, meddle=repeat)
        list(walk(conversation, query, most=most))
    except Stuck as stuck:
        if not isinstance(stuck.__cause__, VendorError):
            yield Breach(
                "read_page",
                f"with a vendor that repeats one page for ever: {stuck.seen}",
                "count pages by the vendor's total, or compare a page with the one before it",
            )


def resumable(kit: Kit) -> Iterator[Breach]:
    for reading in several(kit):
        for done in range(1, len(reading.reads)):
            read, left = reading.reads[:done], reading.reads[done:]
            begun = {page.cursor for page in read}
            known = tuple(cursor for page in reversed(read) for cursor in reversed(page.page.remaining))
            frontier = tuple(cursor for cursor in known if cursor not in begun)
            conversation, query = ready(kit, reading.target)
            rest = list(walk(conversation, query, frontier))
            if _records(rest) != _records(left):
                yield Breach(
                    "read_page",
                    f"after {done} of {len(reading.reads)} pages a new process reads {len(_records(rest))} records from the "
                    f"known cursors {list(frontier)!r}; {len(_records(left))} others are left",
                    "put into the cursor all that is needed to read from there; keep nothing on the plugin object",
                )
                break


def cursors_are_text(kit: Kit) -> Iterator[Breach]:
    for reading in readings_of(kit):
        for read in reading.reads:
            named: tuple[Any, ...] = read.page.remaining
            for cursor in named:
                if not isinstance(cursor, str) or not cursor:
                    yield Breach("read_page", f"it names the cursor {cursor!r}", "make it text that is not empty")
                    return
                if not _survives(cursor):
                    yield Breach(
                        "read_page",
                        f"it names a cursor of {len(cursor)} characters that is too long ({_LONGEST_CURSOR} bytes at most) or "
                        "no UTF-8",
                        "keep a page number, an offset or the vendor's own mark in it, not data",
                    )
                    return


def twice(kit: Kit) -> Iterator[Breach]:
    for reading in readings_of(kit):
        conversation, query = ready(kit, reading.target)
        for turn in ("first", "second"):
            again = list(walk(conversation, query))
            if [read.page for read in again] != [read.page for read in reading.reads]:
                yield Breach(
                    "read_page",
                    f"the {turn} reading of the same slice in another conversation differs",
                    "let a page depend on its query and cursor only",
                )
                break


def readings_of(kit: Kit) -> tuple[Reading, ...]:
    """What was read in the recorded conversation."""
    readings = tour_of(kit).readings
    if not readings:
        raise NotApplicable("the source reads no pages")
    return readings


def several(kit: Kit) -> tuple[Reading, ...]:
    """The same, each of several pages."""
    readings = readings_of(kit)
    if kit.one_page:
        raise NotApplicable("a slice is one page")
    for reading in readings:
        if len(reading.reads) < _FEWEST_PAGES:
            raise Stuck("kit", f"{reading.target} has {len(reading.reads)} pages, {_FEWEST_PAGES} are needed")
    return readings


def ready(
    kit: Kit, target: SliceKey | SyncQuery, *, month: str = "", meddle: Meddle | None = None
) -> tuple[Conversation, Query]:
    """A new conversation that has come so far that pages can be read."""
    conversation = Conversation(kit, meddle=meddle)
    if isinstance(target, SyncQuery):
        return conversation, conversation.source.sync_query(conversation.account, target)
    return conversation, ready_query(kit, conversation, target, month)[0]


def _survives(cursor: str) -> bool:
    try:
        return json.loads(json.dumps(cursor)) == cursor and len(cursor.encode()) < _LONGEST_CURSOR
    except UnicodeEncodeError:
        return False


def _records(reads: Sequence[Read[Any]]) -> list[str]:
    """All records, in whatever order their pages were read."""
    return sorted(repr(record) for read in reads for record in read.page.records)


CHECKS = (
    Check(id="C1", title="Reading ends, gives every record once, and is not caught in a loop.", examine=whole),
    Check(
        id="C2",
        title="Continued from the cursors known after any page it gives exactly the rest, in any order.",
        examine=resumable,
    ),
    Check(id="C3", title="A cursor is short text that survives JSON.", examine=cursors_are_text),
    Check(id="C8", title="Read again, a slice is the same.", examine=twice),
)
