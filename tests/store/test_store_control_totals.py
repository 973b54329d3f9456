"""Totals from outside: stored once, and held against the right documents on every database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.model import Deduction, Invoice
from fapiao.store import Database
from fapiao.store.reports.control_totals import (
    DEDUCTION,
    INVOICES,
    ComparedTotal,
    ControlTotal,
    HeldTotal,
    StoredTotals,
    compare_totals,
    held_places,
    store_totals,
)
from storing import HOLDER, MONTH, NOON, OUTPUT, Shelf, invoice

OTHER = "91990000000000027W"


def total(**changes: Any) -> ControlTotal:
    values: dict[str, Any] = {
        "kind": INVOICES, "taxpayer_no": HOLDER, "period": MONTH, "direction": "input", "invoice_count": 1,
    }  # fmt: skip
    return ControlTotal(**(values | changes))


def certified(number: int, **changes: Any) -> Invoice:
    values: dict[str, Any] = {
        "is_certified": True, "usage": "deduct", "tax_period": "202412", "valid_tax": Decimal("25.99"),
    }  # fmt: skip
    return invoice(number, deduction=Deduction(**(values | changes)))


def held(database: Database, *totals: ControlTotal) -> list[HeldTotal]:
    """What is held of each of these totals."""
    store_totals(database, totals, NOON)
    found = {compared.total.key: compared.held for compared in compared_totals(database, totals[0].kind)}
    return [found[one.key] for one in totals]


def compared_totals(database: Database, kind: str = INVOICES, **wanted: Any) -> list[ComparedTotal]:
    return compare_totals(database, kind, **wanted)


def numbers(found: HeldTotal) -> tuple[int, str, str]:
    return found.invoice_count, str(found.amount_excl_tax), str(found.tax_amount)


def test_totals_are_added_once_changed_where_they_say_something_else_and_else_the_same(database: Database) -> None:
    first = [
        total(invoice_count=3, amount_excl_tax=Decimal("-0.10"), tax_amount=None, origin="税务数字账户"),
        total(direction="output"),
        total(kind=DEDUCTION, tax_amount=Decimal("99999999999999.99")),
    ]
    assert store_totals(database, first, NOON) == StoredTotals(added=3)
    assert store_totals(database, first, NOON + 1) == StoredTotals(same=3)
    second = [total(invoice_count=4, origin="税务数字账户"), first[1], total(doc_type="digital_special")]
    assert store_totals(database, second, NOON + 2) == StoredTotals(added=1, changed=1, same=1)
    assert [compared.total for compared in compared_totals(database)] == [second[0], second[2], second[1]]
    assert [compared.total for compared in compared_totals(database, DEDUCTION)] == [first[2]]


def test_when_a_total_was_stored_is_when_its_numbers_came(sqlite_shelf: Shelf) -> None:
    for at, count in ((NOON, 1), (NOON + 1, 1), (NOON + 2, 2)):
        store_totals(sqlite_shelf.database, [total(invoice_count=count)], at)
        [row] = sqlite_shelf.rows("fapiao_control_total")
        assert row["stored_at"] == (NOON if count == 1 else NOON + 2)


def test_a_months_invoices_are_those_held_red_letters_with_their_sign_and_no_voided_ones(shelf: Shelf) -> None:
    red = {"is_red": True, "amount_excl_tax": Decimal("-50.00"), "tax_amount": Decimal("-6.50")}
    shelf.load(
        invoice(1), invoice(2, state="red_full"), invoice(3, **red), invoice(4, state="void"),
        invoice(5, doc_type="customs_vat", amount_excl_tax=None, tax_amount=Decimal("7.00")),
    )  # fmt: skip
    shelf.load(invoice(6), key=OUTPUT)
    shelf.load(invoice(7), cursor="2", invoice_month="202410")
    shelf.load(invoice(8), cursor="3", taxpayer_no=OTHER)
    received, of_type, issued, nothing, later = held(
        shelf.database,
        total(),
        total(doc_type="customs_vat"),
        total(direction="output"),
        total(doc_type="rail"),
        total(period="202412"),
    )
    assert numbers(received) == (4, "350.00", "52.50")
    assert (received.voided, received.without_amount) == (1, 1)
    assert (numbers(of_type), of_type.voided, of_type.without_amount) == ((1, "0.00", "7.00"), 0, 1)
    assert numbers(issued) == (1, "200.00", "26.00")
    assert numbers(nothing) == numbers(later) == (0, "0.00", "0.00")


def test_an_invoice_of_several_sources_and_generations_counts_once(shelf: Shelf) -> None:
    shelf.load(invoice(1), invoice(2))
    shelf.close()
    shelf.open(NOON + 10)
    shelf.load(invoice(1), invoice(2), fetched_at=NOON + 11)
    shelf.load(invoice(1), cursor="2", source="jcsk", api="sync", fetched_at=NOON + 12)
    assert numbers(held(shelf.database, total())[0]) == (2, "400.00", "52.00")


def test_cents_are_exact_over_many_invoices(shelf: Shelf) -> None:
    shelf.load(*[invoice(n, amount_excl_tax=Decimal("0.10"), tax_amount=Decimal("0.01")) for n in range(1, 1001)])
    assert numbers(held(shelf.database, total())[0]) == (1000, "100.00", "10.00")


def test_a_deduction_counts_where_its_newest_state_is_certified_for_deduction_in_the_period(shelf: Shelf) -> None:
    shelf.load(
        certified(1), certified(2, usage="refund"), certified(3, usage="not_deduct"), certified(4, is_certified=False),
        certified(5, tax_period="202411"), certified(6), certified(7, valid_tax=None), certified(8, is_certified=None),
    )  # fmt: skip
    shelf.load(certified(6, is_certified=False), cursor="2", fetched_at=NOON + 5)
    whole, special, rail, other = held(
        shelf.database,
        total(kind=DEDUCTION, period="202412"),
        total(kind=DEDUCTION, period="202412", doc_type="digital_special"),
        total(kind=DEDUCTION, period="202412", doc_type="rail"),
        total(kind=DEDUCTION, period="202412", taxpayer_no=OTHER),
    )
    assert numbers(whole) == numbers(special) == (2, "400.00", "25.99")
    assert (whole.voided, whole.without_amount) == (0, 1)
    assert numbers(rail) == numbers(other) == (0, "0.00", "0.00")


def test_totals_are_chosen_by_taxpayer_and_period(sqlite_database: Database) -> None:
    store_totals(
        sqlite_database,
        [total(), total(period="202410"), total(period="202412"), total(taxpayer_no=OTHER)],
        NOON,
    )

    def chosen(**wanted: Any) -> list[tuple[str, str]]:
        return [(one.total.taxpayer_no, one.total.period) for one in compared_totals(sqlite_database, **wanted)]

    assert chosen() == [(HOLDER, "202410"), (HOLDER, MONTH), (HOLDER, "202412"), (OTHER, MONTH)]
    assert chosen(taxpayers=[OTHER]) == [(OTHER, MONTH)]
    assert chosen(taxpayers=[]) == []
    assert chosen(taxpayers=[HOLDER], first_period=MONTH) == [(HOLDER, MONTH), (HOLDER, "202412")]
    assert chosen(last_period="202410") == [(HOLDER, "202410")]
    assert chosen(taxpayers=["' OR 1=1 --"]) == []


def test_places_are_where_something_counts(shelf: Shelf) -> None:
    shelf.load(certified(1), invoice(2, doc_type="digital_ordinary"), invoice(9, doc_type="rail", state="void"))
    shelf.load(invoice(3), key=OUTPUT)
    assert held_places(shelf.database, INVOICES, MONTH) == {
        (HOLDER, "input", "digital_special"), (HOLDER, "input", "digital_ordinary"), (HOLDER, "output", "digital_special"),
    }  # fmt: skip
    assert held_places(shelf.database, DEDUCTION, "202412") == {(HOLDER, "input", "digital_special")}
    assert held_places(shelf.database, INVOICES, "202412") == held_places(shelf.database, DEDUCTION, MONTH) == set()


@pytest.mark.postgres
def test_totals_may_live_in_a_schema(postgres_url: str) -> None:
    database = Database.connect(postgres_url, schema="tax")
    database.migrate()
    Shelf(database).load(certified(1))
    assert numbers(held(database, total())[0]) == (1, "200.00", "26.00")
    assert numbers(held(database, total(kind=DEDUCTION, period="202412"))[0]) == (1, "200.00", "25.99")
    database.close()
