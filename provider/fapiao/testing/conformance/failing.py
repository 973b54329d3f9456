"""Group D: what goes wrong at the vendor ends in an error that says so, and in no other way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fapiao.engine.failure import Failure, Lost
from fapiao.errors import CredentialError, FapiaoError, OutcomeUnknown, PluginError
from fapiao.spec import Capability
from fapiao.testing.conformance.answers import misshapen, unreadable
from fapiao.testing.conformance.check import Breach, Check, NotApplicable, Stuck
from fapiao.testing.conformance.conversation import Conversation
from fapiao.testing.conformance.hand import Hand, play
from fapiao.testing.conformance.kit import Code, Kit
from fapiao.testing.conformance.tour import RESULTS, Tour, Visit, tour_of
from fapiao.wire import Decision, Request, Response, Verdict

__all__ = ["CHECKS"]

_UNKNOWN = ("99987123", "FapiaoUnknownCode", "")
_STATUSES = (204, 302, 400, 404, 405, 412, 500, 502, 504)
_PAGE = b"<html><body>Bad Gateway</body></html>"


def declared_codes(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    if not kit.codes:
        yield Breach("kit", "it declares no codes", "declare every code of the vendor's table as a Code")
    for row in kit.codes:
        visit = _visit(tour, row.hook)
        response = row.answer or _answer_with(kit)(row.code)
        verdict, crash = _classified(tour, visit.requests[0], response)
        if verdict is None:
            yield Breach("classify", f"for the code {row.code} it raised {crash}", _TABLE)
        elif verdict.decision is not row.decision:
            yield Breach(
                "classify", f"the code {row.code} is judged {verdict.decision.value}, not {row.decision.value}", _TABLE
            )
        elif row.error is not None and type(verdict.error) is not row.error:
            yield Breach(
                "classify",
                f"the code {row.code} brings {type(verdict.error).__name__} instead of {row.error.__name__}",
                _TABLE,
            )
        elif row.result is not None:
            yield from _result_of_code(tour, visit, row, response)


_TABLE = "handle the code as the kit's table says, or correct the table after the vendor's document"


def unknown_codes(kit: Kit) -> Iterator[Breach]:
    tour, make = tour_of(kit), _answer_with(kit)
    for visit in tour.varied():
        if not visit.requests or visit.requests[0].file_url is not None:
            continue
        for code in _UNKNOWN:
            verdict, crash = _classified(tour, visit.requests[0], make(code))
            if verdict is None or verdict.decision is Decision.OK:
                seen = crash if verdict is None else "judged ok"
                yield Breach(
                    "classify",
                    f"an answer to {visit.hook} with the unknown code {code!r} is {seen}",
                    "name the codes that mean success; every other one is REFUSED with VendorRefused, whatever the HTTP status",
                )


def token_expired(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    if tour.login() is None:
        raise NotApplicable("the source does not log in")
    if kit.expired is None:
        raise Stuck("kit", "it declares no answer for an expired token (Kit.expired)")
    visit = next(visit for visit in tour.visits if visit.hook != "authorize" and visit.requests)
    for always in (False, True):
        conversation, refused = _refusing(kit, visit, always=always)
        ended = _ended(conversation, visit)
        logins = sum(1 for sent in conversation.sent if not sent.request.authorized)
        if always and (type(ended) is not CredentialError or refused() != 2):
            yield Breach(
                "classify",
                f"a token that is refused again ends in {_named(ended)} after {refused()} requests",
                "judge an expired token REAUTHORIZE with a CredentialError: the driver logs in once and sends once more",
            )
        if not always and (isinstance(ended, FapiaoError) or logins != 2 * len(_logins(tour))):
            yield Breach(
                "classify",
                f"an expired token leads to {logins} requests of a login and ends in {_named(ended)}",
                "judge the vendor's answer to an expired token REAUTHORIZE",
            )


def other_statuses(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    for visit in tour.varied():
        for request in visit.requests[:1]:
            for status in _STATUSES:
                for body in (_PAGE, b"", b"{}", b"[]"):
                    response = Response(status=status, headers={}, body=body)
                    verdict, crash = _classified(tour, request, response)
                    if verdict is None or (verdict.decision is Decision.OK and status >= 300):
                        yield Breach(
                            "classify",
                            f"HTTP {status} with the body {body[:20]!r} as an answer to {visit.hook}: {crash or 'judged ok'}",
                            "return RETRY for 5xx, BROKEN or REFUSED with an error for what is no answer of the vendor",
                        )
                        return


def unreadable_answers(kit: Kit) -> Iterator[Breach]:
    yield from _spoilt(kit, unreadable, "judge it BROKEN, or let Response.json() raise VendorBroken", must_fail=True)


def misshapen_answers(kit: Kit) -> Iterator[Breach]:
    yield from _spoilt(
        kit,
        misshapen,
        "check the kind of every value before using it, and raise VendorBroken naming the part that is not as documented",
        must_fail=False,
    )


def sent_once(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    if Capability.COLLECT not in tour.conversation.source.descriptor.capabilities:
        raise NotApplicable("the source starts no jobs")
    for visit in tour.varied():
        for request in visit.requests:
            if visit.hook in ("collection_status", "read_page", "authorize") and not request.idempotent:
                yield Breach(
                    visit.hook, "a request that only asks has idempotent=False", "leave it out: asking is safe"
                )
    visit = _visit(tour, "start_collection")
    seen = 0

    def lost(request: Request, ask: Callable[[], Any]) -> Any:
        nonlocal seen
        if request.authorized and _alike(request, visit.requests[-1]):
            ask()
            seen += 1
            return Failure(kind=Lost.TIMEOUT, maybe_sent=True, text="no answer in time")
        return ask()

    ended = _ended(Conversation(kit, meddle=lost), visit)
    if seen != 1 or type(ended) is not OutcomeUnknown:
        yield Breach(
            "start_collection",
            f"its request was sent {seen} times after its answer was lost, and it ended in {_named(ended)}",
            "give the request that starts the job idempotent=False, and let OutcomeUnknown pass",
        )


def _spoilt(
    kit: Kit, spoil: Callable[[Response], Iterator[tuple[str, Response]]], remedy: str, *, must_fail: bool
) -> Iterator[Breach]:
    tour = tour_of(kit)
    for visit in tour.varied():
        for upto, answer in enumerate(visit.answers):
            for what, response in spoil(answer):
                hand = play(tour.conversation.source, tour.conversation.account, visit, upto=upto)
                if hand.end:
                    break
                hand.answer(response)
                for further in visit.answers[upto + 1 :]:
                    if not hand.end:
                        hand.answer(further)
                seen = _wrong(visit.hook, hand, must_fail=must_fail)
                if seen:
                    yield Breach(visit.hook, f"answer {upto + 1} with {what}: {seen}", remedy)
                    break


def _wrong(hook: str, hand: Hand, *, must_fail: bool) -> str:
    if hand.end == "crash":
        return hand.crash
    if hand.end == "result" and must_fail:
        return f"it is taken for a result ({type(hand.value).__name__})"
    if hand.end == "result" and not isinstance(hand.value, RESULTS[hook]):
        return f"it returned {type(hand.value).__name__}"
    if isinstance(hand.error, PluginError):
        return str(hand.error)
    return ""


def _result_of_code(tour: Tour, visit: Visit, row: Code, response: Response) -> Iterator[Breach]:
    assert row.result is not None
    hand = Hand(tour.conversation.source, tour.conversation.account, visit.errand)
    hand.answer(response)
    if not isinstance(hand.value, row.result):
        got = hand.crash or (_named(hand.error) if hand.error else type(hand.value).__name__)
        yield Breach(visit.hook, f"the code {row.code} ends in {got} instead of {row.result.__name__}", _TABLE)


def _classified(tour: Tour, request: Request, response: Response) -> tuple[Verdict | None, str]:
    try:
        verdict: Any = tour.conversation.source.classify(request, response)
    except FapiaoError as error:
        return None, f"{type(error).__name__}: {error}"
    return (verdict, "") if isinstance(verdict, Verdict) else (None, f"it returned {type(verdict).__name__}")


def _refusing(kit: Kit, visit: Visit, *, always: bool) -> tuple[Conversation, Callable[[], int]]:
    refused = 0

    def refuse(request: Request, ask: Callable[[], Any]) -> Any:
        nonlocal refused
        if request.authorized and _alike(request, visit.requests[0]) and (always or not refused):
            refused += 1
            return kit.expired
        return ask()

    return Conversation(kit, meddle=refuse), lambda: refused


def _ended(conversation: Conversation, visit: Visit) -> Any:
    try:
        return conversation.run(visit.errand.flow(conversation.source, conversation.account)).value
    except FapiaoError as error:
        return error


def _alike(request: Request, other: Request) -> bool:
    return (request.method, request.path, request.authorized) == (other.method, other.path, other.authorized)


def _visit(tour: Tour, hook: str) -> Visit:
    visit = tour.first(hook)
    if visit is None:
        raise Stuck(hook, "the kit's conversation never comes to it")
    return visit


def _logins(tour: Tour) -> tuple[Request, ...]:
    login = tour.login()
    return login.requests if login is not None else ()


def _answer_with(kit: Kit) -> Callable[[str], Response]:
    if kit.answer_with is None:
        raise Stuck("kit", "it declares no answer_with: how the vendor's answer carries a code")
    return kit.answer_with


def _named(ended: Any) -> str:
    return f"{type(ended).__name__} ({ended})" if isinstance(ended, FapiaoError) else type(ended).__name__


CHECKS = (
    Check(id="D1", title="Every declared code is judged as the vendor's table says.", examine=declared_codes),
    Check(id="D2", title="A code that nobody knows is never a success, also under HTTP 200.", examine=unknown_codes),
    Check(
        id="D3",
        title="An expired token leads to one login and one more try, then to CredentialError.",
        examine=token_expired,
    ),
    Check(id="D4", title="An HTTP status that is no answer of the vendor is no success.", examine=other_statuses),
    Check(
        id="D5",
        title="A web page, half an answer, GBK or nothing at all ends in a typed error.",
        examine=unreadable_answers,
    ),
    Check(id="D6", title="JSON of any other shape ends in a result or a typed error.", examine=misshapen_answers),
    Check(id="D7", title="What starts a job is sent once; what only asks may be sent again.", examine=sent_once),
)
