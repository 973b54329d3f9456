"""OpenLineage: which of the vendor's data went into which tables."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fapiao.airflow.lineage import MOST_INPUTS, lineage_of
from fapiao.airflow.operators import CollectInvoicesOperator
from fapiao.store import Database
from fapiao_ekuaibao.simulator import EkuaibaoScenario

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::airflow.exceptions.AirflowProviderDeprecationWarning"),
]

Vendor = Callable[..., Any]
ONE, TWO = "919900000000000192", "91990000000000027W"
ACCOUNT = EkuaibaoScenario().corp_id
ROOT = Path(__file__).parents[2]


def collected(into: str, **arguments: Any) -> CollectInvoicesOperator:
    """A task that has run."""
    given = {"conn_id": "ekuaibao_default", "invoice_month": "202411", "types": ["81"], "deferrable": False}
    operator = CollectInvoicesOperator(task_id="collect", into=into, **{**given, "poll_interval": 0.2, **arguments})
    run = SimpleNamespace(start_date=datetime.now(timezone.utc), logical_date=None, run_after=None)
    operator.execute({"dag_run": run, "ti": None})
    return operator


def test_the_openlineage_provider_gets_datasets_and_row_counts(vendor: Vendor, into: str, tmp_path: Path) -> None:
    vendor()
    operator = collected(into, taxpayer_no=[ONE, TWO])
    extractor: Any = import_module("airflow.providers.openlineage.extractors.base").DefaultExtractor(operator)
    told = extractor.extract_on_complete(None)
    assert [(part.namespace, part.name) for part in told.inputs] == [
        ("fapiao://ekuaibao", f"{ACCOUNT}/{taxpayer}/202411") for taxpayer in (ONE, TWO)
    ]
    tables = {part.name: part for part in told.outputs}
    assert {part.namespace for part in told.outputs} == {f"sqlite://{tmp_path}/invoices.db"}
    assert tables["fapiao_invoice"].outputFacets["outputStatistics"].rowCount == 12
    assert tables["fapiao_invoice_line"].outputFacets == {}


def test_a_task_that_has_not_come_so_far_tells_nothing() -> None:
    operator = CollectInvoicesOperator(task_id="t", conn_id="c", into="i", taxpayer_no=ONE)
    assert operator.get_openlineage_facets_on_complete(None) is None


@pytest.mark.parametrize(
    ("url", "schema", "namespace", "table"),
    [
        ("postgresql://u:secret-word@db.example/ledger", None, "postgres://db.example:5432", "ledger.public.t"),
        ("postgresql://db.example:6432/ledger", "tax", "postgres://db.example:6432", "ledger.tax.t"),
        ("mysql+pymysql://u:secret-word@db.example/ledger", None, "mysql://db.example:3306", "ledger.t"),
        ("mysql+pymysql://db.example/other", "ledger", "mysql://db.example:3306", "ledger.t"),
    ],
)
def test_tables_are_named_as_openlineage_says(url: str, schema: str | None, namespace: str, table: str) -> None:
    bench: Any = SimpleNamespace(
        account=SimpleNamespace(name="a"), source=SimpleNamespace(name="s"), database=Database.connect(url, schema)
    )
    lineage = lineage_of(bench, [ONE], "202411", {"t": 1})
    assert lineage.writes == ((namespace, table, 1),)
    assert lineage.reads == (("fapiao://s", f"a/{ONE}/202411"),)
    assert "secret-word" not in repr(lineage)


def test_thousands_of_taxpayers_are_one_dataset() -> None:
    bench: Any = SimpleNamespace(
        account=SimpleNamespace(name="a"),
        source=SimpleNamespace(name="s"),
        database=Database.connect("sqlite:///unused.db"),
    )
    assert lineage_of(bench, [str(n) for n in range(MOST_INPUTS + 1)], "202411", {}).reads == (
        ("fapiao://s", "a/202411"),
    )


@pytest.mark.slow
def test_events_are_written_by_a_whole_run(vendor: Vendor, into: str, face: Any, tmp_path: Path) -> None:
    vendor()
    home, file = tmp_path / "home", tmp_path / "events"
    shutil.copytree(os.environ["AIRFLOW_HOME"], home)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": str(file), "append": True}),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": "tests",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "provider", ROOT / "plugins"))),
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "-m", "airflow", "dags", "test", "one_blocking", "--conf", json.dumps({"into": into})]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    ended = [
        event for event in events if event["eventType"] == "COMPLETE" and event["job"]["name"].endswith(".collect")
    ]
    assert len(ended) == 1, ran.stdout
    assert [part["name"] for part in ended[0]["inputs"]] == [f"{ACCOUNT}/{ONE}/202411"]
    assert "fapiao_invoice" in [part["name"] for part in ended[0]["outputs"]]
    assert os.environ["AIRFLOW_CONN_EKUAIBAO_DEFAULT"] not in file.read_text("utf-8")
