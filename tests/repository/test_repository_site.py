"""The documents as a site: built without a warning, and a reference that leaves nothing unsaid."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "docs" / "site"


# The site is built with the newest Airflow: an older one has no base class for some of what it describes.
pytestmark = pytest.mark.skipif(
    version("apache-airflow").startswith("2."), reason="the reference is made with Airflow 3"
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The generated pages, made in a process of its own: it loads every module of the Airflow face."""
    folder = tmp_path_factory.mktemp("reference")
    program = (
        "import pathlib, sys; sys.path.insert(0, sys.argv[1]); from reference import pages\n"
        "for name, text in pages().items(): pathlib.Path(sys.argv[2], name).write_text(text, encoding='utf-8')"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(SITE), str(folder)], check=True, capture_output=True, timeout=200
    )
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


@pytest.mark.airflow
@pytest.mark.parametrize("page", ["operators.md", "hooks-and-triggers.md", "tables.md", "connections.md"])
def test_every_parameter_column_and_field_has_a_meaning(reference: dict[str, str], page: str) -> None:
    where, unsaid = "", []
    for line in reference[page].splitlines():
        if line.startswith("## "):
            where = line[3:]
        if re.search(r"^\| `.*\|\s*\|$", line):
            unsaid.append(f"{where}: {line}")
    assert unsaid == []


@pytest.mark.airflow
def test_the_reference_has_what_people_look_for(reference: dict[str, str]) -> None:
    for page, wanted in {
        "operators.md": "## CollectInvoicesOperator",
        "hooks-and-triggers.md": "## CollectionTrigger",
        "tables.md": "| `digital_number` |",
        "commands.md": "fapiao collect [OPTIONS] SOURCE",
        "code-tables.md": "增值税专用发票",
        "error-tree.md": "## TaxpayerRefused",
        "findings.md": "| `A1` | warning | Usually a rejection beyond 1.00.",
        "connections.md": "`corp_id`",
    }.items():
        assert wanted in reference[page]
