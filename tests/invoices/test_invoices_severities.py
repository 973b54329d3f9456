"""Every rule beside the severity that is usual in the field: the same, or with the reason why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.intake import Examined
from fapiao.invoices.model import Deduction, Invoice, Severity, Vehicle
from fapiao.invoices.rules import RULES

Make = Callable[..., Invoice]
Judge = Callable[[Invoice], Examined]
I, W, R = Severity.INFO, Severity.WARNING, Severity.REJECT  # noqa: E741 -- the letters of the table

USUAL: dict[str, tuple[str, Severity]] = {
    # Tax numbers (税号)
    "T2": ("wrong check digit of an 18-character number", W),
    "T3": ("a citizen's number", I),
    "T4": ("15, 17 or 20 characters", I),
    "T5": ("other lengths: accepted", W),
    "T6": ("masked: no checksum, no identity", I),
    # Numbers
    "N1": ("code of neither 10 nor 12 digits", W),
    "N2": ("kind inside the code is not the type", W),
    "N3": ("tax-control number of not 8 digits", R),
    "N4": ("digital number of not 20 digits", R),
    "N4Y": ("year inside the number is not that of issue", W),
    "N5": ("customs number of another pattern", W),
    "N6": ("type and kind of number do not belong together", W),
    "N7": ("paper face of a digital invoice without both numbers", W),
    "N9": ("integer filled with zeros", W),
    # Amounts
    "A1": ("net plus tax is not gross; beyond 1.00", R),
    "A2": ("lines do not add up to the head", W),
    "A3": ("tax is not amount times rate", I),
    "A4": ("quantity times price is not the amount", I),
    "A5": ("signs contradict each other", W),
    "A6": ("more than two decimals, or beyond 10^13", W),
    "A7": ("valid tax beyond the tax", W),
    "Q1": ("longer than the columns hold: text kept exact", I),
    # Rates
    "R1": ("a rate the law does not know", W),
    "R2": ("a rate of another time", W),
    # Dates
    "D1": ("unreadable: empty", W),
    "D2": ("0000-00-00, 1970-01-01: empty", W),
    "D3": ("in the future: empty", W),
    "D4": ("16:00:00 of the day before, moved", W),
    "D5": ("stated month is not that of issue", W),
    # The rest
    "C1": ("unknown code: warn and keep", W),
    "L1": ("declared lines are not those that came", W),
    "H1": ("odd VIN: only warn", W),
    "K1": ("certified but never selected", W),
    "S1": ("a voided digital invoice", W),
    "S4": ("a red of a red", W),
}
"""Rule → what it is about, and the severity that is usual."""

OWN = {
    "V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "N0", "N5L", "N10", "N11", "T7", "A8", "A9", "A10", "Q2", "R3", "R4", "D6", "D7", "L2", "L3",
    "X1", "S2", "S3", "S5", "M1",
}  # fmt: skip
"""Rules of this project: the shapes of records and the contract of plugins, several sources, what completes other rules."""


def test_every_rule_has_its_place_in_the_table() -> None:
    assert set(USUAL) | OWN == set(RULES)
    assert set(USUAL) & OWN == set()


@pytest.mark.parametrize("rule", USUAL)
def test_a_severity_is_the_usual_one_or_says_why_not(rule: str) -> None:
    usual, ours = USUAL[rule][1], RULES[rule]
    assert (ours.severity is usual) is (ours.why == ""), f"{rule}: {ours.severity.value}, usually {usual.value}"
    named = {I: "information", W: "a warning", R: "a rejection"}
    assert not ours.why or ours.why.startswith(f"Usually {named[usual]}")


def severities(judge: Judge, invoice: Invoice) -> dict[str, str]:
    examined = judge(invoice)
    return {item.rule: item.severity.value for item in examined.findings + examined.rejected}


D = Decimal
PAPER: dict[str, Any] = {"doc_type": "vat_special_paper", "digital_number": None, "invoice_number": "00000017"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # What usually is a rejection is one only where nothing identifies the document.
        (PAPER | {"invoice_code": "99002411300"}, {"N1": "reject", "N0": "reject"}),
        ({"doc_type": "digital_paper_special", "invoice_code": "99002411300", "invoice_number": "00000017"}, {"N1": "warning", "N7": "info"}),
        (PAPER | {"invoice_code": "9900241130", "invoice_number": "17"}, {"N3": "reject", "N0": "reject"}),
        ({"digital_number": "17"}, {"N4": "reject", "N0": "reject"}),
        (PAPER | {"invoice_code": "9900241130", "digital_number": "17"}, {"N4": "warning"}),
        ({"doc_type": "customs_vat", "digital_number": None, "customs_no": "17-L01"}, {"N5": "reject", "N0": "reject"}),
        # By any margin.
        ({"amount_incl_tax": D("339.02")}, {"A1": "warning"}),
        ({"amount_incl_tax": D("999999.00")}, {"A1": "warning"}),
        # A number drawn in the old year is information for three days, later a warning.
        ({"digital_number": "23991000000000000001", "issued_on": date(2024, 1, 3), "invoice_month": "202401"}, {"N4Y": "info"}),
        ({"digital_number": "23991000000000000001", "issued_on": date(2024, 1, 4), "invoice_month": "202401"}, {"N4Y": "warning"}),
        # Allowed where certification was by scanning.
        ({"deduction": Deduction(is_checked=False, is_certified=True, method_raw="1")}, {"K1": "warning"}),
        ({"deduction": Deduction(is_checked=False, is_certified=True, method_raw="2")}, {}),
        ({"vehicle": Vehicle(vin="TEST0000000000017")}, {}),
        ({"vehicle": Vehicle(vin="TEST000000000001O")}, {"H1": "warning"}),
        # Persons buy without a tax number; only who may deduct has to name one.
        ({"buyer_tax_no": None, "doc_type": "digital_ordinary"}, {}),
        ({"buyer_tax_no": None}, {"T7": "warning"}),
    ],
)  # fmt: skip
def test_a_severity_depends_on_what_else_is_known(
    make: Make, judge: Judge, changes: dict[str, Any], expected: dict[str, str]
) -> None:
    found = severities(judge, make(**changes))
    assert {rule: severity for rule, severity in found.items() if rule != "D6"} == expected
