"""Numbers of documents as they are cleaned, before anybody judges them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fapiao.invoices.numbers import customs_number, document_numbers, invoice_code, invoice_number, number
from fapiao.invoices.problems import Problems

DIGITAL = "24991000000000000001"


@pytest.mark.parametrize(
    "raw",
    [
        DIGITAL,
        int(DIGITAL),
        Decimal(DIGITAL),
        "2499 1000 0000 0000 0001",
        f"\u200b{DIGITAL}\xa0",
        "２４９９１０００００００００００００01",
    ],
)
def test_e13_a_digital_number_is_text_however_it_came(raw: Any) -> None:
    problems = Problems()
    assert number(raw, problems, "digital_number") == DIGITAL
    assert not problems


def test_e13_a_digital_number_that_is_a_json_number_keeps_its_twenty_digits() -> None:
    decoded = msgspec.json.Decoder(float_hook=Decimal).decode(b'{"fphm": 24991000000000000001}')
    assert number(decoded["fphm"], Problems(), "digital_number") == DIGITAL


@pytest.mark.parametrize("raw", [Decimal("2.4952E+19"), "2.4952E+19"])
def test_e13_a_number_that_went_through_a_float_keeps_its_look(raw: Any) -> None:
    assert number(raw, Problems(), "digital_number") == "2.4952E+19"


def test_e13_a_float_is_refused() -> None:
    problems = Problems()
    assert number(2.4952e19, problems, "digital_number") is None
    assert [item.rule for item in problems.found()] == ["V1"]


def test_a_number_longer_than_its_column_is_left_empty_and_reported() -> None:
    problems = Problems()
    assert number("1" * 33, problems, "digital_number") is None
    assert [item.rule for item in problems.found()] == ["V7"]


def test_e14_an_integer_that_lost_its_zeros_gets_them_back_and_is_reported() -> None:
    problems = Problems()
    assert invoice_number(123456, problems, "invoice_number") == "00123456"
    assert invoice_code(44031900111, problems, "invoice_code") == "044031900111"
    assert [(item.rule, item.field, item.severity.value) for item in problems.found()] == [
        ("N9", "invoice_number", "warning"),
        ("N9", "invoice_code", "warning"),
    ]


@pytest.mark.parametrize("raw", ["00123456", 12345678])
def test_e14_a_number_of_eight_digits_is_left_alone(raw: Any) -> None:
    problems = Problems()
    assert invoice_number(raw, problems, "invoice_number") == str(raw)
    assert not problems


def test_e14_a_short_text_is_not_filled_up() -> None:
    assert invoice_number("123456", Problems(), "invoice_number") == "123456"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("990120241000000001-L01", "990120241000000001-L01"),
        ("990120241000000001/L01", "990120241000000001-L01"),
        ("990120241000000001*L01", "990120241000000001-L01"),
        ("990120241000000001L02", "990120241000000001-L02"),
        ("990120241000000001-l01", "990120241000000001-L01"),
        ("９９０１２０２４１０００００００01－Ｌ０１", "990120241000000001-L01"),
        (" 990120241000000001 - A01 ", "990120241000000001-A01"),
        ("(1107)990000001-L01", "(1107)990000001-L01"),
        ("1107990000001-L01", "(1107)990000001-L01"),
        ("（1107）990000001/l01", "(1107)990000001-L01"),
        ("990120241000000001", "990120241000000001"),
        ("9901**********0001-L01", "9901**********0001-L01"),
    ],
)
def test_e18_customs_numbers_have_one_form(raw: str, expected: str) -> None:
    problems = Problems()
    assert customs_number(raw, problems, "customs_no") == expected
    assert not problems


@pytest.mark.parametrize(
    ("code", "short", "digital", "expected"),
    [
        ("", DIGITAL, None, (None, None, DIGITAL)),
        (None, DIGITAL, "", (None, None, DIGITAL)),
        ("9900241160", "00000017", DIGITAL, ("9900241160", "00000017", DIGITAL)),
        ("9900241160", "00000017", "", ("9900241160", "00000017", None)),
        ("9900241160", DIGITAL, "", ("9900241160", None, DIGITAL)),
        ("", "", DIGITAL, (None, None, DIGITAL)),
        ("null", "2.4952E+19", "null", (None, None, "2.4952E+19")),
        (None, None, None, (None, None, None)),
        ("9900241160", 17, None, ("9900241160", "00000017", None)),
        (None, DIGITAL, DIGITAL, (None, None, DIGITAL)),
        (None, DIGITAL, "2499****************", (None, None, DIGITAL)),
        (None, int(DIGITAL), "0", (None, None, DIGITAL)),
        (None, "２４９９ 1000 0000 0000 0001", "24991000000000000002", (None, None, DIGITAL)),
        (None, "0" * 20, DIGITAL, (None, "0" * 20, DIGITAL)),
    ],
)
def test_a_vendors_fields_are_sorted_into_the_three_numbers(
    code: Any, short: Any, digital: Any, expected: tuple[str | None, ...]
) -> None:
    assert document_numbers(code, short, digital, Problems()) == expected


@pytest.mark.parametrize(
    ("beside", "rules"), [(DIGITAL, []), ("24991000000000000002", ["N6"]), ("***", ["N6"]), ("", [])]
)
def test_another_number_beside_the_documents_own_twenty_digits_is_reported(beside: str, rules: list[str]) -> None:
    problems = Problems()
    document_numbers(None, DIGITAL, beside, problems)
    assert [item.rule for item in problems.found()] == rules
