"""Reconciling: what differs, by how much, and what to do next."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fapiao.invoices.model import Deduction
from fapiao.reports.reconciling import (
    Measure,
    ReconciledTotal,
    Reconciliation,
    Untotalled,
    reconcile,
    reconciled_totals,
)
from fapiao.store import CollectionKey
from fapiao.store.reports.control_totals import DEDUCTION, INVOICES, ControlTotal, store_totals
from fapiao.wire import SliceKey
from storing import HOLDER, INPUT, MONTH, NOON, OUTPUT, Shelf, invoice, refused

OTHER = "91990000000000027W"


def says(shelf: Shelf, **changes: Any) -> None:
    """Somebody's total of the month's received invoices."""
    values: dict[str, Any] = {"kind": INVOICES, "taxpayer_no": HOLDER, "period": MONTH, "direction": "input"}
    store_totals(shelf.database, [ControlTotal(**(values | changes))], NOON)


def look(shelf: Shelf, kind: str = INVOICES, **wanted: Any) -> Reconciliation:
    return reconcile(shelf.database, kind, MONTH, **wanted)


def only(found: Reconciliation) -> ReconciledTotal:
    [total] = found.totals
    return total


def test_c6_a_proven_month_that_agrees_with_the_total_is_equal(shelf: Shelf) -> None:
    shelf.load(invoice(1), invoice(2), total=2)
    shelf.close()
    says(shelf, invoice_count=2, amount_excl_tax=Decimal("400.00"), tax_amount=Decimal("52.00"))
    found = look(shelf)
    assert found.is_equal
    assert not only(found).advice
    assert only(found).tax_amount == Measure(expected=Decimal("52.00"), stored=Decimal("52.00"), difference=Decimal(0))


def test_c6_an_invoice_that_the_vendor_does_not_count_is_found_by_the_total(shelf: Shelf) -> None:
    shelf.load(invoice(1), total=1)
    shelf.close()
    says(shelf, invoice_count=2, tax_amount=Decimal("52.00"), origin="税务数字账户")
    found = look(shelf)
    assert not found.is_equal
    assert only(found).measures == {
        "invoice_count": Measure(expected=2, stored=1, difference=-1),
        "tax_amount": Measure(expected=Decimal("52.00"), stored=Decimal("26.00"), difference=Decimal("-26.00")),
    }
    assert only(found).amount_excl_tax is None
    [advice] = only(found).advice
    assert advice.startswith("Everything that the vendors count is here")


def test_a_cent_is_a_difference(shelf: Shelf) -> None:
    shelf.load(invoice(1), total=1)
    says(shelf, tax_amount=Decimal("26.01"))
    assert not look(shelf).is_equal


def test_a_difference_in_a_month_that_is_not_proven_leads_to_coverage_and_rejected_records(shelf: Shelf) -> None:
    shelf.load(invoice(1), refused(1), total=2)
    shelf.load(invoice(9), key=OUTPUT)
    for part in shelf.ledger.slices(shelf.collection.collection_id):
        state = "rejected" if part.key == INPUT else "incomplete"
        shelf.ledger.close_slice(part.slice_id, state, shelf.ledger.tally(part.slice_id), None, None, NOON)
    shelf.ledger.close(shelf.collection.collection_id, "incomplete", NOON)
    says(shelf, invoice_count=2)
    says(shelf, direction="output", invoice_count=2)
    received, issued = look(shelf).totals
    assert received.advice == ("1 records are quarantined: their reasons are in fapiao_rejected.",)
    [advice] = issued.advice
    assert advice.startswith("The month is not proven (types 81)")
    assert f"'fapiao coverage --taxpayer {HOLDER} --from {MONTH} --to {MONTH}'" in advice


def test_a_difference_in_a_month_under_way_or_never_collected_says_collect(shelf: Shelf) -> None:
    says(shelf, invoice_count=2)
    says(shelf, taxpayer_no=OTHER, invoice_count=2)
    for total in look(shelf).totals:
        assert total.advice == (
            f"No collection of this month and direction has been finished: run 'fapiao collect' for {MONTH}.",
        )


def test_voided_and_amountless_documents_are_named_where_they_may_explain_it(shelf: Shelf) -> None:
    shelf.load(invoice(1, state="void"), invoice(2, doc_type="customs_vat", amount_excl_tax=None), total=2)
    shelf.close()
    says(shelf, invoice_count=2, amount_excl_tax=Decimal("1.00"))
    advice = only(look(shelf)).advice
    assert advice[0].startswith("1 voided invoices (作废) are stored and not counted")
    assert advice[1].startswith("1 documents state no amount or no tax")


def test_more_than_the_total_says_means_that_the_total_is_old(shelf: Shelf) -> None:
    shelf.load(invoice(1), invoice(2), total=2)
    shelf.close()
    says(shelf, invoice_count=1)
    assert any("Take it anew" in advice for advice in only(look(shelf)).advice)


def test_only_the_taxpayers_wanted_are_looked_at(shelf: Shelf) -> None:
    says(shelf, invoice_count=0)
    says(shelf, taxpayer_no=OTHER, invoice_count=5)
    assert look(shelf, taxpayers=[HOLDER]).is_equal
    assert not look(shelf, taxpayers=[OTHER]).is_equal
    assert [total.taxpayer_no for total in look(shelf).totals] == [HOLDER, OTHER]


def test_without_a_total_nothing_differs_unless_totals_are_required(shelf: Shelf) -> None:
    shelf.load(invoice(1), total=1)
    assert look(shelf).is_equal
    found = look(shelf, require=True)
    assert not found.is_equal
    assert found.untotalled == (Untotalled(HOLDER, "input", ("digital_special",)),)


def test_required_is_a_total_for_each_direction_over_all_types_or_for_each_type(shelf: Shelf) -> None:
    shelf.load(invoice(1), invoice(2, doc_type="digital_ordinary"), total=2)
    shelf.load(invoice(3), key=OUTPUT, total=1)
    says(shelf, doc_type="digital_special", invoice_count=1)
    says(shelf, direction="output", invoice_count=1)
    assert look(shelf, require=True).untotalled == (Untotalled(HOLDER, "input", ("digital_ordinary",)),)
    says(shelf, doc_type="digital_ordinary", invoice_count=1)
    assert look(shelf, require=True).is_equal


def test_required_of_a_taxpayer_who_holds_nothing_is_a_total_that_says_so(shelf: Shelf) -> None:
    assert look(shelf, require=True).untotalled == (Untotalled(HOLDER, ""),)
    assert look(shelf, require=True, taxpayers=[OTHER]).untotalled == (Untotalled(OTHER, ""),)
    says(shelf, invoice_count=0)
    assert look(shelf, require=True).is_equal


def deducted(shelf: Shelf, state: str = "complete", **changes: Any) -> None:
    """A sync that found two certified documents of the tax period, 25.99 of tax valid in each."""
    values: dict[str, Any] = {
        "is_certified": True, "usage": "deduct", "tax_period": MONTH, "valid_tax": "25.99",
    }  # fmt: skip
    deduction = Deduction(**(values | {"valid_tax": Decimal("25.99")} | changes))
    listed = SliceKey("40", "input")
    shelf.key = CollectionKey("jcsk", "app-99", HOLDER, "", kind="sync", query="40")
    shelf.wanted = (listed,)
    shelf.open()
    shelf.load(*[invoice(n, deduction=deduction) for n in (1, 2)], key=listed, source="jcsk", api="sync")
    part = shelf.slice(listed)
    shelf.ledger.close_slice(part.slice_id, state, shelf.ledger.tally(part.slice_id), None, None, NOON)
    shelf.ledger.close(shelf.collection.collection_id, "complete" if state == "complete" else "incomplete", NOON)


def test_c10_certified_tax_of_the_period_equals_the_vat_return(shelf: Shelf) -> None:
    deducted(shelf)
    says(shelf, kind=DEDUCTION, invoice_count=2, amount_excl_tax=Decimal("400.00"), tax_amount=Decimal("51.98"))
    assert look(shelf, DEDUCTION, require=True).is_equal
    assert look(shelf).totals == (), "a deduction is no month's total"


def test_c10_a_difference_says_what_the_lists_prove(shelf: Shelf) -> None:
    says(shelf, kind=DEDUCTION, tax_amount=Decimal("60.00"))
    assert only(look(shelf, DEDUCTION)).advice[0].startswith("No list of deductions has been synced to its end")
    deducted(shelf)
    total = only(look(shelf, DEDUCTION))
    assert total.tax_amount == Measure(expected=Decimal("60.00"), stored=Decimal("51.98"), difference=Decimal("-8.02"))
    assert total.advice[-1].startswith("The lists synced are whole")


def test_c10_a_list_that_is_not_proven_is_named(shelf: Shelf) -> None:
    deducted(shelf, state="incomplete")
    says(shelf, kind=DEDUCTION, tax_amount=Decimal("60.00"))
    [advice] = only(look(shelf, DEDUCTION)).advice
    assert advice.startswith("Lists are not proven (40)")


def test_c10_required_is_a_total_of_each_taxpayer_who_was_synced(shelf: Shelf) -> None:
    deducted(shelf)
    assert look(shelf, DEDUCTION, require=True).untotalled == (Untotalled(HOLDER, "input", ("digital_special",)),)


def test_totals_of_several_months_come_in_order(shelf: Shelf) -> None:
    for month in ("202412", "202410", MONTH):
        says(shelf, period=month, invoice_count=1)
    found = reconciled_totals(shelf.database, INVOICES, first_period=MONTH)
    assert [(total.period, total.differs) for total in found] == [(MONTH, True), ("202412", True)]
