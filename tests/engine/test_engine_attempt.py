"""The decision table of ``attempt``, and what holds for every sequence of outcomes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapiao.engine.attempt import Action, Attempt, Deliver, Fail, Renew, SendAgain, retry_after
from fapiao.engine.failure import Lost, failure
from fapiao.engine.settings import DriverSettings
from fapiao.errors import (
    CredentialError,
    FapiaoError,
    OutcomeUnknown,
    TaxpayerRefused,
    VendorBroken,
    VendorBusy,
    VendorRefused,
    VendorUnreachable,
)
from fapiao.wire import OK, Decision, Request, Response, Verdict

NOW = 1_736_121_600.0  # Mon, 06 Jan 2025 00:00:00 GMT
SETTINGS = DriverSettings()


def response(status: int = 200, body: bytes = b"{}", **headers: str) -> Response:
    return Response(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=body
    )


def attempt(
    *, idempotent: bool = True, authorized: bool = True, can_renew: bool = True, random: float = 0.0
) -> Attempt:
    request = Request(method="POST", path="/data", idempotent=idempotent, authorized=authorized)
    return Attempt(request, SETTINGS, can_renew=can_renew, random=lambda: random)


def tell(deciding: Attempt, outcome: Any) -> Action:
    """An outcome as a driver would report it: a Lost, a Verdict, or a Response that ``status`` is asked about first."""
    if isinstance(outcome, Lost):
        return deciding.lost(failure(outcome, "vendor"))
    if isinstance(outcome, Verdict):
        return deciding.answered(response(), outcome, NOW)
    return deciding.status(outcome, NOW) or deciding.answered(outcome, OK, NOW)


RETRY = Verdict(decision=Decision.RETRY)
THROTTLED = Verdict(decision=Decision.THROTTLED)
BROKEN = Verdict(decision=Decision.BROKEN)
REAUTHORIZE = Verdict(decision=Decision.REAUTHORIZE)
REFUSED = Verdict(decision=Decision.REFUSED)
PAGE = b"<html>"

FIRST_ANSWER = [
    ("ok", OK, Deliver, Deliver),
    ("refused", REFUSED, VendorRefused, VendorRefused),
    ("no connection", Lost.CONNECT, SendAgain, SendAgain),
    ("untrusted certificate", Lost.CERTIFICATE, VendorUnreachable, VendorUnreachable),
    ("timeout", Lost.TIMEOUT, SendAgain, OutcomeUnknown),
    ("broken off", Lost.BROKEN_OFF, SendAgain, OutcomeUnknown),
    ("truncated", Lost.TRUNCATED, SendAgain, OutcomeUnknown),
    ("not decompressible", Lost.ENCODING, SendAgain, OutcomeUnknown),
    ("too large", Lost.TOO_LARGE, VendorBroken, OutcomeUnknown),
    ("429", response(429), SendAgain, SendAgain),
    ("503", response(503, PAGE), SendAgain, OutcomeUnknown),
    ("500 page", response(500, PAGE), SendAgain, OutcomeUnknown),
    ("502 page", response(502, PAGE), SendAgain, OutcomeUnknown),
    ("504 empty", response(504, b""), SendAgain, OutcomeUnknown),
    ("500 with JSON is the plugin's to judge", response(500), Deliver, Deliver),
    ("404 is the plugin's to judge", response(404, PAGE), Deliver, Deliver),
    ("retry", RETRY, SendAgain, OutcomeUnknown),
    ("throttled", THROTTLED, SendAgain, SendAgain),
    ("broken", BROKEN, SendAgain, OutcomeUnknown),
    ("reauthorize", REAUTHORIZE, Renew, Renew),
]


@pytest.mark.parametrize("idempotent", [True, False])
@pytest.mark.parametrize(
    ("name", "outcome", "expected", "expected_once"), FIRST_ANSWER, ids=[row[0] for row in FIRST_ANSWER]
)
def test_the_first_outcome_decides_as_the_table_says(
    name: str, outcome: Any, expected: type, expected_once: type, idempotent: bool
) -> None:
    action = tell(attempt(idempotent=idempotent), outcome)
    wanted = expected if idempotent else expected_once
    assert type(action.error if isinstance(action, Fail) else action) is wanted


USED_UP = [
    ("no connection", Lost.CONNECT, 5, VendorUnreachable),
    ("broken off", Lost.BROKEN_OFF, 5, VendorUnreachable),
    ("429", response(429), 5, VendorBusy),
    ("503", response(503), 5, VendorUnreachable),
    ("500 page", response(500, PAGE), 5, VendorBroken),
    ("502 page", response(502, PAGE), 5, VendorUnreachable),
    ("retry", RETRY, 5, VendorUnreachable),
    ("retry with an error", Verdict(decision=Decision.RETRY, error=TaxpayerRefused("x")), 5, TaxpayerRefused),
    ("throttled", THROTTLED, 5, VendorBusy),
    ("throttled with an error", Verdict(decision=Decision.THROTTLED, error=TaxpayerRefused("x")), 5, TaxpayerRefused),
    ("broken", BROKEN, 3, VendorBroken),
    ("reauthorize", REAUTHORIZE, 2, CredentialError),
]


@pytest.mark.parametrize(("name", "outcome", "tries", "error"), USED_UP, ids=[row[0] for row in USED_UP])
def test_an_outcome_that_stays_uses_up_the_tries(name: str, outcome: Any, tries: int, error: type) -> None:
    deciding = attempt()
    actions = [tell(deciding, outcome) for _ in range(tries)]
    assert all(isinstance(action, SendAgain | Renew) for action in actions[:-1])
    assert isinstance(actions[-1], Fail)
    assert type(actions[-1].error) is error


def test_the_backoff_doubles_up_to_its_limit_and_the_jitter_takes_at_most_half() -> None:
    patient = DriverSettings(max_attempts=9)
    for chance, share in ((0.0, 0.5), (0.999999, 1.0)):
        request = Request(method="GET", path="/")
        deciding = Attempt(request, patient, can_renew=False, random=itertools.repeat(chance).__next__)
        waits = [tell(deciding, Lost.CONNECT) for _ in range(8)]
        assert [wait.after for wait in waits if isinstance(wait, SendAgain)] == pytest.approx(
            [share * full for full in (0.5, 1, 2, 4, 8, 16, 20, 20)], rel=1e-5
        )


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_longer_than_a_driver_waits_is_the_callers(status: int) -> None:
    action = tell(attempt(), response(status, retry_after="61"))
    assert isinstance(action, Fail)
    assert isinstance(action.error, VendorBusy)
    assert action.error.retry_after == 61


def test_a_pause_asked_for_by_the_verdict_is_the_callers_too_and_keeps_the_code() -> None:
    verdict = Verdict(decision=Decision.RETRY, after=900, error=VendorUnreachable("the bureau is away", code="4007"))
    action = tell(attempt(), verdict)
    assert isinstance(action, Fail)
    assert isinstance(action.error, VendorBusy)
    assert (action.error.retry_after, action.error.code) == (900, "4007")
    assert "the bureau is away" in action.error.what


def test_the_verdicts_pause_goes_before_the_header() -> None:
    deciding = attempt()
    action = deciding.answered(response(retry_after="40"), Verdict(decision=Decision.THROTTLED, after=2), NOW)
    assert action == SendAgain(2.0, "throttled", throttled=True)
    action = deciding.answered(response(retry_after="40"), THROTTLED, NOW)
    assert action == SendAgain(40.0, "throttled", throttled=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Mon, 06 Jan 2025 00:01:00 GMT", 60.0),
        ("Sun, 05 Jan 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("１２", None),
        ("", None),
        ("Mon, 99 Jan 2025 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after(response(retry_after=value), NOW) == seconds


def test_a_login_request_is_never_authorized_again() -> None:
    action = tell(attempt(authorized=False), REAUTHORIZE)
    assert isinstance(action, Fail)
    assert isinstance(action.error, CredentialError)


def test_a_source_without_login_cannot_renew() -> None:
    action = tell(attempt(can_renew=False), REAUTHORIZE)
    assert isinstance(action, Fail)
    assert isinstance(action.error, CredentialError)


def test_the_resend_after_a_renewal_uses_up_no_try() -> None:
    deciding = attempt()
    for _ in range(3):
        assert isinstance(tell(deciding, RETRY), SendAgain)
    assert tell(deciding, REAUTHORIZE) == Renew()
    assert deciding.tries == 3
    assert isinstance(tell(deciding, RETRY), SendAgain)
    assert isinstance(tell(deciding, RETRY), Fail)


OUTCOMES = st.one_of(
    st.sampled_from(Lost),
    st.builds(response, st.sampled_from((200, 302, 404, 429, 500, 502, 503)), st.sampled_from((b"{}", b"", PAGE))),
    st.builds(
        Verdict,
        decision=st.sampled_from(Decision),
        after=st.none() | st.floats(-5, 10_000),
        error=st.none() | st.builds(TaxpayerRefused, st.just("no")) | st.builds(VendorBroken, st.just("odd")),
    ),
)


@given(outcomes=st.lists(OUTCOMES, max_size=30), idempotent=st.booleans(), chance=st.floats(0, 1, exclude_max=True))
def test_whatever_happens_an_attempt_ends_waits_briefly_and_never_repeats_what_may_have_been_carried_out(
    outcomes: list[Any], idempotent: bool, chance: float
) -> None:
    deciding = attempt(idempotent=idempotent, random=chance)
    renewals = 0
    for sent, outcome in enumerate(outcomes, 1):
        action = tell(deciding, outcome)
        if isinstance(action, Deliver):
            return
        if isinstance(action, Fail):
            assert isinstance(action.error, FapiaoError)
            return
        if isinstance(action, Renew):
            renewals += 1
        else:
            assert 0 <= action.after <= SETTINGS.longest_wait + 1
        not_carried_out = (
            outcome is Lost.CONNECT
            or (isinstance(outcome, Response) and outcome.status in (429, 503))
            or (isinstance(outcome, Verdict) and outcome.decision in (Decision.THROTTLED, Decision.REAUTHORIZE))
        )
        assert idempotent or not_carried_out
        assert renewals <= 1
        assert sent <= SETTINGS.max_attempts + 1
