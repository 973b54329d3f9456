"""``fapiao changes --month``: what collecting a month again has brought, against a vendor whose month has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from collecting import MONTH
from fapiao.cli import cli
from fapiao.errors import ConfigurationError, StoreError
from fapiao.store import Database, month_changes
from fapiao_ekuaibao.simulator import Changed
from trying import Trial

Trying = Callable[..., Trial]


def changes_of(attempt: Trial, generation: int | None = None) -> list[Any]:
    return month_changes(Database.connect(attempt.url), "ekuaibao", attempt.taxpayer, MONTH, generation)


def test_new_changed_and_absent_invoices_are_told_one_by_one(trying: Trying) -> None:
    late = Changed(type="81", direction="input", red_flushed=(3,), vanished=(5, 6), appeared=4)
    attempt = trying({"changes": (late,)})
    assert attempt.run().state == "complete"
    assert changes_of(attempt) == [], "the first generation has nothing to be compared with"
    assert attempt.run().state == "complete"
    found = changes_of(attempt)
    assert [change.kind for change in found] == ["absent"] * 2 + ["changed"] + ["new"] * 4
    assert {(change.type, change.direction, change.earlier) for change in found} == {("81", "input", 1)}
    assert all(len(change.number) == 20 for change in found)
    [changed] = [change for change in found if change.kind == "changed"]
    assert {part.field: (part.before, part.now) for part in changed.fields}["state"] == ("normal", "red_unspecified")


def test_a_month_that_says_the_same_again_has_no_changes(trying: Trying) -> None:
    attempt = trying()
    assert [attempt.run().state for _ in range(2)] == ["complete"] * 2
    assert changes_of(attempt) == []


def test_a_change_is_told_by_the_generation_that_brought_it(trying: Trying) -> None:
    late = Changed(type="81", direction="input", red_flushed=(3,))
    attempt = trying({"changes": (late,)})
    for types in (("81",), ("81",), ("81",)):
        assert attempt.run(types=types).state == "complete"
    assert [change.kind for change in changes_of(attempt, 2)] == ["changed"]
    assert changes_of(attempt, 3) == []


def test_a_generation_that_is_not_there_is_one_sentence(trying: Trying) -> None:
    attempt = trying()
    attempt.run(types=("81",))
    with pytest.raises(StoreError, match="no closed generation 7 of ekuaibao"):
        changes_of(attempt, 7)


def test_the_command_prints_them_as_a_table_and_as_json(trying: Trying) -> None:
    late = Changed(type="81", direction="input", red_flushed=(3,), appeared=1)
    attempt = trying({"changes": (late,)})
    for _ in range(2):
        attempt.run(types=("81",))
    command = ["changes", "ekuaibao", "--taxpayer", attempt.taxpayer, "--month", MONTH, "--into", attempt.url]
    table = CliRunner().invoke(cli, command, catch_exceptions=False).stdout
    assert "1 new, 1 changed, 0 absent now" in table
    assert "normal → red_unspecified" in table.replace("\n", "")
    told = json.loads(CliRunner().invoke(cli, [*command, "--json"], catch_exceptions=False).stdout)
    assert [change["kind"] for change in told] == ["changed", "new"]
    with pytest.raises(ConfigurationError, match="--run to a sync"):
        CliRunner().invoke(cli, [*command, "--run", "1"], catch_exceptions=False)
