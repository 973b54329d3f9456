"""``fapiao control-totals`` and ``fapiao reconcile`` as a user runs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from storing import HOLDER, MONTH, Shelf, invoice

Command = Callable[..., str]
File = Callable[..., Path]
HEAD = "taxpayer_no,month,direction,tax_period,count,tax_amount,origin"


@pytest.fixture
def url(shelf: Shelf) -> str:
    """Of a database in which one invoice of a proven month is."""
    shelf.load(invoice(1), total=1)
    shelf.close()
    return str(shelf.database._engine.url)


def test_totals_are_stored_and_a_second_time_the_same(command: Command, file: File, url: str) -> None:
    path = file(HEAD, f"{HOLDER},{MONTH},input,,1,26.00,books", f"{HOLDER},,,{MONTH},0,0,附表二")
    assert "2 totals added, 0 changed, 0 the same" in command("control-totals", "--from-csv", path, "--into", url)
    file(HEAD, f"{HOLDER},{MONTH},input,,2,26.00,books", f"{HOLDER},,,{MONTH},0,0,附表二")
    done = json.loads(command("control-totals", "--from-csv", path, "--into", url, "--json"))
    assert done == {"added": 0, "changed": 1, "same": 1}


def test_one_wrong_line_stores_nothing_and_is_status_2(command: Command, file: File, shelf: Shelf, url: str) -> None:
    path = file(HEAD, f"{HOLDER},{MONTH},input,,1,,", f"{HOLDER},{MONTH},up,,1,,", "x,,,,,,")
    said = command("control-totals", "--from-csv", path, "--into", url, expected=2)
    assert "Error: 2 of 3 lines of totals.csv are wrong" in said
    assert "\nline 3: direction" in said
    assert "\nline 4: taxpayer_no" in said
    assert shelf.rows("fapiao_control_total") == []


def test_the_template_is_printed_and_can_be_stored(
    command: Command, tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()  # what Airflow 2.11 logs of the migration
    path = tmp_path / "template.csv"
    path.write_text(command("control-totals", "--template"), "utf-8")
    assert "2 totals added" in command("control-totals", "--from-csv", path, "--into", url)


def test_without_file_or_database_nothing_is_done(command: Command, file: File) -> None:
    assert "--into" in command("control-totals", "--from-csv", file(HEAD), expected=2)
    assert "--from-csv" in command("control-totals", "--into", "sqlite:///x.db", expected=2)


def test_a_month_that_agrees_is_status_0_with_a_table(command: Command, file: File, url: str) -> None:
    path = file(HEAD, f"{HOLDER},{MONTH},input,,1,26.00,[red]books")
    command("control-totals", "--from-csv", path, "--into", url)
    said = command("reconcile", "--month", MONTH, "--into", url)
    assert "1 totals, 0 differ." in said
    assert "[red]books" in said, "what the user wrote is shown as it is"
    assert [line.count("26.00") for line in said.splitlines() if "26.00" in line] == [2]


def test_a_difference_is_status_1_and_says_what_to_do(command: Command, file: File, url: str) -> None:
    command("control-totals", "--from-csv", file(HEAD, f"{HOLDER},{MONTH},input,,3,1026.50,books"), "--into", url)
    said = command("reconcile", "--month", MONTH, "--taxpayer", HOLDER.lower(), "--into", url, expected=1)
    assert "-2" in said
    assert "-1,000.50" in said
    assert "1 totals, 1 differ." in said
    assert "Everything that the vendors count is here" in said
    told = json.loads(command("reconcile", "--month", MONTH, "--into", url, "--json", expected=1))
    [total] = told["totals"]
    assert total["invoice_count"] == {"expected": 3, "stored": 1, "difference": -2}
    assert total["tax_amount"] == {"expected": "1026.50", "stored": "26.00", "difference": "-1000.50"}
    assert total["amount_excl_tax"] is None
    assert (total["origin"], len(total["advice"])) == ("books", 1)


def test_a_month_without_a_total_is_status_0_unless_one_is_required(command: Command, url: str) -> None:
    assert "There is no total of" in command("reconcile", "--month", MONTH, "--into", url)
    said = command("reconcile", "--month", MONTH, "--into", url, "--require", expected=1)
    assert "Without a control total" in said
    assert "digital_special" in said


def test_a_tax_period_is_reconciled_with_the_deduction(command: Command, file: File, url: str) -> None:
    command("control-totals", "--from-csv", file(HEAD, f"{HOLDER},,,{MONTH},1,13.00,附表二"), "--into", url)
    told = json.loads(command("reconcile", "--tax-period", MONTH, "--into", url, "--json", expected=1))
    assert (told["kind"], told["totals"][0]["invoice_count"]["difference"]) == ("deduction", -1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "either --month or --tax-period"),
        (("--month", MONTH, "--tax-period", MONTH), "either --month or --tax-period"),
        (("--month", "2024-11"), "yyyymm"),
        (("--tax-period", "209901"), "has not begun"),
        (("--month", MONTH, "--taxpayer", "12"), "taxpayer number"),
    ],
)
def test_wrong_usage_is_status_2(command: Command, url: str, arguments: tuple[str, ...], said: str) -> None:
    assert said in command("reconcile", *arguments, "--into", url, expected=2)
