"""Verify the booked invoices of one taxpayer and archive their layout files: the proof that each is genuine, and the original.

Asks the bureau about every digital invoice that the taxpayer holds as input and that has no answer yet, then waits for the
vendor's jobs without a worker, then archives PDF, OFD and XML under their SHA-256. What was verified is not paid for again.

Needs two Airflow connections: ``qixiangyun_default`` (the vendor), and ``fapiao_database``, the database where the invoices
are; or set the Variable ``fapiao_into`` to a database URL. The Variable ``fapiao_archive`` names the archive: a folder that
every worker writes, or a URL such as ``s3://bucket/invoices``.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from fapiao.airflow.compat import DAG, Param
from fapiao.airflow.layout_operators import ArchiveLayoutFilesOperator, LayoutFilesSensor
from fapiao.airflow.verify_operators import VerifyInvoicesOperator

INTO = "{{ var.value.get('fapiao_into', 'fapiao_database') }}"
CLAIMS = """
SELECT i.digital_number AS number, i.issued_on, i.amount_incl_tax, h.taxpayer_no
FROM fapiao_invoice i JOIN fapiao_invoice_holding h ON h.invoice_key = i.invoice_key
WHERE h.direction = 'input' AND h.taxpayer_no = '{{ params.taxpayer_no }}'
AND i.digital_number IS NOT NULL AND i.amount_incl_tax IS NOT NULL
"""

with DAG(
    dag_id="verify_and_archive",
    description="Booked invoices verified at the tax bureau, their layout files archived",
    schedule="0 4 * * *",
    start_date=datetime(2024, 12, 1, tzinfo=timezone(timedelta(hours=8))),
    catchup=False,
    max_active_runs=1,
    params={
        "conn_id": Param("qixiangyun_default", type="string", description="The vendor connection"),
        "taxpayer_no": Param("919900000000000192", type="string", pattern="^[0-9A-Z]+$", description="纳税人识别号"),
        "query": Param(
            None, type=["null", "string"], description="SQL that gives the claims; empty: the held invoices"
        ),
    },
    default_args={
        "conn_id": "{{ params.conn_id }}",
        "into": INTO,
        "deferrable": True,
        "retries": 2,
        "retry_delay": timedelta(minutes=5),
    },
    tags=["fapiao"],
) as dag:
    verify = VerifyInvoicesOperator(
        task_id="verify",
        query="{{ params.query or '' }}" + "{% if not params.query %}" + CLAIMS + "{% endif %}",
        taxpayer_no="{{ params.taxpayer_no }}",
        layouts=("pdf", "ofd", "xml"),
    )
    wait = LayoutFilesSensor(task_id="wait", conn_id="{{ params.conn_id }}", into=INTO)
    archive = ArchiveLayoutFilesOperator(
        task_id="archive", archive="{{ var.value.get('fapiao_archive', '/var/lib/fapiao/archive') }}"
    )
    verify >> wait >> archive

if __name__ == "__main__":
    dag.test()
