"""Amounts, quantities and unit prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.money import money, quantity, without_tax
from fapiao.invoices.problems import Problems


def rules(problems: Problems) -> list[str]:
    return [finding.rule for finding in problems.found()]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1,234.50", "1234.50"),
        ("￥100.00", "100.00"),
        ("¥ 100", "100.00"),
        ("-￥5.00", "-5.00"),
        ("100元", "100.00"),
        (" 12.30 ", "12.30"),
        ("1 234.50", "1234.50"),
        ("(5.00)", "-5.00"),
        ("（1,234.50）", "-1234.50"),
        ("1E+3", "1000.00"),
        (Decimal("1E+3"), "1000.00"),
        (Decimal("792.92"), "792.92"),
        (896, "896.00"),
        ("１２．３０", "12.30"),
        ("\u22125.00", "-5.00"),
        ("+5", "5.00"),
        (".5", "0.50"),
        ("12.3400", "12.34"),
        (Decimal("12.3400"), "12.34"),
        ("9999999999999.99", "9999999999999.99"),
    ],
)
def test_e9_amounts_are_read_in_every_written_form(raw: Any, expected: str) -> None:
    problems = Problems()
    assert str(money(raw, problems, "tax_amount")) == expected
    assert rules(problems) == []


@pytest.mark.parametrize("raw", ["-0.00", Decimal("-0.00"), "(0.00)", 0, "0", "-0", Decimal("-0E+5")])
def test_e9_nothing_is_never_negative(raw: Any) -> None:
    assert str(money(raw, Problems(), "tax_amount")) == "0.00"


@pytest.mark.parametrize(
    ("raw", "expected"), [(Decimal("0.30000000000000004"), "0.30"), ("12.345", "12.35"), ("-0.005", "-0.01")]
)
def test_e9_digits_beyond_the_cent_are_rounded_half_up_and_reported(raw: Any, expected: str) -> None:
    problems = Problems()
    assert str(money(raw, problems, "tax_amount")) == expected
    assert rules(problems) == ["A6"]


def test_a_remainder_that_rounds_to_nothing_is_zero_without_a_sign() -> None:
    assert str(money("-0.001", Problems(), "tax_amount")) == "0.00"


def test_a_binary_float_is_refused_even_when_it_looks_exact() -> None:
    problems = Problems()
    assert money(0.5, problems, "tax_amount") is None
    assert [(item.rule, item.severity.value) for item in problems.found()] == [("V1", "reject")]


@pytest.mark.parametrize("raw", [None, "", " ", "null", "None", [], {}, "***", "＊＊"])
def test_e10_no_amount_is_none_without_a_word(raw: Any) -> None:
    problems = Problems()
    assert money(raw, problems, "tax_amount") is None
    assert not problems


@pytest.mark.parametrize(
    "raw",
    ["abc", "12,3", "1.2.3", "--5", "-", ".", "()", "12,345,6", True, [1], {"a": 1}, "NaN", "Infinity", Decimal("NaN"),
     Decimal("sNaN"), Decimal("-Infinity")],
)  # fmt: skip
def test_an_unreadable_amount_is_left_empty_and_reported(raw: Any) -> None:
    problems = Problems()
    assert money(raw, problems, "tax_amount") is None
    assert rules(problems) == ["A8"]


@pytest.mark.parametrize(
    "raw", ["10000000000000.01", "-10000000000000.01", "1e16", Decimal("1E+999999999999"), 10**400, "1" * 5000]
)
def test_an_amount_larger_than_any_invoice_is_left_empty_and_reported(raw: Any) -> None:
    problems = Problems()
    assert money(raw, problems, "tax_amount") is None
    assert rules(problems) == ["A6"]


@pytest.mark.parametrize(
    ("raw", "value", "text"),
    [
        ("1e3", "1000", "1e3"),
        (Decimal("1E+3"), "1000", "1000"),
        ("0", "0", "0"),
        (" 1.500 ", "1.500", "1.500"),
        ("792.920353982300885", "792.920353982300885", "792.920353982300885"),
        ("1.00000000000000000000", "1.000000000000000000", "1.00000000000000000000"),
        ("99999999999999999999", "99999999999999999999", "99999999999999999999"),
        (Decimal("1E-7"), "1E-7", "0.0000001"),
        (3, "3", "3"),
        ("-2", "-2", "-2"),
        ("1,000", "1000", "1,000"),
    ],
)
def test_e2_quantities_are_exact_and_keep_their_text(raw: Any, value: str, text: str) -> None:
    problems = Problems()
    assert quantity(raw, problems, "quantity") == (Decimal(value), text)
    assert not problems


def test_e2_more_than_eighteen_decimals_are_rounded_and_the_text_keeps_them() -> None:
    problems = Problems()
    assert quantity("0.12345678901234567890", problems, "unit_price") == (
        Decimal("0.123456789012345679"),
        "0.12345678901234567890",
    )
    assert rules(problems) == ["Q1"]


@pytest.mark.parametrize("raw", ["123456789012345678901", "1e20", "1e999", 10**30])
def test_e2_more_than_twenty_integer_digits_keep_only_their_text(raw: Any) -> None:
    problems = Problems()
    assert quantity(raw, problems, "quantity") == (None, str(raw))
    assert [(item.rule, item.severity.value) for item in problems.found()] == [("Q1", "info")]


@pytest.mark.parametrize("raw", [None, "", "  ", "null", [], {}])
def test_e2_a_missing_quantity_has_neither_number_nor_text(raw: Any) -> None:
    problems = Problems()
    assert quantity(raw, problems, "quantity") == (None, None)
    assert not problems


def test_an_unreadable_quantity_keeps_its_text() -> None:
    problems = Problems()
    assert quantity("一批", problems, "quantity") == (None, "一批")
    assert rules(problems) == ["Q2"]


@pytest.mark.parametrize("raw", [1.5, True, [1], {"a": 1}, Decimal("NaN"), Decimal("Infinity")])
def test_a_quantity_of_no_decimal_type_is_reported(raw: Any) -> None:
    problems = Problems()
    assert quantity(raw, problems, "quantity")[0] is None
    assert rules(problems) == ["V1" if type(raw) is float else "Q2"]


@pytest.mark.parametrize(
    ("stated", "tax", "with_tax", "expected"),
    [
        ("6287.74", "377.26", "6665.00", ("6287.74", True)),
        ("6665.00", "377.26", "6665.00", ("6287.74", True)),
        ("6665.00", "377.27", "6665.01", ("6287.74", True)),
        ("5000.00", "377.26", "6665.00", ("5000.00", False)),
        (None, "377.26", "6665.00", (None, True)),
        ("100.00", None, "100.00", ("100.00", False)),
        ("100.00", "0.00", None, ("100.00", True)),
    ],
)
def test_e19_a_total_with_or_without_tax_is_told_apart_by_arithmetic(
    stated: str | None, tax: str | None, with_tax: str | None, expected: tuple[str | None, bool]
) -> None:
    def decimal(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    amount, known = without_tax(decimal(stated), decimal(tax), decimal(with_tax))
    assert (amount, known) == (decimal(expected[0]), expected[1])
