"""A vendor runs one job per tax number: the collections of one taxpayer that share a database take turns."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from collecting import Command
from fapiao.store import Database, TaskReference, coverage
from fapiao_ekuaibao.simulator import EkuaibaoSimulator, Outcome, Slow
from trying import Trial

Trying = Callable[..., Trial]
TAXPAYER = "919900000000000192"
QUESTIONS = [("202411", "input"), ("202411", "output"), ("202410", "input"), ("202409", "input")]
"""The first two are about one month and not about the same slices: the second must not give the first up."""


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def anywhere(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    """URL of an empty, migrated database of each kind."""
    url = f"sqlite:///{tmp_path / 'fapiao.db'}"
    if request.param != "sqlite":
        url = str(request.getfixturevalue(f"{request.param}_url"))
    Database.migrate_url(url)
    return url


@pytest.mark.slow
def test_processes_with_one_taxpayer_never_have_two_jobs_at_the_vendor(
    anywhere: str, simulate: Callable[..., EkuaibaoSimulator], command: Callable[..., Command]
) -> None:
    simulator = simulate(uniform=2, processing_seconds=1.0)
    asking = command(simulator, minimum_job_age=0)
    runs = []
    for month, direction in [*QUESTIONS, QUESTIONS[0]]:
        given = ("--poll-interval", "0.2", "--json", "--into", anywhere, "--month", month, "--direction", direction)
        runs.append(asking.start("-v", "collect", "ekuaibao", "--taxpayer", TAXPAYER, "--type", "81", *given))
    try:
        told = [run.communicate(timeout=240) for run in runs]
    finally:
        for run in runs:
            run.kill()

    assert [run.returncode for run in runs] == [0] * len(runs), told
    manifests = [json.loads(out) for out, _ in told]
    assert {manifest["state"] for manifest in manifests} == {"complete"}
    report = simulator.report()
    assert report.refused_starts == {}
    assert "4008" not in report.codes
    assert report.starts[f"{TAXPAYER} 202410"] == report.starts[f"{TAXPAYER} 202409"] == 1
    rows = coverage(Database.connect(anywhere))
    assert {(row.invoice_month, row.direction) for row in rows if row.state == "complete"} == set(QUESTIONS)


def test_another_month_waits_its_turn_and_says_for_what(trying: Trying) -> None:
    attempt = trying({"slow": (Slow(invoice_month="202410", seconds=700.0),)})
    assert attempt.run(month="202410", patience=0).waited_out
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    assert "month 202410, generation 1" in ended.waits[0].reason
    assert "one job per tax number" in ended.waits[0].reason
    assert attempt.report().refused_starts == {}


def test_who_waits_is_told_which_task_has_the_turn(trying: Trying) -> None:
    attempt = trying({"slow": (Slow(invoice_month="202410", seconds=700.0),)})
    holder = TaskReference(dag_id="ladder", task_id="collect", run_id="manual__1", try_number=2)
    assert attempt.run(month="202410", patience=0, task=holder).waited_out
    waiting = attempt.run(patience=0).waits[0]
    assert "generation 1, started, by task collect of DAG ladder, run manual__1, try 2)" in waiting.reason


def test_other_slices_of_the_same_month_do_not_give_up_the_job_under_way(trying: Trying) -> None:
    attempt = trying({"slow": (Slow(type="81", seconds=200.0),)})
    assert attempt.run(types=("81",), patience=0).waited_out
    other = attempt.run(types=("04",), patience=100)
    assert other.waited_out
    assert other.manifest is None, "nothing is opened while it is another one's turn"
    first = attempt.run(types=("81",))
    assert first.error is None, first.text
    assert first.manifest is not None
    assert first.manifest.generation == 1
    assert attempt.run(types=("04",)).state == "complete"
    assert attempt.report().starts == {f"{attempt.taxpayer} 202411": 2}


def test_a_holder_that_never_comes_back_holds_nobody_up_for_ever(trying: Trying) -> None:
    """Its job is looked at by the one that waits; while it runs nobody starts another one."""
    attempt = trying({"slow": (Slow(invoice_month="202410", seconds=2000.0),)})
    assert attempt.run(month="202410", patience=0).waited_out
    began = attempt.clock()
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert 2000 < attempt.clock() - began < 5000
    assert attempt.report().refused_starts == {}


def test_a_start_that_was_never_sent_holds_nobody_up_for_ever(trying: Trying) -> None:
    attempt = trying({"slow": (Slow(invoice_month="202410", seconds=1.0),)})
    wrong = attempt.run(month="202410", password="wrong-canary-password")
    assert wrong.error is not None
    ended = attempt.run()
    assert ended.error is None, ended.text
    assert ended.waits[0].code is None


def test_a_month_that_is_not_open_yet_lets_the_others_pass(trying: Trying) -> None:
    attempt = trying({"too_early": True}, at="2024-12-01 12:00")
    assert attempt.run(patience=0).waits[0].code == "4043"
    began = attempt.clock()
    assert attempt.run(month="202410").error is None
    assert attempt.clock() - began < 86400


def test_a_lost_turn_is_taken_again_before_slices_are_started_again(trying: Trying) -> None:
    """A silent holder comes back when another month has its turn: reading goes on, the restart waits."""
    attempt = trying(
        {
            "outcomes": (Outcome(status="failed_once", invoice_month="202410", type="81"),),
            "slow": (Slow(invoice_month="202411", seconds=1000.0),),
        }
    )
    assert attempt.run(month="202410", patience=0).waited_out
    assert attempt.run().state == "complete"
    ended = attempt.run(month="202410")
    assert ended.error is None, ended.text
    assert ended.manifest is not None
    assert ended.manifest.generation == 1
    assert attempt.report().refused_starts == {}
