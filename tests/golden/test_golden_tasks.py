"""Golden tests of the vendor's job: everything it can say about itself, and many taxpayers of whom one is refused."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dictating import Golden, digital, page
from fapiao.errors import IncompleteError, TaxpayerRefused
from fapiao.invoices.tax_numbers import check_digit
from fapiao_ekuaibao.simulator import CodeAnswer, Outcome, Slow
from trying import Trial, china

Trying = Callable[..., Trial]
D = Decimal
HOUR = 3600.0


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """How a month of the types 81 and 17 in both directions ends."""

    input: tuple[str, str, int]
    """State, vendor's code and number of invoices of the slice 81 input; the other slices are always the same."""
    starts: int = 1
    waits: tuple[str, ...] = ()
    """The vendor's codes that were waited for, in order."""
    until: str = ""
    """When it is over at the earliest, in China."""
    fails: bool = False


CLASSES: dict[str, tuple[dict[str, Any], str, Expected]] = {
    "toProcess, processing, processed": (
        {"queued_seconds": 60.0, "processing_seconds": 120.0}, "2024-12-10 12:00",
        Expected(input=("complete", "processed", 25), until="2024-12-10 12:03"),
    ),
    "failed, then processed": (
        {"outcomes": (Outcome(type="81", direction="input", status="failed_once"),)}, "2024-12-10 12:00",
        Expected(input=("complete", "processed", 25), starts=2),
    ),
    "failed for good": (
        {"outcomes": (Outcome(type="81", direction="input", status="failed"),)}, "2024-12-10 12:00",
        Expected(input=("failed", "failed", 0), starts=2, fails=True),
    ),
    "stuck for three hours": (
        {"slow": (Slow(type="81", direction="input", seconds=3 * HOUR),)}, "2024-12-10 12:00",
        Expected(input=("complete", "processed", 25), until="2024-12-10 15:00"),
    ),
    "disabled": (
        {"outcomes": (Outcome(type="81", direction="input", status="disabled"),)}, "2024-12-10 12:00",
        Expected(input=("unsupported", "disabled", 0)),
    ),
    "notSupported": (
        {"outcomes": (Outcome(type="81", direction="input", status="notSupported"),)}, "2024-12-10 12:00",
        Expected(input=("unsupported", "notSupported", 0)),
    ),
    "4008, twice": (
        {"codes": (CodeAnswer(operation="start", code="4008", first=2),)}, "2024-12-10 12:00",
        Expected(input=("complete", "processed", 25), waits=("4008", "4008"), until="2024-12-10 12:10"),
    ),
    "4043 on the 1st": (
        {"too_early": True}, "2024-12-01 09:00",
        Expected(input=("complete", "processed", 25), waits=("4043",), until="2024-12-03 00:00"),
    ),
    "4043 on the 2nd": (
        {"too_early": True}, "2024-12-02 09:00",
        Expected(input=("complete", "processed", 25), waits=("4043",), until="2024-12-03 00:00"),
    ),
    "no 4043 on the 3rd": (
        {"too_early": True}, "2024-12-03 00:00", Expected(input=("complete", "processed", 25)),
    ),
    "4000 for a slice": (
        {"codes": (CodeAnswer(operation="read", code="4000", type="81", direction="input"),)}, "2024-12-10 12:00",
        Expected(input=("empty", "processed", 0)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", CLASSES)
def test_e22_every_end_of_a_job_is_a_state_of_its_slices(trying: Trying, how: str) -> None:
    scenario, at, expected = CLASSES[how]
    attempt = trying(scenario, at=at)
    ended = attempt.run(types=("81", "17"), patience=10 * 86_400.0, poll_interval=600.0 if "stuck" in how else 30.0)
    state, code, loaded = expected.input

    assert isinstance(ended.error, IncompleteError) if expected.fails else ended.error is None, ended.text
    assert slices(attempt) == [
        ("17", "input", "complete", "processed", 25),
        ("17", "output", "unsupported", "notSupported", 0),
        ("81", "input", state, code, loaded),
        ("81", "output", "complete", "processed", 25),
    ]
    assert ended.state == ("incomplete" if expected.fails else "complete")
    assert attempt.report().starts == {f"{attempt.taxpayer} 202411": expected.starts}
    assert tuple(waiting.code for waiting in ended.waits if waiting.code) == expected.waits
    assert attempt.clock() >= china(expected.until or at)
    if loaded:
        assert attempt.untrue(ended, types=("81", "17")) == []
    assert attempt.unruly() == []


def slices(attempt: Trial) -> list[Any]:
    golden = Golden(attempt.url)
    try:
        return golden.rows("slice", "type", "direction", "state", "vendor_code", "loaded")
    finally:
        golden.close()


def test_e22_a_job_that_is_stuck_is_waited_for_by_the_next_run_and_not_started_again(trying: Trying) -> None:
    """Patience ends after two hours; the run that comes after it finds the job where it is."""
    attempt = trying({"slow": (Slow(type="81", direction="input", seconds=5 * HOUR),)})
    first = attempt.run(types=("81",), patience=2 * HOUR, poll_interval=600.0)
    assert first.waited_out
    assert first.slices == {"81 input": "waiting", "81 output": "complete"}
    second = attempt.run(types=("81",), patience=4 * HOUR, poll_interval=600.0)
    assert second.error is None, second.text
    assert second.slices == {"81 input": "complete", "81 output": "complete"}
    assert attempt.report().starts == {f"{attempt.taxpayer} 202411": 1}


def test_e30_a_day_of_five_thousand_invoices_and_a_month_of_one_are_both_whole(golden: Golden) -> None:
    day = [digital(number, kprq="2024-11-29 09:00:00") for number in range(1, 5001)]
    pages = [page(day[start : start + 100], 5000) for start in range(0, 5000, 100)]
    assert golden.collect({("81", "input"): pages}) is None
    lonely = digital(5001, kprq="2024-10-31 09:00:00", kpyf=202410)
    assert golden.collect({("81", "input"): [page([lonely])]}, month="202410") is None
    assert golden.rows("slice", "state", "expected", "loaded", "rejected", "amount_excl_tax", "tax_amount") == [
        ("complete", 5000, 5000, 0, D("500000.00"), D("65000.00")),
        ("complete", 1, 1, 0, D("100.00"), D("13.00")),
    ]
    assert len(golden.rows("page", "page_id")) == 51
    assert [str(day) for day in sorted(set(golden.rows("invoice", "issued_on")))] == ["2024-10-31", "2024-11-29"]
    assert sorted(golden.rows("invoice", "digital_number")) == [f"2499{number:016d}" for number in range(1, 5002)]


def test_e30_of_three_hundred_companies_the_one_whose_login_is_refused_hurts_no_other(sqlite_golden: Golden) -> None:
    companies = [number + check_digit(number) for number in (f"9199000{place:03d}0000001" for place in range(300))]
    refused = companies[150]
    errors = {
        company: sqlite_golden.collect(
            {("81", "input"): [page([digital(place)])]},
            taxpayer_no=company,
            refused="4001" if company == refused else "",
        )
        for place, company in enumerate(companies, 1)
    }
    assert [company for company, error in errors.items() if error is not None] == [refused]
    error = errors[refused]
    assert isinstance(error, TaxpayerRefused)
    assert "4001 用户名密码不正确" in str(error)
    assert f"source ekuaibao, taxpayer {refused}, month 202411, vendor code 4001" in str(error)
    assert sqlite_golden.rows("collection", "taxpayer_no", "state") == [
        (company, "incomplete" if company == refused else "complete") for company in companies
    ]
    assert sqlite_golden.rows("slice", "state", "vendor_code", "expected", "loaded") == [
        ("failed", "4001", None, 0) if company == refused else ("complete", "processed", 1, 1) for company in companies
    ]
    assert sqlite_golden.rows("invoice_holding", "taxpayer_no") == [
        company for company in companies if company != refused
    ]
