"""What identifies somebody is replaced by something of the same shape; what a plugin decides by stays."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapiao.engine.encoded import opened
from fapiao.invoices.tax_numbers import judge
from fapiao.testing.cassettes import Masker
from fapiao.testing.numbering import tax_number

MASKER = Masker(b"key", words={"已认证", "免税"})

STAYS = [
    "", "0", "01", "2000", "processed", "notSupported", "202411", "2024-11-05", "2024-11-05 10:00:00", "20241105",
    "20241105101112", "1733803200000", "137542.11", "-12345678.90", "13%", "0.13", "/path/of/words", "已认证", "免税",
]  # fmt: skip

GOES = {
    "a telephone": "13800138000",
    "one with a dash": "0571-87654321",
    "a bank account": "6222 0212 3456 7890 123",
    "a company": "北京甲乙科技有限公司",
    "a person": "张三",
    "a person of another script": "نۇرمۇھەممەت",
    "an English company": "Acme Trading Limited",
    "mail": "zhang.san@example.com",
    "a tax number": "91110108MA01ABCD2X",
    "a citizen": "110101199003078515",
    "a passport": "E12345678",
    "a vehicle": "LSVAA4187E2184847",
    "full-width digits": "１３８００１３８０００",
    "a digital invoice": "24112000000012345678",
    "an old invoice": "12345678",
    "a token": "c2VjcmV0LXRva2VuLW9mLWEtdmVuZG9yLXdpdGgtbWFueS1ieXRlcw",
    "a word in a sentence": "备注 Smith 1234",
}


@pytest.mark.parametrize("text", STAYS)
def test_codes_dates_and_amounts_stay(text: str) -> None:
    assert MASKER.text(text) == text


@pytest.mark.parametrize("text", GOES.values(), ids=GOES)
def test_what_identifies_somebody_goes(text: str) -> None:
    masked = MASKER.text(text)
    for part in text.replace("@", " ").replace("-", " ").split():
        if len(part) > 1 and part != "备注":
            assert part not in masked
    assert MASKER.text(text) == masked


def test_the_shape_stays() -> None:
    masked = MASKER.text("*信息技术服务*云 13800138000")
    assert masked[0] == masked[7] == "*"
    assert len(masked) == len("*信息技术服务*云 13800138000")
    assert masked[-11:].isdigit()


def test_a_tax_number_becomes_one_that_nobody_has() -> None:
    masked = MASKER.text(tax_number(77))
    assert masked.startswith("91990000")
    assert masked != tax_number(77)
    assert judge(masked) is None


def test_what_follows_the_question_mark_of_an_address_goes() -> None:
    masked = MASKER.text("https://files.example/a/b.pdf?sign=abc&expires=9&id=张")
    assert masked.startswith("https://files.example/a/b.pdf?")
    assert "abc" not in masked
    assert "张" not in masked


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, zlib.compress], ids=["base64", "gzip", "zlib"])
def test_what_is_encoded_is_masked_inside(pack: Any) -> None:
    hidden = base64.b64encode(pack(json.dumps({"name": "张三丰", "code": "01"}).encode())).decode()
    masked = opened(MASKER.text(hidden))
    assert masked is not None
    assert masked.value["code"] == "01"
    assert masked.value["name"] != "张三丰"
    assert len(masked.value["name"]) == 3


def test_json_in_a_text_is_masked_inside() -> None:
    masked = json.loads(MASKER.text('{"name": "张三丰", "code": "01"}'))
    assert (masked["code"], len(masked["name"])) == ("01", 3)
    assert masked["name"] != "张三丰"


def test_fields_can_be_kept_and_hidden_by_name() -> None:
    masker = Masker(b"key", keep={"dept"}, hide={"kind"})
    masked = masker.value({"dept": "财务部门", "kind": "A1", "rows": [{"kind": 7, "dept": 12345678901}]})
    assert masked["dept"] == "财务部门"
    assert masked["kind"] != "A1"
    assert masked["rows"][0]["dept"] == 12345678901


def test_numbers_of_eleven_digits_go_and_instants_stay() -> None:
    masked = MASKER.value({"phone": 13800138000, "at": 1733803200000, "count": 12345, "ok": True, "none": None})
    assert masked["phone"] != 13800138000
    assert (masked["at"], masked["count"], masked["ok"], masked["none"]) == (1733803200000, 12345, True, None)


def test_a_field_that_is_named_by_a_number_is_renamed() -> None:
    assert list(MASKER.value({"13800138000": 1, "name": 2})) != ["13800138000", "name"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda part: st.lists(part) | st.dictionaries(st.text(), part),
    )
)
def test_any_value_is_masked_without_an_error_and_alike(value: Any) -> None:
    assert MASKER.value(value) == MASKER.value(value)
