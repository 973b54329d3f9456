"""Logging in, and the token in the query (获取授权)."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.errors import CredentialError, VendorBroken
from fapiao.wire import Account, Request, Secret, Token
from fapiao_ekuaibao import plugin

DATA = Request(method="POST", path="/api/openapi/v2/invoice/v2/getInvoiceCollectionData", json={})


def test_the_login_sends_key_and_security_as_json_without_a_token(
    account: Account, drive: Any, respond: Any, sample: Any
) -> None:
    token, (request,) = drive(plugin.authorize(account), respond({"value": {"accessToken": "test:token"}}))
    assert (request.method, request.path) == ("POST", "/api/openapi/v1/auth/getAccessToken")
    assert request.json == {"appKey": "test-app-key", "appSecurity": Secret("test-app-security")}
    assert not request.authorized
    assert token.value == Secret("test:token")


def test_the_document_s_token_answer_gives_token_and_expiry_in_seconds(
    account: Account, drive: Any, sample: Any, respond: Any
) -> None:
    body = sample("token")
    token, _ = drive(plugin.authorize(account), respond(body))
    assert token == Token(
        value=Secret("test:access$token0001"), expires_at=1732255200.0, lifetime=7200.0, renew_after=6600.0
    )


@pytest.mark.parametrize("expires", [None, ""])
def test_without_an_expiry_the_documented_two_hours_hold(
    account: Account, drive: Any, respond: Any, expires: Any
) -> None:
    token, _ = drive(plugin.authorize(account), respond({"value": {"accessToken": "t", "expireTime": expires}}))
    assert token.expires_at is None
    assert token.lifetime == 7200.0


@pytest.mark.parametrize(("expires", "seconds"), [("1732255200000", 1732255200.0), (1732255200, 1732255200.0)])
def test_the_expiry_may_be_text_or_seconds(
    account: Account, drive: Any, respond: Any, expires: Any, seconds: Any
) -> None:
    token, _ = drive(plugin.authorize(account), respond({"value": {"accessToken": "t", "expireTime": expires}}))
    assert token.expires_at == seconds


@pytest.mark.parametrize("expires", [True, "tomorrow", -1, [1], "9" * 5000])
def test_an_expiry_that_is_no_time_is_named(account: Account, drive: Any, respond: Any, expires: Any) -> None:
    with pytest.raises(VendorBroken, match=r"value\.expireTime"):
        drive(plugin.authorize(account), respond({"value": {"accessToken": "t", "expireTime": expires}}))


@pytest.mark.parametrize("value", [{}, {"accessToken": ""}, {"accessToken": None}, {"accessToken": 7}])
def test_an_answer_without_a_token_is_no_login(account: Account, drive: Any, respond: Any, value: Any) -> None:
    with pytest.raises(VendorBroken, match=r"value\.accessToken is missing"):
        drive(plugin.authorize(account), respond({"value": value}))


@pytest.mark.parametrize("body", [{"value": {"message": "密钥无效"}}, {"errorMessage": "密钥无效"}])
def test_a_message_instead_of_a_token_is_a_credential_error(
    account: Account, drive: Any, respond: Any, body: Any
) -> None:
    with pytest.raises(CredentialError, match="密钥无效"):
        drive(plugin.authorize(account), respond(body))


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_login_answer_that_is_no_object_is_broken(account: Account, drive: Any, respond: Any, body: Any) -> None:
    with pytest.raises(VendorBroken, match="instead of an object"):
        drive(plugin.authorize(account), respond(body))


def test_the_token_goes_into_the_query_and_is_masked_in_both_spellings() -> None:
    signed = plugin.sign(DATA, Token(value=Secret("a:b$c")))
    assert signed.query == (("accessToken", "a:b$c"),)
    assert signed.secrets == ("a:b$c", "a%3Ab%24c")
    assert signed.headers == signed.form == ()


def test_the_login_itself_is_not_signed() -> None:
    request = Request(method="POST", path="/api/openapi/v1/auth/getAccessToken", json={}, authorized=False)
    assert plugin.sign(request, Token(value=Secret("old"))).query == ()
    assert plugin.sign(DATA, None).query == ()
