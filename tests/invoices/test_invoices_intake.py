"""The gate between a plugin's mapping and the store."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.intake import Examined, examine
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected, Severity
from fapiao.invoices.problems import Problems, finding
from fapiao.invoices.values import money

Make = Callable[..., Invoice]
Judge = Callable[[Invoice], Examined]


def test_a_sound_record_passes_with_its_numbers_and_its_raw_form(make: Make, context: NormalizeContext) -> None:
    raw = {"fphm": "24991000000000000001"}
    examined = examine(raw, 7, make(), context)
    assert examined.ordinal == 7
    assert examined.raw is raw
    assert examined.invoice == make()
    assert [str(number.value) for number in examined.numbers] == ["24991000000000000001"]
    assert (examined.findings, examined.rejected) == ((), ())


def test_one_rejection_lists_what_the_mapping_the_identity_and_the_rules_found(make: Make, judge: Judge) -> None:
    problems = Problems()
    money("abc", problems, "tax_amount")
    examined = judge(
        make(
            digital_number="2.4952E+19", seller_tax_no="9199****", amount_incl_tax=Decimal(1), findings=problems.found()
        )
    )
    assert examined.invoice is None
    assert [item.rule for item in examined.rejected] == ["N4", "N0", "A8", "T6", "A1"]
    assert examined.findings == ()
    assert examined.numbers == ()


def test_a_float_in_the_mapping_rejects_the_record_although_its_number_is_sound(make: Make, judge: Judge) -> None:
    problems = Problems()
    amount = money(300.0, problems, "amount_excl_tax")
    examined = judge(make(amount_excl_tax=amount, findings=problems.found()))
    assert examined.invoice is None
    assert examined.rejected[0].rule == "V1"


def test_a_plugins_own_rejection_is_kept(context: NormalizeContext) -> None:
    reasons = (finding("A8", "je"), finding("V3", ""))
    examined = examine("text", 3, Rejected(reasons=reasons), context)
    assert examined.rejected == (reasons[1], reasons[0])
    assert (examined.invoice, examined.ordinal, examined.raw) == (None, 3, "text")


@pytest.mark.parametrize("result", [None, {}, Rejected(reasons=()), 5])
def test_e30_a_result_that_breaks_the_contract_rejects_its_record_only(result: Any, context: NormalizeContext) -> None:
    examined = examine({}, 0, result, context)
    assert examined.invoice is None
    assert [(item.rule, item.severity) for item in examined.rejected] == [("V6", Severity.REJECT)]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"amount_incl_tax": 339.0}, "amount_incl_tax as float"),
        ({"issued_on": "2024-11-05"}, "issued_on as str"),
        ({"line": {"tax_amount": 13.0}}, "lines[0].tax_amount as float"),
        ({"seller_tax_no": 91990000}, "seller_tax_no as int"),
        ({"tax_amount": Decimal("sNaN")}, "tax_amount as sNaN"),
        ({"lines": None}, "lines as NoneType"),
        ({"lines": ({"je": 1},)}, "lines[0] as dict"),
        ({"findings": None}, "findings as NoneType"),
        ({"line": {"quantity": Decimal("1E+999999"), "unit_price": Decimal("1E+999999")}}, "(Overflow)"),
    ],
)
def test_values_of_wrong_types_reject_their_record_and_are_named(
    changes: dict[str, Any], named: str, make: Make, judge: Judge
) -> None:
    examined = judge(make(**changes))
    assert examined.invoice is None
    assert [item.rule for item in examined.rejected] == ["V6"]
    assert named in examined.rejected[0].message


def test_findings_of_the_mapping_come_before_those_of_the_rules(make: Make, judge: Judge) -> None:
    examined = judge(make(findings=(finding("A6", "tax_amount"),), amount_incl_tax=Decimal(1)))
    assert [item.rule for item in examined.findings] == ["A6", "A1"]


def test_examining_twice_gives_the_same_verdict(make: Make, judge: Judge) -> None:
    once = judge(make(amount_incl_tax=Decimal(1)))
    assert once == judge(make(amount_incl_tax=Decimal(1)))
    assert once.invoice is not None
    assert judge(once.invoice) == once
