"""Verification and archive as DAGs, deferred and not, against the simulated vendor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fapiao.testing.scenario import TAXPAYERS
from fapiao_qixiangyun.simulator import CodeAnswer, QixiangyunScenario, QixiangyunSimulator

pytestmark = pytest.mark.airflow

SECRET = "canary-app-secret-77c2"


class Bureau:
    """The simulated vendor behind Airflow's connection ``qixiangyun_default``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.simulator = self._make({})

    def _make(self, scenario: dict[str, Any]) -> QixiangyunSimulator:
        given: dict[str, Any] = {"app_secret": SECRET, "quirks": False, "layout_seconds": 0.5} | scenario
        return QixiangyunSimulator(QixiangyunScenario(**given))

    def open(self, **scenario: Any) -> Any:
        self.simulator = self._make(scenario)
        return self.simulator.running()

    def connect(self) -> None:
        connection = dict(self.simulator.connection()) | {"conn_type": "qixiangyun"}
        connection["extra"] = {**connection["extra"], "fault_pause": 0.3, "layout_pause": 0.3}
        self._monkeypatch.setenv("AIRFLOW_CONN_QIXIANGYUN_DEFAULT", json.dumps(connection))

    def query(self, count: int) -> str:
        """SQL that makes the claims out of nothing."""
        return " UNION ALL ".join(
            f"SELECT '{claim.number}' AS number, '{claim.issued_on}' AS issued_on, '{claim.amount_incl_tax}' AS amount_incl_tax"
            for claim in self.simulator.claims(count, taxpayer_no=TAXPAYERS[0])
        )


@pytest.fixture
def bureau(monkeypatch: pytest.MonkeyPatch) -> Bureau:
    return Bureau(monkeypatch)


def count(into: str, table: str) -> int:
    engine = sa.create_engine(into)
    with engine.connect() as connection:
        found: int = connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return found


@pytest.mark.parametrize("dag_id", ["verify_and_archive", "verify_blocking"])
def test_invoices_are_verified_and_their_files_archived(
    dag_id: str, face: Any, bureau: Bureau, into: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = str(tmp_path / "archive")
    monkeypatch.setenv("AIRFLOW_VAR_FAPIAO_INTO", into)
    monkeypatch.setenv("AIRFLOW_VAR_FAPIAO_ARCHIVE", archive)
    given = {"query": ""} if dag_id == "verify_and_archive" else {"into": into, "archive": archive}
    with bureau.open(codes=(CodeAnswer(operation="verify", code="CheckAbnormal", first=1),)):
        bureau.connect()
        ran = face.run(dag_id, **given | {"query": bureau.query(4)})
        assert set(ran.tasks.values()) == {"success"}, ran.tasks
        assert ran.values["verify"][0]["outcomes"] == {"genuine": 4}
        assert ran.values["archive"][0]["archived"] == 12
        again = face.run(dag_id, **given | {"query": bureau.query(4)})
        assert again.values["verify"][0]["asked"] == 0
        report = bureau.simulator.report()
    assert count(into, "fapiao_layout_file") == 12
    assert set(report.layout_jobs.values()) == {1}
    assert set(report.layout_answers.values()) == {1}
    assert SECRET not in ran.rendered + json.dumps(ran.values)


def test_a_claim_that_the_vendor_does_not_take_fails_the_task_after_the_others(
    face: Any, bureau: Bureau, into: str, tmp_path: Path
) -> None:
    with bureau.open(codes=(CodeAnswer(operation="verify", code="IllegalParameter", first=1),)):
        bureau.connect()
        ran = face.run("verify_blocking", into=into, query=bureau.query(3), archive=str(tmp_path / "archive"))
    assert ran.tasks["verify"] == "failed"
    assert count(into, "fapiao_invoice") == 2
