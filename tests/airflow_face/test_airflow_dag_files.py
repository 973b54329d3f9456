"""DAG files are parsed again and again: they must not cost what only a running task needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fapiao.airflow.compat import AIRFLOW_3

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
PARSE = """
import runpy, sys
try:
    from airflow.sdk import DAG, BaseHook, BaseOperator, BaseSensorOperator, Param, Variable, task
except ImportError:
    from airflow import DAG
    from airflow.sensors.base import BaseSensorOperator
    from airflow.decorators import task
before = {name for name in sys.modules if not name.startswith("fapiao")}  # what Airflow imports by itself
runpy.run_path(sys.argv[1], run_name="parsed")
heavy = ("fapiao_ekuaibao", "fapiao.store", "fapiao.engine", "fapiao.collecting.collection", "requests", "httpx", "sqlalchemy")
print([name for name in heavy if name in set(sys.modules) - before])
"""


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_parsing_an_example_imports_no_vendor_http_or_database_library(file: Path, run: Callable[..., Any]) -> None:
    if not AIRFLOW_3 and "schedule=[invoice_months()]" in file.read_text(encoding="utf-8"):
        migrated = run("-m", "airflow", "db", "migrate")  # 2.11 looks up what an alias stands for when it parses
        assert migrated.returncode == 0, migrated.stderr
    finished = run("-c", PARSE, str(file))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_an_example_explains_itself(file: Path) -> None:
    code = file.read_text(encoding="utf-8")
    assert code.startswith('"""')
    assert any(f"{source}_default" in code for source in ("ekuaibao", "jcsk", "qixiangyun"))


def test_the_macro_is_known_to_airflow_where_the_distribution_is_installed(run: Callable[..., Any]) -> None:
    finished = run("-m", "airflow", "plugins", "--output", "json")
    assert finished.returncode == 0, finished.stderr
    assert "fapiao_month" in finished.stdout
