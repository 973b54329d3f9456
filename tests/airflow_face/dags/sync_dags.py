"""Syncs of deduction lists as DAGs for the tests. Everything that varies is a parameter of the run."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from fapiao.airflow.compat import DAG, Param, task
from fapiao.airflow.sync_operators import SyncDeductionsOperator

PARAMS = {
    "into": Param("", type="string"),
    "taxpayer_no": Param("919900000000000192", type="string"),
    "taxpayers": Param([], type="array"),
    "query": Param("10,11", type="string"),
    "tax_period": Param("", type="string"),
    "adapter": Param("", type="string"),
    "zipped": Param("", type="string"),
    "on_rejected": Param("fail", type="string"),
}
WHAT: dict[str, Any] = {
    "conn_id": "jcsk_default",
    "into": "{{ params.into }}",
    "query": "{{ params.query }}",
    "tax_period": "{{ params.tax_period }}",
    "zipped": "{{ params.zipped }}",
    "on_rejected": "{{ params.on_rejected }}",
    "timeout": 60,
}


def dag(dag_id: str) -> DAG:
    return DAG(dag_id=dag_id, schedule=None, start_date=datetime(2024, 12, 1, tzinfo=timezone.utc), params=PARAMS)


@task
def taxpayers(params: dict[str, Any] | None = None) -> list[str]:
    return list((params or {})["taxpayers"])


for deferrable in (False, True):
    way = "deferred" if deferrable else "blocking"
    with dag(f"sync_one_{way}"):
        SyncDeductionsOperator(task_id="collect", taxpayer_no="{{ params.taxpayer_no }}", deferrable=deferrable, **WHAT)
    with dag(f"sync_batch_{way}"):
        SyncDeductionsOperator(task_id="collect", taxpayer_no=taxpayers(), deferrable=deferrable, **WHAT)
    with dag(f"sync_mapped_{way}"):
        SyncDeductionsOperator.partial(task_id="collect", deferrable=deferrable, **WHAT).expand(taxpayer_no=taxpayers())
    with dag(f"sync_grouped_{way}"):
        SyncDeductionsOperator(
            task_id="collect",
            taxpayer_no="{{ params.taxpayer_no }}",
            filters={"adapter": "{{ params.adapter }}"},
            deferrable=deferrable,
            **WHAT,
        )
