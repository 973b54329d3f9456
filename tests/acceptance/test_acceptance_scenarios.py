"""Every way in which the vendor can behave ends in the truth, or in the documented error with the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapiao.errors import (
    CredentialError,
    FapiaoError,
    IncompleteError,
    RequestRefused,
    VendorBroken,
    VendorRefused,
    VendorUnreachable,
)
from fapiao.testing.scenario import TAXPAYERS, Fault, FaultKind
from fapiao_ekuaibao.simulator import Changed, CodeAnswer, Drift, Malformed, Month, Outcome, Slow
from trying import Trial

Trying = Callable[..., Trial]
WEB_PAGE = "系统维护中"


def fault(kind: FaultKind, **rule: Any) -> dict[str, Any]:
    """A scenario with one fault."""
    return {"faults": (Fault(kind=kind, **rule),)}


# -- it ends in the truth ---------------------------------------------------------------------------------------------

PATIENT: dict[str, dict[str, Any]] = {
    "nothing goes wrong": {},
    "slices that take ten minutes": {"slow": (Slow(type="81", seconds=600.0), Slow(type="04", seconds=200.0))},
    "no row about the job for a while": {"silent_seconds": 45.0},
    "a type that fails once": {"outcomes": (Outcome(type="81", status="failed_once"),)},
    "a type that is disabled": {"outcomes": (Outcome(type="04", status="disabled"),)},
    "a type that is not supported": {"outcomes": (Outcome(type="81", direction="output", status="notSupported"),)},
    "empty slices answered by a code": {"uniform": 0},
    "empty slices answered by a list": {"uniform": 0, "empty_as": "list"},
    "empty slices answered by null": {"uniform": 0, "empty_as": "null"},
    "pages that hold less than asked": {"page_size_cap": 4},
    "a token that lasts eight minutes": {"token_seconds": 480.0, "slow": (Slow(type="81", seconds=1500.0),)},
    "429 with Retry-After": fault("throttled", nth=(2, 3, 7, 8), retry_after=2.0),
    "429 without Retry-After": fault("throttled", nth=(2, 5, 8, 9)),
    "429 for an hour": fault("throttled", nth=(2, 9), retry_after=3600.0),
    "503 with Retry-After": fault("unavailable", nth=(1, 4, 8, 9), retry_after=30.0),
    "503 without Retry-After": fault("unavailable", nth=(1, 4, 8, 9)),
    "500 as text": fault("status", operation="read", nth=(1, 2, 8, 9), status=500),
    "502 as text": fault("status", operation="status", first=2, status=502),
    "a login that is reset": fault("reset", operation="login", first=2),
    "a login that is a web page": fault("html", operation="login", first=2),
    "reads that are reset": fault("reset", operation="read", nth=(1, 3, 4, 9)),
    "a status that is reset": fault("reset", operation="status", first=3),
    "reads that are cut": fault("cut", operation="read", nth=(1, 3, 4, 9)),
    "truncated reads": fault("truncated", operation="read", nth=(1, 6)),
    "reads that are web pages": fault("html", operation="read", nth=(1, 6)),
    "empty answers to reads": fault("empty", operation="read", nth=(1, 6)),
    "reads in GBK": fault("gbk", operation="read", nth=(1, 6)),
    "a status in GBK": fault("gbk", operation="status", first=2),
    "a truncated status": fault("truncated", operation="status", first=2),
    "success as text, everywhere": fault("success_text"),
    "a status without data": fault("null_data", operation="status", first=3),
    "a start without data": fault("null_data", operation="start"),
    "a total that grows while it is read": {"drifts": (Drift(kind="grow", type="81", rows=2),)},
    "rows that come again": {"drifts": (Drift(kind="shift", type="81", rows=1),)},
    "a page that is short": {"drifts": (Drift(kind="short", type="04", rows=2, after_page=2),)},
    "a start that is throttled": fault("throttled", operation="start", first=2),
    "a start while the vendor is away": fault("unavailable", operation="start", first=2),
}


@pytest.mark.parametrize("scenario", PATIENT.values(), ids=PATIENT)
def test_it_ends_in_the_truth_with_one_job(trying: Trying, scenario: dict[str, Any]) -> None:
    attempt = trying(scenario)
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert ended.state == "complete"
    assert attempt.untrue(ended) == []
    assert attempt.covered() == ended.slices
    restarts = 1 if "failed_once" in str(scenario) else 0
    assert attempt.report().starts == {f"{attempt.taxpayer} 202411": 1 + restarts}
    if "faults" in scenario:
        assert attempt.report().faults, "the fault has to have happened"


LOST_STARTS: dict[str, Fault] = {
    "reset": Fault(kind="reset", operation="start", first=1, carried_out=True),
    "cut in the middle": Fault(kind="cut", operation="start", first=1),
    "truncated": Fault(kind="truncated", operation="start", first=1),
    "a web page": Fault(kind="html", operation="start", first=1, carried_out=True),
    "empty": Fault(kind="empty", operation="start", first=1, carried_out=True),
    "in GBK": Fault(kind="gbk", operation="start", first=1),
    "a 500": Fault(kind="status", operation="start", first=1, carried_out=True, status=500),
    "a 502": Fault(kind="status", operation="start", first=1, carried_out=True, status=502),
}


@pytest.mark.parametrize("silent", [0.0, 20.0], ids=["with rows at once", "with rows later"])
@pytest.mark.parametrize("lost", LOST_STARTS.values(), ids=LOST_STARTS)
def test_a_start_whose_answer_is_lost_is_asked_about_not_repeated(trying: Trying, lost: Fault, silent: float) -> None:
    attempt = trying({"faults": (lost,), "silent_seconds": silent})
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    assert attempt.report().operations["start"] == 1
    assert ended.waits[0].reason == "the answer to the start was lost"


@pytest.mark.parametrize("kind", ["reset", "html", "empty"])
def test_a_start_that_never_arrived_is_repeated_after_the_grace(trying: Trying, kind: FaultKind) -> None:
    attempt = trying(fault(kind, operation="start", first=1))
    began = attempt.clock()
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    assert attempt.report().operations["start"] == 2
    assert attempt.report().starts == {f"{attempt.taxpayer} 202411": 1}
    assert attempt.clock() - began >= 60


@pytest.mark.parametrize("seconds", [0.5, 900.0], ids=["quick job", "long job"])
def test_a_start_carried_out_behind_a_503_is_settled_by_asking(trying: Trying, seconds: float) -> None:
    attempt = trying(
        fault("unavailable", operation="start", first=1, carried_out=True) | {"processing_seconds": seconds}
    )
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    key = f"{attempt.taxpayer} 202411"
    assert attempt.report().starts == {key: 1}
    assert attempt.report().operations["start"] == 1


@pytest.mark.parametrize(("good_for", "at_once"), [(3, 1), (7, 1), (12, 2)])
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("one_token", [False, True], ids=["", "one token at a time"])
def test_a_token_that_expires_in_the_middle_is_renewed_once_each_time(
    trying: Trying, good_for: int, at_once: int, status: int, one_token: bool
) -> None:
    attempt = trying(
        {"token_requests": good_for, "expired_status": status, "one_token": one_token}, max_concurrency=at_once
    )
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    report = attempt.report()
    refused = report.answers[str(status)]
    answered = report.total - report.logins - refused
    assert report.logins == -(-answered // good_for), "no login too many"
    assert refused <= (report.logins - 1) * at_once
    assert sum(report.starts.values()) == 1


def test_rows_of_an_earlier_job_are_not_taken_for_ours(trying: Trying) -> None:
    """The earlier job's rows say processed for a minute after our start; its data are those of the first generation."""
    attempt = trying(
        {
            "earlier_jobs": (Month(invoice_month="202411"),),
            "stale_seconds": 60.0,
            "processing_seconds": 120.0,
            "changes": (
                Changed(generation=2, vanished=(3, 4), appeared=5),
                Changed(generation=2, type="81", red_flushed=(7,)),
            ),
        }
    )
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended, generation=2) == []
    assert attempt.covered() == ended.slices
    assert ended.manifest is not None
    assert {part.expected for part in ended.manifest.slices if part.loaded} == {28}


def test_an_earlier_job_that_left_no_trace_of_ours_is_believed_with_age(trying: Trying) -> None:
    """Ours is over between two looks, so it is never seen running: only its age tells."""
    attempt = trying(
        {
            "earlier_jobs": (Month(invoice_month="202411"),),
            "stale_seconds": 45.0,
            "changes": (Changed(generation=2, vanished=(1,)),),
        },
        minimum_job_age=300,
    )
    began = attempt.clock()
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended, generation=2) == []
    assert attempt.clock() - began >= 300


# -- it ends in the documented error ----------------------------------------------------------------------------------


def test_a_type_that_always_fails_is_started_again_once_and_named(trying: Trying) -> None:
    attempt = trying({"outcomes": (Outcome(type="81", direction="input", status="failed"),)})
    ended = attempt.run()
    assert isinstance(ended.error, IncompleteError)
    assert "81 input is failed (expected unknown, loaded 0, rejected 0, vendor: failed 处理失败)" in ended.text
    assert f"source ekuaibao, taxpayer {attempt.taxpayer}, month 202411" in ended.text
    assert ended.state == "incomplete"
    assert attempt.untrue(ended) == []
    assert attempt.covered() == ended.slices
    assert attempt.report().starts == {f"{attempt.taxpayer} 202411": 2}


DRIFTING = [
    (Drift(kind="grow", type="81", direction="input", rows=2, always=True), "the vendor's total changed between pages"),
    (Drift(kind="shift", type="81", direction="input", rows=3, always=True), "3 numbers came more than once"),
    (
        Drift(kind="short", type="81", direction="input", rows=2, after_page=2, always=True),
        "the vendor counts 25, its pages held 23",
    ),
]


@pytest.mark.parametrize(("drift", "said"), DRIFTING, ids=["grow", "shift", "short"])
def test_paging_that_never_adds_up_is_incomplete_with_the_numbers(trying: Trying, drift: Drift, said: str) -> None:
    attempt = trying({"drifts": (drift,)})
    ended = attempt.run()
    assert isinstance(ended.error, IncompleteError)
    assert "1 of 6 slices are not complete: 81 input is incomplete (expected 2" in ended.text
    assert said in ended.text
    assert ended.state == "incomplete"
    assert {key for key, state in ended.slices.items() if state == "incomplete"} == {"81 input"}
    assert [line for line in attempt.untrue(ended) if "81 input" in line] != []
    assert attempt.covered() == ended.slices
    assert attempt.unruly() == []
    first_pages = attempt.report().reads[f"{attempt.taxpayer} 202411 81 input"]["1"]
    assert first_pages == 3, "it is read three times before it is given up"


MALFORMED = (
    Malformed(kind="masked_number", type="81", direction="input", positions=(0, 24)),
    Malformed(kind="missing_number", type="04", direction="output", positions=(11,)),
    Malformed(kind="number_in_exponents", type="17", direction="input", positions=(3,)),
)


def test_records_nobody_can_identify_are_rejected_and_fail_the_run(trying: Trying) -> None:
    attempt = trying({"malformed": MALFORMED})
    ended = attempt.run()
    assert isinstance(ended.error, IncompleteError)
    assert "81 input is rejected (expected 25, loaded 23, rejected 2" in ended.text
    assert "04 output is rejected (expected 25, loaded 24, rejected 1" in ended.text
    assert "17 input is rejected (expected 25, loaded 24, rejected 1" in ended.text
    assert ended.state == "incomplete"
    assert attempt.untrue(ended) == []
    assert attempt.covered() == ended.slices


def test_rejected_records_can_be_accepted(trying: Trying) -> None:
    attempt = trying({"malformed": MALFORMED})
    ended = attempt.run(on_rejected="accept")
    assert ended.error is None, ended.text
    assert ended.state == "complete"
    assert attempt.untrue(ended) == []
    assert attempt.covered() == ended.slices


UNREADABLE = {
    "html": f"a web page instead of JSON. The answer begins: <!DOCTYPE html><html><body><h1>{WEB_PAGE}",
    "truncated": "not whole JSON (truncated, or another format). The answer begins: {",
    "empty": "empty instead of JSON. The answer is empty.",
    "gbk": "not UTF-8 text. The answer begins: {",
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_slice_nobody_can_read_leaves_nothing_half_loaded_and_the_others_whole(
    trying: Trying, kind: FaultKind
) -> None:
    attempt = trying(fault(kind, operation="read", type="81", direction="input", page=2, first=3))
    ended = attempt.run()
    assert type(ended.error) is VendorBroken
    assert UNREADABLE[kind] in ended.text
    assert f"source ekuaibao, taxpayer {attempt.taxpayer}, month 202411, slice 81 input" in ended.text
    assert ended.state == "started"
    assert ended.slices.pop("81 input") in ("ready", "reading")
    others = {key: state for key, state in ended.slices.items() if key != "81 input"}
    assert others == {
        "04 input": "complete", "04 output": "complete", "17 input": "complete", "17 output": "unsupported",
        "81 output": "complete",
    }  # fmt: skip
    assert attempt.covered() == ended.slices

    again = attempt.run()
    assert again.error is None, again.text
    assert attempt.untrue(again) == []
    assert again.manifest is not None
    assert again.manifest.generation == 1
    assert sum(attempt.report().starts.values()) == 1
    assert attempt.report().pages_read_again() == (0 if kind in ("html", "empty") else 3)


def test_a_success_without_data_is_no_proof_of_emptiness(trying: Trying) -> None:
    attempt = trying(fault("null_data", operation="read", type="04", direction="output", first=1))
    ended = attempt.run()
    assert type(ended.error) is VendorBroken
    assert "value.data is missing although the code says success" in ended.text
    assert "slice 04 output" in ended.text
    again = attempt.run()
    assert again.error is None, again.text
    assert attempt.untrue(again) == []


UNREACHABLE = {
    "reset": "Tried 5 times",
    "cut": "Tried 5 times",
    "unavailable": "HTTP 503 (service unavailable)",
}


@pytest.mark.parametrize("operation", ["login", "status", "read"])
@pytest.mark.parametrize("kind", UNREACHABLE)
def test_a_vendor_that_is_away_is_an_error_of_the_network_and_a_rerun_continues(
    trying: Trying, kind: FaultKind, operation: str
) -> None:
    calls = 5 * 5 if operation == "read" else 5
    attempt = trying(fault(kind, operation=operation, first=calls))
    ended = attempt.run()
    assert type(ended.error) is VendorUnreachable, ended.text
    assert UNREACHABLE[kind] in ended.text
    assert "At fault: the network." in ended.text
    assert f"taxpayer {attempt.taxpayer}, month 202411" in ended.text
    assert "complete" not in ended.slices.values()
    again = attempt.run()
    assert again.error is None, again.text
    assert attempt.untrue(again) == []
    assert sum(attempt.report().starts.values()) == 1


@pytest.mark.parametrize("operation", ["login", "status"])
@pytest.mark.parametrize("kind", ["html", "truncated", "empty"])
def test_an_unreadable_answer_about_the_job_is_a_broken_vendor_and_a_rerun_continues(
    trying: Trying, kind: FaultKind, operation: str
) -> None:
    attempt = trying(fault(kind, operation=operation, first=3))
    ended = attempt.run()
    assert type(ended.error) is VendorBroken, ended.text
    assert f"taxpayer {attempt.taxpayer}, month 202411" in ended.text
    again = attempt.run()
    assert again.error is None, again.text
    assert attempt.untrue(again) == []


def test_a_wrong_password_is_tried_once(trying: Trying) -> None:
    attempt = trying()
    ended = attempt.run(password="canary-wrong-password-2")
    assert type(ended.error) is CredentialError
    assert "canary-wrong-password-2" not in ended.text
    assert "HTTP 403" in ended.text
    assert attempt.report().operations == {"login": 1}


def test_a_token_that_is_never_accepted_ends_after_one_more_login(trying: Trying) -> None:
    attempt = trying(fault("status", operation="status", status=403))
    ended = attempt.run()
    assert type(ended.error) is CredentialError
    assert attempt.report().operations == {"login": 2, "status": 2}


def test_a_taxpayer_the_account_does_not_have_is_refused(trying: Trying) -> None:
    attempt = trying({"taxpayers": TAXPAYERS[1:]})
    ended = attempt.run(taxpayer=TAXPAYERS[0])
    assert type(ended.error) is RequestRefused
    assert "未开通【增值税发票全量采集】功能" in ended.text
    assert "start" not in attempt.report().operations


def test_a_refused_taxpayer_does_not_hurt_the_next_one(trying: Trying) -> None:
    attempt = trying({"codes": (CodeAnswer(operation="start", code="4002", taxpayer_no=TAXPAYERS[0]),)})
    refused = attempt.run(taxpayer=TAXPAYERS[0])
    assert isinstance(refused.error, VendorRefused)
    assert set(refused.slices.values()) == {"failed"}
    ended = attempt.run(taxpayer=TAXPAYERS[1])
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []


def test_every_error_of_a_run_is_of_the_tree(trying: Trying) -> None:
    """Faults of every kind at random: whatever ends a run is ours, and reruns come to the truth with one job."""
    kinds: tuple[FaultKind, ...] = (
        "throttled",
        "unavailable",
        "reset",
        "cut",
        "truncated",
        "html",
        "empty",
        "gbk",
        "success_text",
    )
    attempt = trying(
        {
            "faults": tuple(Fault(kind=kind, operation=operation, probability=0.05) for kind in kinds
                            for operation in ("login", "status", "read")),
            "token_requests": 11,
        },
        max_concurrency=2,
        page_size=5,
    )  # fmt: skip
    errors: list[FapiaoError] = []
    while (ended := attempt.run(refresh="older-than:1d")).error is not None:
        errors.append(ended.error)
        assert len(errors) < 20, errors
    assert attempt.untrue(ended) == []
    assert len(attempt.report().faults) >= 6
    assert sum(attempt.report().starts.values()) == 1


# -- quota, on a real clock -------------------------------------------------------------------------------------------


def test_latency_fills_the_permitted_concurrency_and_no_more(trying: Trying) -> None:
    attempt = trying({"latency": 0.03, "jitter": 0.03, "max_concurrency": 4}, at=None, max_concurrency=4, page_size=5)
    ended = attempt.run(poll_interval=0.1)
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    assert attempt.report().over_concurrency == 0
    assert attempt.report().peak_concurrency > 2  # a busy machine may never send all four at once


def test_the_vendors_own_concurrency_holds_without_a_setting(trying: Trying) -> None:
    attempt = trying({"latency": 0.05, "max_concurrency": 8}, at=None, page_size=5)
    ended = attempt.run(poll_interval=0.1)
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    assert attempt.report().over_concurrency == 0
    assert attempt.report().peak_concurrency > 4  # a busy machine may never send all eight at once


def test_a_rate_that_the_connection_sets_is_honoured(trying: Trying) -> None:
    rates = {"login": 20.0, "start": 20.0, "status": 20.0, "read": 20.0}
    attempt = trying({"requests_per_second": rates}, at=None, requests_per_second=20, page_size=5)
    ended = attempt.run(poll_interval=0.1)
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []


def test_the_rates_that_the_plugin_declares_are_honoured(trying: Trying) -> None:
    """One request per second about the job, five per second to read."""
    rates = {"start": 1.0, "status": 1.0, "read": 5.0}
    # A request that a busy machine delivers late is no reason to blame the next one: without a quota there are dozens a second.
    scenario = {"requests_per_second": rates, "rate_tolerance": 1.0, "uniform": 3}
    attempt = trying(scenario, at=None, requests_per_second=None)
    ended = attempt.run(poll_interval=0.1)
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
