"""Installed observers: found by entry point, made once, a broken one named and left out."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from fapiao import hookimpl
from fapiao.events import AttemptFinished, SliceClosed
from fapiao.observing import GROUP, Observers

MODULE = """
from fapiao import hookimpl

class Counting:
    made = 0
    def __init__(self):
        Counting.made += 1
    @hookimpl
    def slice_closed(self, event):
        pass

def nothing():
    return None

def raising():
    raise OSError("no such folder")

plain = object()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"watching_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def points(module: str, **named: str) -> list[EntryPoint]:
    return [EntryPoint(name, f"{module}:{value}", GROUP) for name, value in named.items()]


def test_an_observer_is_made_once_when_the_first_event_is_at_hand(module: str) -> None:
    found = Observers(points(module, mine="Counting"))
    assert module not in sys.modules
    assert found.wants(SliceClosed)
    assert not found.wants(AttemptFinished)
    assert found.wants(SliceClosed)
    assert sys.modules[module].Counting.made == 1


def test_one_without_anything_to_do_is_idle(module: str) -> None:
    found = Observers(points(module, quiet="nothing"))
    assert not found.wants(SliceClosed)
    assert [(part.name, part.state, part.hooks) for part in found.states()] == [("quiet", "idle", ())]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("raising", "OSError: no such folder"),
        ("absent", "AttributeError"),
        ("plain", "TypeError: the entry point must name a callable"),
    ],
)
def test_a_broken_one_is_named_with_the_reason_and_hurts_nobody(
    module: str, value: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = Observers(points(module, broken=value, mine="Counting"))
    with caplog.at_level(logging.WARNING, "fapiao.observers"):
        assert found.wants(SliceClosed)
    broken, mine = found.states()
    assert (broken.name, broken.state, mine.state, mine.hooks) == ("broken", "broken", "active", ("slice_closed",))
    assert reason in broken.reason
    assert "The observer broken of (not installed)" in caplog.text


def test_a_disabled_one_is_not_even_imported(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAPIAO_DISABLE", "other, mine")
    found = Observers(points(module, mine="Counting"))
    assert not found.wants(SliceClosed)
    assert found.states() == []
    assert module not in sys.modules


def test_an_added_one_is_gone_after_its_block() -> None:
    class Watching:
        @hookimpl
        def slice_closed(self) -> None:
            """Only looks."""

    found = Observers([])
    with found.added(Watching()):
        assert found.wants(SliceClosed)
    assert not found.wants(SliceClosed)


def test_the_command_shows_the_audit_trail_idle_and_active(tmp_path: Path) -> None:
    states = []
    for given in ({}, {"FAPIAO_AUDIT_FILE": str(tmp_path / "audit.jsonl")}):
        finished = subprocess.run(
            [sys.executable, "-c", "from fapiao.cli import main; main()", "observers", "--json"],
            env={**os.environ, **given},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert finished.returncode == 0, finished.stderr
        states += [part["state"] for part in json.loads(finished.stdout) if part["name"] == "audit"]
    assert states == ["idle", "active"]
