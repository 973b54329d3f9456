"""Both drivers over the same scripted vendor: same requests, same waits, same transcript, same result or error."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fapiao.engine import Completed, DriverSettings
from fapiao.engine.transcript import pack
from fapiao.errors import (
    CredentialError,
    FapiaoError,
    OutcomeUnknown,
    TaxpayerRefused,
    VendorBroken,
    VendorBusy,
    VendorUnreachable,
)
from fapiao.wire import Account, Flow, Request

FINE = b'{"code":"ok","value":7}'
HTML = "<html><title>系统维护中</title></html>".encode()


def ask(**options: Any) -> Flow[Any]:
    answer = yield Request(method="POST", path="/data", json={"page": 1}, **options)
    return answer.json()["value"]


def ask_twice(**options: Any) -> Flow[Any]:
    first = yield Request(method="POST", path="/data", json={"page": 1}, **options)
    second = yield Request(method="GET", path="/data", query=(("名", "甲 +&/:$"), ("empty", "")))
    return [first.json()["value"], second.json()["value"]]


def ask_by_form(**options: Any) -> Flow[Any]:
    answer = yield Request(method="POST", path="/data", form=(("content", "a+b/c=="), ("名", "乙")), **options)
    return answer.json()["value"]


def turn_a_refusal_into_a_result(**options: Any) -> Flow[Any]:
    try:
        yield Request(method="POST", path="/data", json={}, **options)
    except FapiaoError as error:
        return f"{type(error).__name__} {error}"


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    answers: list[dict[str, Any]]
    flow: Callable[..., Flow[Any]] = ask
    options: dict[str, Any] = {}
    settings: DriverSettings = DriverSettings()
    gives: Any = None
    raises: type[BaseException] | None = None
    waits: list[float] = []
    attempts: int
    logins: int = 1


SCENARIOS = {
    "ok": Scenario(answers=[{"body": FINE}], gives=7, attempts=1),
    "two requests": Scenario(answers=[{"body": FINE}, {"body": FINE}], flow=ask_twice, gives=[7, 7], attempts=2),
    "a form": Scenario(answers=[{"body": FINE}], flow=ask_by_form, gives=7, attempts=1),
    "gzip": Scenario(
        answers=[{"body": gzip.compress(FINE), "headers": {"Content-Encoding": "gzip"}}], gives=7, attempts=1
    ),
    "gzip that is none": Scenario(
        answers=[{"body": b"no gzip", "headers": {"Content-Encoding": "gzip"}}] * 2 + [{"body": FINE}],
        gives=7, attempts=3, waits=[0.375, 0.75],
    ),
    "429 with seconds": Scenario(
        answers=[{"status": 429, "headers": {"Retry-After": "2"}}, {"body": FINE}], gives=7, attempts=2, waits=[2.5]
    ),
    "429 with a date": Scenario(
        answers=[{"status": 429, "headers": {"Retry-After": "Mon, 06 Jan 2025 00:00:10 GMT"}}, {"body": FINE}],
        gives=7, attempts=2, waits=[10.5],
    ),
    "429 for longer than a driver waits": Scenario(
        answers=[{"status": 429, "headers": {"Retry-After": "600"}}], raises=VendorBusy, attempts=1
    ),
    "429 for ever": Scenario(
        answers=[{"status": 429}] * 5, raises=VendorBusy, attempts=5, waits=[0.375, 0.75, 1.5, 3.0]
    ),
    "503": Scenario(answers=[{"status": 503, "body": HTML}, {"body": FINE}], gives=7, attempts=2, waits=[0.375]),
    "503 for ever": Scenario(
        answers=[{"status": 503, "body": HTML}] * 5,
        raises=VendorUnreachable, attempts=5, waits=[0.375, 0.75, 1.5, 3.0],
    ),
    "502 page": Scenario(answers=[{"status": 502, "body": HTML}, {"body": FINE}], gives=7, attempts=2, waits=[0.375]),
    "500 page for ever": Scenario(
        answers=[{"status": 500, "body": HTML}] * 5, raises=VendorBroken, attempts=5, waits=[0.375, 0.75, 1.5, 3.0]
    ),
    "500 with a business code": Scenario(
        answers=[{"status": 500, "body": b'{"code":"4001"}'}], raises=TaxpayerRefused, attempts=1
    ),
    "throttled by code": Scenario(
        answers=[{"body": b'{"code":"slow down","after":3}'}, {"body": FINE}], gives=7, attempts=2, waits=[3.5]
    ),
    "retry by code": Scenario(
        answers=[{"body": b'{"code":"again"}'}, {"body": FINE}], gives=7, attempts=2, waits=[0.375]
    ),
    "reset after sending": Scenario(answers=[{"cut": 0}, {"body": FINE}], gives=7, attempts=2, waits=[0.375]),
    "reset for ever": Scenario(
        answers=[{"cut": 0}] * 5, raises=VendorUnreachable, attempts=5, waits=[0.375, 0.75, 1.5, 3.0]
    ),
    "truncated in transit": Scenario(
        answers=[{"body": FINE, "cut": 9}, {"body": FINE}], gives=7, attempts=2, waits=[0.375]
    ),
    "truncated by the vendor": Scenario(
        answers=[{"body": FINE[:-3]}, {"body": FINE}], gives=7, attempts=2, waits=[0.375]
    ),
    "a web page for ever": Scenario(
        answers=[{"body": HTML, "content_type": "text/html"}] * 3,
        raises=VendorBroken, attempts=3, waits=[0.375, 0.75],
    ),
    "too large": Scenario(
        answers=[{"body": b"[" + b" " * 5000 + b"]"}],
        settings=DriverSettings(max_response_bytes=4096), raises=VendorBroken, attempts=1,
    ),
    "too large after decompression": Scenario(
        answers=[{"body": gzip.compress(b"[" + b" " * 500_000 + b"]"), "headers": {"Content-Encoding": "gzip"}}],
        settings=DriverSettings(max_response_bytes=4096), raises=VendorBroken, attempts=1,
    ),
    "redirect": Scenario(
        answers=[{"status": 302, "body": b"", "headers": {"Location": "/elsewhere"}}] * 3,
        raises=VendorBroken, attempts=3, waits=[0.375, 0.75],
    ),
    "token expired once": Scenario(
        answers=[{"body": b'{"code":"expired"}'}, {"body": FINE}], gives=7, attempts=2, logins=2
    ),
    "token expired twice": Scenario(
        answers=[{"body": b'{"code":"expired"}'}] * 2, raises=CredentialError, attempts=2, logins=2
    ),
    "refused": Scenario(answers=[{"body": b'{"code":"4001"}'}], raises=TaxpayerRefused, attempts=1),
    "a refusal the flow turns into a result": Scenario(
        answers=[{"body": b'{"code":"4001"}'}],
        flow=turn_a_refusal_into_a_result,
        gives="TaxpayerRefused The vendor refuses the taxpayer. [source toy, vendor code 4001] At fault: "
        "the taxpayer's registration or credentials at the tax bureau. Correct the taxpayer's registration at the vendor "
        "first: repeated tries can lock its bureau account.",
        attempts=1,
    ),
    "not idempotent, answer lost": Scenario(
        answers=[{"cut": 0}], options={"idempotent": False}, raises=OutcomeUnknown, attempts=1
    ),
    "not idempotent, answer cut": Scenario(
        answers=[{"body": FINE, "cut": 9}], options={"idempotent": False}, raises=OutcomeUnknown, attempts=1
    ),
    "not idempotent, a web page": Scenario(
        answers=[{"body": HTML}], options={"idempotent": False}, raises=OutcomeUnknown, attempts=1
    ),
    "not idempotent, 502 page": Scenario(
        answers=[{"status": 502, "body": HTML}], options={"idempotent": False}, raises=OutcomeUnknown, attempts=1
    ),
    "not idempotent, throttled": Scenario(
        answers=[{"status": 429, "headers": {"Retry-After": "1"}}, {"body": FINE}],
        options={"idempotent": False}, gives=7, attempts=2, waits=[1.25],
    ),
    "not idempotent, token expired": Scenario(
        answers=[{"body": b'{"code":"expired"}'}, {"body": FINE}],
        options={"idempotent": False}, gives=7, attempts=2, logins=2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_drivers_do_the_same(
    name: str, vendor: Any, answer: Any, source: Any, run_blocking: Any, run_async: Any
) -> None:
    scenario = SCENARIOS[name]
    runs = []
    for run in (run_blocking, run_async):
        vendor.reset(data=[answer(**script) for script in scenario.answers])
        runs.append(run(source, scenario.flow(**scenario.options), scenario.settings))
        assert vendor.logins == scenario.logins
        assert vendor.script == {"/data": []}
    for run in runs:
        if scenario.raises is None:
            assert isinstance(run.outcome, Completed), run.outcome
            assert run.outcome.value == scenario.gives
            assert run.outcome.requests == run.requests
        else:
            assert type(run.outcome) is scenario.raises, run.outcome
            assert getattr(run.outcome, "source", None) == "toy"
        assert run.waits == scenario.waits
        assert run.requests == scenario.attempts + scenario.logins == len(run.seen)
    first, second = runs
    kept = ("content-type", "accept", "accept-encoding", "user-agent", "x-epoch", "content-length", "host")
    assert [
        (seen.method, seen.target, seen.body, [seen.headers.get(name) for name in kept]) for seen in first.seen
    ] == [(seen.method, seen.target, seen.body, [seen.headers.get(name) for name in kept]) for seen in second.seen]
    if isinstance(first.outcome, Completed):
        assert pack(first.outcome.transcript) == pack(second.outcome.transcript)
    else:
        assert str(first.outcome) == str(second.outcome)


def test_both_drivers_send_a_request_again_that_found_nobody_listening(
    account: Account, source: Any, run_blocking: Any, run_async: Any
) -> None:
    nobody = msgspec.structs.replace(account, base_url="http://127.0.0.1:9")
    runs = [run(source, ask(idempotent=False), to=nobody) for run in (run_blocking, run_async)]
    for run in runs:
        assert type(run.outcome) is VendorUnreachable
        assert "no connection to 127.0.0.1:9 could be made (Connection refused)" in str(run.outcome)
        assert run.waits == [0.375, 0.75, 1.5, 3.0]
    assert str(runs[0].outcome) == str(runs[1].outcome)


def test_both_drivers_name_an_unknown_host(
    account: Account, plain_source: Any, run_blocking: Any, run_async: Any
) -> None:
    nowhere = msgspec.structs.replace(account, base_url="http://nowhere.invalid")
    for run in (run_blocking, run_async):
        outcome = run(plain_source, ask(), DriverSettings(max_attempts=1), to=nowhere).outcome
        assert type(outcome) is VendorUnreachable
        assert "no connection to nowhere.invalid could be made (the name is not known)" in str(outcome)


def test_both_drivers_report_silence_as_a_timeout(
    vendor: Any, plain_source: Any, run_blocking: Any, run_async: Any
) -> None:
    import threading

    texts = []
    for run in (run_blocking, run_async):
        over = threading.Event()
        vendor.reset()
        vendor.hold = lambda path, over=over: over.wait(20)
        outcome = run(plain_source, ask(), DriverSettings(max_attempts=1, timeout=0.05)).outcome
        over.set()
        assert type(outcome) is VendorUnreachable
        texts.append(str(outcome))
    assert "gave no answer in time" in texts[0]
    assert texts[0] == texts[1]
