"""Which input invoices are certified, which are still open, what became abnormal: asked daily in the filing window.

VAT is filed until about the fifteenth of the month, and until then invoices are selected (勾选) and certified (确认) for the
month before. So the lists of unselected (10) and selected (11) invoices are synced on each day of that window. They are
one sync: an invoice that moves from one list to the other is told as certified or revoked.

The taxpayers come from the run's parameter ``taxpayers``, else from the Airflow Variable ``fapiao_taxpayers`` (a JSON
list), else they are three synthetic ones that the simulator knows. One that fails does not touch the others.

Needs two Airflow connections: ``jcsk_default`` (the vendor; every call is billed), and ``fapiao_database``, the database
where the invoices go; or set the Variable ``fapiao_into`` to a database URL.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from fapiao.airflow.compat import DAG, Param, Variable, task
from fapiao.airflow.sync_operators import SyncDeductionsOperator

INTO = "{{ var.value.get('fapiao_into', 'fapiao_database') }}"
EXAMPLES = ["919900000000000192", "91990000000000027W", "91990000000000035P"]

with DAG(
    dag_id="deduction_sync",
    description="The deduction state of every input invoice, daily while VAT is filed",
    schedule="0 8 1-16 * *",
    start_date=datetime(2024, 12, 1, tzinfo=timezone(timedelta(hours=8))),
    catchup=False,
    max_active_runs=1,
    params={
        "conn_id": Param("jcsk_default", type="string", description="The vendor connection"),
        "taxpayers": Param(
            None, type=["null", "array"], description="纳税人识别号; empty: the Variable fapiao_taxpayers"
        ),
        "lists": Param(["10", "11"], type="array", description="The vendor's codes of the lists"),
        "tax_period": Param(None, type=["null", "string"], description="yyyymm; empty: as the lists understand it"),
    },
    tags=["fapiao"],
) as dag:

    @task
    def taxpayers(params: dict[str, Any] | None = None) -> list[str]:
        """Whose invoices are asked for in this run."""
        listed: list[str] = (params or {}).get("taxpayers") or Variable.get(
            "fapiao_taxpayers", EXAMPLES, deserialize_json=True
        )
        return listed

    SyncDeductionsOperator.partial(
        task_id="sync",
        conn_id="{{ params.conn_id }}",
        into=INTO,
        query="{{ params.lists | join(',') }}",
        tax_period="{{ params.tax_period or '' }}",
        zipped=True,
        deferrable=True,
        max_active_tis_per_dag=4,
        retries=2,
        retry_delay=timedelta(minutes=5),
    ).expand(taxpayer_no=taxpayers())

if __name__ == "__main__":
    dag.test()
