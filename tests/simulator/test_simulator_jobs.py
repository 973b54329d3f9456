"""Jobs: states on the clock, one per tax number, rows that are missing, late or of an earlier job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fapiao.testing.scenario import Where
from fapiao_ekuaibao.simulator import CodeAnswer, Month, Outcome, Slow
from fapiao_ekuaibao.simulator.document import CODES

Make = Callable[..., Any]


def test_a_job_is_queued_then_processed_on_the_clock(vendor: Make) -> None:
    asked = vendor(queued_seconds=10, processing_seconds=20)
    assert asked.start()["data"][0]["status"] == "toProcess"
    seen = []
    for seconds in (9, 1, 19, 1):
        asked.clock.now += seconds
        seen.append(asked.status()["81"])
    assert seen == ["toProcess", "processing", "processing", "processed"]


def test_answers_have_the_month_as_a_number_and_one_row_per_slice(vendor: Make) -> None:
    asked = vendor()
    rows = asked.start(types=("81", "82"), directions=("jx", "xx"))["data"]
    assert [(row["fplx"], row["jxxbz"]) for row in rows] == [("81", "jx"), ("82", "jx"), ("81", "xx"), ("82", "xx")]
    assert {row["kpyf"] for row in rows} == {202411}
    assert {row["nsrsbh"] for row in rows} == {asked.taxpayer}


def test_without_a_job_there_are_no_rows(vendor: Make) -> None:
    assert vendor().status() == {}


def test_a_second_job_of_the_tax_number_is_4008_until_the_first_has_ended(vendor: Make) -> None:
    asked = vendor(queued_seconds=10, processing_seconds=20)
    asked.start()
    assert asked.start(types=("82",), kpyf="202410")["code"] == "4008"
    asked.clock.now += 30
    assert asked.start(types=("82",))["code"] == "2000"
    report = asked.simulator.report()
    assert report.starts == {f"{asked.taxpayer} 202411": 2}
    assert report.refused_starts == {f"{asked.taxpayer} 202410": 1}
    assert report.violations == ()


def test_another_tax_number_has_a_job_of_its_own(vendor: Make) -> None:
    asked = vendor(queued_seconds=10)
    asked.start()
    assert asked.start(nsrsbh=asked.scenario.taxpayers[1])["code"] == "2000"


def test_rows_may_be_missing_at_first(vendor: Make) -> None:
    asked = vendor(silent_seconds=5, queued_seconds=10)
    assert asked.start()["data"] == []
    asked.clock.now += 5
    assert asked.status() == {"81": "toProcess"}


def test_single_rows_may_be_missing_for_longer(vendor: Make) -> None:
    asked = vendor(silent=(Slow(type="82", seconds=50),))
    asked.start(types=("81", "82"))
    asked.clock.now += 49
    assert asked.status(types=("81", "82")) == {"81": "processed"}
    asked.clock.now += 1
    assert asked.status(types=("81", "82")) == {"81": "processed", "82": "processed"}


def test_reading_before_the_job_is_processed_is_an_error_and_a_violation(vendor: Make) -> None:
    asked = vendor(queued_seconds=10)
    assert asked.read()["success"] is False
    asked.start()
    assert asked.read()["code"] == "500"
    assert len(asked.violations) == 2


def test_customs_certificates_on_the_sales_side_and_future_months_are_not_supported(vendor: Make) -> None:
    asked = vendor(today="2024-12-10")
    asked.start(types=("17", "81"), directions=("xx",))
    assert asked.status(types=("17", "81"), directions=("xx",)) == {"17": "notSupported", "81": "toProcess"}
    asked.clock.now += 60
    asked.start(kpyf="202501")
    assert asked.status(kpyf="202501") == {"81": "notSupported"}


@pytest.mark.parametrize("status", ["failed", "disabled", "notSupported"])
def test_a_slice_ends_as_the_scenario_says(vendor: Make, status: str) -> None:
    asked = vendor(outcomes=(msgspec.convert({"type": "81", "status": status}, Outcome),)).collected(types=("81", "82"))
    assert asked.status(types=("81", "82")) == {"81": status, "82": "processed"}


def test_a_slice_that_fails_once_succeeds_when_it_is_started_again(vendor: Make) -> None:
    asked = vendor(outcomes=(Outcome(status="failed_once"),)).collected()
    assert asked.status() == {"81": "failed"}
    assert asked.collected().status() == {"81": "processed"}


def test_a_slow_slice_takes_its_time_and_keeps_the_tax_number_busy(vendor: Make) -> None:
    asked = vendor(slow=(Slow(type="82", seconds=600),))
    asked.start(types=("81", "82"))
    asked.clock.now += 60
    assert asked.status(types=("81", "82")) == {"81": "processed", "82": "processing"}
    assert asked.start()["code"] == "4008"


def test_rows_of_an_earlier_job_are_shown_for_a_while_after_a_start(vendor: Make) -> None:
    asked = vendor(earlier_jobs=(Month(invoice_month="202411"),), stale_seconds=30, queued_seconds=60)
    assert asked.status() == {"81": "processed"}
    asked.start()
    assert asked.status() == {"81": "processed"}
    asked.clock.now += 30
    assert asked.status() == {"81": "toProcess"}


@pytest.mark.parametrize("code", tuple(CODES))
def test_every_documented_code_can_be_ordered_for_a_start(vendor: Make, code: str) -> None:
    asked = vendor(codes=(CodeAnswer(operation="start", code=code),))
    value = asked.start()
    assert (value["code"], value["message"]) == (code, CODES[code])
    assert value["success"] is (code == "2000")


@pytest.mark.parametrize("operation", ["start", "status", "read"])
def test_a_code_can_be_answered_to_the_first_calls_of_one_operation_only(vendor: Make, operation: str) -> None:
    rule = msgspec.convert({"operation": operation, "code": "4007", "first": 2, "type": "81"}, CodeAnswer)
    asked = vendor(codes=(rule,))
    calls = {
        "start": lambda: asked.start()["code"],
        "status": lambda: asked.ask("/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask", asked.job(add=False))[
            "code"
        ],
        "read": lambda: asked.read()["code"],
    }
    if operation != "start":
        asked.collected()
    assert [calls[operation]() for _ in range(3)] == ["4007", "4007", "2000"]


def test_a_code_meant_for_another_taxpayer_does_not_hit_this_one(vendor: Make) -> None:
    asked = vendor(codes=(CodeAnswer(operation="start", code="4001", taxpayer_no="91990000900000001X"),))
    assert asked.start()["code"] == "2000"


@pytest.mark.parametrize(("today", "code"), [("2024-12-01", "4043"), ("2024-12-02", "4043"), ("2024-12-03", "2000")])
def test_last_month_can_be_refused_until_the_third(vendor: Make, today: str, code: str) -> None:
    asked = vendor(too_early=True, today=today)
    assert asked.start()["code"] == code
    assert asked.start(kpyf="202409", types=("82",))["code"] in ("2000", "4008")


def test_where_matches_what_its_fields_name() -> None:
    assert Where(type="81").covers("T", "202411", "81", "input")
    assert not Where(type="81", direction="output").covers("T", "202411", "81", "input")
