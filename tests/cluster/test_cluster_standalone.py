"""``make up``: ``airflow standalone`` with scheduler, triggerer and interface, from the first process to the last."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from airflow_processes import AirflowProcesses
from collecting import MONTH, wrong_with
from fapiao.testing.scenario import TAXPAYERS
from fapiao_ekuaibao.simulator import EkuaibaoSimulator
from showcase import SCENARIOS
from touring import Tour, touring


def finished(tour: Tour, dag_id: str, run_id: str) -> str:
    """The state in which a run ends."""
    while (state := tour.api.state(dag_id, run_id)) in ("queued", "running"):
        assert tour.process.poll() is None, tour.said
        time.sleep(2)
    return state


@pytest.mark.airflow
@pytest.mark.timeout(1200)
def test_the_shipped_dag_on_a_standalone_airflow_collects_what_is_true_and_nothing_is_left_running(
    tmp_path: Path,
) -> None:
    simulator = EkuaibaoSimulator(SCENARIOS["ekuaibao"])
    with touring(tmp_path / "up") as tour:
        conf = {"invoice_month": MONTH, "poll_interval": 2}
        run_id = tour.api.trigger("collect_taxpayers", conf)
        assert finished(tour, "collect_taxpayers", run_id) == "success"
        for taxpayer_no in TAXPAYERS:
            assert wrong_with(tour.into, simulator, taxpayer_no) == []
        report = tour.vendor_report("ekuaibao")
        assert report["starts"] == {f"{taxpayer_no} {MONTH}": 1 for taxpayer_no in TAXPAYERS}
        assert report["violations"] == []
        assert tour.end() == 0, tour.said
        assert AirflowProcesses(tour.home).alive() == []
