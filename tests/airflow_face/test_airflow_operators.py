"""DAGs against the simulated vendor: every way of collecting a month gives the same proof, and fails the same way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from fapiao.airflow.month import month_before
from fapiao.cli import cli
from fapiao.store import Database, TaskReference, coverage
from fapiao.testing.scenario import Fault
from fapiao_ekuaibao.simulator import CodeAnswer, Slow
from fapiao_ekuaibao.simulator.scenario import Malformed

pytestmark = pytest.mark.airflow

Vendor = Callable[..., Any]
TAXPAYERS = ["919900000000000192", "91990000000000027W", "91990000000000035P"]
BOTH = pytest.mark.parametrize("way", ["blocking", "deferred"])


def proof(manifest: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on the way: all but requests and seconds."""
    return {name: value for name, value in manifest.items() if name not in ("requests", "seconds")}


def numbers_in(into: str) -> set[str]:
    """Numbers of the invoices that were loaded."""
    engine = sa.create_engine(into)
    try:
        with engine.connect() as connection:
            return set(connection.execute(sa.text("SELECT value FROM fapiao_invoice_number")).scalars())
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    "way", ["one_blocking", "one_deferred", "steps_blocking", "steps_deferred", "steps_without_worker"]
)
def test_every_way_gives_the_proof_of_the_command_line(
    way: str, face: Any, vendor: Vendor, into: str, connection_text: Callable[[], str]
) -> None:
    simulator = vendor(processing_seconds=0.8)
    ran = face.run(way, into=into)
    arguments = [
        "collect",
        "ekuaibao",
        "--taxpayer",
        TAXPAYERS[0],
        "--month",
        "202411",
        "--poll-interval",
        "0.2",
        "--json",
    ]
    arguments += ["--type", "01", "--type", "81", "--direction", "input", "--into", f"{into}.cli"]
    told = CliRunner().invoke(cli, arguments, env={"FAPIAO_CONN_EKUAIBAO": connection_text()}, catch_exceptions=False)
    assert told.exit_code == 0, told.output
    [value] = ran.values.get("collect") or ran.values["load"]
    assert proof(value) == proof(json.loads(told.stdout[told.stdout.index("{\n") :]))
    assert numbers_in(into) == numbers_in(f"{into}.cli") != set()
    assert simulator.report().violations == ()


@pytest.mark.parametrize(
    "way", ["one_blocking", "one_deferred", "steps_blocking", "steps_deferred", "steps_without_worker"]
)
def test_one_job_is_started_however_the_task_waits(way: str, face: Any, vendor: Vendor, into: str) -> None:
    simulator = vendor(processing_seconds=1.0)
    assert face.run(way, into=into).state == "success"
    assert simulator.report().starts == {f"{TAXPAYERS[0]} 202411": 1}


@pytest.mark.parametrize(
    ("way", "last"),
    [("one_blocking", "collect"), ("one_deferred", "collect"), ("steps_blocking", "load"), ("steps_deferred", "load")],
)
def test_the_ledger_names_the_task_that_worked_last(way: str, last: str, face: Any, vendor: Vendor, into: str) -> None:
    vendor(processing_seconds=0.8)
    ran = face.run(way, into=into)
    [task] = {row.task for row in coverage(Database.connect(into))}
    assert task == TaskReference(dag_id=way, task_id=last, run_id=ran.run_id, map_index=-1, try_number=1)


def test_each_mapped_task_is_named_by_its_place(face: Any, vendor: Vendor, into: str) -> None:
    vendor()
    face.run("mapped_blocking", into=into, taxpayers=TAXPAYERS)
    found = {row.taxpayer_no: row.task.map_index for row in coverage(Database.connect(into)) if row.task}
    assert found == {taxpayer: place for place, taxpayer in enumerate(TAXPAYERS)}


@BOTH
def test_a_mapped_task_collects_each_taxpayer(way: str, face: Any, vendor: Vendor, into: str) -> None:
    vendor()
    ran = face.run(f"mapped_{way}", into=into, taxpayers=TAXPAYERS)
    assert [manifest["taxpayer_no"] for manifest in ran.values["collect"]] == TAXPAYERS
    assert {manifest["state"] for manifest in ran.values["collect"]} == {"complete"}


@BOTH
def test_a_list_of_taxpayers_is_summed_up_one_by_one(way: str, face: Any, vendor: Vendor, into: str) -> None:
    vendor()
    ran = face.run(f"batch_{way}", into=into, taxpayers=TAXPAYERS)
    assert [(row["taxpayer_no"], row["state"], row["loaded"]) for row in ran.value] == [
        (taxpayer, "complete", 6) for taxpayer in TAXPAYERS
    ]


@BOTH
def test_one_refused_taxpayer_of_a_list_fails_the_task_after_the_others_are_loaded(
    way: str, face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    refused = CodeAnswer(operation="start", code="4001", taxpayer_no=TAXPAYERS[1])
    simulator = vendor(codes=(refused,))
    ran = face.run(f"batch_{way}", into=into, taxpayers=TAXPAYERS)
    assert ran.tasks["collect"] == "failed"
    assert len(numbers_in(into)) == 12
    assert f"1 of 3 taxpayers failed:\n- {TAXPAYERS[1]}" in capfd.readouterr().out.replace("\\n", "\n")
    assert simulator.report().starts == {f"{taxpayer} 202411": 1 for taxpayer in (TAXPAYERS[0], TAXPAYERS[2])}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "month": ({"invoice_month": "2024-11"}, "yyyymm"),
    "a month to come": ({"invoice_month": "209912"}, "has not begun"),
    "tax number": ({"taxpayer_no": "12"}, "taxpayer number"),
    "type": ({"types": ["01", "999"]}, "invoice type"),
    "direction": ({"direction": "sideways"}, "direction"),
    "refresh": ({"refresh": "sometimes"}, "older-than"),
    "poll interval": ({"poll_interval": "soon"}, "not a number"),
    "database": ({"into": "no_such_connection"}, "no_such_connection"),
    "no database": ({"into": ""}, "into is empty"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_argument_is_one_sentence_before_any_call(
    what: str, face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator = vendor()
    conf, sentence = WRONG[what]
    ran = face.run("one_blocking", **{"into": into} | conf)
    assert ran.tasks == {"collect": "failed"}
    said = capfd.readouterr().out
    assert "AirflowFailException" in said
    assert sentence in said
    assert simulator.report().total == 0


@BOTH
def test_a_vendor_connection_that_is_not_there_is_not_retried(
    way: str, face: Any, into: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_EKUAIBAO_DEFAULT", raising=False)
    assert face.run(f"one_{way}", into=into).tasks == {"collect": "failed"}
    assert "AirflowFailException: Airflow has no connection 'ekuaibao_default'" in capfd.readouterr().out


@BOTH
def test_wrong_credentials_name_the_connection_and_are_tried_once(
    way: str, face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator = vendor(secret="wrong-canary-password")
    ran = face.run(f"one_{way}", into=into)
    assert ran.tasks == {"collect": "failed"}
    said = capfd.readouterr()
    assert "AirflowFailException" in said.out
    assert "ekuaibao_default" in said.out
    assert "wrong-canary-password" not in said.out + said.err
    assert simulator.report().operations == {"login": 1}


@BOTH
def test_an_answer_that_nobody_can_read_is_worth_a_retry(
    way: str, face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor(faults=(Fault(kind="html", operation="read"),))
    assert face.run(f"one_{way}", into=into).tasks == {"collect": "failed"}
    said = capfd.readouterr().out
    assert "AirflowException: " in said
    assert "AirflowFailException" not in said


@BOTH
def test_a_job_that_outlasts_the_timeout_fails_the_task_and_the_next_run_continues_it(
    way: str, face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    # Long enough that it still runs when a busy machine wakes the task at last: a job that is done is taken, however late.
    simulator = vendor(slow=(Slow(type="81", seconds=9.0),))
    first = face.run(f"impatient_{way}", into=into)
    assert first.tasks == {"collect": "failed"}
    assert "within the 1 seconds allowed" in capfd.readouterr().out
    second = face.run(f"one_{way}", into=into)
    assert second.value["state"] == "complete"
    assert second.value["generation"] == 1
    assert simulator.report().starts == {f"{TAXPAYERS[0]} 202411": 1}


@BOTH
def test_each_run_collects_anew_unless_told_otherwise(way: str, face: Any, vendor: Vendor, into: str) -> None:
    simulator = vendor()
    generations = [
        face.run(f"one_{way}", into=into, refresh=refresh).value["generation"]
        for refresh in ("always", "always", "never", "older-than:1h")
    ]
    assert generations == [1, 2, 2, 2]
    assert simulator.report().starts == {f"{TAXPAYERS[0]} 202411": 2}


@pytest.mark.parametrize(
    "way", ["one_blocking", "one_deferred", "steps_blocking", "steps_deferred", "steps_without_worker"]
)
def test_rejected_records_fail_the_run_with_the_numbers_unless_accepted(
    way: str, face: Any, vendor: Vendor, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    vendor(malformed=(Malformed(kind="missing_number", type="81"),))
    strict = face.run(way, into=into)
    assert strict.state == "failed"
    assert "expected 3, loaded 2, rejected 1" in capfd.readouterr().out
    lenient = face.run(way, into=into, on_rejected="accept")
    [value] = lenient.values.get("collect") or lenient.values["load"]
    assert value["state"] == "complete"
    assert [part["rejected"] for part in value["slices"]] == [0, 1]


def test_the_run_decides_the_month_where_none_is_given(face: Any, vendor: Vendor, into: str) -> None:
    vendor()
    before = month_before(datetime.now(timezone.utc))
    ran = face.run("macro", into=into, invoice_month=None)
    assert ran.value["invoice_month"] in (before, month_before(datetime.now(timezone.utc)))


@pytest.mark.parametrize("dag_id", ["monthly_collection", "collect_taxpayers"])
def test_the_example_dags_run_as_they_are(
    dag_id: str, face: Any, vendor: Vendor, into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = vendor(uniform=1)
    monkeypatch.setenv("AIRFLOW_VAR_FAPIAO_INTO", into)
    ran = face.run(dag_id, invoice_month="202411", poll_interval=0.2)
    assert ran.state == "success", ran.tasks
    manifests = ran.values.get("load") or ran.values["collect"]
    assert [manifest["taxpayer_no"] for manifest in manifests] == TAXPAYERS[: len(manifests)]
    assert {manifest["state"] for manifest in manifests} == {"complete"}
    assert simulator.report().violations == ()
