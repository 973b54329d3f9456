"""The table at the end of a run."""

from __future__ import annotations

from fapiao.airflow.summary import run_summary
from fapiao.errors import TaxpayerRefused
from fapiao.manifest import Manifest, SliceManifest

TAXPAYER = "91990000000000001X"


def part(type: str, direction: str, state: str, loaded: int = 0, rejected: int = 0) -> SliceManifest:
    return SliceManifest(
        type=type,
        direction=direction,
        state=state,
        expected=None if state == "unsupported" else loaded + rejected,
        loaded=loaded,
        rejected=rejected,
        amount_excl_tax="1234.50",
        tax_amount="160.49",
    )


def manifest(*parts: SliceManifest, taxpayer_no: str = TAXPAYER) -> Manifest:
    return Manifest(
        source="ekuaibao", taxpayer_no=taxpayer_no, invoice_month="202411", generation=2, state="complete", slices=parts,
        requests=7, seconds=1.5,
    )  # fmt: skip


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if "|" in line]


def test_one_taxpayer_is_shown_by_slices() -> None:
    one = manifest(part("81", "input", "complete", 12, 1), part("81", "output", "empty"), part("01", "input", "empty"))
    table = run_summary({TAXPAYER: one}, {})
    assert f"ekuaibao {TAXPAYER} 202411, generation 2" in table
    assert cells(table)[1:] == [["81", "input", "complete", "13", "12", "1", "1234.50", "160.49"]]
    assert "2 slices are empty." in table
    assert table.isascii()


def test_several_taxpayers_are_a_row_each_and_the_failed_come_first() -> None:
    other = "91990000000000002X"
    done = {TAXPAYER: manifest(part("81", "input", "complete", 12), part("82", "input", "complete", 3, 2))}
    table = run_summary(done, {other: TaxpayerRefused("The bureau knows no such taxpayer.", source="ekuaibao")})
    assert "1 of 2 taxpayers are proven" in table
    assert cells(table)[1:] == [
        [other, "", "TaxpayerRefused", "", "", "", ""], [TAXPAYER, "202411", "complete", "2", "2", "15", "2"],
    ]  # fmt: skip


def test_of_thousands_the_table_shows_some_and_counts_the_others() -> None:
    many = {f"9199{number:014d}": manifest(taxpayer_no=f"9199{number:014d}") for number in range(2000)}
    table = run_summary(many, {})
    assert len(cells(table)) == 201
    assert "1800 more" in table


def test_steps_without_a_manifest_have_no_table() -> None:
    assert run_summary({TAXPAYER: 7}, {}) == ""
    assert run_summary({}, {TAXPAYER: TaxpayerRefused("No.", source="ekuaibao")}) == ""
