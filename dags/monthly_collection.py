"""One taxpayer's month in three steps: start the vendor's job, wait for it without a worker, load it.

Runs on the third of each month and collects the month before: some vendors open it on the third day only.

Needs two Airflow connections: ``ekuaibao_default`` (the vendor), and ``fapiao_database``, the database where the invoices
go; or set the Variable ``fapiao_into`` to a database URL. The taxpayer is a parameter of the run.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from fapiao.airflow.compat import DAG, Param
from fapiao.airflow.operators import LoadCollectionOperator, StartCollectionOperator
from fapiao.airflow.sensors import CollectionSensor

INTO = "{{ var.value.get('fapiao_into', 'fapiao_database') }}"

with DAG(
    dag_id="monthly_collection",
    description="A complete month of VAT invoices of one taxpayer, in three steps",
    schedule="0 2 3 * *",
    start_date=datetime(2024, 12, 1, tzinfo=timezone(timedelta(hours=8))),
    catchup=False,
    params={
        "conn_id": Param("ekuaibao_default", type="string", description="The vendor connection"),
        "taxpayer_no": Param("919900000000000192", type="string", description="纳税人识别号"),
        "invoice_month": Param(None, type=["null", "string"], description="yyyymm; empty: the month before the run"),
        "poll_interval": Param(None, type=["null", "number"], description="Seconds; empty: as the vendor advises"),
    },
    default_args={
        "conn_id": "{{ params.conn_id }}",
        "into": INTO,
        "poll_interval": "{{ params.poll_interval or '' }}",
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
    },
    tags=["fapiao"],
) as dag:
    start = StartCollectionOperator(task_id="start", taxpayer_no="{{ params.taxpayer_no }}")
    wait = CollectionSensor(task_id="wait", collection=start.output, deferrable=True)
    load = LoadCollectionOperator(task_id="load", collection=start.output)
    start >> wait >> load

if __name__ == "__main__":
    dag.test()
