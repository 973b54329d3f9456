"""A source that nobody here knew, from its own wheel, in a clean environment with Airflow: a connection type that collects."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TAXPAYER = "919900000000000192"
DAG = """
from datetime import datetime

from airflow.sdk import DAG
from fapiao.airflow.operators import CollectInvoicesOperator

with DAG("quickvendor", schedule=None, start_date=datetime(2024, 1, 1)):
    CollectInvoicesOperator(
        task_id="collect", conn_id="quickvendor_default", taxpayer_no="{taxpayer}", invoice_month="202411", into="{into}",
        poll_interval=1,
    )
"""


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(1200)
def test_a_scaffolded_source_collects_through_airflow(scaffolded_wheel: Path, tmp_path: Path) -> None:
    programs = clean_environment(tmp_path, scaffolded_wheel)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "FAPIAO"))
    }
    environment |= {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "NO_PROXY": "127.0.0.1",
    }

    def run(*command: str, more: dict[str, str] | None = None) -> str:
        finished = subprocess.run(
            [str(programs / command[0]), *command[1:]], env={**environment, **(more or {})}, cwd=tmp_path,
            capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout[-4000:] + finished.stderr[-4000:]
        return finished.stdout

    sources = {source["name"]: source for source in json.loads(run("fapiao", "sources", "--json"))}
    assert (sources["quickvendor"]["state"], sources["quickvendor"]["distribution"]) == ("good", "fapiao-quickvendor")
    hooks = json.loads(run("airflow", "providers", "hooks", "--output", "json"))
    assert "quickvendor" in {hook["connection_type"] for hook in hooks}

    database = tmp_path / "fapiao.db"
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "collect.py").write_text(DAG.format(taxpayer=TAXPAYER, into=f"sqlite:///{database}"))
    run("airflow", "db", "migrate")
    (tmp_path / "scenario.json").write_text('{"uniform": 130}')
    simulator = subprocess.Popen(
        [str(programs / "fapiao"), "simulate", "quickvendor", "--scenario", str(tmp_path / "scenario.json")],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with simulator:
        try:
            assert simulator.stdout is not None
            connection: dict[str, Any] = json.loads(simulator.stdout.readline())["connection"]
            connection |= {"conn_type": "quickvendor", "extra": {"minimum_job_age": 0, "requests_per_second": 0}}
            given = {"AIRFLOW_CONN_QUICKVENDOR_DEFAULT": json.dumps(connection)}
            run("airflow", "dags", "test", "quickvendor", "2024-12-10", more=given)
        finally:
            simulator.terminate()
            told, _ = simulator.communicate(timeout=30)
    report = json.loads(told)
    assert report["violations"] == []
    assert report["starts"] == {f"{TAXPAYER} 202411": 1}
    assert untrue(run, database) == []


def clean_environment(folder: Path, plugin: Path) -> Path:
    """A virtual environment with nothing but Airflow, this distribution's wheel and the plugin's; its programs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    programs = folder / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder / "dist"), str(ROOT)], check=True, timeout=120)
    [ours] = (folder / "dist").glob("*.whl")
    install = [str(programs / "python"), "-m", "pip", "install", "-qq", "--no-compile"]
    subprocess.run([*install, str(ours), str(plugin), "apache-airflow==3.3.2"], check=True, timeout=500)
    return programs


TRUTH = """
import json, sys
import sqlalchemy as sa
from fapiao.store.tables.invoices import invoices, lines
from fapiao.testing.comparison import differences
from fapiao_quickvendor.simulator import Simulator, VendorScenario

vendor = Simulator(VendorScenario(uniform=130))
truth = [
    invoice
    for part in vendor.truth("{taxpayer}", "202411")
    for invoice in vendor.invoices("{taxpayer}", "202411", part.type, part.direction)
]
with sa.create_engine(sys.argv[1]).connect() as connection:
    found = [[dict(row) for row in connection.execute(sa.select(table)).mappings()] for table in (invoices, lines)]
print(json.dumps([len(truth), differences(truth, found[0], {{"lines": found[1]}})]))
"""


def untrue(run: Any, database: Path) -> list[str]:
    """How the tables differ from the simulator's truth, field by field; and whether the ledger says complete."""
    program = TRUTH.format(taxpayer=TAXPAYER)
    count, found = json.loads(run("python", "-c", program, f"sqlite:///{database}"))
    opened = sqlite3.connect(database)
    try:
        states = opened.execute("select state, expected, loaded from fapiao_slice").fetchall()
        assert opened.execute("select count(*) from fapiao_invoice").fetchone()[0] == count == 4 * 130
    finally:
        opened.close()
    assert states == [("complete", 130, 130)] * 4
    return list(found)
