"""Sensors that begin and end in the triggerer: of one reference, mapped over references, and one that may not wait long."""

from __future__ import annotations

from datetime import datetime, timezone

from fapiao.airflow.compat import DAG
from fapiao.airflow.operators import LoadCollectionOperator, StartCollectionOperator
from fapiao.airflow.sensors import CollectionSensor

with DAG(
    dag_id="without_workers",
    schedule=None,
    start_date=datetime(2024, 12, 1, tzinfo=timezone.utc),
    catchup=False,
    params={"conn_id": "ekuaibao_default", "several": [], "mapped": [], "into": "", "invoice_month": ""},
    default_args={"conn_id": "{{ params.conn_id }}", "into": "{{ params.into }}"},
    render_template_as_native_obj=True,
):
    several = StartCollectionOperator(task_id="start_several", taxpayer_no="{{ params.several }}", types=["81", "82"])
    wait = CollectionSensor(
        task_id="wait_for_several", collection=several.output, start_from_trigger=True, poll_interval="{{ 1 + 1 }}"
    )
    impatient = CollectionSensor(
        task_id="impatient", collection=several.output, start_from_trigger=True, soft_fail=True, timeout=5
    )
    load = LoadCollectionOperator(task_id="load_several", collection=several.output)
    several >> [wait, impatient]
    wait >> load

    mapped = StartCollectionOperator.partial(task_id="start_mapped", types=["81", "82"]).expand(
        taxpayer_no=["919900000000000192", "91990000000000027W"]
    )
    each = CollectionSensor.partial(task_id="wait_for_each", start_from_trigger=True, poll_interval=2).expand(
        collection=mapped.output
    )
    loads = LoadCollectionOperator.partial(task_id="load_each").expand(collection=mapped.output)
    mapped >> each >> loads
