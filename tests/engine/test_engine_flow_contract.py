"""A plugin that breaks the contract of a flow is named, with the hook and what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao import hookimpl
from fapiao.engine import Completed
from fapiao.engine.flow import MOST_REQUESTS
from fapiao.errors import FapiaoError, PluginError, RequestRefused, TaxpayerRefused, VendorBroken, VendorError
from fapiao.registry import Source
from fapiao.wire import Decision, Flow, Request, Response, Secret, Signed, Verdict

GET = Request(method="GET", path="/data")


def helper() -> Flow[Any]:
    yield GET


def yields_a_helper() -> Flow[Any]:
    yield helper()  # type: ignore[misc] # the mistake under test


def puts_a_helper_into_a_request() -> Flow[Any]:
    yield Request(method="POST", path="/data", json={"page": helper()})


def yields_text() -> Flow[Any]:
    yield "/data"  # type: ignore[misc] # the mistake under test


def never_ends() -> Flow[Any]:
    while True:
        yield GET


def swallows_errors_for_ever() -> Flow[Any]:
    while True:
        try:
            yield GET
        except FapiaoError:
            pass


def divides_by_zero() -> Flow[Any]:
    yield GET
    return 1 // 0


def sends_json_and_form() -> Flow[Any]:
    yield Request(method="POST", path="/data", json={}, form=(("a", "b"),))


def sends_what_is_no_json() -> Flow[Any]:
    yield Request(method="POST", path="/data", json={"page": object()})


def sends_keys_that_are_no_text() -> Flow[Any]:
    yield Request(method="POST", path="/data", json={("a", "b"): 1})


def leaves_the_host() -> Flow[Any]:
    yield Request(method="GET", path="//elsewhere.invalid/data")


def puts_the_query_into_the_path() -> Flow[Any]:
    yield Request(method="GET", path="/data?page=1")


def splits_a_header() -> Flow[Any]:
    yield Request(method="GET", path="/data", headers=(("X-A", "b\r\nX-C: d"),))


BROKEN = [
    (yields_a_helper, "The flow yields_a_helper yielded the generator helper(): write 'yield from helper(…)'"),
    (puts_a_helper_into_a_request, "the generator helper() instead of its result: a 'yield from' is missing"),
    (yields_text, "The flow yields_text yielded str instead of a Request"),
    (never_ends, f"The flow never_ends asked for more than {MOST_REQUESTS} requests"),
    (divides_by_zero, "The hook divides_by_zero raised ZeroDivisionError"),
    (sends_json_and_form, "both a JSON body and a form"),
    (sends_what_is_no_json, "holds a object, which is no JSON value"),
    (sends_keys_that_are_no_text, "holds a tuple, which is no JSON value"),
    (leaves_the_host, "is not a method and a path on the vendor's host"),
    (puts_the_query_into_the_path, "is not a method and a path on the vendor's host"),
    (splits_a_header, "has a line break"),
]


@pytest.mark.parametrize(("flow", "text"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_a_broken_flow_is_named(flow: Any, text: str, run: Any, plain_source: Source) -> None:
    outcome = run(plain_source, flow()).outcome
    assert type(outcome) is PluginError
    assert outcome.source == "toy"
    assert text in str(outcome)


def test_a_hook_that_is_no_generator_is_told_so(run: Any, plain_source: Source) -> None:
    outcome = run(plain_source, 17).outcome
    assert type(outcome) is PluginError
    assert "returned int instead of a flow" in str(outcome)


def test_the_plugins_own_exception_is_the_cause_and_its_line_is_named(run: Any, plain_source: Source) -> None:
    outcome = run(plain_source, divides_by_zero()).outcome
    assert isinstance(outcome.__cause__, ZeroDivisionError)
    assert "test_engine_flow_contract.py:" in str(outcome)


def test_a_flow_that_swallows_every_error_is_cut_off(run: Any, vendor: Any, answer: Any, plain_source: Source) -> None:
    vendor.reset(data=[answer(body=b'{"code":"no"}')] * (MOST_REQUESTS + 5))
    outcome = run(plain_source, swallows_errors_for_ever()).outcome
    assert type(outcome) is PluginError
    assert len(vendor.seen) == MOST_REQUESTS


def test_a_final_error_is_thrown_at_the_yield_and_the_flow_may_go_on(
    run: Any, vendor: Any, answer: Any, plain_source: Source
) -> None:
    def goes_on() -> Flow[Any]:
        reason = None
        try:
            yield GET
        except TaxpayerRefused as refusal:
            reason = refusal.code
        last = yield GET
        return reason, last.json()["value"]

    vendor.reset(data=[answer(body=b'{"code":"4001"}')])
    done = run(plain_source, goes_on()).outcome
    assert isinstance(done, Completed)
    assert done.value == ("4001", 1)
    assert [exchange.response.body for exchange in done.transcript] == [b'{"code":"4001"}', b'{"code":"ok","value":1}']


def test_an_error_raised_by_the_flow_itself_comes_out_with_its_source(run: Any, plain_source: Source) -> None:
    def refuses() -> Flow[Any]:
        yield GET
        raise RequestRefused("The vendor wants a field that is not set.")

    outcome = run(plain_source, refuses()).outcome
    assert type(outcome) is RequestRefused
    assert outcome.source == "toy"


def test_an_answer_of_the_wrong_shape_inside_the_flow_is_the_plugins_fault(
    run: Any, vendor: Any, answer: Any, plain_source: Source
) -> None:
    def trusts() -> Flow[Any]:
        answer = yield GET
        return answer.json()["data"]["rows"]

    outcome = run(plain_source, trusts()).outcome
    assert type(outcome) is PluginError
    assert "raised KeyError" in str(outcome)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        (None, PluginError, "classify"),
        ("ok", PluginError, "classify"),
        (ZeroDivisionError("x"), PluginError, "classify raised ZeroDivisionError"),
    ],
)
def test_classify_must_return_a_verdict(given: Any, error: type, text: str, run: Any, toy: Any) -> None:
    class Odd(toy):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def classify(self, request: Request, response: Response) -> Any:
            if isinstance(given, Exception):
                raise given
            return given

    outcome = run(Source.of(Odd()), helper()).outcome
    assert type(outcome) is error
    assert text in str(outcome)
    assert getattr(outcome, "source", None) == "toy"


def test_a_refusal_without_an_error_is_refused_all_the_same(run: Any, toy: Any) -> None:
    class Terse(toy):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def classify(self, request: Request, response: Response) -> Verdict:
            return Verdict(decision=Decision.REFUSED)

    outcome = run(Source.of(Terse()), helper()).outcome
    assert isinstance(outcome, VendorError)
    assert "GET /data was refused (HTTP 200) without a reason" in str(outcome)


def test_sign_must_return_signed(run: Any, toy: Any) -> None:
    class Odd(toy):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def sign(self) -> Any:
            return {"sign": "x"}

    outcome = run(Source.of(Odd()), helper()).outcome
    assert type(outcome) is PluginError
    assert "sign() returned dict instead of Signed" in str(outcome)


def test_every_attempt_is_signed_afresh(run: Any, vendor: Any, answer: Any, toy: Any) -> None:
    class Signing(toy):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def sign(self, request: Request, stamp: Any, body: bytes) -> Signed:
            seen.append(body)
            return Signed(
                query=(("nonce", stamp.nonce),), headers=(("X-Epoch", str(stamp.epoch_ms)),), form=(("sign", "a+b/c="),)
            )

    def by_form() -> Flow[Any]:
        answer = yield Request(method="POST", path="/data", form=(("p", "1"),))
        return answer.status

    seen: list[bytes] = []
    vendor.reset(data=[answer(cut=0), answer(status=503)])
    run(Source.of(Signing()), by_form())
    assert seen == [b"p=1"] * 3
    assert {one.body for one in vendor.seen} == {b"p=1&sign=a%2Bb%2Fc%3D"}
    assert len({one.target for one in vendor.seen}) == 3
    assert len({one.headers["x-epoch"] for one in vendor.seen}) == 3


def test_the_excerpt_of_an_unreadable_answer_is_in_the_error(
    run: Any, vendor: Any, answer: Any, plain_source: Source
) -> None:
    vendor.reset(data=[answer(body="<html><h1>系统维护中</h1> 电话 13800138000".encode("gb18030"))] * 3)
    outcome = run(plain_source, helper()).outcome
    assert type(outcome) is VendorBroken
    assert "<h1>系统维护中</h1> 电话 ***" in str(outcome)


def test_a_secret_is_sent_and_a_decimal_is_a_number(run: Any, vendor: Any, plain_source: Source) -> None:
    from decimal import Decimal

    def sends() -> Flow[Any]:
        yield Request(
            method="POST",
            path="/data",
            json={"名": "甲", "sum": Decimal("1.10"), "flag": True, "key": Secret("value-of-key")},
        )

    run(plain_source, sends())
    assert vendor.seen[0].body.decode() == '{"名":"甲","sum":1.10,"flag":true,"key":"value-of-key"}'
    assert vendor.seen[0].headers["content-type"] == "application/json;charset=UTF-8"


def test_the_query_is_percent_encoded_whole(run: Any, vendor: Any, plain_source: Source) -> None:
    def asks() -> Flow[Any]:
        yield Request(method="GET", path="/data", query=(("t", "a:b$c/d+e f&g=h?~._-%"), ("名", "甲")))

    run(plain_source, asks())
    assert vendor.seen[0].target == "/data?t=a%3Ab%24c%2Fd%2Be%20f%26g%3Dh%3F~._-%25&%E5%90%8D=%E7%94%B2"
