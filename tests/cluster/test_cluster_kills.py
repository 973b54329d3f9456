"""Fifty taxpayers on a cluster whose parts are killed in the middle: nothing is missing, nothing is double."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_cluster import AirflowCluster
from airflow_home import connection_to
from collecting import MONTH, wrong_with
from fapiao.store import Database
from fapiao.store.tables.ledger import collections
from fapiao.testing.numbering import tax_number
from fapiao.testing.observation import Report
from fapiao.testing.scenario import Count
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

pytestmark = [pytest.mark.slow, pytest.mark.kill, pytest.mark.airflow, pytest.mark.postgres, pytest.mark.redis]

TAXPAYERS = tuple(tax_number(ordinal) for ordinal in range(1, 51))
TYPES = ("81", "82")
SCENARIO = EkuaibaoScenario(
    taxpayers=TAXPAYERS,
    uniform=0,
    counts=(
        Count(type="81", direction="input", count=25),
        Count(type="81", direction="output", count=3),
        Count(type="82", direction="input", count=7),
    ),
    page_size_cap=10,
    processing_seconds=20.0,
    latency=0.02,
)
"""Six pages of each taxpayer, and a job that lasts long enough for all to be deferred."""


def pages_read(report: Report) -> int:
    return sum(sum(pages.values()) for pages in report.reads.values())


def generations(url: str) -> set[tuple[str, int, str]]:
    """Every collection of the ledger: taxpayer, generation, state."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        columns = (collections.c.taxpayer_no, collections.c.generation, collections.c.state)
        found = {(row[0], row[1], row[2]) for row in connection.execute(sa.select(*columns))}
    engine.dispose()
    return found


@pytest.mark.timeout(1500)
def test_kills_of_workers_triggerer_and_scheduler_leave_nothing_missing_and_nothing_double(
    broker: str, metadata_url: str, postgres_url: str, tmp_path: Path
) -> None:
    Database.migrate_url(postgres_url)
    simulator = EkuaibaoSimulator(SCENARIO)
    with simulator.running():
        record = connection_to(simulator, "ekuaibao")
        record["extra"] = {**record["extra"], "start_grace": 5}
        cluster = AirflowCluster(
            tmp_path / "airflow",
            database=metadata_url,
            broker=broker,
            dags=Path(__file__).parent / "dags",
            connections={"ekuaibao_default": record},
        )
        with cluster.running("many_taxpayers"):
            conf = {"taxpayers": TAXPAYERS, "into": postgres_url, "invoice_month": MONTH}
            run_id = cluster.api.trigger("many_taxpayers", conf)

            def runs() -> bool:
                return cluster.api.state("many_taxpayers", run_id) in ("queued", "running")

            def until(happened: Callable[[Report], bool]) -> None:
                while runs():
                    for _ in range(
                        30
                    ):  # the vendor is asked often, to kill in time; Airflow seldom, not to keep it busy
                        if happened(simulator.report()):
                            return
                        time.sleep(0.1)
                pytest.fail(f"It was over before the kill.\n{cluster.said()}")

            until(lambda report: len(report.starts) >= 8)
            cluster.kill("worker")
            assert len(simulator.report().starts) < len(TAXPAYERS), "the kill has to come while jobs are started"
            cluster.start("worker")

            until(lambda report: len(report.starts) >= 30 and report.operations["status"] >= 40)
            cluster.kill("triggerer")
            cluster.start("triggerer")
            cluster.kill("scheduler")
            cluster.start("scheduler")

            until(lambda report: pages_read(report) >= 60)
            cluster.kill("worker")
            assert pages_read(simulator.report()) < 6 * len(TAXPAYERS), "the kill has to come while pages are read"
            cluster.start("worker")

            while runs():
                time.sleep(3)
            tasks = cluster.api.tasks("many_taxpayers", run_id)
            unfinished = [task["map_index"] for task in tasks if task["state"] != "success"]
            assert unfinished == [], cluster.said()
            assert max(task["try_number"] for task in tasks) > 1, "no kill has hit a task"
        for taxpayer_no in TAXPAYERS:
            assert wrong_with(postgres_url, simulator, taxpayer_no, TYPES) == []
    report = simulator.report()
    assert report.starts == {f"{taxpayer_no} {MONTH}": 1 for taxpayer_no in TAXPAYERS}
    assert report.violations == ()
    assert generations(postgres_url) == {(taxpayer_no, 1, "complete") for taxpayer_no in TAXPAYERS}
