"""Canary secrets are looked for in everything that leaves a driver: texts, tracebacks, logs, transcripts."""

from __future__ import annotations

import logging
import traceback
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec
import pytest

from fapiao import hookimpl
from fapiao.engine import Completed, DriverSettings
from fapiao.engine.transcript import pack, unpack
from fapiao.registry import Source
from fapiao.wire import Account, Flow, Request, Secret, Signed, Token, Verdict

SECRET = "canary:pass$word/1+"
FORMS = [
    form
    for value in (SECRET, "canary:token$1/x+y", "canary:token$2/x+y")
    for form in (value, quote(value), quote(value, safe=""), quote_plus(value), quote(value, safe="").lower())
]


def ask(**options: Any) -> Flow[Any]:
    answer = yield Request(method="POST", path="/data", json={"key": Secret(SECRET)}, **options)
    return answer.json()["value"]


def leaks(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything anybody logs, the HTTP libraries' debug lines (which have whole URLs) included."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


TROUBLES: dict[str, list[dict[str, Any]]] = {
    "ok": [{}],
    "reset": [{"cut": 0}] * 5,
    "truncated": [{"cut": 5}] * 5,
    "page": [{"body": b"<html>"}] * 3,
    "503": [{"status": 503}] * 5,
    "500": [{"status": 500, "body": b"<html>"}] * 5,
    "429": [{"status": 429, "headers": {"Retry-After": "1000"}}],
    "expired": [{"body": b'{"code":"expired"}'}] * 2,
    "refused": [{"body": b'{"code":"4001"}'}],
    "redirect": [{"status": 302, "headers": {"Location": "/x"}}] * 5,
    "an answer that repeats the token": [{"body": f"no JSON: {FORMS[5]} {FORMS[7]}".encode()}] * 3,
    "the login repeats the password": [],
}


@pytest.mark.parametrize("name", TROUBLES)
def test_no_secret_is_in_texts_tracebacks_logs_or_transcripts(
    name: str, run: Any, vendor: Any, answer: Any, source: Source, records: pytest.LogCaptureFixture
) -> None:
    vendor.reset(data=[answer(**script) for script in TROUBLES[name]])
    if name == "the login repeats the password":
        vendor.script["/login"] = [answer(body=b'{"code":"wrong: ' + SECRET.encode() + b'"}')]
    outcome = run(source, ask()).outcome
    if isinstance(outcome, Completed):
        packed, _ = pack(outcome.transcript)
        shown = f"{outcome!r} {unpack(packed)!r}"
        assert unpack(packed)[0].request.json == {"key": "***"}
    else:
        shown = "".join(traceback.format_exception(outcome)) + repr(outcome) + str(outcome)
        assert "toy" in shown
    assert leaks(shown) == []
    if name == "ok":
        assert any("accessToken=***" in record.getMessage() for record in records.records), "the URL was logged, masked"
    assert leaks(records.text) == []
    assert any(SECRET.encode() in seen.body for seen in vendor.seen), "on the wire it is revealed"


@pytest.mark.parametrize("to", ["http://127.0.0.1:9", "http://nowhere.invalid"])
def test_no_secret_is_in_the_error_of_a_host_that_is_not_there(
    to: str, run: Any, account: Account, plain_source: Source
) -> None:
    def ask_with_token() -> Flow[Any]:
        yield Request(method="GET", path="/data", query=(("accessToken", SECRET),))

    elsewhere = msgspec.structs.replace(account, base_url=to)
    outcome = run(plain_source, ask_with_token(), DriverSettings(max_attempts=1), to=elsewhere).outcome
    assert leaks("".join(traceback.format_exception(outcome))) == []


@pytest.mark.parametrize("hook", ["sign", "classify", "flow"])
def test_a_plugin_that_puts_a_secret_into_its_exception_does_not_spread_it(
    hook: str, run: Any, toy_with_login: Any, vendor: Any
) -> None:
    class Chatty(toy_with_login):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def sign(self, request: Request, account: Account, token: Token | None) -> Signed:
            if hook == "sign" and token is not None:
                raise ValueError(f"cannot sign with {token.value.reveal()} and {account.secret.reveal()}")
            return Signed()

        @hookimpl
        def classify(self, request: Request, response: Any) -> Verdict:
            if hook == "classify" and request.path == "/data":
                raise KeyError(SECRET)
            verdict: Verdict = super().classify(request, response)
            return verdict

    def chatty() -> Flow[Any]:
        answer = yield Request(method="GET", path="/data")
        raise LookupError(f"{answer.status} {SECRET}")

    outcome = run(Source.of(Chatty()), chatty() if hook == "flow" else ask()).outcome
    assert type(outcome).__name__ == "PluginError"
    shown = "".join(traceback.format_exception(outcome))
    assert leaks(shown) == []
    assert "toy" in str(outcome)


def test_signatures_are_masked_like_tokens(run: Any, toy: Any, vendor: Any, answer: Any) -> None:
    class Signing(toy):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def sign(self) -> Signed:
            return Signed(query=(("s", "one-time-signature=="),), secrets=("one-time-signature==",))

    vendor.reset(data=[answer(body=b"you sent one-time-signature%3D%3D or one-time-signature==")] * 3)
    outcome = run(Source.of(Signing()), ask()).outcome
    assert "one-time-signature" not in str(outcome)
    assert "you sent *** or ***" in str(outcome)


def test_a_prepared_request_does_not_print_itself(account: Account, plain_source: Source) -> None:
    from fapiao.engine.prepared import encode_body, prepare

    request = Request(method="POST", path="/data", json={"key": Secret(SECRET)})
    prepared = prepare(request, account, encode_body(request), Signed(query=(("accessToken", SECRET),)), "agent")
    assert SECRET.encode() in prepared.body
    assert leaks(f"{prepared} {prepared!r}") == []
