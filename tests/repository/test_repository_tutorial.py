"""The tutorial, followed word for word: what a reader types is what runs here, except for what needs root or an index."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
import sqlalchemy as sa
from markdown_it import MarkdownIt
from sqlalchemy.engine import make_url

ROOT = Path(__file__).parents[2]
TUTORIALS = ("tutorial.md", "tutorial.zh-CN.md")
DONE_FOR_THE_READER = ("sudo ", "python3 -m venv ", ". ~/airflow-venv", "pip install ")
"""Lines that begin so: the machine of the tests has PostgreSQL, Airflow and the provider already."""


def shell(name: str) -> list[str]:
    tokens = MarkdownIt().parse((ROOT / "docs" / name).read_text("utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() == "shell"]


def test_both_languages_have_the_same_commands() -> None:
    first, second = (shell(name) for name in TUTORIALS)
    assert first == second


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.postgres
@pytest.mark.timeout(1800)
def test_the_tutorial_ends_with_a_filled_database_and_a_scheduled_dag(tmp_path: Path, postgres_url: str) -> None:
    if find_spec("airflow.sdk") is None:
        pytest.skip("the tutorial installs Airflow 3")
    if not make_url(postgres_url).host:
        pytest.skip("the tutorial's server listens on TCP; name one with FAPIAO_TEST_POSTGRES_URL")
    script = ["set -eu -o pipefail", "shopt -s expand_aliases"]
    for block in shell(TUTORIALS[0])[:-1]:  # the last one starts Airflow for good
        script += [line for line in block.splitlines() if not line.startswith(DONE_FOR_THE_READER)]
    text = "\n".join(script).replace("postgresql://invoices:change-me@127.0.0.1/invoices", postgres_url)
    assert postgres_url in text
    psql = [line for line in text.splitlines() if line.startswith("psql ")]
    assert len(psql) == 1
    text = text.replace(psql[0], "")  # the client need not be installed; the same question is asked below
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
    }
    log = tmp_path / "told.log"
    # Not a pipe: the simulated vendor of step 3 runs on, as in the reader's terminal, and would keep it open.
    with log.open("w") as out:
        process = subprocess.Popen(
            ["bash", "-c", text],
            cwd=tmp_path,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        process.wait(timeout=1500)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    told = log.read_text("utf-8")
    assert process.returncode == 0, told[-6000:]
    assert "The tables are at schema version" in told
    assert (tmp_path / "coverage.html").stat().st_size > 10_000
    engine = sa.create_engine(postgres_url)
    question = sa.text(
        "SELECT taxpayer_no, direction, count(*) FROM fapiao_invoice_holding GROUP BY 1, 2 ORDER BY 1, 2"
    )
    with engine.connect() as connection:
        held = connection.execute(question).all()
    engine.dispose()
    assert {(row[0], row[1]) for row in held} == {
        (taxpayer, direction)
        for taxpayer in ("919900000000000192", "91990000000000027W")
        for direction in ("input", "output")
    }
