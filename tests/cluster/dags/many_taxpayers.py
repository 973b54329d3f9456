"""Many taxpayers, a deferring mapped task each, tried again soon: what the kills of the cluster tests fall upon."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from fapiao.airflow.compat import DAG, task
from fapiao.airflow.operators import CollectInvoicesOperator

with DAG(
    dag_id="many_taxpayers",
    schedule=None,
    start_date=datetime(2024, 12, 1, tzinfo=timezone.utc),
    catchup=False,
    params={"taxpayers": [], "into": "", "invoice_month": ""},
):

    @task
    def taxpayers(params: dict[str, Any] | None = None) -> list[str]:
        listed: list[str] = (params or {})["taxpayers"]
        return listed

    CollectInvoicesOperator.partial(
        task_id="collect",
        conn_id="ekuaibao_default",
        into="{{ params.into }}",
        types=["81", "82"],
        poll_interval=5,
        deferrable=True,
        retries=10,
        retry_delay=timedelta(seconds=3),
    ).expand(taxpayer_no=taxpayers())
