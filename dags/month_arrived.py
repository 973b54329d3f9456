"""What is to be done when a taxpayer's month has arrived: scheduled by the months themselves, not by a clock.

``collect_and_tell`` collects, and tells every month that it has proven as an asset, through the alias that is its outlet.
``month_arrived`` is scheduled on that alias: it runs whenever there are new months, and knows which. Here it
logs the counts; put what your accountants wait for in its place.

Needs two Airflow connections: ``ekuaibao_default`` (the vendor), and ``fapiao_database``, the database where the invoices
go; or set the Variable ``fapiao_into`` to a database URL.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import Any

from fapiao.airflow.assets import invoice_months
from fapiao.airflow.compat import DAG, Param, task
from fapiao.airflow.operators import CollectInvoicesOperator

log = logging.getLogger(__name__)

INTO = "{{ var.value.get('fapiao_into', 'fapiao_database') }}"
START = datetime(2024, 12, 1, tzinfo=timezone(timedelta(hours=8)))

with DAG(
    dag_id="collect_and_tell",
    description="Collects the month of some taxpayers and tells each as an asset",
    schedule="0 3 3 * *",
    start_date=START,
    catchup=False,
    params={
        "conn_id": Param("ekuaibao_default", type="string", description="The vendor connection"),
        "taxpayers": Param(["919900000000000192", "91990000000000027W"], type="array", description="纳税人识别号"),
        "invoice_month": Param(None, type=["null", "string"], description="yyyymm; empty: the month before the run"),
        "poll_interval": Param(None, type=["null", "number"], description="Seconds; empty: as the vendor advises"),
    },
    tags=["fapiao"],
    render_template_as_native_obj=True,
) as dag:
    CollectInvoicesOperator(
        task_id="collect",
        conn_id="{{ params.conn_id }}",
        into=INTO,
        taxpayer_no="{{ params.taxpayers }}",
        poll_interval="{{ params.poll_interval or '' }}",
        deferrable=True,
        outlets=[invoice_months()],
        retries=2,
        retry_delay=timedelta(minutes=5),
    )

with DAG(
    dag_id="month_arrived",
    description="Runs when months have been collected, and logs them",
    schedule=[invoice_months()],
    start_date=START,
    catchup=False,
    tags=["fapiao"],
):

    @task
    def months(**context: Any) -> list[str]:
        """The months that this run is about, with their counts."""
        # Airflow 2.11 calls assets datasets.
        events = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
        told = [event.extra for of_one in events.values() for event in of_one]
        for month in told:
            log.info("%s %s: %d invoices", month["taxpayer_no"], month["invoice_month"], month["invoices"])
        return [f"{month['taxpayer_no']} {month['invoice_month']}" for month in told]

    months()

if __name__ == "__main__":
    dag.test()
