"""A whole month by the command line: equal to the truth to the last field, proven, and repeatable."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from collecting import MONTH, Command, unproven, wrong_with
from fapiao.testing.scenario import TAXPAYERS
from fapiao_ekuaibao.simulator import Changed, EkuaibaoSimulator

Simulate = Callable[..., EkuaibaoSimulator]
Commands = Callable[..., Command]
TAXPAYER = TAXPAYERS[0]


def test_twenty_types_in_both_directions_equal_the_truth(simulate: Simulate, command: Commands, into: str) -> None:
    simulator = simulate(uniform=250)
    done = command(simulator).collect(TAXPAYER, into)
    manifest = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert manifest["state"] == "complete"
    assert len(manifest["slices"]) == 40
    assert unproven(manifest, simulator) == []
    assert wrong_with(into, simulator, TAXPAYER) == []
    report = simulator.report()
    assert report.violations == ()
    assert sum(report.starts.values()) == 1
    assert report.peak_concurrency <= 8
    assert manifest["requests"] == report.total


def test_a_second_run_is_the_next_generation_and_doubles_nothing(
    simulate: Simulate, command: Commands, into: str
) -> None:
    simulator = simulate(uniform=30)
    collect = command(simulator, minimum_job_age=0).collect
    types = ("--type", "81", "--type", "04", "--type", "17")
    simulated = ("81", "04", "17")
    assert [json.loads(collect(TAXPAYER, into, *types).stdout)["generation"] for _ in range(2)] == [1, 2]
    assert sum(simulator.report().starts.values()) == 2
    seen = simulator.report().total
    again = json.loads(collect(TAXPAYER, into, *types, "--refresh", "never").stdout)
    assert again["generation"] == 2
    assert simulator.report().total == seen
    older = json.loads(collect(TAXPAYER, into, *types, "--refresh", "older-than:1h").stdout)
    assert older["generation"] == 2
    assert wrong_with(into, simulator, TAXPAYER, simulated) == []


def test_late_changes_of_a_closed_month_arrive_with_the_next_generation(
    simulate: Simulate, command: Commands, into: str
) -> None:
    simulator = simulate(
        uniform=20,
        changes=(Changed(generation=2, red_flushed=(3,), vanished=(5,), appeared=2, type="81", direction="input"),),
    )
    collect = command(simulator, minimum_job_age=0).collect
    only = ("--type", "81", "--direction", "input")
    first = json.loads(collect(TAXPAYER, into, *only).stdout)
    second = json.loads(collect(TAXPAYER, into, *only).stdout)
    assert (first["slices"][0]["loaded"], second["slices"][0]["loaded"]) == (20, 21)

    import sqlalchemy as sa

    from fapiao.store.tables.invoices import findings, invoices

    engine = sa.create_engine(into)
    with engine.connect() as connection:
        flushed = connection.execute(sa.select(sa.func.count()).where(invoices.c.state == "red_full")).scalar_one()
        absent = connection.execute(sa.select(sa.func.count()).where(findings.c.rule == "C8")).scalar_one()
        kept = connection.execute(sa.select(sa.func.count()).select_from(invoices)).scalar_one()
    engine.dispose()
    assert flushed >= 1
    assert absent == 1, "the invoice that vanished is reported"
    assert kept == 22, "and is not deleted"


def test_three_taxpayers_share_partners_and_stay_apart(simulate: Simulate, command: Commands, into: str) -> None:
    simulator = simulate(volume=60)
    collect = command(simulator).collect
    for taxpayer_no in TAXPAYERS:
        done = collect(taxpayer_no, into)
        assert done.returncode == 0, done.stderr
    for taxpayer_no in TAXPAYERS:
        assert wrong_with(into, simulator, taxpayer_no) == []
    coverage: Any = json.loads(command(simulator).run("coverage", "--into", into, "--json").stdout)
    assert {row["taxpayer_no"] for row in coverage} == set(TAXPAYERS)
    assert {row["invoice_month"] for row in coverage} == {MONTH}
    assert len(coverage) == 120


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--month", "2024-11"), "month '2024-11'"),
        (("--taxpayer", "12"), "taxpayer number '12'"),
        (("--type", "99"), "invoice type '99'"),
        (("--into", "oracle://x"), "oracle"),
        (("--into", "nonsense"), "sqlite:///FILE"),
        (("--refresh", "maybe"), "refresh 'maybe'"),
    ],
)
def test_bad_input_is_one_sentence_before_any_call(
    simulate: Simulate, command: Commands, sqlite_into: str, change: tuple[str, ...], said: str
) -> None:
    simulator = simulate()
    done = command(simulator).collect(TAXPAYER, sqlite_into, *change)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert simulator.report().total == 0


def test_a_missing_credential_names_the_variable(simulate: Simulate, command: Commands, sqlite_into: str) -> None:
    own = command(simulate())
    del own.environment["FAPIAO_CONN_EKUAIBAO"]
    done = own.collect(TAXPAYER, sqlite_into)
    assert done.returncode == 2
    assert "FAPIAO_CONN_EKUAIBAO" in done.stderr


def test_a_wrong_password_is_a_credential_error_and_tried_once(
    simulate: Simulate, command: Commands, sqlite_into: str
) -> None:
    simulator = simulate()
    own = command(simulator)
    own.environment["FAPIAO_CONN_EKUAIBAO"] = json.dumps(own.connection | {"password": "canary-wrong-password-1"})
    done = own.collect(TAXPAYER, sqlite_into)
    assert done.returncode == 2, done.stderr
    assert "login" in done.stderr
    assert "canary-wrong-password-1" not in done.stderr + done.stdout
    assert simulator.report().total == 1


def test_the_credentials_can_be_checked(simulate: Simulate, command: Commands) -> None:
    done = command(simulate()).run("check", "ekuaibao")
    assert done.returncode == 0, done.stderr
    assert "logged in" in done.stdout
