"""What a task leaves behind for people and their dashboards: metrics, a link to the coverage page."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from fapiao.airflow.compat import AIRFLOW_3
from fapiao.airflow.links import CoverageLink, VendorConsoleLink
from fapiao_ekuaibao.simulator import CodeAnswer

pytestmark = pytest.mark.airflow

Vendor = Callable[..., Any]
TAXPAYERS = ["919900000000000192", "91990000000000027W", "91990000000000035P"]


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Airflow's metrics are given during the test, instead of a StatsD server."""
    seen: dict[str, Any] = {"counts": Counter(), "timings": Counter(), "tags": set()}

    def incr(stat: str, count: int = 1, rate: float = 1, *, tags: dict[str, str] | None = None) -> None:
        seen["counts"][stat] += count
        seen["tags"].add((stat.startswith("fapiao."), (tags or {}).get("source")))

    def timing(stat: str, dt: Any, *, tags: dict[str, str] | None = None) -> None:
        seen["timings"][stat] += 1

    try:
        place: Any = importlib.import_module("airflow.sdk.observability.stats")
    except ImportError:  # 2.11, and the first releases of 3
        place = importlib.import_module("airflow.stats").Stats
    if not hasattr(place, "incr"):  # 3.2
        place = place.Stats
    monkeypatch.setattr(place, "incr", incr, raising=False)
    monkeypatch.setattr(place, "timing", timing, raising=False)
    return seen


@pytest.mark.parametrize("way", ["blocking", "deferred"])
def test_metrics_count_what_came_and_who_failed(
    way: str, face: Any, vendor: Vendor, into: str, metrics: dict[str, Any]
) -> None:
    vendor(codes=(CodeAnswer(operation="start", code="4001", taxpayer_no=TAXPAYERS[1]),))
    face.run(f"batch_{way}", into=into, taxpayers=TAXPAYERS)
    ours = {name: number for name, number in metrics["counts"].items() if name.startswith("fapiao.")}
    assert ours.pop("fapiao.vendor_requests") > 0
    assert ours == {
        "fapiao.months_proven": 2,
        "fapiao.invoices_loaded": 12,
        "fapiao.records_rejected": 0,
        "fapiao.taxpayers_failed": 1,
    }
    assert metrics["timings"]["fapiao.month_duration"] == 2
    assert (True, "ekuaibao") in metrics["tags"]


def test_a_metric_that_cannot_be_told_fails_no_task(
    face: Any, vendor: Vendor, into: str, metrics: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise AttributeError("another Airflow has its metrics elsewhere")

    monkeypatch.setattr("fapiao.airflow.metrics._stats", broken)
    vendor()
    assert face.run("one_blocking", into=into).state == "success"
    assert not metrics["timings"]["fapiao.month_duration"]


@pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2.11 has no coverage page")
def test_a_task_has_a_link_to_the_coverage_page(face: Any, vendor: Vendor, into: str) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    vendor()
    face.run("one_blocking", into=into)
    with create_session() as session:
        rows = session.query(XComModel).filter_by(key=CoverageLink().xcom_key, dag_id="one_blocking").all()
        assert {XComModel.deserialize_value(row) for row in rows} == {"/fapiao/coverage/"}


@pytest.mark.parametrize("way", ["one_blocking", "one_deferred"])
def test_a_task_has_a_link_to_the_vendors_console(way: str, face: Any, vendor: Vendor, into: str) -> None:
    simulator = vendor()
    face.run(way, into=into)
    session_of: Any = importlib.import_module("airflow.utils.session").create_session
    model: Any = importlib.import_module("airflow.models.xcom")
    with session_of() as session:
        if AIRFLOW_3:
            rows = session.query(model.XComModel).filter_by(key=VendorConsoleLink().xcom_key, dag_id=way).all()
            assert simulator.base_url in {model.XComModel.deserialize_value(row) for row in rows}
        else:
            instances: Any = importlib.import_module("airflow.models.taskinstance").TaskInstance
            keys = [found.key for found in session.query(instances).filter_by(dag_id=way, task_id="collect")]
            assert simulator.base_url in {VendorConsoleLink().get_link(None, ti_key=key) for key in keys}


@pytest.mark.skipif(AIRFLOW_3, reason="Airflow 3 stores the addresses of links, whichever they are")
def test_the_link_survives_into_the_webserver_of_2_11(face: Any) -> None:
    serialized: Any = importlib.import_module("airflow.serialization.serialized_objects").SerializedDAG
    dag = serialized.from_dict(serialized.to_dict(face._dag("one_blocking")))
    assert [link.name for link in dag.get_task("collect").operator_extra_links] == ["Vendor console"]
