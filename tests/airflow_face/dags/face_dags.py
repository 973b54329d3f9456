"""The ways in which a month can be collected, as DAGs for the tests. Everything that varies is a parameter of the run."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from fapiao.airflow.assets import invoice_months
from fapiao.airflow.compat import DAG, Param, task
from fapiao.airflow.coverage_operators import RequireCoverageOperator
from fapiao.airflow.macros import MACROS
from fapiao.airflow.operators import CollectInvoicesOperator, LoadCollectionOperator, StartCollectionOperator
from fapiao.airflow.sensors import CollectionSensor

PARAMS = {
    "into": Param("", type="string"),
    "taxpayer_no": Param("919900000000000192", type="string"),
    "taxpayers": Param([], type="array"),
    "invoice_month": Param("202411", type=["string", "null"]),
    "types": Param(["01", "81"], type="array"),
    "direction": Param("input", type="string"),
    "refresh": Param("always", type="string"),
    "on_rejected": Param("fail", type="string"),
    "poll_interval": Param("0.2", type="string"),
    "max_age": Param("", type="string"),
    "control_totals": Param("ignore", type="string"),
}
WHERE: dict[str, Any] = {
    "conn_id": "ekuaibao_default",
    "into": "{{ params.into }}",
    "poll_interval": "{{ params.poll_interval }}",
}
WHAT: dict[str, Any] = {
    "types": ["{{ params.types[0] }}", "{{ params.types[-1] }}"],
    "directions": "{{ params.direction }}",
    "refresh": "{{ params.refresh }}",
    "on_rejected": "{{ params.on_rejected }}",
}
ONE = {"taxpayer_no": "{{ params.taxpayer_no }}", **WHAT}


def dag(dag_id: str) -> DAG:
    start = datetime(2024, 12, 1, tzinfo=timezone.utc)
    return DAG(dag_id=dag_id, schedule=None, start_date=start, params=PARAMS, user_defined_macros=dict(MACROS))


@task
def taxpayers(params: dict[str, Any] | None = None) -> list[str]:
    return list((params or {})["taxpayers"])


for deferrable in (False, True):
    way = "deferred" if deferrable else "blocking"
    with dag(f"one_{way}"):
        CollectInvoicesOperator(task_id="collect", deferrable=deferrable, timeout=60, **WHERE, **ONE)
    with dag(f"telling_{way}"):
        CollectInvoicesOperator(
            task_id="collect",
            taxpayer_no=taxpayers(),
            deferrable=deferrable,
            outlets=[invoice_months()],
            **WHERE,
            **WHAT,
        )
    with dag(f"steps_{way}"):
        start = StartCollectionOperator(task_id="start", deferrable=deferrable, **WHERE, **ONE)
        wait = CollectionSensor(
            task_id="wait", collection=start.output, deferrable=deferrable, poke_interval=0.2, timeout=60, **WHERE
        )
        load = LoadCollectionOperator(
            task_id="load", collection=start.output, on_rejected=ONE["on_rejected"], deferrable=deferrable, **WHERE
        )
        start >> wait >> load
    with dag(f"mapped_{way}"):
        CollectInvoicesOperator.partial(task_id="collect", deferrable=deferrable, **WHERE, **WHAT).expand(
            taxpayer_no=taxpayers()
        )
    with dag(f"batch_{way}"):
        CollectInvoicesOperator(
            task_id="collect", taxpayer_no=taxpayers(), deferrable=deferrable, timeout=60, **WHERE, **WHAT
        )
    with dag(f"impatient_{way}"):
        CollectInvoicesOperator(task_id="collect", deferrable=deferrable, timeout=1, **WHERE, **ONE)

for named in (False, True):
    for soft in (False, True):
        with dag(f"gate_{'named' if named else 'known'}_{'soft' if soft else 'hard'}"):
            RequireCoverageOperator(
                task_id="require",
                conn_id="ekuaibao_default",
                into="{{ params.into }}",
                taxpayer_no=taxpayers() if named else None,
                invoice_month="{{ params.invoice_month }}",
                types=WHAT["types"],
                directions=WHAT["directions"],
                on_rejected=WHAT["on_rejected"],
                max_age="{{ params.max_age }}",
                control_totals="{{ params.control_totals }}",
                soft_fail=soft,
            )

with dag("macro"):
    CollectInvoicesOperator(task_id="collect", invoice_month="{{ fapiao_month() }}", **WHERE, **ONE)

with dag("steps_without_worker"):
    begun = StartCollectionOperator(task_id="start", **WHERE, **ONE)
    waits = CollectionSensor(task_id="wait", collection=begun.output, start_from_trigger=True, **WHERE)
    waits >> LoadCollectionOperator(task_id="load", collection=begun.output, on_rejected=ONE["on_rejected"], **WHERE)
