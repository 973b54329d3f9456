"""Texts: blanks, names, remarks, identifiers, flags, counts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import code, count, flag, identifier, is_blank, is_masked, name, remark, unknown_fields


@pytest.mark.parametrize("raw", [None, "", " ", "\t\n", "null", "None", "NULL", " null ", [], {}])
def test_e10_all_forms_of_nothing_are_none(raw: Any) -> None:
    problems = Problems()
    assert is_blank(raw)
    assert [parse(raw, problems, "x") for parse in (name, remark, identifier, code, flag, count)] == [None] * 6
    assert not problems


@pytest.mark.parametrize("raw", [0, False, "0", "-", "无", [None], {"a": None}, Decimal(0)])
def test_e10_zero_and_false_are_something(raw: Any) -> None:
    assert not is_blank(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  甲乙丙测试有限公司 ", "甲乙丙测试有限公司"),
        ("甲乙\u200b丙测试\ufeff有限公司\u00ad", "甲乙丙测试有限公司"),
        ("甲乙丙\xa0测试", "甲乙丙 测试"),
        ("甲乙丙\n测试有限\r\n公司", "甲乙丙测试有限公司"),
        ("TEST\tTRADING\r\nLTD", "TEST TRADING LTD"),
        ("A&amp;B测试", "A&B测试"),
        ("测试&lt;一&gt;&#32;&quot;号&quot;&#x4E00;", '测试<一> "号"一'),
        ("AT&T 测试", "AT&T 测试"),
        ("R&notD", "R&notD"),
        ("甲\x00乙", "甲乙"),
        ("测试（个人）", "测试（个人）"),
        ("ＡＢＣ测试１２３", "ＡＢＣ测试１２３"),
        ("\u3000甲乙丙\u3000测试\u3000", "甲乙丙\u3000测试"),
    ],
)
def test_e6_names_lose_what_is_invisible_and_nothing_else(raw: str, expected: str) -> None:
    problems = Problems()
    assert name(raw, problems, "seller_name") == expected
    assert not problems


@pytest.mark.parametrize(
    "text",
    [
        "𠮷野测试",
        "䶮㛃测试",
        "\ue000私有区测试",
        "\uf900\ufa0e兼容汉字测试",  # NFKC would fold them into other characters
        "葛\U000e0100测试",
        "\U000323b0新增汉字",
    ],
)
def test_e7_rare_han_characters_survive_in_names(text: str) -> None:
    assert name(text, Problems(), "seller_name") == text
    assert remark(text, Problems(), "remark") == text


def test_e7_emoji_survive_in_remarks() -> None:
    assert remark("谢谢👨‍👩‍👧😀", Problems(), "remark") == "谢谢👨‍👩‍👧😀"


def test_remarks_keep_their_lines() -> None:
    assert remark("一行\r\n二行\r三行\t末\x07\n", Problems(), "remark") == "一行\n二行\n三行\t末"


def test_a_lone_surrogate_becomes_a_character_that_can_be_written() -> None:
    text = name("甲\ud800乙", Problems(), "seller_name")
    assert text == "甲\ufffd乙"
    assert text.encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (" ＡＢ－１２ ", "AB-12"),
        ("12 34\xa056\u200b78\t", "12345678"),
        ("１２３", "123"),
        (123, "123"),
        (Decimal(123), "123"),
        (Decimal("1E+3"), "1000"),
    ],
)
def test_e6_identifiers_are_folded_and_lose_all_white_space(raw: Any, expected: str) -> None:
    problems = Problems()
    assert identifier(raw, problems, "contract_no") == expected
    assert not problems


def test_an_identifier_longer_than_its_column_is_left_empty_and_reported() -> None:
    problems = Problems()
    assert identifier("9" * 65, problems, "check_code") is None
    assert [item.rule for item in problems.found()] == ["V7"]


@pytest.mark.parametrize("parse", [name, remark, identifier, count, flag])
@pytest.mark.parametrize("raw", [[1], {"a": 1}, 10**50])
def test_a_value_of_the_wrong_shape_is_left_empty_and_reported(parse: Any, raw: Any) -> None:
    problems = Problems()
    assert parse(raw, problems, "x") is None
    assert [item.rule for item in problems.found()] in (["V2"], ["V4"])


@pytest.mark.parametrize("parse", [name, remark, identifier, count, flag])
def test_a_float_is_refused_everywhere(parse: Any) -> None:
    problems = Problems()
    assert parse(1.5, problems, "x") is None
    assert [item.rule for item in problems.found()] == ["V1"]


def test_e12_masked_names_are_recognised_and_kept() -> None:
    assert name("张*", Problems(), "drawer") == "张*"
    assert is_masked("张*")
    assert is_masked("＊＊霞")
    assert not is_masked("张三")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Y", True),
        ("N", False),
        ("1", True),
        (0, False),
        (True, True),
        (False, False),
        ("是", True),
        ("否", False),
        ("true", True),
    ],
)
def test_flags_are_read_in_every_form(raw: Any, expected: bool) -> None:
    assert flag(raw, Problems(), "has_goods_list") is expected


def test_a_flag_that_is_neither_is_left_empty_and_reported() -> None:
    problems = Problems()
    assert flag("maybe", problems, "has_goods_list") is None
    assert [item.rule for item in problems.found()] == ["V5"]


@pytest.mark.parametrize(
    ("raw", "expected"), [(3, 3), ("3", 3), ("03", 3), (Decimal(3), 3), (Decimal("3.0"), 3), ("3.0", 3), (0, 0)]
)
def test_counts_are_whole_numbers(raw: Any, expected: int) -> None:
    assert count(raw, Problems(), "declared_line_count") == expected


@pytest.mark.parametrize("raw", ["3.5", "-3", -3, "abc", 2**31, "99999999999", Decimal("1.5")])
def test_what_is_no_count_is_left_empty_and_reported(raw: Any) -> None:
    problems = Problems()
    assert count(raw, problems, "declared_line_count") is None
    assert [item.rule for item in problems.found()] == ["V4"]


def test_unknown_fields_are_kept_as_they_came_and_empty_ones_are_not() -> None:
    raw = {"je": 1, "newField": [{"a": Decimal("1.50")}], "empty": "", "nothing": None}
    assert unknown_fields(raw, frozenset(("je",))) == {"newField": [{"a": Decimal("1.50")}]}
    assert unknown_fields({"je": 1, "empty": {}}, frozenset(("je",))) is None
    assert unknown_fields({"je": 1}, frozenset(("je", "se"))) is None


def test_problems_name_the_row_they_are_in() -> None:
    problems = Problems()
    problems.enter("lines", 2)
    name([1], problems, "item_name")
    problems.leave()
    name([1], problems, "remark")
    assert [item.field for item in problems.found()] == ["lines[2].item_name", "remark"]


def test_problems_do_not_repeat_what_could_be_personal() -> None:
    problems = Problems()
    identifier(["测试旅客001"], problems, "passenger_id")
    assert "测试旅客001" not in problems.found()[0].message
