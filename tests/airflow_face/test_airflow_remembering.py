"""What Airflow keeps beside a task lets a ledger that knows nothing continue the task's job."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from fapiao.airflow.compat import AIRFLOW_3_3, AirflowException
from fapiao.airflow.operators import CollectInvoicesOperator
from fapiao.store.tables.ledger import collections

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore::DeprecationWarning:airflow")]

Vendor = Callable[..., Any]
ONE, TWO = "919900000000000192", "91990000000000027W"


class Store(dict[str, Any]):
    """Airflow's own, as far as it is used."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Broken:
    def get(self, key: str) -> Any:
        raise RuntimeError("no answer")

    def set(self, key: str, value: Any) -> None:
        raise RuntimeError("no answer")


def collect(into: str, store: Any = None, **arguments: Any) -> Any:
    """One try of a task; the next one has the same store."""
    given = {"conn_id": "ekuaibao_default", "taxpayer_no": ONE, "invoice_month": "202411", "types": ["81"]}
    operator = CollectInvoicesOperator(
        task_id="collect", into=into, **{**given, "poll_interval": 0.2, "deferrable": False, **arguments}
    )
    run = SimpleNamespace(start_date=datetime.now(timezone.utc), logical_date=None, run_after=None)
    return operator.execute({"dag_run": run, "ti": None} | ({} if store is None else {"task_state_store": store}))


def test_a_try_with_another_database_continues_the_job_that_the_task_has_started(vendor: Vendor, into: str) -> None:
    simulator = vendor(processing_seconds=1.5)
    store = Store()
    with pytest.raises(AirflowException, match="within the 1 seconds allowed"):
        collect(into, store, timeout=1)
    time.sleep(1)  # it has ended before the next try looks, so that no active job could be joined
    manifest = collect(f"{into}.other", store, timeout=60)
    assert manifest["state"] == "complete"
    assert simulator.report().starts == {f"{ONE} 202411": 1}


def test_slices_that_the_job_did_not_cover_are_started_then(
    vendor: Vendor, into: str, connection_text: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = vendor()
    record = json.loads(connection_text())
    record["extra"]["start_grace"] = 0.5
    monkeypatch.setenv("AIRFLOW_CONN_EKUAIBAO_DEFAULT", json.dumps(record))
    store = Store()
    collect(into, store, types=["81"])
    manifest = collect(f"{into}.other", store, types=["81", "82"])
    assert manifest["state"] == "complete"
    assert simulator.report().starts == {f"{ONE} 202411": 2}


def test_where_the_ledger_knows_the_job_it_alone_decides(vendor: Vendor, into: str) -> None:
    simulator = vendor()
    store = Store()
    assert [collect(into, store)["generation"] for _ in range(2)] == [1, 2]
    assert simulator.report().starts == {f"{ONE} 202411": 2}


def test_a_job_of_another_month_is_another_job(vendor: Vendor, into: str) -> None:
    vendor()
    store = Store()
    collect(into, store)
    collect(f"{into}.other", store, invoice_month="202410")
    assert store["fapiao_jobs"]["invoice_month"] == "202410"
    engine = sa.create_engine(f"{into}.other")
    with engine.connect() as connection:
        assert connection.execute(sa.select(collections.c.joined)).scalar() in (0, False)
    engine.dispose()


def test_a_job_of_the_day_before_yesterday_is_not_continued(vendor: Vendor, into: str) -> None:
    simulator = vendor()
    store = Store()
    collect(into, store)
    store["fapiao_jobs"]["jobs"][ONE]["started_at"] -= 2 * 86400
    collect(f"{into}.other", store)
    assert simulator.report().starts == {f"{ONE} 202411": 2}


def test_what_is_kept_is_small_and_no_secret(vendor: Vendor, into: str, connection_text: Callable[[], str]) -> None:
    vendor()
    store = Store()
    collect(into, store, taxpayer_no=[ONE, TWO])
    [kept] = store.values()
    assert set(kept) == {"source", "account", "invoice_month", "jobs"}
    assert set(kept["jobs"]) == {ONE, TWO}
    assert set(kept["jobs"][ONE]) <= {"started_at", "job_id"}
    assert "simulated-secret" not in repr(store)


def test_a_store_that_does_not_work_does_not_stop_the_run(vendor: Vendor, into: str) -> None:
    vendor()
    assert collect(into, Broken())["state"] == "complete"


def test_without_a_store_the_ledger_is_enough(vendor: Vendor, into: str) -> None:
    vendor()
    assert collect(into)["state"] == "complete"


@pytest.mark.skipif(not AIRFLOW_3_3, reason="Airflow has no such store before 3.3")
def test_airflow_keeps_it_for_a_real_task(face: Any, vendor: Vendor, into: str) -> None:
    vendor()
    assert face.run("one_blocking", into=into).state == "success"
    model: Any = import_module("airflow.models.task_state_store").TaskStateStoreModel
    with import_module("airflow.utils.session").create_session() as session:
        kept = session.scalars(sa.select(model.value).where(model.key == "fapiao_jobs")).all()
    assert any(ONE in str(value) for value in kept)
