"""Sensors that need no worker from their beginning to their end, on a cluster whose only worker is dead meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from airflow_cluster import AirflowCluster
from airflow_home import connection_to
from collecting import MONTH, wrong_with
from counting import CountingVendor
from fapiao.airflow.compat import AIRFLOW_3_3
from fapiao.store import Database
from fapiao.testing.numbering import tax_number
from fapiao.testing.scenario import Count
from fapiao_ekuaibao.simulator import EkuaibaoScenario

pytestmark = [
    pytest.mark.slow,
    pytest.mark.airflow,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.skipif(not AIRFLOW_3_3, reason="earlier triggerers render no templates"),
]

MAPPED = ("919900000000000192", "91990000000000027W")
SEVERAL = (tax_number(3), tax_number(4))
TYPES = ("81", "82")
DAG_ID = "without_workers"
WAITING = {"wait_for_several", "wait_for_each"}


@pytest.mark.timeout(900)
def test_started_in_the_triggerer_sensors_succeed_while_no_worker_is_alive(
    broker: str, metadata_url: str, postgres_url: str, tmp_path: Path
) -> None:
    Database.migrate_url(postgres_url)
    simulator = CountingVendor(
        EkuaibaoScenario(
            taxpayers=(*MAPPED, *SEVERAL),
            uniform=0,
            counts=(Count(type="81", direction="input", count=5),),
        )
    )
    with simulator.running():
        cluster = AirflowCluster(
            tmp_path / "airflow",
            database=metadata_url,
            broker=broker,
            dags=Path(__file__).parent / "dags",
            connections={"ekuaibao_default": connection_to(simulator, "ekuaibao")},
        )
        with cluster.running(DAG_ID):
            conf = {"several": SEVERAL, "into": postgres_url, "invoice_month": MONTH}
            run_id = cluster.api.trigger(DAG_ID, conf)

            def tasks(*names: str) -> list[dict[str, Any]]:
                found = cluster.api.tasks(DAG_ID, run_id)
                return [task for task in found if task["task_id"] in names]

            def until(state: str, *names: str, count: int) -> None:
                for _ in range(120):
                    if [task["state"] for task in tasks(*names)] == [state] * count:
                        return
                    time.sleep(1)
                pytest.fail(f"{[(task['task_id'], task['state']) for task in tasks(*names)]}\n{cluster.said()}")

            until("deferred", *WAITING, count=3)
            until("skipped", "impatient", count=1)
            cluster.kill("worker")
            seen = simulator.looks()
            while simulator.looks() < seen + 8:
                time.sleep(0.5)
            simulator.settle()
            until("success", *WAITING, count=3)
            assert {(task["hostname"], task["pid"]) for task in tasks(*WAITING)} == {("", None)}

            cluster.start("worker")
            until("success", "load_several", "load_each", count=3)
            assert {task["try_number"] for task in tasks(*WAITING)} == {1}
        for taxpayer_no in (*MAPPED, *SEVERAL):
            assert wrong_with(postgres_url, simulator, taxpayer_no, TYPES) == []
    assert simulator.report().starts == {f"{taxpayer_no} {MONTH}": 1 for taxpayer_no in (*MAPPED, *SEVERAL)}
