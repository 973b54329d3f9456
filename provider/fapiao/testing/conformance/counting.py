"""Group C, continued: pages with nothing on them, and the vendor's own count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fapiao.errors import VendorError
from fapiao.spec import Capability
from fapiao.testing.conformance.check import Breach, Check, NotApplicable, Stuck
from fapiao.testing.conformance.conversation import Meddle
from fapiao.testing.conformance.kit import Kit, Rewrite
from fapiao.testing.conformance.paging import readings_of, ready, several
from fapiao.testing.conformance.tour import perform, read_errand, walk
from fapiao.wire import Page, Request, Response

__all__ = ["CHECKS"]

_FUTURE = "pass the month on as it is and return what the vendor says: no records, Pending, or a refusal"


def nothing_there(kit: Kit) -> Iterator[Breach]:
    capabilities = kit.descriptor.capabilities
    targets: list[tuple[str, Any]] = []
    if Capability.COLLECT in capabilities:
        targets.append(("empty", kit.empty))
    if Capability.SYNC in capabilities:
        targets.append(("empty_wish", kit.empty_wish))
    if not targets:
        raise NotApplicable("the source reads no pages")
    for name, target in targets:
        if target is None:
            yield Breach("kit", f"it declares no {name}", "name one that has no records")
            continue
        conversation, query = ready(kit, target)
        reads = list(walk(conversation, query))
        found = sum(len(read.page.records) for read in reads)
        if found or any(read.page.total for read in reads):
            yield Breach(
                "read_page",
                f"{name} gives {found} records",
                "return Page(records=[], total=0) where the vendor has none",
            )


def far_future(kit: Kit) -> Iterator[Breach]:
    if Capability.COLLECT not in kit.descriptor.capabilities or kit.slice is None:
        raise NotApplicable("the source collects no months")
    try:
        conversation, query = ready(kit, kit.slice, month=kit.far_month)
        found = sum(len(read.page.records) for read in walk(conversation, query))
    except Stuck as stuck:
        # Without a cause it was Pending, running or unsupported to the end, which is right; a refusal of the vendor is too.
        if stuck.__cause__ is not None and not isinstance(stuck.__cause__, VendorError):
            yield Breach(stuck.hook, f"for {kit.far_month}: {stuck.seen}", _FUTURE)
        return
    if found:
        yield Breach("read_page", f"{found} records of {kit.far_month}, which has not begun", _FUTURE)


def empty_middle(kit: Kit) -> Iterator[Breach]:
    rewrite = _rewrite(kit)
    for reading in several(kit):
        middle, reads = reading.reads[1].visit.requests[-1], reading.reads
        try:
            conversation, query = ready(kit, reading.target, meddle=_changing(middle, partial(rewrite, records=[])))
            got = list(walk(conversation, query))
        except Stuck as stuck:
            if not isinstance(stuck.__cause__, VendorError):
                yield Breach("read_page", stuck.seen, "an empty page is a page without records")
            continue
        if [read.page.records for read in got[2:]] != [read.page.records for read in reads[2:]]:
            yield Breach(
                "read_page",
                f"after an empty page in the middle {len(got)} of {len(reads)} pages are read",
                "go on to the last page that the vendor's count promises, or raise VendorBroken",
            )
        elif got[1].page.total != reads[1].page.total:
            yield Breach(
                "read_page",
                f"the total becomes {got[1].page.total} where the vendor says {reads[1].page.total}",
                "hand on the vendor's own count: a shortfall must be seen",
            )


def totals(kit: Kit) -> Iterator[Breach]:
    rewrite = _rewrite(kit)
    readings = [reading for reading in readings_of(kit) if any(read.page.total is not None for read in reading.reads)]
    if not readings:
        raise NotApplicable("the vendor gives no count")
    for reading in readings:
        stated = [read.page.total for read in reading.reads if read.page.total is not None]
        collected = sum(len(read.page.records) for read in reading.reads)
        if set(stated) != {collected}:
            yield Breach(
                "read_page",
                f"the totals are {stated}, and {collected} records were read",
                "hand on the vendor's own count",
            )
        for position, read in enumerate(reading.reads[:2], 1):
            meddle = _changing(read.visit.requests[-1], partial(rewrite, total=collected + 1))
            conversation, query = ready(kit, reading.target, meddle=meddle)
            try:
                page = perform(conversation, read_errand(query, read.cursor)).value
            except Stuck as stuck:
                if isinstance(stuck.__cause__, VendorError):
                    continue  # a count that moves within one flow is no answer, which is right
                raise
            if isinstance(page, Page) and page.total != collected + 1:
                yield Breach(
                    "read_page",
                    f"page {position} says total {page.total} where the vendor has just counted {collected + 1}",
                    "take the total of every page from its own answer: a count that moves is how a change is noticed",
                )


def _changing(target: Request, change: Callable[[Response], Response]) -> Meddle:
    """Changes the answer to one request."""

    def meddle(request: Request, ask: Callable[[], Any]) -> Any:
        answer = ask()
        return change(answer) if isinstance(answer, Response) and request == target else answer

    return meddle


def _rewrite(kit: Kit) -> Rewrite:
    if kit.rewrite is None:
        raise Stuck("kit", "it declares no rewrite, so no other page can be made of a page")
    return kit.rewrite


CHECKS = (
    Check(id="C4", title="A slice without records is an empty page, not an error.", examine=nothing_there),
    Check(id="C5", title="A month that has not begun gives no records.", examine=far_future),
    Check(id="C6", title="An empty page in the middle does not end the reading.", examine=empty_middle),
    Check(id="C7", title="Every page's total is the vendor's own count at that moment.", examine=totals),
)
