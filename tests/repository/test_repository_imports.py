"""Who may import whom, and what a process pays for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import tomli

import fapiao

ROOT = Path(__file__).parents[2]

OPEN_TO_PLUGINS = {"fapiao.spec", "fapiao.wire", "fapiao.errors", "fapiao.answers", "fapiao.invoices"}


def contracts() -> dict[str, dict[str, Any]]:
    document = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {contract["id"]: contract for contract in document["tool"]["importlinter"]["contracts"]}


def loaded_after(statement: str) -> set[str]:
    """Top-level names in ``sys.modules`` of a new process that ran the statement."""
    program = f"import sys\n{statement}\nprint('\\n'.join({{name.split('.')[0] for name in sys.modules}}))"
    command = [sys.executable, "-c", program]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split())


def test_every_module_is_either_open_or_closed_to_plugins() -> None:
    closed = set(contracts()["plugin-borders"]["forbidden_modules"])
    assert {f"fapiao.{module.name}" for module in iter_modules(fapiao.__path__)} == closed | OPEN_TO_PLUGINS


@pytest.mark.parametrize(
    "statement",
    ["import fapiao.cli, fapiao.collecting.collection", "import fapiao.store, fapiao.engine", "import fapiao_ekuaibao"],
)
def test_the_framework_and_the_plugins_load_neither_airflow_nor_httpx(statement: str) -> None:
    assert loaded_after(statement).isdisjoint({"airflow", "httpx"})


def test_a_plugin_loads_no_http_library_and_no_database() -> None:
    assert loaded_after("import fapiao_ekuaibao").isdisjoint({"aiohttp", "httpx", "requests", "sqlalchemy", "urllib3"})


def test_the_command_line_shows_its_help_without_loading_a_database() -> None:
    assert loaded_after("import fapiao.cli").isdisjoint({"sqlalchemy", "requests", "fapiao_ekuaibao"})
