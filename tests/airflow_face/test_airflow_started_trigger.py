"""A sensor that begins in the triggerer: what the scheduler stores, and what the trigger makes of it."""

from __future__ import annotations

import asyncio
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from fapiao.airflow.compat import AIRFLOW_3_3, DAG
from fapiao.airflow.events import Wake
from fapiao.airflow.sensors import CollectionSensor
from fapiao.testing.scenario import Fault
from fapiao_ekuaibao.simulator import CodeAnswer, Slow

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:airflow"),
    pytest.mark.filterwarnings("ignore::airflow.exceptions.AirflowProviderDeprecationWarning"),
]
only_3_3 = pytest.mark.skipif(not AIRFLOW_3_3, reason="earlier triggerers render no templates")

Vendor = Callable[..., Any]
ONE, TWO = "919900000000000192", "91990000000000027W"
SLICES = [["81", "input"]]


@pytest.fixture
def dag() -> Iterator[DAG]:
    with DAG(dag_id="direct", schedule=None, start_date=datetime(2024, 12, 1, tzinfo=timezone.utc)) as made:
        yield made


def reference(*taxpayers: str, **changes: Any) -> dict[str, Any]:
    """As a start operator returns it."""
    now = time.time()
    return {
        "source": "ekuaibao",
        "invoice_month": "202411",
        "collections": {taxpayer: number for number, taxpayer in enumerate(taxpayers or (ONE,), 1)},
        "slices": SLICES,
        "jobs": {taxpayer: {"taxpayer_no": taxpayer, "not_before": now} for taxpayer in taxpayers or (ONE,)},
        **changes,
    }


def sensor(**arguments: Any) -> Any:
    given = {"task_id": "wait", "conn_id": "ekuaibao_default", "into": "unused", "poll_interval": 0.1}
    return CollectionSensor(**{**given, "start_from_trigger": True, **arguments})


def ended(dag: DAG, *, map_index: int = -1, begun: float | None = None) -> Any:
    """What the trigger tells that scheduler and triggerer make of the DAG's sensor: Airflow's own code, without its processes."""
    serialization: Any = import_module("airflow.serialization.serialized_objects").DagSerialization
    decode: Any = import_module("airflow.serialization.decoders").smart_decode_trigger_kwargs
    encoded = serialization.to_dict(dag)
    task = serialization.from_dict(encoded).get_task("wait")
    stored = task.start_trigger_args
    assert task.start_from_trigger is True
    runner: Any = import_module("airflow.jobs.triggerer_job_runner").TriggerRunner()
    kwargs = {name: decode(value) for name, value in _inner(stored.trigger_kwargs).items()}
    trigger = runner.get_trigger_by_classpath(stored.trigger_cls)(**kwargs)
    now = datetime.now(tz=timezone.utc)
    instance = import_module("airflow.api_fastapi.execution_api.datamodels.taskinstance").TaskInstance(
        id=uuid.uuid4(), task_id="wait", dag_id=dag.dag_id, run_id="r", try_number=1, dag_version_id=uuid.uuid4(),
        map_index=map_index,
    )  # fmt: skip
    absent = ("logical_date", "data_interval_start", "data_interval_end", "end_date", "partition_key")
    run = dict.fromkeys(absent) | {
        "dag_id": dag.dag_id, "run_id": "r", "run_after": now, "start_date": now, "run_type": "manual", "state": "running",
        "clear_number": 0, "consumed_asset_events": [], "conf": {},
    }  # fmt: skip
    made = runner.create_runtime_ti(instance, encoded, run)
    trigger.task_instance = made
    limit = min(filter(None, (stored.timeout, task.execution_timeout)))
    trigger.timeout_after = datetime.fromtimestamp(begun or now.timestamp(), tz=timezone.utc) + limit
    trigger.render_template_fields(
        context={"ti": made, "dag_run": SimpleNamespace(**run), "wanted": "ekuaibao_default"}
    )

    async def events() -> list[Any]:
        return [event async for event in trigger.run()]

    [event] = asyncio.run(events())
    return event


def _inner(kwargs: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = kwargs.get("__var", kwargs)
    return inner


def is_success(event: Any) -> bool:
    return type(event).__name__ == "TaskSuccessEvent"


@only_3_3
def test_it_succeeds_without_a_worker_when_all_jobs_have_ended(dag: DAG, started: Callable[..., Any]) -> None:
    simulator = started(ONE, TWO, slow=(Slow(taxpayer_no=TWO, seconds=0.5),))
    sensor(collection=reference(ONE, TWO), conn_id="{{ wanted }}")
    assert is_success(ended(dag))
    assert simulator.report().operations["status"] >= 2


@only_3_3
def test_a_mapped_one_takes_its_own_reference_and_the_arguments_that_all_share(
    dag: DAG, started: Callable[..., Any]
) -> None:
    simulator = started(ONE, TWO, processing_seconds=0.3)
    CollectionSensor.partial(
        task_id="wait", conn_id="{{ wanted }}", into="unused", poll_interval="{{ 1 / 10 }}", start_from_trigger=True
    ).expand(collection=[reference(ONE), reference(TWO)])
    assert is_success(ended(dag, map_index=1))
    assert set(simulator.report().starts) == {f"{ONE} 202411", f"{TWO} 202411"}


@only_3_3
def test_a_mapped_one_knows_the_default_arguments_of_its_dag(started: Callable[..., Any]) -> None:
    started(ONE)
    defaults = {"conn_id": "ekuaibao_default", "into": "unused"}
    with DAG(
        dag_id="direct", schedule=None, start_date=datetime(2024, 12, 1, tzinfo=timezone.utc), default_args=defaults
    ) as dag:
        CollectionSensor.partial(task_id="wait", start_from_trigger=True).expand(collection=[reference(ONE)])
    assert is_success(ended(dag, map_index=0))


@only_3_3
def test_what_it_cannot_resolve_is_begun_by_a_worker(dag: DAG, vendor: Vendor) -> None:
    vendor()
    CollectionSensor.partial(task_id="wait", into="unused", start_from_trigger=True).expand(
        collection=[reference(ONE), reference(TWO)], conn_id=["ekuaibao_default"]
    )
    assert Wake.read(ended(dag, map_index=1).payload).status == "due"


@only_3_3
def test_a_reference_that_does_not_say_what_to_wait_for_is_begun_by_a_worker(dag: DAG, vendor: Vendor) -> None:
    vendor()
    sensor(collection=reference(jobs={}))
    assert Wake.read(ended(dag).payload).status == "due"


@only_3_3
def test_a_refused_taxpayer_is_left_to_the_step_that_loads(dag: DAG, started: Callable[..., Any]) -> None:
    started(ONE, TWO, processing_seconds=0.2, codes=(CodeAnswer(code="4001", taxpayer_no=ONE, operation="status"),))
    sensor(collection=reference(ONE, TWO))
    assert is_success(ended(dag))


@only_3_3
@pytest.mark.parametrize("what", [{"collection": {"no": "reference"}}, {"poll_interval": "often"}])
def test_a_wrong_argument_is_the_workers_to_report(what: dict[str, Any], dag: DAG, vendor: Vendor) -> None:
    vendor()
    sensor(**{"collection": reference(), **what})
    wake = Wake.read(ended(dag).payload)
    assert wake.status == "error"
    assert wake.failure is not None
    assert wake.failure.kind == "ConfigurationError"


@only_3_3
def test_a_vendor_that_does_not_answer_is_the_workers_to_meet(dag: DAG, started: Callable[..., Any]) -> None:
    started(processing_seconds=60, faults=(Fault(kind="unavailable", operation="status"),))
    sensor(collection=reference(), poll_interval=0.02)
    wake = Wake.read(ended(dag).payload)
    assert wake.unsure == [ONE]


@only_3_3
@pytest.mark.parametrize(
    "limits",
    [
        {"timeout": 30},
        {"timeout": timedelta(days=1), "execution_timeout": timedelta(seconds=30)},
    ],
    ids=["timeout", "execution_timeout"],
)
@pytest.mark.parametrize("mapped", [False, True], ids=["one", "mapped"])
def test_the_time_allowed_is_counted_from_the_beginning_also_after_a_restart_of_the_triggerer(
    limits: dict[str, Any], mapped: bool, dag: DAG, started: Callable[..., Any]
) -> None:
    started(slow=(Slow(seconds=1000.0),))
    if mapped:
        CollectionSensor.partial(
            task_id="wait", conn_id="ekuaibao_default", into="unused", start_from_trigger=True, **limits
        ).expand(collection=[reference()])
    else:
        sensor(collection=reference(), **limits)
    begun = time.time() - 29.5
    wake = Wake.read(ended(dag, map_index=0 if mapped else -1, begun=begun).payload)
    assert wake.status == "deadline"
    assert wake.deadline == pytest.approx(begun + 30, abs=0.01)


def test_it_is_one_way_of_waiting_and_not_two(dag: DAG) -> None:
    with pytest.raises(ValueError, match="give one of them"):
        sensor(collection=reference(), deferrable=False)


def test_where_it_is_not_possible_the_sensor_defers_from_a_worker(dag: DAG, caplog: pytest.LogCaptureFixture) -> None:
    made = sensor(collection=reference())
    assert made.deferrable
    assert made.start_from_trigger is AIRFLOW_3_3
    assert (made.start_trigger_args is not None) is AIRFLOW_3_3


def test_no_other_sensor_begins_in_the_triggerer(dag: DAG) -> None:
    made = sensor(collection=reference(), start_from_trigger=False)
    assert (made.start_from_trigger, made.start_trigger_args) == (False, None)


def test_what_is_stored_with_the_dag_has_no_database_address(dag: DAG) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = sensor(collection=reference(), into="postgresql://u:secret-of-mine@h/d")
    assert "secret-of-mine" not in repr(made.start_trigger_args)
