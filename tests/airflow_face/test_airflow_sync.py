"""Syncs as DAGs: the proof of the command line, however the task waits, on every database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from fapiao.cli import cli
from fapiao.store import Database, deduction_changes
from fapiao.testing.scenario import Fault
from fapiao_jcsk.simulator import JcskScenario, JcskSimulator, Malformed, Payload, Refusal
from syncing import APP_SECRET, settings_of

pytestmark = pytest.mark.airflow

TAXPAYERS = ["919900000000000192", "91990000000000027W", "91990000000000035P"]
BOTH = pytest.mark.parametrize("way", ["blocking", "deferred"])
Bureau = Callable[..., JcskSimulator]


@pytest.fixture
def bureau(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bureau]:
    """Starts a simulated vendor of lists with a scenario and gives Airflow and the command line the connection to it."""
    with ExitStack() as stack:

        def start(secret: str = APP_SECRET, settings: dict[str, Any] | None = None, **scenario: Any) -> JcskSimulator:
            given: dict[str, Any] = {"uniform": 25, "app_secret": APP_SECRET} | scenario
            simulator = JcskSimulator(JcskScenario(**given))
            stack.enter_context(simulator.running())
            connection = settings_of(simulator, settings or {}) | {"conn_type": "jcsk", "password": secret}
            monkeypatch.setenv("AIRFLOW_CONN_JCSK_DEFAULT", json.dumps(connection))
            return simulator

        yield start


@pytest.fixture(params=["sqlite", "postgres", "mysql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty, migrated database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/invoices.db"
    url = str(request.getfixturevalue(f"{request.param}_url"))
    Database.migrate_url(url)
    return url


def proof(manifest: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on the way: all but requests and seconds."""
    return {name: value for name, value in manifest.items() if name not in ("requests", "seconds")}


def count(into: str, table: str) -> int:
    engine = sa.create_engine(into)
    try:
        with engine.connect() as connection:
            return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())
    finally:
        engine.dispose()


@BOTH
def test_a_sync_as_a_task_proves_what_the_command_line_proves(
    way: str, face: Any, bureau: Bureau, any_database: str, tmp_path: Path
) -> None:
    simulator = bureau(uniform=130)
    value = face.run(f"sync_one_{way}", into=any_database, zipped="true").value
    own = f"sqlite:///{tmp_path}/cli.db"
    arguments = ["sync", "jcsk", "--taxpayer", TAXPAYERS[0], "--query", "10", "--query", "11", "--json", "--into", own]
    told = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert told.exit_code == 0, told.output
    printed = told.stdout[told.stdout.index("{\n") :]  # Airflow's own log may come before it
    assert proof(value) == proof(json.loads(printed))
    assert value["state"] == "complete"
    assert value["billed"] == 4
    assert count(any_database, "fapiao_deduction_current") == 260
    assert simulator.report().violations == ()


@BOTH
def test_a_second_sync_tells_exactly_the_changes(way: str, face: Any, bureau: Bureau, any_database: str) -> None:
    simulator = bureau(uniform=60)
    face.run(f"sync_one_{way}", into=any_database)
    simulator.configure(msgspec.structs.replace(simulator.scenario, revision=2))
    second = face.run(f"sync_one_{way}", into=any_database).value
    changes = deduction_changes(Database.connect(any_database), second["run"])
    true = [(change.kind, change.number) for change in simulator.changes(TAXPAYERS[0])]
    assert [(change.kind, change.number) for change in changes] == true
    assert sum(second["changes"].values()) == len(true)


@BOTH
def test_the_grouped_shape_is_read_to_its_end_and_counted(way: str, face: Any, bureau: Bureau, into: str) -> None:
    bureau(uniform=130)
    ran = face.run(f"sync_grouped_{way}", into=into, query="40", adapter="1")
    [part] = ran.value["slices"]
    assert (part["state"], part["expected"], part["loaded"], part["message"]) == ("complete", 130, 130, "")


@BOTH
@pytest.mark.parametrize("shape", ["batch", "mapped"])
def test_each_taxpayer_of_a_list_is_synced(way: str, shape: str, face: Any, bureau: Bureau, into: str) -> None:
    bureau(uniform=3)
    ran = face.run(f"sync_{shape}_{way}", into=into, taxpayers=TAXPAYERS)
    manifests = ran.value if shape == "batch" else ran.values["collect"]
    assert [(one["taxpayer_no"], one["state"], one["billed"]) for one in manifests] == [
        (taxpayer, "complete", 2) for taxpayer in TAXPAYERS
    ]


@BOTH
def test_one_refused_taxpayer_of_a_list_fails_the_task_after_the_others_are_loaded(
    way: str, face: Any, bureau: Bureau, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bureau(uniform=3, refusals=(Refusal(taxpayer_no=TAXPAYERS[1], code="2001", message="纳税人未授权"),))
    ran = face.run(f"sync_batch_{way}", into=into, taxpayers=TAXPAYERS)
    assert ran.tasks["collect"] == "failed"
    assert count(into, "fapiao_invoice") == 12
    said = capfd.readouterr().out.replace("\\n", "\n")
    assert f"1 of 3 taxpayers failed:\n- {TAXPAYERS[1]}" in said
    assert "2001" in said


@BOTH
def test_a_vendor_that_throttles_is_waited_for_in_the_way_that_was_chosen(
    way: str, face: Any, bureau: Bureau, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bureau(faults=(Fault(kind="throttled", first=1, retry_after=1.0),))
    assert face.run(f"sync_one_{way}", into=into).value["state"] == "complete"


@BOTH
def test_a_wait_longer_than_allowed_fails_the_task_and_the_next_run_goes_on(
    way: str, face: Any, bureau: Bureau, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator = bureau(uniform=130, faults=(Fault(kind="throttled", nth=(4,), retry_after=3600.0),))
    assert face.run(f"sync_one_{way}", into=into).tasks == {"collect": "failed"}
    assert "seconds allowed" in capfd.readouterr().out
    again = face.run(f"sync_one_{way}", into=into).value
    assert (again["generation"], again["state"]) == (1, "complete")
    assert simulator.report().pages_read_again() == 0


WRONG = {
    "a list": ({"query": "99"}, "the list (rzzt)"),
    "no list": ({"query": ""}, "No list is asked for"),
    "tax number": ({"taxpayer_no": "12"}, "taxpayer number"),
    "period": ({"tax_period": "2024-11"}, "tax period"),
    "rejected": ({"on_rejected": "maybe"}, "fail or accept"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_wish_is_one_message_before_any_call(
    what: str, face: Any, bureau: Bureau, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator = bureau()
    conf, sentence = WRONG[what]
    assert face.run("sync_one_blocking", **({"into": into} | conf)).tasks == {"collect": "failed"}
    said = capfd.readouterr().out
    assert "AirflowFailException" in said
    assert sentence in said
    assert simulator.report().total == 0


@BOTH
def test_a_wrong_signature_is_tried_once_and_shows_no_secret(
    way: str, face: Any, bureau: Bureau, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    simulator = bureau(secret="canary-wrong-secret-4")
    ran = face.run(f"sync_one_{way}", into=into)
    assert ran.tasks == {"collect": "failed"}
    said = capfd.readouterr()
    assert "1003" in said.out
    assert "canary" not in said.out + said.err + ran.rendered
    assert max(simulator.report().operations.values()) <= 2, "one look at each of the two lists"


@BOTH
def test_a_zip_bomb_fails_the_task_with_nothing_loaded(
    way: str, face: Any, bureau: Bureau, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bureau(payloads=(Payload(kind="bomb"),))
    assert face.run(f"sync_one_{way}", into=into, zipped="true").tasks == {"collect": "failed"}
    assert "once it is decoded" in capfd.readouterr().out
    assert count(into, "fapiao_invoice") == count(into, "fapiao_page") == 0


def test_rejected_records_fail_the_task_unless_accepted(
    face: Any, bureau: Bureau, into: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bureau(malformed=(Malformed(type="11", positions=(0,)),))
    assert face.run("sync_one_blocking", into=into).tasks == {"collect": "failed"}
    assert "expected 25, loaded 24, rejected 1" in capfd.readouterr().out
    assert face.run("sync_one_blocking", into=into, on_rejected="accept").value["state"] == "complete"


def test_the_example_dag_runs_as_it_is(face: Any, bureau: Bureau, into: str, monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = bureau(uniform=2)
    monkeypatch.setenv("AIRFLOW_VAR_FAPIAO_INTO", into)
    ran = face.run("deduction_sync")
    assert ran.state == "success", ran.tasks
    assert [manifest["taxpayer_no"] for manifest in ran.values["sync"]] == TAXPAYERS
    assert {manifest["query"] for manifest in ran.values["sync"]} == {"10,11"}
    assert simulator.report().violations == ()


def test_the_connection_type_has_a_form_and_its_button_judges_the_settings(bureau: Bureau, face: Any) -> None:
    from fapiao.airflow import hooks

    simulator = bureau()
    hook = hooks.JcskHook("jcsk_default")
    good, said = hook.test_connection()
    assert (good, "is complete" in said) == (True, True)
    assert {"login": "App id", "password": "App secret"}.items() <= hook.get_ui_field_behaviour()["relabeling"].items()
    bureau(settings={"sign_type": "9"})
    good, said = hooks.JcskHook("jcsk_default").test_connection()
    assert (good, "sign_type" in said) == (False, True)
    assert simulator.report().total == 0
