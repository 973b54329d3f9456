"""``fapiao record`` refuses what cannot be meant before anything is asked of the vendor, and writes nothing it cannot play."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fapiao.cli import cli
from fapiao.errors import ConfigurationError
from fapiao.testing.cassettes import Cassette
from fapiao.testing.scenario import TAXPAYERS
from fapiao_jcsk.simulator import JcskScenario, JcskSimulator

LIST = ("--taxpayer", TAXPAYERS[0], "--query", "10", "--tax-period", "202411")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Give one of --month"),
        (("--month", "202411", *LIST), "Give one of --month"),
        (("--query", "10"), "The taxpayer is missing"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        CliRunner().invoke(cli, ["record", "jcsk", "--out", "new.json", *arguments], catch_exceptions=False)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_cassette_is_not_replaced_unless_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("kept")
    with pytest.raises(ConfigurationError, match="exists already"):
        CliRunner().invoke(cli, ["record", "jcsk", "--out", str(path), *LIST], catch_exceptions=False)
    assert path.read_text() == "kept"


def test_masking_that_changes_what_a_record_is_stops_the_recording_and_keep_names_the_way_out(tmp_path: Path) -> None:
    with JcskSimulator(JcskScenario(uniform=12)).running() as simulator:
        given = dict(simulator.connection())
        given["extra"] = {**given["extra"], "requests_per_second": 0}
        connection, out = tmp_path / "connection.json", tmp_path / "lists.json"
        connection.write_text(json.dumps(given))
        command = ["record", "jcsk", "--connection", str(connection), "--out", str(out), *LIST]
        with pytest.raises(ConfigurationError) as caught:
            CliRunner().invoke(cli, [*command, "--hide", "totalAmount"], catch_exceptions=False)
        assert "the recording says something else than the vendor did: 10 input" in str(caught.value)
        assert "--keep" in str(caught.value)
        assert not out.exists()
        done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert "were recorded in" in done.output
    assert Cassette.read(out).masked
