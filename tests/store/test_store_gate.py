"""The gate before a month is closed: only the latest closed generation of each wanted slice proves anything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fapiao.arguments import CollectRequest
from fapiao.errors import ConfigurationError
from fapiao.reports.gate import Gap, Gate, gate
from fapiao.store import known_taxpayers
from fapiao.store.reports.control_totals import DEDUCTION, INVOICES, ControlTotal, store_totals
from storing import HOLDER, INPUT, MONTH, NOON, OUTPUT, Shelf, invoice, refused

OTHER = "91990000000000027W"


def asked(taxpayer_no: str = HOLDER, **changes: Any) -> CollectRequest:
    values: dict[str, Any] = {"slices": (INPUT, OUTPUT), "invoice_month": MONTH}
    return CollectRequest(taxpayer_no=taxpayer_no, **(values | changes))


def look(
    shelf: Shelf,
    *requests: CollectRequest,
    now: float = NOON + 100,
    max_age: float | None = None,
    control_totals: str = "ignore",
) -> Gate:
    key = shelf.key
    return gate(shelf.database, key.source, key.account, requests or (asked(),), now, max_age, control_totals)


def says(shelf: Shelf, **changes: Any) -> None:
    """Somebody's total of the month's received invoices."""
    values: dict[str, Any] = {"kind": INVOICES, "taxpayer_no": HOLDER, "period": MONTH, "direction": "input"}
    store_totals(shelf.database, [ControlTotal(**(values | changes))], NOON)


def test_a_month_is_proven_when_every_slice_is_complete_or_empty(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(invoice(1), total=1)
    sqlite_shelf.close()
    found = look(sqlite_shelf)
    assert found.is_open
    assert (found.taxpayers, found.slices, found.invoices, found.rejected) == (1, 2, 1, 0)


def test_a_taxpayer_that_was_never_collected_is_one_gap(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.close()
    assert look(sqlite_shelf, asked(), asked(OTHER)).gaps == (Gap(OTHER, "all slices", "never collected"),)


def test_a_slice_that_no_generation_had_is_a_gap(sqlite_shelf: Shelf) -> None:
    shelf = Shelf(sqlite_shelf.database, INPUT)
    shelf.close()
    assert look(shelf).gaps == (Gap(HOLDER, "81 output", "never collected"),)


def test_rejected_records_are_a_gap_with_numbers_unless_accepted(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(invoice(1), refused(1), total=2)
    sqlite_shelf.close("incomplete")
    assert look(sqlite_shelf).gaps == (Gap(HOLDER, "81 input", "rejected: expected 2, loaded 1, rejected 1"),)
    accepting = look(sqlite_shelf, asked(accept_rejected=True))
    assert accepting.is_open
    assert accepting.rejected == 1


def test_a_month_under_way_is_not_proven(sqlite_shelf: Shelf) -> None:
    assert look(sqlite_shelf).gaps == (Gap(HOLDER, "all slices", "not finished yet"),)


def test_an_open_generation_takes_nothing_from_the_closed_one(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.close()
    sqlite_shelf.open(NOON + 10)
    assert look(sqlite_shelf).is_open


def test_a_later_generation_that_failed_counts(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.close()
    sqlite_shelf.open(NOON + 10)
    for part in sqlite_shelf.ledger.slices(sqlite_shelf.collection.collection_id):
        sqlite_shelf.ledger.close_slice(part.slice_id, "failed", None, "4001", None, NOON + 11)
    sqlite_shelf.ledger.close(sqlite_shelf.collection.collection_id, "incomplete", NOON + 11)
    assert [gap.why for gap in look(sqlite_shelf).gaps] == ["failed: expected unknown, loaded 0, rejected 0"] * 2


@pytest.mark.parametrize(("max_age", "is_open"), [(100.0, True), (99.0, False), (None, True)])
def test_what_was_proven_too_long_ago_is_a_gap(sqlite_shelf: Shelf, max_age: float | None, is_open: bool) -> None:
    sqlite_shelf.close()
    found = look(sqlite_shelf, max_age=max_age)
    assert found.is_open is is_open
    assert is_open or found.gaps[0].why == "proven 100 seconds ago, at most 99 seconds are allowed"


def test_the_table_names_every_gap_and_counts_the_rest(sqlite_shelf: Shelf) -> None:
    table = look(sqlite_shelf, asked(), asked(OTHER)).table(most=1).splitlines()
    assert table[0].split() == ["taxpayer", "slice", "why"]
    assert table[1].split(maxsplit=1)[0] in (HOLDER, OTHER)
    assert table[2] == "and 1 more"


def test_c6_a_total_that_differs_keeps_a_proven_month_shut_if_totals_are_compared(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(invoice(1), total=1)
    sqlite_shelf.close()
    says(sqlite_shelf, invoice_count=2, tax_amount=Decimal("26.00"))
    says(sqlite_shelf, direction="output", invoice_count=0)
    assert look(sqlite_shelf).is_open
    [gap] = look(sqlite_shelf, control_totals="compare").gaps
    assert (gap.taxpayer_no, gap.what) == (HOLDER, "input control total")
    assert gap.why.startswith("count: expected 2, stored 1, difference -1; Everything that the vendors count is here")
    says(sqlite_shelf, invoice_count=1, tax_amount=Decimal("26.00"))
    agreeing = look(sqlite_shelf, control_totals="compare")
    assert agreeing.is_open
    assert agreeing.control_totals == 2


def test_only_totals_of_the_month_and_of_what_was_asked_about_are_compared(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.close()
    says(sqlite_shelf, invoice_count=9, direction="output")
    says(sqlite_shelf, invoice_count=9, period="202410")
    says(sqlite_shelf, invoice_count=9, taxpayer_no=OTHER)
    says(sqlite_shelf, invoice_count=9, kind=DEDUCTION)
    says(sqlite_shelf, invoice_count=0, doc_type="digital_special")
    found = look(sqlite_shelf, asked(slices=(INPUT,)), control_totals="compare")
    assert found.is_open
    assert found.control_totals == 1


def test_required_totals_that_are_not_there_keep_the_gate_shut(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(invoice(1), total=1)
    sqlite_shelf.close()
    assert look(sqlite_shelf, control_totals="compare").is_open
    [gap] = look(sqlite_shelf, control_totals="require").gaps
    assert (gap.what, gap.why) == (
        "input control total", "none is stored for digital_special; store it with 'fapiao control-totals'",
    )  # fmt: skip
    says(sqlite_shelf, invoice_count=1)
    assert look(sqlite_shelf, control_totals="require").is_open


def test_required_of_a_taxpayer_who_holds_nothing_is_a_total_of_nothing(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.close()
    [gap] = look(sqlite_shelf, control_totals="require").gaps
    assert gap.what == "control total"
    assert "it would have to say 0" in gap.why
    says(sqlite_shelf, invoice_count=0)
    assert look(sqlite_shelf, control_totals="require").is_open


def test_another_choice_for_totals_is_refused(sqlite_shelf: Shelf) -> None:
    with pytest.raises(ConfigurationError, match="ignore, compare, require"):
        look(sqlite_shelf, control_totals="maybe")


def test_known_are_the_taxpayers_of_that_account(sqlite_shelf: Shelf) -> None:
    key = sqlite_shelf.key
    assert known_taxpayers(sqlite_shelf.database, key.source, key.account) == [HOLDER]
    assert known_taxpayers(sqlite_shelf.database, key.source, "another") == []
