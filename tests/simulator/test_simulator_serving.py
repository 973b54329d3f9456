"""The simulator as a command: what it prints, how it ends, which scenarios it refuses."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from fapiao.errors import ConfigurationError
from fapiao.testing.scenario import read_scenario
from fapiao.testing.serving import serve
from fapiao_ekuaibao.simulator import EkuaibaoScenario

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from pathlib import Path
from fapiao.testing.simulator import serve
serve("ekuaibao", 0, Path(sys.argv[1]))
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the path that makes the simulator known as an installed distribution does."""
    metadata = tmp_path / "site" / "simulator_under_test-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: simulator-under-test\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[fapiao.simulators]\nekuaibao = fapiao_ekuaibao.simulator:Simulator\n")
    monkeypatch.syspath_prepend(str(metadata.parent))
    return metadata.parent


def test_a_simulator_that_nobody_installed_is_named_with_those_that_are(installed: Path) -> None:
    with pytest.raises(ConfigurationError, match="no simulator of 'nobody'") as caught:
        serve("nobody")
    assert "ekuaibao" in str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_where_it_listens_and_at_the_end_what_it_saw(
    installed: Path, tmp_path: Path, number: signal.Signals
) -> None:
    scenario = tmp_path / "scenario.json"
    scenario.write_text('{"uniform": 4, "corp_id": "TESTCORP0042"}')
    paths = (ROOT / "provider", ROOT / "plugins", installed)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-c", PROGRAM, str(scenario)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            assert started["connection"]["host"] == started["base_url"]
            assert started["connection"]["extra"] == {"corp_id": "TESTCORP0042"}
            credentials = {
                "appKey": started["connection"]["login"],
                "appSecurity": started["connection"]["password"],
            }
            request = urllib.request.Request(
                started["base_url"] + "/api/openapi/v1/auth/getAccessToken",
                json.dumps(credentials).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
                assert json.load(answer)["value"]["accessToken"].startswith("TESTCORP0042:")
        finally:
            process.send_signal(number)
            rest, _ = process.communicate(timeout=20)
    report = json.loads(rest)
    assert process.returncode == 0
    assert (report["logins"], report["violations"]) == (1, [])


def test_serving_ends_when_told_within_the_process(installed: Path) -> None:
    stop, output = threading.Event(), io.StringIO()
    stop.set()
    serve("ekuaibao", 0, EkuaibaoScenario(uniform=1), output=output, stop=stop)
    first, _, rest = output.getvalue().partition("\n")
    assert json.loads(first)["source"] == "ekuaibao"
    assert json.loads(rest)["total"] == 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"unifrom": 3}', "unifrom"),
        ('{"uniform": "3"}', "uniform"),
        ('{"faults": [{"kind": "explosion"}]}', "explosion"),
        ("{", "truncated"),
    ],
)
def test_an_invalid_scenario_is_refused_with_the_field(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "scenario.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=what):
        read_scenario(EkuaibaoScenario, path)


def test_a_scenario_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.json"):
        read_scenario(EkuaibaoScenario, tmp_path / "nowhere.json")
