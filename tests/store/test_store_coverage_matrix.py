"""Coverage from afar and from near: one state per month, totals, slices with findings, names of taxpayers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fapiao.store import (
    CollectionKey,
    CoverageCell,
    Database,
    coverage_detail,
    coverage_matrix,
    coverage_months,
    taxpayer_names,
)
from fapiao.wire import SliceKey
from storing import HOLDER, INPUT, NOON, OUTPUT, SELLER, Shelf, examined, finding, invoice, refused


def cell(shelf: Shelf) -> CoverageCell:
    [found] = coverage_matrix(shelf.database)
    return found


def close_with(shelf: Shelf, states: dict[SliceKey, str], now: float) -> None:
    """Close the open generation with these states of its slices."""
    for part in shelf.ledger.slices(shelf.collection.collection_id):
        shelf.ledger.close_slice(part.slice_id, states[part.key], shelf.ledger.tally(part.slice_id), None, None, now)
    proven = set(states.values()) <= {"complete", "empty", "unsupported"}
    shelf.ledger.close(shelf.collection.collection_id, "complete" if proven else "incomplete", now)


def test_a_month_that_is_being_collected_for_the_first_time_is_open(shelf: Shelf) -> None:
    found = cell(shelf)
    assert (found.state, found.generation, found.open_generation, found.closed_at) == ("open", None, 1, None)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("complete", "empty"), "complete"),
        (("complete", "unsupported"), "complete"),
        (("complete", "rejected"), "rejected"),
        (("incomplete", "rejected"), "incomplete"),
        (("incomplete", "failed"), "failed"),
        (("failed", "complete"), "failed"),
    ],
)
def test_the_worst_slice_is_the_state_of_the_month(shelf: Shelf, states: tuple[str, str], expected: str) -> None:
    close_with(shelf, dict(zip((INPUT, OUTPUT), states, strict=True)), NOON + 5)
    found = cell(shelf)
    assert (found.state, found.generation, found.closed_at, found.open_generation) == (expected, 1, NOON + 5, None)


def test_a_later_generation_heals_what_it_goes_over_again(shelf: Shelf) -> None:
    close_with(shelf, {INPUT: "failed", OUTPUT: "empty"}, NOON)
    shelf.open(NOON + 10)
    assert (cell(shelf).state, cell(shelf).open_generation) == ("failed", 2)
    close_with(shelf, {INPUT: "complete", OUTPUT: "empty"}, NOON + 20)
    found = cell(shelf)
    assert (found.state, found.generation, found.closed_at, found.open_generation) == ("complete", 2, NOON + 20, None)


def test_a_later_generation_heals_nothing_that_it_leaves_out(shelf: Shelf) -> None:
    close_with(shelf, {INPUT: "complete", OUTPUT: "failed"}, NOON)
    other = shelf.ledger.open(shelf.key, (INPUT,), NOON + 10)
    for part in shelf.ledger.slices(other.collection_id):
        shelf.ledger.close_slice(part.slice_id, "complete", shelf.ledger.tally(part.slice_id), None, None, NOON + 11)
    shelf.ledger.close(other.collection_id, "complete", NOON + 11)
    assert (cell(shelf).state, cell(shelf).generation) == ("failed", 2)


def test_a_month_closed_without_proof_is_never_shown_as_proven(shelf: Shelf) -> None:
    shelf.ledger.close(shelf.collection.collection_id, "incomplete", NOON)
    assert cell(shelf).state == "incomplete"


def test_an_abandoned_generation_leaves_no_trace(shelf: Shelf) -> None:
    close_with(shelf, {INPUT: "complete", OUTPUT: "empty"}, NOON)
    shelf.open(NOON + 10)
    shelf.ledger.close(shelf.collection.collection_id, "abandoned", NOON + 11)
    assert (cell(shelf).state, cell(shelf).generation, cell(shelf).open_generation) == ("complete", 1, None)


def test_months_are_chosen_and_ordered_by_source_account_taxpayer_and_month(sqlite_database: Database) -> None:
    shelf = Shelf(sqlite_database)
    other = "91990000000000003X"
    for source, account, taxpayer_no, month in (
        ("jcsk", "corp-99", HOLDER, "202411"),
        ("ekuaibao", "corp-99", HOLDER, "202410"),
        ("ekuaibao", "corp-98", other, "202501"),
    ):
        shelf.ledger.open(CollectionKey(source, account, taxpayer_no, month), (INPUT,), NOON)

    def places(**wanted: str) -> list[tuple[str, str, str]]:
        return [
            (found.source, found.account, found.invoice_month) for found in coverage_matrix(sqlite_database, **wanted)
        ]

    first, second, third, fourth = (
        ("ekuaibao", "corp-98", "202501"), ("ekuaibao", "corp-99", "202410"), ("ekuaibao", "corp-99", "202411"),
        ("jcsk", "corp-99", "202411"),
    )  # fmt: skip
    assert places() == [first, second, third, fourth]
    assert places(source="jcsk") == [fourth]
    assert places(account="corp-98") == [first]
    assert places(taxpayer_no=HOLDER, last_month="202410") == [second]
    assert places(first_month="202501") == [first]
    assert places(taxpayer_no="' OR 1=1 --") == []


def test_totals_add_up_the_latest_closed_generation_only(shelf: Shelf) -> None:
    shelf.load(invoice(1), invoice(2), total=2)
    shelf.close(now=NOON)
    shelf.open(NOON + 10)
    shelf.load(invoice(1), invoice(2), invoice(3), refused(3), total=4, fetched_at=NOON + 11)
    shelf.close("incomplete", NOON + 12)
    shelf.open(NOON + 20)
    shelf.load(invoice(1), fetched_at=NOON + 21)  # under way: counts for nothing yet

    [received] = coverage_months(shelf.database)
    assert (received.direction, received.loaded, received.rejected) == ("input", 3, 1)
    assert (received.amount_excl_tax, received.tax_amount) == (Decimal("600.00"), Decimal("78.00"))


def test_the_slices_of_a_month_come_with_findings_and_what_is_under_way(shelf: Shelf) -> None:
    shelf.load(examined(invoice(1), findings=(finding(), finding("A2"))), refused(1), total=2)
    shelf.close("incomplete", NOON + 9)
    shelf.open(NOON + 10)

    found = coverage_detail(shelf.database, taxpayer_no=HOLDER, first_month=shelf.key.invoice_month)
    assert [(part.direction, part.generation, part.is_closed, part.state) for part in found] == [
        ("input", 1, True, "rejected"), ("input", 2, False, "waiting"),
        ("output", 1, True, "empty"), ("output", 2, False, "waiting"),
    ]  # fmt: skip
    assert [part.findings for part in found] == [2, 0, 0, 0]
    assert (found[0].expected, found[0].loaded, found[0].rejected, found[0].closed_at) == (2, 1, 1, NOON + 9)
    loud = coverage_detail(shelf.database, quiet=False)
    assert [part.state for part in loud] == ["rejected", "waiting", "waiting"]


def test_a_taxpayer_is_called_as_its_newest_document_says(shelf: Shelf) -> None:
    shelf.load(invoice(1, invoice_month="202410", buyer_name="旧名称测试有限公司"), invoice_month="202410")
    shelf.load(invoice(2), cursor="2", fetched_at=NOON + 1)
    assert taxpayer_names(shelf.database, [HOLDER, "91990000000000009X"]) == {HOLDER: "丁戊己测试有限公司"}


def test_the_name_of_the_other_party_is_not_the_taxpayers(shelf: Shelf) -> None:
    shelf.load(invoice(1, buyer_tax_no=None, buyer_name="张三"))
    assert taxpayer_names(shelf.database, [HOLDER, SELLER]) == {}
