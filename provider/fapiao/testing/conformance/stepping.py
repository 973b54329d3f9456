"""Group B, continued: a flow step by step, beside another one, and under either driver."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

import msgspec

from fapiao.engine import Completed
from fapiao.errors import (
    CredentialError,
    FapiaoError,
    OutcomeUnknown,
    QuotaExhausted,
    RequestRefused,
    TaxpayerRefused,
    VendorBroken,
    VendorBusy,
    VendorRefused,
    VendorUnreachable,
)
from fapiao.testing.conformance.check import Breach, Check, Stuck
from fapiao.testing.conformance.conversation import Conversation
from fapiao.testing.conformance.hand import Hand, play
from fapiao.testing.conformance.kit import Kit
from fapiao.testing.conformance.replayed import asked
from fapiao.testing.conformance.tour import RESULTS, Visit, tour_of
from fapiao.wire import Request, Response

__all__ = ["CHECKS", "ERRORS"]

ERRORS: tuple[Callable[[], FapiaoError], ...] = (
    lambda: VendorUnreachable("no answer"),
    lambda: OutcomeUnknown("the answer was lost"),
    lambda: VendorBusy("throttled", retry_after=120.0),
    lambda: VendorBroken("a web page"),
    lambda: VendorRefused("refused", code="fapiao-test"),
    lambda: RequestRefused("the request is wrong", code="fapiao-test"),
    lambda: TaxpayerRefused("not this taxpayer", code="fapiao-test"),
    lambda: QuotaExhausted("used up", code="fapiao-test"),
    lambda: CredentialError("not accepted"),
)
"""Every kind of error that a driver throws at a yield."""
_MOST_AFTER_AN_ERROR = 10
_YIELD_FROM = "call the helper flow with 'yield from'; mypy --strict finds a forgotten one"


def only_requests(kit: Kit) -> Iterator[Breach]:
    try:
        tour = tour_of(kit)
    except Stuck as stuck:
        yield Breach(stuck.hook, stuck.seen, f"a flow yields Request and returns its result; {_YIELD_FROM}")
        return
    for visit in tour.visits:
        for request in visit.requests:
            text = asked(request).decode(errors="replace")
            if "<generator object" in text or "<coroutine object" in text:
                yield Breach(visit.hook, "a request has the text of a generator in it, not its result", _YIELD_FROM)
        if _holds_generator(visit.value):
            yield Breach(visit.hook, "its result holds a generator", _YIELD_FROM)


def closable(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    for visit in tour.varied():
        for upto in range(len(visit.answers)):
            hand = play(tour.conversation.source, tour.conversation.account, visit, upto=upto)
            if hand.end:
                continue
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    hand.flow.close()
            except Exception as problem:  # noqa: BLE001 - plugin code in a finally block
                yield Breach(
                    visit.hook,
                    f"closed at its request {upto + 1} it raised {type(problem).__name__}: {problem}",
                    "neither yield nor raise in finally, nor catch GeneratorExit: a run may be ended at any yield",
                )


def errors_come_through(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    for visit in tour.varied():
        for upto in range(len(visit.answers)):
            for make in ERRORS:
                error = make()
                hand = play(tour.conversation.source, tour.conversation.account, visit, upto=upto)
                for _ in range(_MOST_AFTER_AN_ERROR):
                    if hand.end:
                        break
                    hand.throw(error)
                seen = _wrong_end(visit.hook, hand)
                if seen:
                    yield Breach(
                        visit.hook,
                        f"{type(error).__name__} was thrown at its request {upto + 1}, and {seen}",
                        "let the error pass, or turn it into a result; catch only the class you mean (fapiao.errors)",
                    )


def apart(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    source, account = tour.conversation.source, tour.conversation.account
    visits = [visit for visit in tour.varied() if visit.answers]
    for visit in visits:
        for other in visits:
            one, two = Hand(source, account, visit.errand), Hand(source, account, other.errand)
            for position in range(max(len(visit.answers), len(other.answers))):
                for hand, its in ((two, other), (one, visit)):
                    if not hand.end and position < len(its.answers):
                        hand.answer(its.answers[position])
            for hand, its in ((one, visit), (two, other)):
                if [asked(request) for request in hand.requests] != [asked(request) for request in its.requests] or (
                    hand.value != its.value
                ):
                    yield Breach(
                        its.hook,
                        f"{its.errand} goes another way while {other.errand if its is visit else visit.errand} is under way",
                        "keep what a flow knows in its local variables, never on the plugin object or in a module",
                    )
                    return


def parity(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    for visit in tour.varied():
        ways = []
        for asynchronous in (False, True):
            conversation = Conversation(kit, vendor=_Playback(visit, tour.login()))
            flow = visit.errand.flow(conversation.source, conversation.account)
            ended: Any
            try:
                ended = asyncio.run(conversation.arun(flow)) if asynchronous else conversation.run(flow)
            except FapiaoError as error:
                ended = str(error)
            sent = [(item.prepared.method, item.prepared.url.partition("?")[0]) for item in conversation.sent]
            if isinstance(ended, Completed):
                asked_ = [asked(exchange.request) for exchange in ended.transcript]
                ways.append((repr(ended.value), asked_, sent))
            else:
                ways.append((ended, [], sent))
        if ways[0] != ways[1] or ways[0][0] != repr(visit.value):
            yield Breach(
                visit.hook,
                f"{visit.errand} ends otherwise under the asyncio driver, or when it is run again",
                "do not look at the thread, the event loop or an earlier run: a flow knows its arguments and its answers",
            )


class _Playback:
    """A vendor that has one visit's answers, in order, and the login's."""

    def __init__(self, visit: Visit, login: Visit | None) -> None:
        self._answers = list(visit.answers)
        self._own = visit.hook == "authorize"
        self._login = list(login.answers) if login is not None else []

    def answer(self, request: Request) -> Response:
        waiting = self._answers if request.authorized or self._own else self._login
        if not waiting:
            return Response(status=418, headers={}, body=b'"the recording has no further answer"')
        return waiting.pop(0)


def _wrong_end(hook: str, hand: Hand) -> str:
    if not hand.end:
        return f"it asked on more than {_MOST_AFTER_AN_ERROR} times"
    if hand.end == "crash":
        return f"something else came out: {hand.crash}"
    if hand.end == "result" and not isinstance(hand.value, RESULTS[hook]):
        return f"it returned {type(hand.value).__name__}"
    return ""


def _holds_generator(value: Any, depth: int = 4) -> bool:
    if isinstance(value, GeneratorType | CoroutineType | AsyncGeneratorType):
        return True
    if not depth:
        return False
    if isinstance(value, msgspec.Struct):
        return any(_holds_generator(getattr(value, name), depth - 1) for name in value.__struct_fields__)
    if isinstance(value, list | tuple):
        return any(_holds_generator(item, depth - 1) for item in value[:20])
    return False


CHECKS = (
    Check(
        id="B3",
        title="A flow yields requests and returns its result; no helper flow is left undriven.",
        examine=only_requests,
    ),
    Check(id="B4", title="A flow can be closed at every yield.", examine=closable),
    Check(
        id="B5", title="An error thrown at any yield comes out again, or becomes a result.", examine=errors_come_through
    ),
    Check(id="B6", title="Two flows under way at once know nothing of each other.", examine=apart),
    Check(id="B7", title="Both drivers send the same requests and end with the same result.", examine=parity),
)
