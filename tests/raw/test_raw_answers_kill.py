"""Killed while answers are interpreted again, before or after any commit: run again, the end is as without the kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bureau import claims
from inquiring import Inquiry, shelved
from misreading import BUREAU
from offices import KINDS

pytestmark = pytest.mark.kill

Inquiries = Callable[..., Inquiry]
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import os, signal, sys
from fapiao.rereading.renormalizing import renormalize
from fapiao.store import Database
from fapiao.store.raw import answers
from misreading import BOTH

url, last, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
answers.ANSWERS = 2
BOTH.get("atlas"), BOTH.get("bureau")
database = Database.connect(url)
attempt, left = database.attempt, last

def attempted(work):
    global left
    left -= 1
    if left:
        return attempt(work)
    def killed(connection):
        work(connection)
        os.kill(os.getpid(), signal.SIGKILL)
    attempt(killed if when == "before" else work)
    os.kill(os.getpid(), signal.SIGKILL)

database.attempt = attempted
renormalize(database, sources=BOTH, clock=lambda: 1_790_000_000.0)
"""
BATCHES = (1, 3, 6, 8)
"""Of two pages of the collection and, in twos, of five checks, five tasks and five files: the one that each run is killed in."""


def prepared(inquiry: Inquiry, folder: Path) -> None:
    inquiry.collect(shelved(1), shelved(2), shelved(3))
    BUREAU.mistake("seller", "untold", "links", "finding")
    inquiry.ask(claims(5, layouts=KINDS))
    inquiry.fetch(folder)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_is_killed_around_a_commit_is_run_again_and_ends_as_if_nothing_had_happened(
    inquire: Inquiries, url: str, another: str, tmp_path: Path, when: str
) -> None:
    whole = inquire(another)
    prepared(whole, tmp_path / "whole")
    whole.renormalize()
    expected = whole.meaning("layout_file.uri")

    killed = inquire(url)
    prepared(killed, tmp_path / "killed")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("provider", "plugins", "tests/support")),
    }
    for batch in BATCHES:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, url, str(batch), when], env=environment, timeout=60, capture_output=True
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert killed.meaning("layout_file.uri") != expected
    killed.renormalize()
    assert killed.meaning("layout_file.uri") == expected
    assert [name for name in killed.of("counter", "name") if name != "invoice_key"] == []
    assert killed.renormalize().changes.rows == 0
