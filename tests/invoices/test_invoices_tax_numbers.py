"""Tax numbers: normalisation, check characters, forms."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.invoices.problems import Problems
from fapiao.invoices.tax_numbers import check_digit, judge, same_party, tax_number


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("91990000ma00000001", "91990000MA00000001"),
        (" 9199 0000-MA00\t000001 ", "91990000MA00000001"),
        ("９１９９００００ＭＡ００００００01", "91990000MA00000001"),
        ("91990000MA0000\u200b0001", "91990000MA00000001"),
        (919900000000000, "919900000000000"),
        ("****0000MA****", "****0000MA****"),
        ("", None),
        ("null", None),
        ("---", None),
        (None, None),
        ([], None),
    ],
)
def test_t1_tax_numbers_are_normalised(raw: Any, expected: str | None) -> None:
    problems = Problems()
    assert tax_number(raw, problems, "seller_tax_no") == expected
    assert not problems


def test_a_tax_number_longer_than_its_column_is_left_empty_and_reported() -> None:
    problems = Problems()
    assert tax_number("9" * 33, problems, "seller_tax_no") is None
    assert tax_number("9 " * 33, problems, "buyer_tax_no") is None
    assert [item.rule for item in problems.found()] == ["V7", "V7"]


@pytest.mark.parametrize("department", "123456789ANY")
def test_t2_every_department_of_the_standard_is_accepted(department: str) -> None:
    body = f"{department}199000000000000"
    body += "0" * (17 - len(body))
    assert judge(body + check_digit(body)) is None


def test_t2_the_check_character_follows_the_standard() -> None:
    # Computed by hand: 9 + 1*3 + 9*9 + 9*27 = 336; 336 mod 31 = 26; 31 - 26 = 5.
    assert check_digit("91990000000000000") == "5"
    # A sum that is a multiple of 31 has the check character 0.
    assert check_digit("0" * 17) == "0"


def test_t2_a_wrong_check_character_is_reported() -> None:
    assert judge("919900000000000006") == "T2"


def test_check_digit_refuses_characters_outside_the_alphabet() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        check_digit("9199000000000000I")


def test_t3_a_citizens_number_is_recognised() -> None:
    # Region 990000 does not exist; ISO 7064 MOD 11-2 makes one of eleven last characters the right one.
    judged = [judge(f"99000019900101001{last}") for last in "0123456789X"]
    assert judged.count("T3") == 1


@pytest.mark.parametrize("number", ["990000000000001", "99000000000000A", "99000019900101001", "99000019900101001X01"])
def test_t4_old_forms_are_recognised(number: str) -> None:
    assert judge(number) == "T4"


@pytest.mark.parametrize("number", ["123456789", "TEST000001", "9199000000000000O5", "甲乙丙", "1" * 21])
def test_t5_other_forms_are_reported(number: str) -> None:
    assert judge(number) == "T5"


@pytest.mark.parametrize("number", ["************73086B", "9199****", "***"])
def test_t6_masked_numbers_have_no_checksum(number: str) -> None:
    assert judge(number) == "T6"


def test_e27_the_old_and_the_new_number_of_one_company_are_one_party() -> None:
    assert same_party("990000000000001", "919900000000000015")
    assert same_party("919900000000000015", "990000000000001")
    assert same_party("919900000000000015", "919900000000000015")
    assert not same_party("990000000000002", "919900000000000015")
    assert not same_party("919900000000000023", "919900000000000015")
