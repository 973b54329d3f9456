"""``fapiao sync``, ``fapiao changes`` and ``fapiao check`` as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from fapiao.store.tables.ledger import collections
from fapiao_jcsk.simulator import JcskSimulator, Malformed, Payload
from syncing import APP_SECRET, JcskCommand, rows

Vendor = Callable[..., JcskSimulator]
Commands = Callable[..., JcskCommand]


def test_a_sync_prints_its_manifest_and_a_second_one_the_changes(vendor: Vendor, command: Commands, into: str) -> None:
    simulator = vendor(uniform=130)
    own = command(simulator)
    first = own.sync(into, ["10", "11"], "--zip")
    assert first.returncode == 0, first.stderr
    manifest = json.loads(first.stdout)
    assert (manifest["source"], manifest["taxpayer_no"], manifest["state"]) == ("jcsk", own.taxpayer, "complete")
    assert manifest["query"] == "10,11"
    assert manifest["billed"] == simulator.report().billed == 4
    assert [(part["type"], part["expected"], part["loaded"]) for part in manifest["slices"]] == [
        ("10", 130, 130), ("11", 130, 130),
    ]  # fmt: skip
    simulator.configure(msgspec.structs.replace(simulator.scenario, revision=2))
    second = json.loads(own.sync(into, ["10", "11"]).stdout)
    listed = own.run("changes", "jcsk", "--taxpayer", own.taxpayer, "--into", into, "--json")
    assert listed.returncode == 0, listed.stderr
    changes = json.loads(listed.stdout)
    true = [(change.kind, change.number) for change in simulator.changes(own.taxpayer)]
    assert [(change["kind"], change["number"]) for change in changes] == true
    assert sum(second["changes"].values()) == len(true)
    of_the_first = own.run(
        "changes", "jcsk", "--taxpayer", own.taxpayer, "--run", str(manifest["run"]), "--into", into, "--json"
    )
    assert json.loads(of_the_first.stdout) == []
    assert simulator.report().violations == ()


def test_without_json_people_read_tables(vendor: Vendor, command: Commands, sqlite_into: str) -> None:
    simulator = vendor(uniform=30)
    own = command(simulator)
    arguments = (
        "sync",
        "jcsk",
        "--taxpayer",
        own.taxpayer,
        "--query",
        "40",
        "--set",
        "adapter=1",
        "--into",
        sqlite_into,
    )
    done = own.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "3 units billed; changed: nothing" in done.stdout
    assert "the vendor gives no count" not in done.stdout
    coverage = own.run("coverage", "--into", sqlite_into)
    assert "40 of 40 adapter=1" in coverage.stdout
    shown = own.run("changes", "jcsk", "--taxpayer", own.taxpayer, "--into", sqlite_into)
    assert "0 changes" in shown.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--tax-period", "2024-11"), ["tax period (skssq) '2024-11'"]),
        (("--from", "2024-11-01"), ["the dates have only one end"]),
        (("--from", "2024-13-01", "--to", "1 May"), ["the dates"]),
        (("--set", "adapter=1"), ["the filter adapter does not go with the list 11; it goes with 40"]),
        (("--set", "nsrsbh=1"), ["nsrsbh"]),
        (("--set", "znxpz"), ["'znxpz' has no value"]),
        (("--query", "99"), ["the list (rzzt) '99' is not known"]),
        (("--taxpayer", "12"), ["taxpayer number"]),
        (("--on-rejected", "maybe"), ["fail or accept"]),
        (
            ("--tax-period", "2024", "--set", "pageSize=0", "--set", "znxpz=N", "--query", "98", "--query", "99"),
            ["tax period", "pageSize", "znxpz", "'98'", "'99'"],
        ),
    ],
)
def test_a_wrong_wish_is_one_message_with_everything_wrong_before_any_call(
    vendor: Vendor, command: Commands, sqlite_into: str, more: tuple[str, ...], said: list[str]
) -> None:
    simulator = vendor()
    done = command(simulator).sync(sqlite_into, ["11"], *more)
    assert done.returncode == 2, done.stderr
    assert [part for part in said if part not in done.stderr] == []
    assert done.stderr.count("Error: ") == 1
    assert "Traceback" not in done.stderr
    assert simulator.report().total == 0
    assert rows(sqlite_into, collections) == []


def test_a_source_without_lists_says_so(vendor: Vendor, command: Commands, sqlite_into: str) -> None:
    own = command(vendor())
    connection = own.folder / "ekuaibao.json"
    connection.write_text(
        '{"host": "http://127.0.0.1:9", "login": "a", "password": "bbbbb", "extra": {"corp_id": "c"}}'
    )
    done = own.run(
        "sync", "ekuaibao", "--taxpayer", own.taxpayer, "--query", "11", "--connection", str(connection), "--into",
        sqlite_into,
    )  # fmt: skip
    assert done.returncode == 2
    assert "has no lists to sync" in done.stderr


def test_a_wrong_signature_ends_with_the_vendors_code_and_no_secret(
    vendor: Vendor, command: Commands, sqlite_into: str
) -> None:
    simulator = vendor()
    own = command(simulator)
    own.connection["password"] = "canary-wrong-secret-9"
    done = own.sync(sqlite_into, ["11"])
    assert done.returncode == 1
    assert "1003" in done.stderr
    assert "sign_type and sign_prefix" in done.stderr
    assert "canary" not in done.stdout + done.stderr
    assert simulator.report().total == 1
    assert json.loads(done.stdout)["state"] == "incomplete"


def test_a_zip_bomb_ends_with_a_clear_error_and_nothing_loaded(
    vendor: Vendor, command: Commands, sqlite_into: str
) -> None:
    done = command(vendor(payloads=(Payload(kind="bomb"),))).sync(sqlite_into, ["11"], "--zip")
    assert done.returncode == 1
    assert "larger than 33554432 bytes once it is decoded" in done.stderr
    assert json.loads(done.stdout)["slices"][0]["loaded"] == 0


def test_rejected_records_fail_unless_accepted(vendor: Vendor, command: Commands, sqlite_into: str) -> None:
    own = command(vendor(malformed=(Malformed(type="11", positions=(0,)),)))
    strict = own.sync(sqlite_into, ["11"])
    assert strict.returncode == 1
    assert "expected 25, loaded 24, rejected 1" in strict.stderr
    assert own.sync(sqlite_into, ["11"], "--on-rejected", "accept").returncode == 0


def test_nothing_that_is_written_holds_the_secret(vendor: Vendor, command: Commands, tmp_path: Path) -> None:
    own = command(vendor(uniform=130))
    done = own.run("-vv", *own.syncing(f"sqlite:///{tmp_path / 'own.db'}", ["10", "40"])[1:])
    assert done.returncode == 0, done.stderr
    assert APP_SECRET not in done.stdout + done.stderr
    written = b"".join(file.read_bytes() for file in tmp_path.glob("own.db*"))
    assert APP_SECRET.encode() not in written


def test_changes_without_a_sync_say_what_to_do(vendor: Vendor, command: Commands, sqlite_into: str) -> None:
    own = command(vendor())
    done = own.run("changes", "jcsk", "--taxpayer", own.taxpayer, "--into", sqlite_into)
    assert done.returncode == 2
    assert "Run 'fapiao sync' first" in done.stderr


def test_a_connection_can_be_checked_without_a_call(vendor: Vendor, command: Commands) -> None:
    simulator = vendor()
    good = command(simulator).run("check", "jcsk")
    assert good.returncode == 0, good.stderr
    assert "the connection is complete" in good.stdout
    bad = command(simulator, sign_type="7", body_format="xml").run("check", "jcsk")
    assert bad.returncode == 2
    assert "sign_type" in bad.stderr
    assert "body_format" in bad.stderr
    assert simulator.report().total == 0
