"""Every code block of the documents is run, and every public name is in them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import pytest
import tomli
from markdown_it import MarkdownIt

import fapiao.errors
from fapiao.cli import cli
from fapiao.registry import registry
from fapiao.settings import COMMON_FIELDS
from fapiao.spec import FLOW_HOOKS, REQUIRED_HOOKS, InvoiceSource
from fapiao.store.tables.schema import metadata

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted(DOCS.rglob("*.md"))]
AIRFLOW_2 = version("apache-airflow").startswith("2.")
SHOWN_ONLY = {"shell", "text", "mermaid"}


class Block(NamedTuple):
    kind: str
    line: int
    text: str


def blocks(document: Path) -> list[Block]:
    tokens = MarkdownIt().parse(document.read_text("utf-8"))
    return [
        Block(token.info.strip(), (token.map or [0])[0] + 1, token.content) for token in tokens if token.type == "fence"
    ]


@pytest.fixture(scope="module")
def connections(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables with connections to simulated vendors, whose jobs are done at once: nobody waits for a test's poll."""
    scenario = tmp_path_factory.mktemp("vendor") / "scenario.json"
    scenario.write_text('{"queued_seconds": 0, "processing_seconds": 0}')
    with (
        simulated("ekuaibao", "--scenario", str(scenario)) as ekuaibao,
        simulated("jcsk") as jcsk,
        simulated("qixiangyun") as qixiangyun,
    ):
        yield {
            "FAPIAO_CONN_EKUAIBAO": ekuaibao,
            "FAPIAO_CONN_JCSK": jcsk,
            "FAPIAO_CONN_QIXIANGYUN": qixiangyun,
        }


@contextmanager
def simulated(source: str, *options: str) -> Iterator[str]:
    """The JSON of a connection to a simulated vendor."""
    command = [str(Path(sys.executable).with_name("fapiao")), "simulate", source, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        try:
            started = json.loads(simulator.stdout.readline())
            found = started["connection"]
            # Quotas, and jobs that an earlier one of the same month could be taken for, have tests of their own.
            extra = {**found["extra"], "requests_per_second": 0}
            extra |= {"minimum_job_age": 0} if source == "ekuaibao" else {}
            yield json.dumps({**found, "extra": extra})
        finally:
            simulator.terminate()
            simulator.communicate(timeout=30)


@pytest.mark.airflow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_the_code_blocks_of_a_document_do_what_it_says(
    document: Path, connections: dict[str, str], tmp_path: Path
) -> None:
    home = tmp_path / "airflow-home"
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **connections,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    if AIRFLOW_2 and "schedule=[" in document.read_text("utf-8"):
        # There a DAG that is scheduled on a dataset's alias looks it up in the metadata while it is parsed.
        migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
        subprocess.run(migrate, cwd=folder, env=environment, capture_output=True, check=True, timeout=240)
    program = ""
    for block in blocks(document):
        where = f"{document.name}, line {block.line}"
        command: list[str] = []
        if block.kind == "bash":
            command = ["bash", "-euo", "pipefail", "-c", block.text]
        elif block.kind == "python":
            # Names of earlier blocks are known, as to somebody who reads on.
            program += f"{block.text}\n"
            command = [sys.executable, "-c", program]
        elif block.kind == "sql":
            run_sql(folder / "fapiao.db", block.text)
        elif block.kind == "json":
            json.loads(block.text)
        elif block.kind == "toml":
            tomli.loads(block.text)
        else:
            assert block.kind in SHOWN_ONLY, f"{where}: a fence needs one of the kinds that CONTRIBUTING.md lists"
        if command:
            finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
            assert finished.returncode == 0, f"{where}\n{finished.stdout}\n{finished.stderr}"


def run_sql(database: Path, text: str) -> None:
    opened = sqlite3.connect(database)
    try:
        for statement in filter(str.strip, text.split(";")):
            rows = opened.execute(statement).fetchall()
            assert rows or not statement.lstrip().upper().startswith("SELECT"), f"no row: {statement}"
    finally:
        opened.close()


def test_every_command_and_option_is_described() -> None:
    text = (DOCS / "command-line.md").read_text("utf-8")
    missing = [f"fapiao {name}" for name in cli.commands if f"`fapiao {name}" not in text]
    for command in cli.commands.values():
        options = [
            option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts
        ]
        missing += [f"{command.name} {option}" for option in options if f"`{option}" not in text]
    assert not missing


def test_every_error_is_described() -> None:
    text = (DOCS / "errors.md").read_text("utf-8")
    errors = [
        name for name in fapiao.errors.__all__ if issubclass(getattr(fapiao.errors, name), fapiao.errors.FapiaoError)
    ]
    assert [name for name in errors if f"`{name}`" not in text] == []
    assert [fault.value for fault in fapiao.errors.Fault if fault.value.removeprefix("your ") not in text] == []


def test_every_hook_is_described() -> None:
    text = (DOCS / "plugin-authors.md").read_text("utf-8")
    hooks = [name for name in vars(InvoiceSource) if not name.startswith("_")]
    assert set(FLOW_HOOKS) | {hook for hooks in REQUIRED_HOOKS.values() for hook in hooks} <= set(hooks)
    assert [hook for hook in hooks if f"`{hook}(" not in text] == []


def test_every_table_is_described() -> None:
    text = (DOCS / "database.md").read_text("utf-8")
    assert [name for name in metadata.tables if f"`{name}`" not in text] == []


def test_every_rule_of_completeness_names_a_module_and_a_test_that_exist() -> None:
    text = (DOCS / "completeness.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| C\d", line)]
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text("utf-8"))
    }
    named = [re.findall(r"`([a-z_0-9.]+)`", row) for row in rows]
    assert {row.split()[1].rstrip(",") for row in rows} == {f"C{number}" for number in range(1, 11)}
    assert [names[-1] for names in named if names[-1] not in tests] == []
    modules = {name for names in named for name in names if name.startswith("fapiao.")}
    assert [name for name in sorted(modules) if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("source", registry.names())
def test_every_setting_of_a_connection_is_described_with_its_default(source: str) -> None:
    text = (DOCS / f"connection-{source}.md").read_text("utf-8")
    fields = registry.get(source).descriptor.fields
    assert [field.name for field in (*fields, *COMMON_FIELDS) if f"`{field.name}`" not in text] == []
    defaults = {field.name: shown(field.default) for field in fields if field.default is not None}
    assert {name: default for name, default in defaults.items() if f"`{default}`" not in text} == {}


def shown(default: object) -> str:
    """A default as a reader would write it."""
    text = msgspec.json.encode(default).decode().strip('"')
    return text.removesuffix(".0")


def test_every_operator_and_its_parameters_are_described() -> None:
    from fapiao.airflow import operators, sensors, sync_operators

    modules = (operators, sensors, sync_operators)
    text = (DOCS / "airflow.md").read_text("utf-8")
    assert [name for module in modules for name in module.__all__ if f"`{name}`" not in text] == []
    fields = {field for module in modules for name in module.__all__ for field in getattr(module, name).template_fields}
    assert [field for field in fields if f"`{field}`" not in text] == []
