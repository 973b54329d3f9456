"""``kill -9`` while a month is collected in parts, then the same command again: the truth, and every slice from its own task."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fapiao.store import Database
from fapiao.store.tables.ledger import slices
from fapiao_qixiangyun.simulator import QixiangyunScenario, QixiangyunSimulator

pytestmark = pytest.mark.kill

ROOT = Path(__file__).resolve().parents[2]
MONTH = "202411"
TYPES = ("01", "81", "84", "17")


def start(simulator: QixiangyunSimulator, into: str) -> subprocess.Popen[str]:
    connection = dict(simulator.connection())
    connection["extra"] = {**connection["extra"], "start_grace": 1}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO_CONN"))},
        "PYTHONPATH": os.pathsep.join((str(ROOT / "provider"), str(ROOT / "plugins"))),
        "FAPIAO_CONN_QIXIANGYUN": json.dumps(connection),
    }
    types = [word for code in TYPES for word in ("--type", code)]
    return subprocess.Popen(
        [
            sys.executable, "-c", "from fapiao.cli import main; main()", "collect", "qixiangyun", "--month", MONTH, *types,
            "--taxpayer", simulator.scenario.taxpayers[0], "--poll-interval", "0.1", "--refresh", "older-than:1d", "--json",
            "--into", into,
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


@pytest.mark.parametrize(("operation", "nth"), [("start", 3), ("status", 5), ("read", 2)])
def test_a_month_in_parts_survives_a_kill(tmp_path: Path, operation: str, nth: int) -> None:
    into = f"sqlite:///{tmp_path / 'parts.db'}"
    scenario = QixiangyunScenario(
        uniform=9, range_limit=20, queued_seconds=0.05, processing_seconds=0.1, latency=0.05, page_size_cap=8
    )
    with QixiangyunSimulator(scenario).running() as simulator:
        process = start(simulator, into)
        while process.poll() is None and simulator.report().operations.get(operation, 0) < nth:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        out, err = start(simulator, into).communicate(timeout=120)
        manifest: dict[str, Any] = json.loads(out)
        assert (manifest["state"], manifest["generation"]) == ("complete", 1), err
        truth = {
            (part.type, part.direction): (part.expected, f"{part.amount_excl_tax:.2f}")
            for part in simulator.truth(scenario.taxpayers[0], MONTH)
            if part.type in TYPES
        }
        said = {
            (part["type"], part["direction"]): (part["loaded"], part["amount_excl_tax"]) for part in manifest["slices"]
        }
        assert said == truth
        starts = simulator.report().starts
        assert sum(starts.values()) <= 7 + 1, "at most the task whose answer was lost is started again"
    database = Database.connect(into)
    query = sa.select(slices.c.vendor_job_id, slices.c.part, slices.c.type)
    found = database.read(lambda connection: connection.execute(query).all())
    database.close()
    assert all(kind in job.split("/")[1].split(",") for job, _, kind in found)
    assert len({job for job, _, _ in found}) == len({part for _, part, _ in found}) == 4
