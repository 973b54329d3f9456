"""What plugins read vendors' loosely typed JSON with: one answer for each way to say it, and never a value in an error."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapiao.answers import code_text, count, decode, kind_of, one_line, truth
from fapiao.errors import VendorBroken

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def broken(what: str) -> VendorBroken:
    return VendorBroken(f"Acme's answer is not as documented: {what}.")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0), (250, 250), ("250", 250), (" 250 ", 250), (Decimal(250), 250), (Decimal("2.5E+2"), 250), (10**12, 10**12),
        (None, None), ("", None), ("  ", None),
    ],
)  # fmt: skip
def test_a_count_comes_as_number_or_text(value: Any, expected: int | None) -> None:
    assert count(value, "total", broken) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (-1, "a number"), (10**12 + 1, "a number"), (Decimal("2.5"), "a number"), (True, "a boolean"), ("12 张", "text"),
        ("٣", "text"), ("9" * 14, "text"), ([], "a list"), ({}, "an object"),
    ],
)  # fmt: skip
def test_what_is_no_count_is_named_by_field_and_kind(value: Any, kind: str) -> None:
    with pytest.raises(VendorBroken, match=f"data.total is {kind} that is not a count"):
        count(value, "data.total", broken)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True), (1, True), ("true", True), (" TRUE ", True), ("1", True),
        (False, False), (0, False), ("false", False), ("0", False),
        (None, None), ("", None), ("yes", None),
    ],
)  # fmt: skip
def test_a_truth_comes_as_boolean_number_or_text(value: Any, expected: bool | None) -> None:
    assert truth(value) is expected


def test_codes_and_messages_are_short_and_in_one_line() -> None:
    assert (code_text(None), code_text(4004), code_text(" 0000 ")) == ("", "4004", "0000")
    assert len(code_text("9" * 1000)) == 64
    assert one_line("今日\n 已达\t上限 ") == "今日 已达 上限"
    assert one_line({"text": "x"}) == ""
    assert len(one_line("长" * 1000)) == 201


@given(value=JSON)
def test_the_kind_never_holds_the_value(value: Any) -> None:
    kinds = ("missing", "a boolean", "text", "empty text", "an object", "a list", "a number")
    assert kind_of(value) in kinds
    said: list[str] = []

    def told(what: str) -> VendorBroken:
        said.append(what)
        return broken(what)

    with suppress(VendorBroken):
        found = count(value, "total", told)
        assert found is None or 0 <= found <= 10**12
    assert said in ([], *([f"total is {kind} that is not a count"] for kind in kinds))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb'["a\ud842"]', ["a\ufffd"]),
        (rb'["\udfb7b"]', ["\ufffdb"]),
        (rb'["\uD842\uDFB7", "\uD842 \uDFB7"]', ["\U00020bb7", "\ufffd \ufffd"]),
        (rb'["\ud842\ud842\udfb7"]', ["\ufffd\U00020bb7"]),
        (rb'["\\ud842\ud842", 1.10]', ["\\ud842\ufffd", Decimal("1.10")]),
        (rb'{"n\udc00": 24990000000000000001}', {"n\ufffd": 24990000000000000001}),
        (b'["a\tb\nc\x00"]', ["a b c "]),
    ],
)
def test_half_a_character_and_a_raw_control_character_cost_no_page(text: bytes, expected: Any) -> None:
    assert decode(text) == expected


@pytest.mark.parametrize("text", [b"", b"[", b'["a', b"<html>", b"nothing", rb'["\u12"]', rb'["a\ud842', b'{"a":1}}'])
def test_what_is_no_json_stays_none(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(text)


@given(JSON)
def test_json_that_is_right_is_read_as_it_is(value: Any) -> None:
    text = msgspec.json.encode(value, enc_hook=str)
    assert decode(text) == msgspec.json.Decoder(float_hook=Decimal).decode(text)


def test_json_of_another_shape_is_told_from_what_is_no_json() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(b'"text"', msgspec.json.Decoder(int))
