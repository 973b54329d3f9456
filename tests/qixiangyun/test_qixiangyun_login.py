"""Logging in and signing: the published vectors, lives of tokens, a wrong secret that looks like a success."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fapiao.errors import CredentialError, QuotaExhausted, VendorBroken
from fapiao.wire import Decision, Request, Secret, Stamp, Token
from fapiao_qixiangyun import plugin

DAY = 86_400
LOGIN = Request(method="POST", path="/v2/public/oauth2/login", json={}, authorized=False)

sign: Any = plugin.sign
classify: Any = plugin.classify

VECTORS = (
    (
        '{"nsrsbh":"91000000TEST00001X","kpyf":202401}',
        "NWZiYjA4Y2IxODFhMjRhZTM3NjRlMTQ5ZmU5MjY0NTQ=",
    ),
    ('{"remark":"中文"}', "MjUwMDdiN2U1YjdhNTY5YmU5NmRkYjUyOTY0MTU4OTQ="),
)


@pytest.mark.parametrize(("body", "signature"), VECTORS)
def test_the_published_vectors_are_signed_as_published(account: Any, body: str, signature: str) -> None:
    signed = sign(
        Request(method="POST", path="/v2/x", json={}),
        account(),
        Token(value=Secret("tok.demo.abc")),
        Stamp(epoch_ms=1700000000123, nonce="0" * 32),
        body.encode(),
    )
    assert signed.headers == (
        ("access_token", "tok.demo.abc"),
        ("req_date", "1700000000123"),
        ("req_sign", f"API-SV1:19999999:{signature}"),
    )
    assert signed.secrets == ("tok.demo.abc", signature)


def test_a_login_is_not_signed(account: Any) -> None:
    signed = sign(LOGIN, account(), None, Stamp(epoch_ms=1, nonce="0" * 32), b"{}")
    assert (signed.headers, signed.secrets) == ((), ())


def test_the_secret_travels_as_the_lower_hex_md5_and_as_a_secret(drive: Any, account: Any, envelope: Any) -> None:
    answer = envelope({"access_token": "t", "expires_in": 1296000000})
    _, (request,) = drive(plugin.authorize(account()), answer)
    assert (request.path, request.authorized) == ("/v2/public/oauth2/login", False)
    assert request.json["grant_type"] == "client_credentials"
    assert request.json["client_appkey"] == "19999999"
    assert request.json["client_secret"].reveal() == "b01aab6647da085b9b1a7ed4c24bca4e"
    assert "b01aab" not in repr(request)


@pytest.mark.parametrize(
    ("stated", "lifetime", "renew_after"),
    [
        (1296000000, 15 * DAY, 7 * DAY),
        ("1296000000", 15 * DAY, 7 * DAY),
        (7200, 7200, 6480),
        (None, 7200, 6480),
        ("", 7200, 6480),
        (99_999_999_999, 15 * DAY, 7 * DAY),
        (10_000_000, 15 * DAY, 7 * DAY),
        (10_000_001, 10_000.001, 9_000.0009),
    ],
)
def test_expires_in_is_milliseconds_above_ten_million(
    drive: Any, account: Any, envelope: Any, stated: Any, lifetime: float, renew_after: float
) -> None:
    token, _ = drive(plugin.authorize(account()), envelope({"access_token": " t ", "expires_in": stated}))
    assert token.value.reveal() == "t"
    assert (token.lifetime, token.renew_after) == (pytest.approx(lifetime), pytest.approx(renew_after))


@pytest.mark.parametrize("stated", [True, "soon", [], -5, 0])
def test_an_impossible_life_is_a_broken_answer(envelope: Any, stated: Any) -> None:
    verdict = classify(LOGIN, envelope({"access_token": "t", "expires_in": stated}))
    assert verdict.decision is Decision.BROKEN
    assert isinstance(verdict.error, VendorBroken)


def test_a_wrong_secret_is_refused_although_the_answer_says_success(envelope: Any) -> None:
    verdict = classify(LOGIN, envelope({"error_msg": "client_secret不正确", "access_token": ""}))
    assert verdict.decision is Decision.REFUSED
    assert isinstance(verdict.error, CredentialError)
    assert "client_secret不正确" in str(verdict.error)


@pytest.mark.parametrize("data", [None, {}, {"access_token": None}, {"access_token": "  "}, [], "text"])
def test_a_login_without_a_token_is_never_a_success(envelope: Any, data: Any) -> None:
    assert classify(LOGIN, envelope(data)).decision is Decision.BROKEN


def test_an_expired_package_stops_the_login_for_what_it_is(envelope: Any) -> None:
    verdict = classify(LOGIN, envelope(None, code="505069", success=False, message="产品已过期"))
    assert isinstance(verdict.error, QuotaExhausted)


def test_a_throttled_login_is_tried_again(envelope: Any) -> None:
    assert classify(LOGIN, envelope(None, code="400429", success=False)).decision is Decision.THROTTLED


def test_a_wrong_secret_fails_the_run_without_a_second_login(live: Any) -> None:
    with live(extra={"password": "not-the-secret"}) as it:
        (claim,) = it.simulator.claims(1)
        for _ in range(2):
            with pytest.raises(CredentialError, match="client_secret"):
                it.ask(it.source.verify(it.account, claim))
        report = it.simulator.report()
    assert report.operations == {"login": 1}
    assert "not-the-secret" not in str(msgspec.to_builtins(report))


def test_a_token_that_expires_in_the_middle_is_renewed_once(live: Any) -> None:
    with live(token_requests=7) as it:
        for claim in it.simulator.claims(20):
            assert it.ask(it.source.verify(it.account, claim)).outcome.value == "genuine"
        report = it.simulator.report()
    assert report.logins == 3
    assert set(report.checks.values()) == {1}
    assert report.violations == ()
