"""Differences between stored rows and the truth, in sentences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from fapiao.testing.comparison import differences
from fapiao.testing.numbering import tax_number
from fapiao.testing.truth import true_slice

TRUTH = list(true_slice(1, tax_number(1), "202411", "digital_special", "input").invoices(range(5)))


def stored() -> list[dict[str, Any]]:
    return [{"invoice_key": key, **msgspec.structs.asdict(invoice)} for key, invoice in enumerate(TRUTH)]


def stored_lines() -> list[dict[str, Any]]:
    return [
        {"invoice_key": key, **msgspec.structs.asdict(line)}
        for key, invoice in enumerate(TRUTH)
        for line in invoice.lines
    ]


def test_equal_rows_have_no_differences() -> None:
    assert differences(TRUTH, stored(), {"lines": stored_lines(), "trips": [], "vehicle": [], "customs": []}) == []


def test_the_order_of_rows_does_not_matter() -> None:
    assert differences(TRUTH, stored()[::-1], {"lines": stored_lines()[::-1]}) == []


def test_texts_of_a_database_without_types_are_equal_by_value() -> None:
    rows = stored()
    for row in rows:
        row.update(
            amount_excl_tax=f"{row['amount_excl_tax']}0",
            issued_at=row["issued_at"].isoformat(" "),
            issued_on=row["issued_on"].isoformat(),
            is_red=int(row["is_red"]),
            level=row["level"].value,
            amounts_derived="",
        )
    assert differences(TRUTH, rows) == []


def test_a_missing_and_a_surplus_invoice_are_named() -> None:
    rows = stored()
    rows[1]["digital_number"] = "24990000000000000000"
    assert differences(TRUTH, rows) == [
        f"invoice {TRUTH[1].digital_number} is missing.",
        "invoice 24990000000000000000 is stored but not true.",
    ]


def test_an_invoice_stored_twice_is_named() -> None:
    assert differences(TRUTH, [*stored(), stored()[0]]) == [f"invoice {TRUTH[0].digital_number} is stored twice."]


def test_another_value_is_named_with_both() -> None:
    rows = stored()
    rows[0]["tax_amount"] = Decimal("1.00")
    (sentence,) = differences(TRUTH, rows)
    assert "tax_amount is Decimal('1.00') instead of" in sentence


def test_a_lost_line_and_a_changed_line_are_named() -> None:
    lines = stored_lines()
    lines[0]["unit_price"] = Decimal("9.99")
    assert len(differences(TRUTH, stored(), {"lines": lines})) == 1
    (sentence,) = differences(TRUTH, stored(), {"lines": lines[1:]})
    assert "lines instead of" in sentence


def test_ignored_fields_are_not_compared() -> None:
    rows, lines = stored(), stored_lines()
    rows[0]["state"] = "other"
    lines[0]["unit"] = "other"
    assert differences(TRUTH, rows, {"lines": lines}, ignore=("state", "lines.unit")) == []


def test_long_lists_of_differences_end_with_their_number() -> None:
    found = differences(TRUTH, [], limit=2)
    assert len(found) == 3
    assert found[-1] == "There are 3 more differences."
