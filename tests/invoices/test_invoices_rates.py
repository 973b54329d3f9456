"""Tax rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.model import Line
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import FRACTION, MISSING_RATE, PERCENT, Rate, RateKind, head_rate, rate, was_in_force

NORMAL = RateKind.NORMAL


@pytest.mark.parametrize(
    ("raw", "unit", "value", "kind"),
    [
        ("免税", FRACTION, "0", RateKind.EXEMPT),
        ("不征税", FRACTION, "0", RateKind.NOT_TAXED),
        ("普通零税率", FRACTION, "0", RateKind.ZERO),
        ("出口零税率", FRACTION, "0", RateKind.EXPORT_ZERO),
        ("出口退税", PERCENT, "0", RateKind.EXPORT_ZERO),
        ("***", PERCENT, None, RateKind.MASKED),
        ("＊＊＊", FRACTION, None, RateKind.MASKED),
        ("0", PERCENT, "0", RateKind.ZERO),
        (0, FRACTION, "0", RateKind.ZERO),
        ("0%", FRACTION, "0", RateKind.ZERO),
        ("0.00", FRACTION, "0", RateKind.ZERO),
        ("6", PERCENT, "0.06", NORMAL),
        (6, PERCENT, "0.06", NORMAL),
        ("6%", PERCENT, "0.06", NORMAL),
        ("6%", FRACTION, "0.06", NORMAL),
        ("0.06", FRACTION, "0.06", NORMAL),
        (Decimal("0.13"), FRACTION, "0.13", NORMAL),
        (Decimal("0.130"), FRACTION, "0.13", NORMAL),
        ("１３％", FRACTION, "0.13", NORMAL),
        (" 13 % ", PERCENT, "0.13", NORMAL),
        ("1", PERCENT, "0.01", NORMAL),
        ("1.5", PERCENT, "0.015", NORMAL),
        ("0.5", PERCENT, "0.005", NORMAL),
        ("0.005", FRACTION, "0.005", NORMAL),
        (None, FRACTION, None, RateKind.MISSING),
        ("", FRACTION, None, RateKind.MISSING),
        ("null", PERCENT, None, RateKind.MISSING),
        ([], PERCENT, None, RateKind.MISSING),
    ],
)
def test_e1_rates_are_read_in_every_form(raw: Any, unit: str, value: str | None, kind: str) -> None:
    problems = Problems()
    read = rate(raw, problems, "tax_rate", unit)
    assert (read.value, read.kind) == (None if value is None else Decimal(value), kind)
    assert not problems


@pytest.mark.parametrize(
    ("raw", "unit", "value"),
    [("6", FRACTION, "0.06"), ("0.06", PERCENT, "0.06"), ("1", FRACTION, "0.01"), (Decimal("0.13"), PERCENT, "0.13")],
)
def test_e1_a_rate_in_the_other_unit_is_understood_and_reported(raw: Any, unit: str, value: str) -> None:
    problems = Problems()
    assert rate(raw, problems, "tax_rate", unit).value == Decimal(value)
    assert [item.rule for item in problems.found()] == ["R3"]


def test_a_rate_the_law_does_not_know_is_kept_and_reported() -> None:
    problems = Problems()
    assert rate("7%", problems, "tax_rate", PERCENT) == Rate(Decimal("0.07"), "7%", NORMAL)
    assert [item.rule for item in problems.found()] == ["R1"]


@pytest.mark.parametrize(
    "raw", ["-13", "101", "abc", "13%%", "NaN", "1e-30", "1" * 100, 10**50, "0.0000001", "0.12345678"]
)
def test_an_unreadable_rate_keeps_its_text(raw: Any) -> None:
    problems = Problems()
    read = rate(raw, problems, "tax_rate", FRACTION)
    assert (read.value, read.kind) == (None, RateKind.MISSING)
    assert read.text == str(raw)[:64]
    assert [item.rule for item in problems.found()] == ["R4"]


def test_a_float_rate_is_refused() -> None:
    problems = Problems()
    assert rate(0.13, problems, "tax_rate", FRACTION) == MISSING_RATE
    assert [item.rule for item in problems.found()] == ["V1"]


def lines(*rates: tuple[str | None, str], kind: str = "normal") -> list[Line]:
    return [
        Line(line_no=number, tax_rate=None if value is None else Decimal(value), tax_rate_kind=rate_kind, kind=kind)
        for number, (value, rate_kind) in enumerate(rates, 1)
    ]


@pytest.mark.parametrize("stated", [MISSING_RATE, Rate(Decimal(0), "0", RateKind.ZERO)])
def test_e5_lines_of_different_rates_make_the_head_mixed(stated: Rate) -> None:
    assert head_rate(stated, lines(("0.13", NORMAL), ("0.06", NORMAL))) == Rate(None, stated.text, RateKind.MIXED)


def test_e5_exempt_beside_zero_is_mixed_too() -> None:
    assert head_rate(MISSING_RATE, lines(("0", RateKind.EXEMPT), ("0", RateKind.ZERO))).kind == RateKind.MIXED


def test_a_missing_head_rate_is_the_one_of_its_lines() -> None:
    assert head_rate(MISSING_RATE, lines(("0.13", NORMAL), ("0.13", NORMAL))) == Rate(Decimal("0.13"), None, NORMAL)


def test_a_stated_head_rate_stays_where_the_lines_say_nothing() -> None:
    stated = Rate(Decimal("0.06"), "0.06", NORMAL)
    assert head_rate(stated, lines((None, RateKind.MISSING))) == stated


def test_rows_that_sum_up_a_list_have_no_say_in_the_rate() -> None:
    summary = lines(("0.06", NORMAL), kind="summary")
    assert head_rate(MISSING_RATE, summary + lines(("0.13", NORMAL))).value == Decimal("0.13")


@pytest.mark.parametrize(
    ("value", "on", "expected"),
    [
        ("0.17", date(2018, 4, 30), True),
        ("0.17", date(2018, 5, 1), False),
        ("0.16", date(2018, 5, 1), True),
        ("0.16", date(2019, 4, 1), False),
        ("0.13", date(2019, 4, 1), True),
        ("0.13", date(2018, 6, 1), False),
        ("0.13", date(2016, 6, 1), True),
        ("0.01", date(2024, 1, 1), True),
        ("0.01", date(2019, 1, 1), False),
        ("0.07", date(2024, 1, 1), False),
    ],
)
def test_rates_have_their_time(value: str, on: date, expected: bool) -> None:
    assert was_in_force(Decimal(value), on) is expected
