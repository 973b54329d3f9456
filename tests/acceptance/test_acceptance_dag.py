"""The whole month again, by the example DAG on a real Airflow: the same tables as by the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collecting import MONTH, ROOT, Command, wrong_with
from fapiao.testing.scenario import TAXPAYERS
from fapiao_ekuaibao.simulator import EkuaibaoSimulator


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(600)
def test_the_mapped_dag_collects_twenty_types_in_both_directions(
    simulate: Callable[..., EkuaibaoSimulator], command: Callable[..., Command], into: str, tmp_path: Path
) -> None:
    simulator = simulate(uniform=250)
    connection = command(simulator).connection
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO_CONN"))},
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW_CONN_EKUAIBAO_DEFAULT": json.dumps({**connection, "conn_type": "ekuaibao"}),
        "AIRFLOW_VAR_FAPIAO_INTO": into,
        "NO_PROXY": "127.0.0.1",
    }
    airflow = Path(sys.executable).with_name("airflow")
    conf = {"taxpayers": [TAXPAYERS[0]], "invoice_month": MONTH, "poll_interval": 1}
    for arguments in (("db", "migrate"), ("dags", "test", "collect_taxpayers", "--conf", json.dumps(conf))):
        done = subprocess.run(
            [airflow, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert wrong_with(into, simulator, TAXPAYERS[0]) == []
    report = simulator.report()
    assert report.violations == ()
    assert sum(report.starts.values()) == 1
    assert report.peak_concurrency <= 8
