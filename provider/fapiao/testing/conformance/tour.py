"""Every operation a plugin has, carried out once against the kit's vendor and recorded, so that it can be played again.

The order is that of a real run: log in, start a job, look at it until its slices are ready, read them page by page; read a
list; verify an invoice and fetch the links of its files.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from fapiao.errors import FapiaoError
from fapiao.registry import Source
from fapiao.spec import Capability
from fapiao.testing.conformance.check import Stuck
from fapiao.testing.conformance.conversation import Conversation
from fapiao.testing.conformance.kit import Kit
from fapiao.wire import (
    Account,
    Claim,
    CollectionJob,
    CollectionStatus,
    Flow,
    LayoutFiles,
    LayoutTask,
    Page,
    Pending,
    Request,
    Response,
    SliceKey,
    SliceQuery,
    SliceState,
    SyncQuery,
    Token,
    Verification,
)

__all__ = [
    "RESULTS",
    "Errand",
    "Query",
    "Read",
    "Reading",
    "Tour",
    "Visit",
    "perform",
    "ready_query",
    "tour_of",
    "walk",
]

T = TypeVar("T")
Query = SliceQuery | SyncQuery
MOST_LOOKS = 200
MOST_PAGES = 2_000
RESULTS: dict[str, tuple[type, ...]] = {
    "authorize": (Token,),
    "start_collection": (CollectionStatus, Pending),
    "collection_status": (CollectionStatus, Pending),
    "read_page": (Page, Pending),
    "verify": (Verification, Pending),
    "layout_files": (LayoutFiles, Pending),
}
"""What each flow may return."""


class Errand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which flow, with which arguments."""

    hook: str
    job: CollectionJob | None = None
    slice: SliceQuery | None = None
    listing: SyncQuery | None = None
    cursor: str | None = None
    claim: Claim | None = None
    task: LayoutTask | None = None

    def flow(self, source: Source, account: Account) -> Flow[Any]:
        """A new flow of it."""
        if self.hook == "read_page":
            query = self.slice if self.slice is not None else self.listing
            assert query is not None
            return source.read_page(account, query, self.cursor)
        argument = self.job or self.claim or self.task
        operation = getattr(source, self.hook)
        flow: Flow[Any] = operation(account) if argument is None else operation(account, argument)
        return flow

    def __str__(self) -> str:
        if self.hook != "read_page":
            return self.hook
        return f"read_page of {self.slice.key if self.slice else self.listing} at cursor {self.cursor!r}"


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """An errand, and how it went."""

    errand: Errand
    requests: tuple[Request, ...]
    answers: tuple[Response, ...]
    value: Any

    @property
    def hook(self) -> str:
        return self.errand.hook


class Read(msgspec.Struct, Generic[T], frozen=True):
    """One page, and the cursor it was read at."""

    cursor: str | None
    page: Page
    visit: Visit


class Reading(msgspec.Struct, frozen=True):
    """A slice or a list read to its end."""

    target: SliceKey | SyncQuery
    """The slice, or the wish."""
    reads: tuple[Read[Any], ...]


class Tour(msgspec.Struct, frozen=True, kw_only=True):
    """The whole recording."""

    conversation: Conversation
    visits: tuple[Visit, ...]
    readings: tuple[Reading, ...]
    """Of the slice where the source collects, of the list where it syncs."""

    @property
    def reads(self) -> tuple[Read[Any], ...]:
        """The pages of all readings."""
        return tuple(read for reading in self.readings for read in reading.reads)

    def login(self) -> Visit | None:
        return next((visit for visit in self.visits if visit.hook == "authorize"), None)

    def first(self, hook: str) -> Visit | None:
        """The first visit of a hook that asked for something."""
        return next((visit for visit in self.visits if visit.hook == hook and visit.requests), None)

    def varied(self) -> tuple[Visit, ...]:
        """One visit of every kind of flow and result: what is worth playing with many variations."""
        kinds = {(visit.hook, type(visit.value), visit.errand.cursor is None): visit for visit in self.visits}
        return tuple(kinds.values())


_tours: weakref.WeakKeyDictionary[Kit, Tour | Stuck] = weakref.WeakKeyDictionary()


def tour_of(kit: Kit) -> Tour:
    """The recording for a kit, made when first asked for. :raises Stuck: an operation does not get through."""
    if kit not in _tours:
        try:
            _tours[kit] = _record(kit)
        except Stuck as stuck:
            _tours[kit] = stuck
    found = _tours[kit]
    if isinstance(found, Stuck):
        raise Stuck(found.hook, found.seen)
    return found


def perform(conversation: Conversation, errand: Errand) -> Visit:
    """One errand by the blocking driver. :raises Stuck: it ends in an error, or returns something else than it may."""
    before = len(conversation.sent)
    try:
        done = conversation.run(errand.flow(conversation.source, conversation.account))
    except FapiaoError as error:
        raise Stuck(errand.hook, f"{errand} ended in {type(error).__name__}: {error}") from error
    if not isinstance(done.value, RESULTS[errand.hook]):
        wanted = " or ".join(kind.__name__ for kind in RESULTS[errand.hook])
        raise Stuck(errand.hook, f"{errand} returned {type(done.value).__name__} instead of {wanted}")
    if errand.hook == "authorize":
        logins = [sent for sent in conversation.sent[before:] if isinstance(sent.outcome, Response)]
        pairs = [(sent.request, sent.outcome) for sent in logins if isinstance(sent.outcome, Response)]
    else:
        pairs = [(exchange.request, exchange.response) for exchange in done.transcript]
    return Visit(
        errand=errand,
        requests=tuple(request for request, _ in pairs),
        answers=tuple(answer for _, answer in pairs),
        value=done.value,
    )


def ready_query(kit: Kit, conversation: Conversation, key: SliceKey, month: str = "") -> tuple[SliceQuery, list[Visit]]:
    """Start a job for the slice and look at it until it may be read. :raises Stuck: it does not become ready."""
    month = month or kit.invoice_month
    job = CollectionJob(taxpayer_no=kit.taxpayer_no, invoice_month=month, slices=(key,))
    visits: list[Visit] = []
    started = _later(conversation, Errand(hook="start_collection", job=job), visits)
    job_id = started.job_id
    job = msgspec.structs.replace(job, job_id=job_id)
    for _ in range(MOST_LOOKS):
        status = _later(conversation, Errand(hook="collection_status", job=job), visits)
        job_id = status.job_id or job_id
        state = next((part.state for part in status.slices if part.key == key), None)
        if state is SliceState.READY or status.nothing_found:
            query = SliceQuery(taxpayer_no=kit.taxpayer_no, invoice_month=month, key=key, job_id=job_id)
            return query, visits
        if state in (SliceState.FAILED, SliceState.UNSUPPORTED):
            raise Stuck("collection_status", f"the slice {key} of {month} ended as {state.value}")
        conversation.clock.sleep(conversation.source.descriptor.poll_interval)
    raise Stuck("collection_status", f"the slice {key} of {month} was not ready after {MOST_LOOKS} looks")


def walk(
    conversation: Conversation, query: Query, cursors: tuple[str | None, ...] = (None,), most: int = MOST_PAGES
) -> Iterator[Read[Any]]:
    """Every page that the cursors lead to, each once, in the order they become known."""
    waiting, seen = list(cursors), set(cursors)
    visits: list[Visit] = []
    for _ in range(most):
        if not waiting:
            return
        cursor = waiting.pop(0)
        page = _later(conversation, read_errand(query, cursor), visits)
        yield Read(cursor, page, visits[-1])
        repeated = sorted(set(page.remaining) & seen)
        if repeated:
            raise Stuck("read_page", f"the page at cursor {cursor!r} names the cursor {repeated[0]!r} again: a loop")
        waiting += page.remaining
        seen |= set(page.remaining)
    raise Stuck("read_page", f"the slice did not end after {most} pages")


def read_errand(query: Query, cursor: str | None) -> Errand:
    if isinstance(query, SyncQuery):
        return Errand(hook="read_page", listing=query, cursor=cursor)
    return Errand(hook="read_page", slice=query, cursor=cursor)


def _later(conversation: Conversation, errand: Errand, visits: list[Visit]) -> Any:
    """Performed until it is not ``Pending`` any more, each time recorded."""
    for _ in range(MOST_LOOKS):
        visit = perform(conversation, errand)
        visits.append(visit)
        if not isinstance(visit.value, Pending):
            return visit.value
        now = conversation.clock()
        conversation.clock.sleep(visit.value.due(now, conversation.source.descriptor.poll_interval) - now)
    raise Stuck(errand.hook, f"{errand} was still Pending after {MOST_LOOKS} times")


def _record(kit: Kit) -> Tour:
    conversation = Conversation(kit)
    source = conversation.source
    capabilities = source.descriptor.capabilities
    visits: list[Visit] = []
    readings: list[Reading] = []
    if source.has("authorize"):
        visits.append(perform(conversation, Errand(hook="authorize")))
    if Capability.COLLECT in capabilities:
        key = _declared(kit.slice, "slice", "collect")
        query, looks = ready_query(kit, conversation, key)
        visits += looks
        readings.append(Reading(key, tuple(walk(conversation, query))))
    if Capability.SYNC in capabilities:
        wish = _declared(kit.wish, "wish", "sync")
        listing = source.sync_query(conversation.account, wish)
        readings.append(Reading(wish, tuple(walk(conversation, listing))))
    visits += [read.visit for reading in readings for read in reading.reads]
    if Capability.VERIFY in capabilities:
        answer = _later(conversation, Errand(hook="verify", claim=_declared(kit.claim, "claim", "verify")), visits)
        if answer.task is not None and Capability.FILES in capabilities:
            _later(conversation, Errand(hook="layout_files", task=answer.task), visits)
    return Tour(conversation=conversation, visits=tuple(visits), readings=tuple(readings))


def _declared(value: T | None, name: str, capability: str) -> T:
    if value is None:
        raise Stuck("kit", f"the source can {capability}, but the kit declares no {name}")
    return value
