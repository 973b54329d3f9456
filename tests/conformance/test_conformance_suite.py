"""The kit as an author meets it: one class, run by pytest; and the checks that talk to a vendor."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import msgspec
import pytest

from fapiao.testing.conformance import CHECKS, Kit, NonConforming, run, simulated
from fapiao.wire import SliceKey
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

IDS = {check.id for check in CHECKS}
LIVE = next(check for check in CHECKS if check.live)
SUITE = """
from fapiao.testing.conformance import SourceConformance
from toy_kit import toy_kit
import broken_flows

class TestGood(SourceConformance):
    kit = toy_kit(skip={"C6": "The vendor never sends an empty page in the middle."})

class TestBroken(SourceConformance):
    kit = toy_kit("broken_flows:TellsTheTime")
"""


def test_one_class_is_a_test_for_each_check(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(SUITE, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-v", "-rs", "-p", "no:cacheprovider", "-k", "A3 or B1 or C6 or L1"]
    paths = os.pathsep.join(filter(None, sys.path))
    finished = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    said = finished.stdout
    assert "TestGood::test_conforms[A3] PASSED" in said
    assert "TestGood::test_conforms[C6] SKIPPED" in said
    assert "skipped: The vendor never sends an empty page in the middle." in said
    assert "needs --live" in said
    assert "TestBroken::test_conforms[B1] FAILED" in said
    assert "B1: source toy, hook read_page: it reaches for the clock (time.time) at broken_flows.py:" in said


@pytest.mark.parametrize("own", [False, True], ids=["ours", "another one's"])
def test_the_option_gives_way_to_one_of_the_same_name(tmp_path: Path, own: bool) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    option = "def pytest_addoption(parser):\n    parser.addoption('--live', help='the words of another one')\n"
    (tmp_path / "mine.py").write_text(option if own else "", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--help", "-p", "mine"]
    if "fapiao" not in {point.name for point in entry_points(group="pytest11")}:
        command += ["-p", "fapiao.testing.conformance.pytest_plugin"]
    paths = os.pathsep.join(filter(None, [str(tmp_path), *sys.path]))
    finished = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    assert ("the words of another one" in finished.stdout) is own
    assert ("conformance checks that talk to the real vendor" in finished.stdout) is not own


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        (
            "from fapiao.testing.conformance import Kit, SourceConformance, simulated",
            {"pytest", "airflow", "sqlalchemy"},
        ),
        (
            "import fapiao.testing.conformance.pytest_plugin",
            {"requests", "httpx", "fapiao.engine", "fapiao.testing.conformance.checks"},
        ),
    ],
)
def test_the_kit_and_what_every_pytest_loads_of_it_are_light(statement: str, unwanted: set[str]) -> None:
    program = f"import sys; {statement}; print(*{unwanted!r} & set(sys.modules))"
    paths = os.pathsep.join(filter(None, sys.path))
    finished = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert (finished.returncode, finished.stdout.split()) == (0, [])


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[EkuaibaoSimulator]:
    """A vendor behind a socket, with the connection in the environment."""
    with EkuaibaoSimulator(EkuaibaoScenario(uniform=3)).running() as simulator:
        monkeypatch.setenv("FAPIAO_CONN_EKUAIBAO", msgspec.json.encode(simulator.connection()).decode())
        yield simulator


def declared(plugin: str) -> Kit:
    scenario = EkuaibaoScenario()
    return Kit(
        plugin=plugin,
        vendor=simulated(EkuaibaoSimulator),
        taxpayer_no=scenario.taxpayers[0],
        slice=SliceKey("81", "input"),
    )


def test_the_live_check_logs_in_and_looks_without_starting_anything(live: EkuaibaoSimulator) -> None:
    run(LIVE, declared("fapiao_ekuaibao:plugin"), IDS)
    report = live.report()
    assert report.logins == 1
    assert not report.starts


def test_the_live_check_tells_a_plugin_that_the_vendor_does_not_understand(live: EkuaibaoSimulator) -> None:
    with pytest.raises(
        NonConforming, match="L1: source ekuaibao, hook collection_status: the real vendor's answer ends in"
    ):
        run(LIVE, declared("broken_live:plugin"), IDS)
