"""The whole road once, on this machine alone: simulated vendor → Airflow → SQLite → proof. Run it with ``make demo``.

Everything it writes is in ``build/demo``, which it empties first: a home of Airflow's own and the database.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from airflow_home import ROOT, connection_to, environment
from fapiao.store.tables.invoices import holdings, invoices, lines
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

HOME = ROOT / "build" / "demo"
DATABASE = HOME / "fapiao.db"
INTO = f"sqlite:///{DATABASE}"
DAG = "collect_taxpayers"
MONTH = "202411"
SCENARIO = EkuaibaoScenario(processing_seconds=5.0)
"""As the vendor documents it; the job takes long enough to see the task defer."""


class Totals(NamedTuple):
    """What one taxpayer's month amounts to."""

    invoices: int
    lines: int
    amount_excl_tax: Decimal
    tax_amount: Decimal


def airflow_environment(simulator: EkuaibaoSimulator) -> dict[str, str]:
    """Airflow with a home of its own, the vendor's connection and the database that the DAG names."""
    return environment(
        HOME / "airflow",
        AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
        AIRFLOW__LOGGING__NAMESPACE_LEVELS="fapiao=INFO airflow.task.operators.fapiao=INFO",
        AIRFLOW_CONN_EKUAIBAO_DEFAULT=json.dumps(connection_to(simulator, "ekuaibao")),
        AIRFLOW_VAR_FAPIAO_INTO=INTO,
    )


def run(*command: str, env: dict[str, str]) -> None:
    """A command of this environment; the demo ends with its exit status if it fails."""
    print(f"\n$ {' '.join(command)}", flush=True)
    finished = subprocess.run(
        [Path(sys.executable).with_name(command[0]), *command[1:]], env=env, cwd=ROOT, check=False
    )
    if finished.returncode:
        raise SystemExit(finished.returncode)


def stored(taxpayer_no: str) -> Totals:
    """What the tables hold for one taxpayer, summed exactly."""
    held = sa.select(holdings.c.invoice_key).where(holdings.c.taxpayer_no == taxpayer_no)
    engine = sa.create_engine(INTO)
    with engine.connect() as connection:
        amounts = connection.execute(
            sa.select(invoices.c.amount_excl_tax, invoices.c.tax_amount).where(invoices.c.invoice_key.in_(held))
        ).all()
        line_count = connection.execute(
            sa.select(sa.func.count()).select_from(lines).where(lines.c.invoice_key.in_(held))
        ).scalar_one()
    engine.dispose()
    return Totals(
        len(amounts),
        line_count,
        sum((row.amount_excl_tax or Decimal(0) for row in amounts), Decimal(0)),
        sum((row.tax_amount or Decimal(0) for row in amounts), Decimal(0)),
    )


def true(simulator: EkuaibaoSimulator, taxpayer_no: str) -> Totals:
    """What the simulated tax bureau knows about one taxpayer's month."""
    slices = simulator.truth(taxpayer_no, MONTH)
    return Totals(
        sum(part.loaded for part in slices),
        sum(part.lines for part in slices),
        sum((part.amount_excl_tax for part in slices), Decimal(0)),
        sum((part.tax_amount for part in slices), Decimal(0)),
    )


def compare(simulator: EkuaibaoSimulator) -> bool:
    """Print the database beside the truth; whether they are equal."""
    table = Table(title="The database and the truth")
    for name in ("taxpayer", ""):
        table.add_column(name)
    for name in ("invoices", "lines", "amount excl. tax", "tax"):
        table.add_column(name, justify="right")
    equal = True
    for taxpayer_no in simulator.scenario.taxpayers:
        ours, theirs = stored(taxpayer_no), true(simulator, taxpayer_no)
        equal = equal and ours == theirs
        for label, totals in (("database", ours), ("truth", theirs)):
            table.add_row(taxpayer_no, label, *(f"{value:,}" for value in totals))
        table.add_section()
    Console(width=120).print(table)
    return equal


def main() -> int:
    began = time.monotonic()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    simulator = EkuaibaoSimulator(SCENARIO)
    with simulator.running():
        print(f"A simulated ekuaibao listens on {simulator.base_url}.")
        env = airflow_environment(simulator)
        run("airflow", "db", "migrate", env=env)
        conf = {"taxpayers": list(SCENARIO.taxpayers), "invoice_month": MONTH, "poll_interval": 3}
        run("airflow", "dags", "test", DAG, "--conf", json.dumps(conf), env=env)
        run("fapiao", "coverage", "--into", f"sqlite:///{DATABASE.relative_to(ROOT)}", env=env)
        equal = compare(simulator)
        report = simulator.report()
    print(
        f"The vendor saw {report.total} requests, at most {report.peak_concurrency} at once, {sum(report.starts.values())} jobs "
        f"started, {len(report.violations)} protocol violations."
    )
    for violation in report.violations:
        print(violation)
    print(f"The database is {DATABASE.relative_to(ROOT)}, an SQLite file with the tables fapiao_*.")
    print(
        f"Everything equals the truth; {time.monotonic() - began:.0f} s."
        if equal
        else "The database does NOT equal the truth."
    )
    return 0 if equal and not report.violations else 1


if __name__ == "__main__":
    sys.exit(main())
