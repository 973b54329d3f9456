"""Answers as bytes: what is JSON in spite of its wrapping, and what is not and says so."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fapiao.errors import VendorBroken
from fapiao.wire import Response


def answer(body: bytes) -> Response:
    return Response(status=200, headers={}, body=body)


def test_e8_a_byte_order_mark_in_front_is_no_part_of_the_json() -> None:
    assert answer(b"\xef\xbb\xbf" + '{"名": "甲"}'.encode()).json() == {"名": "甲"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"名": "甲乙丙"}'.encode("gbk"), "not UTF-8 text"),
        ('{"名": "甲", "bz": "'.encode() + "乙".encode("gbk") + b'"}', "not UTF-8 text"),
        ('{"名": "甲"}'.encode("utf-16"), "not UTF-8 text"),
        ('{"名": "甲'.encode(), "not whole JSON"),
        (b"  <html><body>502</body></html>", "a web page instead of JSON"),
        (b"", "empty instead of JSON"),
    ],
)
def test_e8_e24_what_cannot_be_read_says_what_it_is(body: bytes, said: str) -> None:
    with pytest.raises(VendorBroken, match=said):
        answer(body).json()


def test_e9_e13_numbers_are_exact_however_long() -> None:
    said = answer(b'{"je": 0.1, "fphm": 24991000000000000009, "jshj": 1E+3}').json()
    assert said == {"je": Decimal("0.1"), "fphm": 24991000000000000009, "jshj": Decimal("1E+3")}
    assert [type(value) for value in said.values()] == [Decimal, int, Decimal]
