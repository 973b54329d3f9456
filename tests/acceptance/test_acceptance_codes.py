"""Every code of the vendor's table 发票任务状态代码, at the start, in the status and in a read; and the waits they mean."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from collecting import Command
from fapiao.arguments import china_month
from fapiao.errors import IncompleteError, RequestRefused, TaxpayerRefused, VendorRefused
from fapiao.testing.scenario import TAXPAYERS, Fault
from fapiao_ekuaibao.simulator import CodeAnswer, Drift, EkuaibaoSimulator, Malformed, Slow
from trying import Trial, china

Trying = Callable[..., Trial]

REFUSALS: dict[str, type[VendorRefused]] = {
    "500": RequestRefused,
    "4006": RequestRefused,
    "4001": TaxpayerRefused,
    "4002": TaxpayerRefused,
    "4003": TaxpayerRefused,
    "4004": TaxpayerRefused,
    "4005": TaxpayerRefused,
    "4009": TaxpayerRefused,
    "4010": TaxpayerRefused,
    "4041": TaxpayerRefused,
    "4042": TaxpayerRefused,
    "4048": TaxpayerRefused,
    "4059": TaxpayerRefused,
    "4999": VendorRefused,
}
"""The last one is not in the document: never taken for a success."""

LATER = {"4007": 900, "4036": 900, "4038": 900, "4008": 300}
"""Seconds until the vendor may be asked again."""

EVERY_CODE = {"2000", "4000", "4043", *REFUSALS, *LATER} - {"4999"}


def test_the_tables_of_these_tests_are_the_vendors_whole_table() -> None:
    from fapiao_ekuaibao.simulator.document import CODES

    assert set(CODES) == EVERY_CODE


@pytest.mark.parametrize("operation", ["start", "status"])
@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_of_the_job_fails_the_taxpayer_with_the_vendors_words_and_is_not_repeated(
    trying: Trying, code: str, operation: Any
) -> None:
    attempt = trying({"codes": (CodeAnswer(operation=operation, code=code, message="测试原因"),)})
    ended = attempt.run()
    assert type(ended.error) is REFUSALS[code]
    assert "测试原因" in ended.text
    assert f"source ekuaibao, taxpayer {attempt.taxpayer}, month 202411, vendor code {code}" in ended.text
    assert ended.state == "incomplete"
    assert set(ended.slices.values()) == {"failed"}
    assert attempt.covered() == ended.slices
    assert attempt.report().operations[operation] == 1
    assert attempt.report().starts == {}
    assert attempt.unruly() == []


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_of_one_slice_fails_that_slice_and_the_others_are_whole(trying: Trying, code: str) -> None:
    attempt = trying({"codes": (CodeAnswer(operation="read", code=code, type="04", direction="output"),)})
    ended = attempt.run()
    assert type(ended.error) is IncompleteError
    assert "1 of 6 slices are not complete: 04 output is failed" in ended.text
    assert f"vendor: {code}" in ended.text
    assert ended.slices == {
        "04 input": "complete", "04 output": "failed", "17 input": "complete", "17 output": "unsupported",
        "81 input": "complete", "81 output": "complete",
    }  # fmt: skip
    assert attempt.covered() == ended.slices
    assert attempt.unruly() == []


@pytest.mark.parametrize("operation", ["start", "status", "read"])
@pytest.mark.parametrize("code", LATER)
def test_a_code_that_means_later_is_waited_for_and_ends_in_the_truth(trying: Trying, code: str, operation: Any) -> None:
    rule = CodeAnswer(operation=operation, code=code, first=2)
    if operation == "read":
        rule = CodeAnswer(operation=operation, code=code, first=2, type="81", direction="input")
    attempt = trying({"codes": (rule,)}, max_concurrency=1)
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    told = [delay for waiting, delay in zip(ended.waits, ended.delays, strict=True) if waiting.code == code]
    assert [round(delay, -1) for delay in told] == [LATER[code]] * 2
    assert sum(attempt.report().starts.values()) == 1


def test_the_first_of_the_month_waits_until_the_third_in_china(trying: Trying) -> None:
    attempt = trying({"too_early": True}, at="2024-12-01 09:00")
    ended = attempt.run(patience=3 * 86400)
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    early = [waiting for waiting in ended.waits if waiting.code == "4043"]
    assert [waiting.not_before for waiting in early] == [china("2024-12-03 00:00")]
    assert attempt.report().operations["start"] == 2
    assert sum(attempt.report().starts.values()) == 1


def test_too_early_about_a_month_long_past_is_asked_about_in_the_poll_interval(trying: Trying) -> None:
    """The third is over, so there is no date to wait for; the vendor must not be asked without a pause."""
    attempt = trying({"codes": (CodeAnswer(operation="start", code="4043", first=3),)})
    ended = attempt.run()
    assert ended.error is None, ended.text
    told = [delay for waiting, delay in zip(ended.waits, ended.delays, strict=True) if waiting.code == "4043"]
    assert [round(delay, -1) for delay in told] == [30, 30, 30]


def test_a_job_that_another_ledger_knows_of_is_waited_for(trying: Trying, tmp_path: Path) -> None:
    attempt = trying({"slow": (Slow(invoice_month="202410", seconds=700.0),)})
    assert attempt.run(month="202410", patience=0).waited_out
    attempt.url = f"sqlite:///{tmp_path / 'another.db'}"
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    busy = [
        round(delay, -1) for waiting, delay in zip(ended.waits, ended.delays, strict=True) if waiting.code == "4008"
    ]
    assert busy == [300] * 3
    assert attempt.report().refused_starts == {f"{attempt.taxpayer} 202411": 3}


def test_no_record_in_every_answer_is_an_empty_month(trying: Trying) -> None:
    operations: tuple[Any, ...] = ("start", "status", "read")
    attempt = trying({"codes": tuple(CodeAnswer(operation=operation, code="4000") for operation in operations)})
    began = attempt.clock()
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert set(ended.slices.values()) == {"empty"}
    assert attempt.clock() - began >= 300, "no record about a job that is not known yet proves nothing"
    assert attempt.report().operations["read"] == 6, "every slice is asked"


def test_no_record_about_the_job_is_not_believed_over_the_slices(trying: Trying) -> None:
    attempt = trying({"codes": (CodeAnswer(operation="status", code="4000"),)})
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []


def test_no_record_in_a_read_is_an_empty_slice(trying: Trying) -> None:
    attempt = trying({"codes": (CodeAnswer(operation="read", code="4000", type="81"),)})
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert {ended.slices["81 input"], ended.slices["81 output"]} == {"empty"}
    assert attempt.covered() == ended.slices


def test_a_job_nobody_knows_of_never_becomes_complete(trying: Trying) -> None:
    """The start answers *no record*, and no row ever comes: a month without an answer is no empty month."""
    attempt = trying({"codes": (CodeAnswer(operation="start", code="4000"),)})
    ended = attempt.run(patience=4000.0)
    assert ended.waited_out or ended.error is not None
    assert not {"complete", "empty"} & set(ended.slices.values())


# -- what the command says --------------------------------------------------------------------------------------------

Simulate = Callable[..., EkuaibaoSimulator]
Commands = Callable[..., Command]
TAXPAYER = TAXPAYERS[0]
FEW = ("--type", "81", "--type", "04", "--type", "17")

ENDS: dict[str, tuple[dict[str, Any], tuple[str, ...], int, str, str]] = {
    "unsupported": ({}, ("--type", "17", "--direction", "output"), 0, "", "unsupported"),
    "rejected": ({"malformed": (Malformed(kind="masked_number"),)}, FEW, 1, "rejected 1", "rejected"),
    "rejected and accepted": (
        {"malformed": (Malformed(kind="masked_number"),)}, (*FEW, "--on-rejected", "accept"), 0, "", "rejected",
    ),
    "incomplete": (
        {"uniform": 120, "drifts": (Drift(kind="short", always=True),)}, FEW, 1, "its pages held 119", "incomplete",
    ),
    "a refused slice": ({"codes": (CodeAnswer(operation="read", code="4009", type="81"),)}, FEW, 1, "4009", "failed"),
    "a refused taxpayer": ({"codes": (CodeAnswer(operation="start", code="4001"),)}, FEW, 1, "用户名密码不正确", "failed"),
    "an unreadable answer": (
        {"faults": (Fault(kind="html", operation="read"),)}, FEW, 1, "a web page instead of JSON", "ready",
    ),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_the_exit_status_is_zero_only_for_a_proven_month(
    simulate: Simulate, command: Commands, sqlite_into: str, end: str
) -> None:
    scenario, arguments, status, said, state = ENDS[end]
    simulator = simulate(**({"uniform": 8} | scenario))
    done = command(simulator).collect(TAXPAYER, sqlite_into, *arguments)
    assert done.returncode == status, done.stderr
    manifest = json.loads(done.stdout)
    assert state in {part["state"] for part in manifest["slices"]}
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    covered = json.loads(command(simulator).run("coverage", "--into", sqlite_into, "--json").stdout)
    assert {(row["type"], row["direction"], row["state"]) for row in covered} == {
        (part["type"], part["direction"], part["state"]) for part in manifest["slices"]
    }
    assert simulator.report().violations == ()


@pytest.mark.parametrize("code", [*LATER, "4043"])
def test_the_command_does_not_wait_longer_than_allowed_and_says_when_to_run_again(
    simulate: Simulate, command: Commands, sqlite_into: str, code: str
) -> None:
    month = china_month(time.time())
    simulator = simulate(uniform=8, codes=(CodeAnswer(operation="start", code=code),))
    began = time.time()
    done = command(simulator).collect(TAXPAYER, sqlite_into, *FEW, "--month", month, "--wait", "60")
    ended = time.time()
    assert done.returncode == 1, done.stderr
    told = done.stderr.split("would have to wait until ")[1]
    until = datetime.strptime(told[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
    if code == "4043":
        third = f"{int(month[:4]) + int(month[4:]) // 12}-{int(month[4:]) % 12 + 1:02d}-03"
        assert until == china(third)
    else:
        assert began + LATER[code] - 1 <= until <= ended + LATER[code]
    assert "longer than --wait allows" in told
    assert "Run the same command later: it continues where this one stopped." in told
    assert f"vendor code {code}" in told
    assert "Traceback" not in done.stderr
    assert {part["state"] for part in json.loads(done.stdout)["slices"]} == {"waiting"}
    assert simulator.report().operations["start"] == 1
