"""One case per rule, and the proof that no rule is without one."""
# ruff: noqa: DTZ001 -- times printed on documents are naive China time

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fapiao.invoices import values
from fapiao.invoices.folding import Observation, fold
from fapiao.invoices.intake import Examined, examine
from fapiao.invoices.model import Deduction, Finding, Invoice, Level, NormalizeContext, Severity, Trip, Vehicle
from fapiao.invoices.problems import Problems, finding
from fapiao.invoices.red_letter import judge as judge_reds
from fapiao.invoices.rules import RULES

Make = Callable[..., Invoice]
Judge = Callable[[Invoice], Examined]

RED = {
    "is_red": True,
    "amount_excl_tax": Decimal("-300.00"),
    "tax_amount": Decimal("-39.00"),
    "amount_incl_tax": Decimal("-339.00"),
    "lines": (),
}

PARSED: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "V1": (values.money, (0.5,)),
    "V2": (values.name, ([1],)),
    "V4": (values.count, ("3.5",)),
    "V5": (values.flag, ("perhaps",)),
    "V7": (values.identifier, ("9" * 65,)),
    "N9": (values.invoice_number, (17,)),
    "A6": (values.money, ("1.005",)),
    "A8": (values.money, ("abc",)),
    "Q1": (values.quantity, ("1e25",)),
    "Q2": (values.quantity, ("abc",)),
    "R1": (values.rate, ("7%", values.PERCENT)),
    "R3": (values.rate, ("13", values.FRACTION)),
    "R4": (values.rate, ("abc", values.FRACTION)),
    "D1": (values.day, ("abc",)),
    "D2": (values.day, ("1970-01-01",)),
}
"""Rules of the parsers: what raises them."""

EXAMINED: dict[str, dict[str, Any]] = {
    "C1": {"doc_type": "unheard_of"},
    "N0": {"digital_number": None},
    "N1": {"digital_number": None, "invoice_code": "99", "invoice_number": "00000017"},
    "N2": {
        "doc_type": "vat_special_paper",
        "digital_number": None,
        "invoice_code": "099002400111",
        "invoice_number": "00000017",
    },
    "N3": {"digital_number": None, "invoice_code": "9900241130", "invoice_number": "17"},
    "N4": {"digital_number": "17"},
    "N4Y": {"digital_number": "22991000000000000001"},
    "N5": {"doc_type": "customs_vat", "digital_number": None, "customs_no": "17"},
    "N5L": {"doc_type": "customs_vat", "digital_number": None, "customs_no": "990120241000000001-A01"},
    "N6": {"doc_type": "vat_special_paper"},
    "N7": {"doc_type": "digital_paper_special"},
    "N10": {
        "doc_type": "tax_certificate",
        "digital_number": None,
        "certificate_no": "399000241100000001",
        "buyer_tax_no": None,
    },
    "T2": {"seller_tax_no": "919900000000000006"},
    "T4": {"seller_tax_no": "990000000000001"},
    "T5": {"buyer_tax_no": "TEST00001"},
    "T6": {"buyer_tax_no": "****0001"},
    "T7": {"buyer_tax_no": None},
    "A1": {"amount_incl_tax": Decimal("339.02")},
    "A2": {"amount_excl_tax": Decimal("300.02")},
    "A3": {"line": {"tax_amount": Decimal("13.07")}},
    "A4": {"line": {"quantity": Decimal("2.001")}},
    "A5": {"line": {"amount_excl_tax": Decimal("-100.00")}},
    "A7": {"deduction": Deduction(valid_tax=Decimal("39.01"))},
    "A9": {"amount_excl_tax": None, "tax_amount": None, "amount_incl_tax": None},
    "R2": {"line": {"tax_rate": Decimal("0.17")}},
    "D5": {"invoice_month": "202412"},
    "D6": {"issued_on": date(2024, 10, 31), "invoice_month": "202410"},
    "D7": {"issued_on": None},
    "L1": {"declared_line_count": 3},
    "L2": {"lines": ()},
    "L3": {"line": {"line_no": 2}},
    "X1": {"trips": (Trip(trip_no=1, digital_number="24991000000000000002"),)},
    "H1": {"vehicle": Vehicle(vin="TEST")},
    "K1": {"deduction": Deduction(is_checked=False, is_certified=True, method_raw="1")},
    "S1": {"state": "voided"},
    "S2": {**RED, "remark": "退货"},
}
"""Rules of the gate: which change of a sound invoice raises them."""

ELSEWHERE = {"V3", "V6", "V8", "N11", "T3", "A10", "D3", "D4", "S3", "S4", "S5", "M1"}
"""Rules with a test of their own below or in the module of their function."""


def test_every_rule_has_a_case() -> None:
    assert set(PARSED) | set(EXAMINED) | ELSEWHERE == set(RULES)


@pytest.mark.parametrize("rule", PARSED)
def test_a_parser_reports_its_rule(rule: str) -> None:
    parser, (raw, *rest) = PARSED[rule]
    problems = Problems()
    parser(raw, problems, "field", *rest)
    assert [(item.rule, item.severity, item.field) for item in problems.found()] == [
        (rule, RULES[rule].severity, "field")
    ]


@pytest.mark.parametrize("rule", EXAMINED)
def test_a_spoiled_invoice_reports_the_rule_with_its_severity(rule: str, make: Make, judge: Judge) -> None:
    examined = judge(make(**EXAMINED[rule]))
    found = {item.rule: item.severity for item in examined.findings + examined.rejected}
    assert found.get(rule) is RULES[rule].severity
    assert (examined.invoice is None) is (Severity.REJECT in found.values())


def test_a_sound_invoice_has_no_findings(make: Make, paper: Make, judge: Judge) -> None:
    assert judge(make()).findings == ()
    assert judge(paper()).findings == ()


def found(examined: Examined, rule: str) -> list[Finding]:
    return [item for item in examined.findings if item.rule == rule]


def test_c1_is_reported_once_where_the_plugin_has_reported_it(make: Make, judge: Judge) -> None:
    problems = Problems()
    problems.unknown_code("doc_type", "10xdp")
    examined = judge(make(doc_type="unknown", doc_type_raw="10xdp", findings=problems.found()))
    assert examined.invoice is not None
    assert [item.message for item in found(examined, "C1")] == [problems.found()[0].message]
    assert "10xdp" in problems.found()[0].message


def test_c1_is_reported_for_states_and_businesses_that_do_not_exist(make: Make, judge: Judge) -> None:
    examined = judge(make(state="gone", special_business="magic"))
    assert [item.field for item in found(examined, "C1")] == ["state", "special_business"]


def test_v3_a_record_that_is_no_object_has_a_rejecting_rule() -> None:
    assert finding("V3", "").severity is Severity.REJECT


def test_t3_a_citizens_number_is_information(make: Make, judge: Judge) -> None:
    numbers = [f"99000019900101001{last}" for last in "0123456789X"]
    rules = [item.rule for number in numbers for item in judge(make(buyer_tax_no=number)).findings]
    assert rules.count("T3") == 1


@pytest.mark.parametrize("doc_type", ["digital_ordinary", "digital_motor"])
def test_t7_a_person_may_buy_without_a_tax_number(make: Make, judge: Judge, doc_type: str) -> None:
    assert found(judge(make(doc_type=doc_type, buyer_tax_no=None)), "T7") == []


def test_t2_both_payers_of_a_customs_certificate_are_judged(make: Make, judge: Judge) -> None:
    from fapiao.invoices.model import Customs

    customs = Customs(payer1_tax_no="919900000000000006", payer2_tax_no="919900000000000006")
    invoice = make(
        doc_type="customs_vat", digital_number=None, customs_no="990120241000000001-L01", customs=customs,
        buyer_tax_no="919900000000000006", seller_tax_no=None,
    )  # fmt: skip
    assert [item.field for item in found(judge(invoice), "T2")] == ["buyer_tax_no", "customs.payer2_tax_no"]


@pytest.mark.parametrize("gap", ["0.01", "-0.01", "0.00"])
def test_a1_a_cent_is_tolerated(make: Make, judge: Judge, gap: str) -> None:
    assert found(judge(make(amount_incl_tax=Decimal("339.00") + Decimal(gap))), "A1") == []


def test_a1_however_wrong_the_sum_is_the_invoice_is_loaded(make: Make, judge: Judge) -> None:
    examined = judge(make(amount_incl_tax=Decimal("999999.00")))
    assert examined.invoice is not None
    assert "-999660.00" in found(examined, "A1")[0].message


def test_a2_lines_without_tax_count_as_none_only_where_they_are_untaxed(make: Make, judge: Judge) -> None:
    untaxed = {"tax_amount": None, "tax_rate": Decimal(0), "tax_rate_kind": "exempt"}
    assert [item.field for item in found(judge(make(line=untaxed)), "A2")] == ["tax_amount"]
    assert found(judge(make(line=untaxed, tax_amount=Decimal("26.00"), amount_incl_tax=Decimal("326.00"))), "A2") == []
    unknown = {"tax_amount": None}
    assert found(judge(make(line=unknown)), "A2") == []


def test_a2_a_line_without_an_amount_leaves_the_sum_open(make: Make, judge: Judge) -> None:
    assert found(judge(make(line={"amount_excl_tax": None})), "A2") == []


def test_a2_a_line_made_from_the_head_is_not_compared_with_it(make: Make, judge: Judge) -> None:
    line = msgspec.structs.replace(make().lines[0], kind="synthetic")
    assert found(judge(make(lines=(line,))), "A2") == []


@pytest.mark.parametrize("kind", ["exempt", "not_taxed", "masked"])
def test_a3_only_normal_rates_multiply(make: Make, judge: Judge, kind: str) -> None:
    assert found(judge(make(line={"tax_rate_kind": kind, "tax_rate": Decimal(0)})), "A3") == []


def test_a3_six_cents_a_line_are_tolerated(make: Make, judge: Judge) -> None:
    assert found(judge(make(line={"tax_amount": Decimal("13.06")})), "A3") == []


def test_a3_small_gaps_that_pile_up_are_reported_once(make: Make, judge: Judge) -> None:
    line = msgspec.structs.replace(make().lines[0], tax_amount=Decimal("13.05"))
    lines = tuple(msgspec.structs.replace(line, line_no=number) for number in range(1, 27))
    examined = judge(
        make(
            lines=lines, amount_excl_tax=Decimal(2600), tax_amount=Decimal("339.30"), amount_incl_tax=Decimal("2939.30")
        )
    )
    assert [item.field for item in found(examined, "A3")] == ["tax_amount"]


def test_a3_without_lines_the_head_is_compared(make: Make, judge: Judge) -> None:
    head = {"lines": (), "level": Level.LIST, "tax_rate": Decimal("0.13"), "tax_rate_kind": "normal"}
    assert found(judge(make(**head)), "A3") == []
    wrong = judge(make(**head, tax_amount=Decimal("41.00"), amount_incl_tax=Decimal("341.00")))
    assert [item.field for item in found(wrong, "A3")] == ["tax_amount"]


def test_a4_a_millionth_of_the_amount_is_tolerated(make: Make, judge: Judge) -> None:
    large = {"quantity": Decimal(1), "unit_price": Decimal("10000000.00"), "amount_excl_tax": Decimal("10000009.00")}
    assert found(judge(make(line=large)), "A4") == []


@pytest.mark.parametrize("missing", ["quantity", "unit_price", "amount_excl_tax"])
def test_a4_is_skipped_where_a_factor_is_missing(make: Make, judge: Judge, missing: str) -> None:
    assert found(judge(make(line={"quantity": Decimal(99), missing: None})), "A4") == []


@pytest.mark.parametrize(
    "changes",
    [
        {"is_red": True},
        {"tax_amount": Decimal("-39.00"), "lines": ()},
        {
            "amount_excl_tax": Decimal("-300.00"),
            "tax_amount": Decimal("-39.00"),
            "amount_incl_tax": Decimal("-339.00"),
            "lines": (),
        },
    ],
)
def test_a5_signs_agree_with_each_other_and_with_the_colour(make: Make, judge: Judge, changes: dict[str, Any]) -> None:
    assert found(judge(make(**changes)), "A5")


def test_a5_a_red_letter_invoice_with_negative_amounts_is_sound(make: Make, judge: Judge) -> None:
    assert found(judge(make(**RED)), "A5") == []


def test_a5_zero_has_no_sign(make: Make, judge: Judge) -> None:
    zero = {
        "amount_excl_tax": Decimal("0.00"),
        "tax_amount": Decimal("0.00"),
        "amount_incl_tax": Decimal("0.00"),
        "lines": (),
    }
    assert found(judge(make(is_red=True, **zero)), "A5") == []


def test_a5_a_discount_line_may_be_negative(make: Make, judge: Judge) -> None:
    discount = {"amount_excl_tax": Decimal("-100.00"), "kind": "discount"}
    assert found(judge(make(line=discount)), "A5") == []


def test_r2_a_red_letter_invoice_repeats_an_old_rate(make: Make, judge: Judge) -> None:
    old = {"tax_rate": Decimal("0.17"), "tax_rate_kind": "normal"}
    assert found(judge(make(**RED, **old)), "R2") == []
    assert [item.field for item in found(judge(make(**old)), "R2")] == ["tax_rate"]


def test_d3_a_date_after_the_answer_is_left_empty(make: Make, context: NormalizeContext) -> None:
    invoice = make(issued_on=date(2024, 11, 30), issued_at=datetime(2024, 11, 30, 8))
    future = examine({}, 0, invoice, context, datetime(2024, 11, 28, 12))
    assert future.invoice is not None
    assert (future.invoice.issued_on, future.invoice.issued_at) == (None, None)
    assert found(future, "D3")
    assert found(examine({}, 0, invoice, context, datetime(2024, 11, 29, 12)), "D3") == []


def test_d4_a_moved_time_is_reported() -> None:
    problems = Problems()
    values.unshifted(datetime(2024, 10, 31, 16), problems, "issued_at")
    assert [item.rule for item in problems.found()] == ["D4"]


def test_d6_a_list_asked_for_no_month_has_no_wrong_one(make: Make, context: NormalizeContext) -> None:
    anytime = msgspec.structs.replace(context, invoice_month="")
    assert found(examine({}, 0, make(issued_on=date(2020, 1, 1), invoice_month=None), anytime), "D6") == []


def test_d7_an_unreadable_date_is_reported_once(make: Make, judge: Judge) -> None:
    problems = Problems()
    values.day("abc", problems, "issued_on")
    assert [item.rule for item in judge(make(issued_on=None, findings=problems.found())).findings] == ["D1"]


@pytest.mark.parametrize("level", [Level.LIST, Level.HEAD])
def test_l2_a_list_is_not_expected_to_have_lines(make: Make, judge: Judge, level: Level) -> None:
    assert judge(make(lines=(), level=level)).findings == ()


def test_e4_declared_lines_may_count_the_summary_row_or_not(make: Make, judge: Judge) -> None:
    first, second = make().lines
    summary = msgspec.structs.replace(first, kind="summary", line_no=3)
    for declared, wrong in ((2, False), (3, False), (4, True)):
        examined = judge(make(lines=(first, second, summary), declared_line_count=declared))
        assert bool(found(examined, "L1")) is wrong


def test_e4_declared_lines_that_did_not_come_are_reported(make: Make, judge: Judge) -> None:
    assert [item.rule for item in judge(make(lines=(), declared_line_count=5)).findings] == ["L1"]


def test_k1_scanned_certification_knows_no_selection(make: Make, judge: Judge) -> None:
    scanned = Deduction(is_checked=False, is_certified=True, method_raw="2")
    assert found(judge(make(deduction=scanned)), "K1") == []


def test_s1_a_paper_invoice_may_be_voided(paper: Make, judge: Judge) -> None:
    assert found(judge(paper(state="voided")), "S1") == []


def test_s2_a_list_has_no_remarks_to_name_the_blue_invoice(make: Make, judge: Judge) -> None:
    assert found(judge(make(**RED, level=Level.LIST)), "S2") == []


def test_s2_a_vehicle_without_a_remark_could_not_name_it_either(make: Make, judge: Judge) -> None:
    assert found(judge(make(**RED, doc_type="digital_motor")), "S2") == []
    assert found(judge(make(**RED, doc_type="digital_motor", remark="退货")), "S2")


def test_s3_s4_s5_come_from_the_sum_of_the_red_letters(make: Make) -> None:
    red = make(is_red=True, amount_excl_tax=Decimal("-301.00"))
    rules = [item.rule for item in judge_reds(make(), [red])[1]] + [item.rule for item in judge_reds(red, [red])[1]]
    assert rules == ["S3", "S5", "S4"]


def test_m1_comes_from_folding(make: Make) -> None:
    one = Observation(source="a", api="collect", observed_at=1.0, invoice=make())
    other = Observation(source="b", api="sync", observed_at=2.0, invoice=make(tax_amount=Decimal("40.00")))
    assert [item.rule for item in fold([one, other]).conflicts] == ["M1"]
