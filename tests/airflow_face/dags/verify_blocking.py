"""Verification and archive without deferral: the worker waits."""

from __future__ import annotations

from datetime import datetime, timezone

from fapiao.airflow.compat import DAG, Param
from fapiao.airflow.layout_operators import ArchiveLayoutFilesOperator, LayoutFilesSensor
from fapiao.airflow.verify_operators import VerifyInvoicesOperator

with DAG(
    dag_id="verify_blocking",
    schedule=None,
    start_date=datetime(2024, 12, 1, tzinfo=timezone.utc),
    params={"into": Param("", type="string"), "query": Param("", type="string"), "archive": Param("", type="string")},
    default_args={"conn_id": "qixiangyun_default", "into": "{{ params.into }}", "deferrable": False},
) as dag:
    verify = VerifyInvoicesOperator(
        task_id="verify", query="{{ params.query }}", taxpayer_no="919900000000000192", layouts="pdf,ofd,xml"
    )
    wait = LayoutFilesSensor(
        task_id="wait", conn_id="qixiangyun_default", into="{{ params.into }}", poke_interval=0.2, deferrable=False
    )
    archive = ArchiveLayoutFilesOperator(task_id="archive", archive="{{ params.archive }}")
    verify >> wait >> archive
