"""Many taxpayers, a mapped task each: collected in full by one operator that waits in the triggerer.

The taxpayers come from the run's parameter ``taxpayers``, else from the Airflow Variable ``fapiao_taxpayers`` (a JSON
list), else they are three synthetic ones that the simulator knows. One that fails does not touch the others.

Needs two Airflow connections: ``ekuaibao_default`` (the vendor), and ``fapiao_database``, the database where the invoices
go; or set the Variable ``fapiao_into`` to a database URL. Mapping ends at ``max_map_length`` (1,024); beyond it, give one
task the list.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from fapiao.airflow.compat import DAG, Param, Variable, task
from fapiao.airflow.operators import CollectInvoicesOperator

INTO = "{{ var.value.get('fapiao_into', 'fapiao_database') }}"
EXAMPLES = ["919900000000000192", "91990000000000027W", "91990000000000035P"]

with DAG(
    dag_id="collect_taxpayers",
    description="A complete month of VAT invoices of many taxpayers",
    schedule="0 2 3 * *",
    start_date=datetime(2024, 12, 1, tzinfo=timezone(timedelta(hours=8))),
    catchup=False,
    params={
        "conn_id": Param("ekuaibao_default", type="string", description="The vendor connection"),
        "taxpayers": Param(
            None, type=["null", "array"], description="纳税人识别号; empty: the Variable fapiao_taxpayers"
        ),
        "invoice_month": Param(None, type=["null", "string"], description="yyyymm; empty: the month before the run"),
        "poll_interval": Param(None, type=["null", "number"], description="Seconds; empty: as the vendor advises"),
    },
    tags=["fapiao"],
) as dag:

    @task
    def taxpayers(params: dict[str, Any] | None = None) -> list[str]:
        """Whose invoices are collected in this run."""
        listed: list[str] = (params or {}).get("taxpayers") or Variable.get(
            "fapiao_taxpayers", EXAMPLES, deserialize_json=True
        )
        return listed

    CollectInvoicesOperator.partial(
        task_id="collect",
        conn_id="{{ params.conn_id }}",
        into=INTO,
        poll_interval="{{ params.poll_interval or '' }}",
        deferrable=True,
        max_active_tis_per_dag=8,
        retries=2,
        retry_delay=timedelta(minutes=5),
    ).expand(taxpayer_no=taxpayers())

if __name__ == "__main__":
    dag.test()
