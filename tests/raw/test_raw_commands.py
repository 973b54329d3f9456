"""``fapiao renormalize`` and ``fapiao purge-raw`` as a user runs them, on everything a simulated vendor has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from collecting import APP_SECURITY, Command
from fapiao.store.access.sealing import VARIABLE
from fapiao.testing.scenario import TAXPAYERS
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator
from rereading import Shop


def test_all_twenty_types_interpreted_again_change_nothing_at_all(tmp_path: Path, url: str) -> None:
    scenario = EkuaibaoScenario(uniform=12, queued_seconds=0, processing_seconds=0, app_security=APP_SECURITY)
    simulator = EkuaibaoSimulator(scenario)
    key = Fernet.generate_key().decode()
    with simulator.running():
        command = Command(simulator, {"page_size": 7, "minimum_job_age": 0}, tmp_path)
        command.environment[VARIABLE] = key
        collected = [command.collect(TAXPAYERS[0], url) for _ in range(2)]
    assert [done.returncode for done in collected] == [0, 0], collected[0].stderr
    # From here on there is no vendor, and there are no credentials.
    del command.environment["FAPIAO_CONN_EKUAIBAO"]
    shop = Shop(url)
    before = shop.everything()
    done = command.run("-vv", "renormalize", "--into", url, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    loaded = [part["loaded"] for run in collected for part in json.loads(run.stdout)["slices"]]
    assert said["changes"]["records"] == sum(loaded) > 800
    assert said["changes"]["rows"] == 0
    assert shop.everything() == before
    shop.database.close()
    seen = "".join(run.stdout + run.stderr for run in [*collected, done])
    assert key not in seen
    assert APP_SECURITY not in seen


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--month", "2024-11"], 2, "is not valid"),
        (["--month", "202410"], 0, "No stored answer is of month 202410: nothing was"),
        (
            ["--source", "ekuaibao", "--taxpayer", "nobody"],
            0,
            "No stored answer is of source ekuaibao, taxpayer nobody:",
        ),
        (["--month", "202411"], 0, ""),
    ],
)
def test_what_matches_nothing_is_told(
    tmp_path: Path, sqlite_into: str, arguments: list[str], status: int, words: str
) -> None:
    simulator = EkuaibaoSimulator(EkuaibaoScenario(uniform=2, queued_seconds=0, processing_seconds=0))
    with simulator.running():
        command = Command(simulator, {}, tmp_path)
        assert command.collect(TAXPAYERS[0], sqlite_into, "--type", "81").returncode == 0
    done = command.run("renormalize", "--into", sqlite_into, *arguments)
    assert done.returncode == status
    assert words in done.stderr
    assert ("No stored answer" in done.stderr) == words.startswith("No stored answer")


def test_without_the_key_the_command_says_what_to_do(tmp_path: Path, sqlite_into: str) -> None:
    simulator = EkuaibaoSimulator(
        EkuaibaoScenario(uniform=2, queued_seconds=0, processing_seconds=0, app_security=APP_SECURITY)
    )
    key = Fernet.generate_key().decode()
    with simulator.running():
        command = Command(simulator, {}, tmp_path)
        command.environment[VARIABLE] = key
        assert command.collect(TAXPAYERS[0], sqlite_into, "--type", "81").returncode == 0
    del command.environment[VARIABLE]
    done = command.run("renormalize", "--into", sqlite_into)
    assert done.returncode == 2
    assert "page 1 (source ekuaibao" in done.stderr
    assert f"Set {VARIABLE}" in done.stderr
    command.environment[VARIABLE] = "canary-no-key"
    done = command.run("renormalize", "--into", sqlite_into)
    assert done.returncode == 2
    assert "canary-no-key" not in done.stdout + done.stderr


@pytest.mark.parametrize(("before", "status"), [("2020-01-01", 0), ("209901", 2), ("soon", 2)])
def test_purging_takes_a_day_or_a_month_that_has_begun(
    tmp_path: Path, sqlite_into: str, before: str, status: int
) -> None:
    simulator = EkuaibaoSimulator(EkuaibaoScenario(uniform=1))
    with simulator.running():
        command = Command(simulator, {}, tmp_path)
    done = command.run("purge-raw", "--into", sqlite_into, "--before", before, "--dry-run")
    assert done.returncode == status, done.stderr
    if not status:
        assert done.stdout == "The raw of 0 pages (0 bytes) and of 0 rejected records would be removed.\n"
