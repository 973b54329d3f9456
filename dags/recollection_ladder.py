"""A month is collected again and again, ever less often: invoices of a closed month still change.

They are booked late, voided, red-flushed (红冲) and certified for months. So the last month is collected on the 3rd, 8th and 16th
(VAT is filed until about the 15th) and on the 28th; on the 16th also the three months before it, and on the 28th those of
a year ago at quarter steps. Every collection is a new generation: nothing is lost, and ``fapiao changes --month`` tells what
it has brought. At the end each month is required to be proven for all taxpayers, and to agree with the totals from outside
(控制总数) that ``fapiao control-totals`` has stored.

The taxpayers come from the run's parameter ``taxpayers``, else from the Airflow Variable ``fapiao_taxpayers`` (a JSON
list), else they are two synthetic ones that the simulator knows. One that fails does not touch the others; the months of one
taxpayer take turns, because vendors run one job per tax number.

Needs two Airflow connections: ``ekuaibao_default`` (the vendor), and ``fapiao_database``, the database where the invoices
go; or set the Variable ``fapiao_into`` to a database URL.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from fapiao.airflow.compat import DAG, Param, Variable, task
from fapiao.airflow.coverage_operators import RequireCoverageOperator
from fapiao.airflow.month import month_of_run
from fapiao.airflow.operators import CollectInvoicesOperator

INTO = "{{ var.value.get('fapiao_into', 'fapiao_database') }}"
EXAMPLES = ["919900000000000192", "91990000000000027W"]
LADDER = {3: (1,), 8: (1,), 16: (1, 2, 3, 4), 28: (1, 6, 9, 12)}
"""Day of the month in China → which months are collected on it, counted back: 1 is the last one."""
CHINA = timezone(timedelta(hours=8))

with DAG(
    dag_id="recollection_ladder",
    description="The last month often, older months less often; proven in the end",
    schedule="0 2 3,8,16,28 * *",
    start_date=datetime(2024, 12, 1, tzinfo=CHINA),
    catchup=False,
    max_active_runs=1,
    params={
        "conn_id": Param("ekuaibao_default", type="string", description="The vendor connection"),
        "taxpayers": Param(
            None, type=["null", "array"], description="纳税人识别号; empty: the Variable fapiao_taxpayers"
        ),
        "control_totals": Param(
            "compare",
            enum=["ignore", "compare", "require"],
            description="Totals from outside; require: each month has some",
        ),
        "months_back": Param(None, type=["null", "array"], description="Instead of the ladder: such as [1, 2]"),
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

    @task
    def months(**context: Any) -> list[str]:
        """The months of today's rung, the newest first."""
        run = context["dag_run"]
        today = getattr(run, "data_interval_end", None) or run.logical_date or run.run_after
        back = context["params"]["months_back"] or LADDER.get(today.astimezone(CHINA).day, (1,))
        return [month_of_run(context, int(count)) for count in back]

    listed, rung = taxpayers(), months()
    common: dict[str, Any] = {"conn_id": "{{ params.conn_id }}", "into": INTO}
    collect = CollectInvoicesOperator.partial(
        task_id="collect",
        taxpayer_no=listed,
        poll_interval="{{ params.poll_interval or '' }}",
        deferrable=True,
        max_active_tis_per_dagrun=1,
        retries=2,
        retry_delay=timedelta(minutes=5),
        **common,
    ).expand(invoice_month=rung)
    proven = RequireCoverageOperator.partial(
        task_id="proven",
        taxpayer_no=listed,
        max_age="12h",
        control_totals="{{ params.control_totals }}",
        trigger_rule="all_done",
        **common,
    ).expand(invoice_month=rung)
    collect >> proven

if __name__ == "__main__":
    dag.test()
