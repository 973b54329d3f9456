"""Golden tests of answers as bytes: what is unpacked, what is refused before it can do harm, what counts as a success."""

from __future__ import annotations

import base64
import io
import os
import struct
import zipfile
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dictating import BUYER, Golden, certified, claimed, digital, listed, page, verified
from fapiao.errors import FapiaoError, IncompleteError, VendorBroken, VendorRefused
from fapiao.wire import Response

D = Decimal
SLICE = ("81", "input")
NAME = "甲乙丙测试有限公司?????>>>>>𠮷"
"""Wherever it begins, its Base64 has both signs in which the alphabets differ."""
BOM = b"\xef\xbb\xbf"
MEBIBYTE = 1 << 20

_encode = msgspec.json.Encoder(decimal_format="number").encode
CONTENT = _encode(listed([certified(1, salesTaxName=NAME)]))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return buffer.getvalue()


def forged(data: bytes, name: str) -> bytes:
    """The archive with another name of its entry ``PPPP…``: writers clean names, only a forger writes them so."""
    return data.replace(b"P" * len(name), name.encode())


def understated(data: bytes, size: int) -> bytes:
    """The archive with another size of its first entry in the directory."""
    changed = bytearray(data)
    central = data.rfind(b"PK\x01\x02")
    changed[central + 24 : central + 28] = struct.pack("<I", size)
    return bytes(changed)


def encrypted(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[data.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


READ: dict[str, tuple[str, bool]] = {
    "plain": (b64(CONTENT), False),
    "with line breaks of MIME": (base64.encodebytes(CONTENT).decode(), False),
    "with CR and LF": ("\r\n".join(b64(CONTENT)[at : at + 76] for at in range(0, len(b64(CONTENT)), 76)), False),
    "in the alphabet of URLs": (base64.urlsafe_b64encode(CONTENT).decode(), False),
    "without padding": (b64(CONTENT).rstrip("="), False),
    "in the alphabet of URLs without padding": (base64.urlsafe_b64encode(CONTENT).decode().rstrip("="), False),
    "with a byte order mark": (b64(BOM + CONTENT), False),
    "an archive": (b64(zipped(("0", CONTENT))), True),
    "an archive that was not asked for": (b64(zipped(("0", CONTENT))), False),
    "no archive although iszip is 1": (b64(CONTENT), True),
    "an archive that is stored, not deflated": (b64(zipped(("0", CONTENT), method=zipfile.ZIP_STORED)), True),
    "an archive with several entries": (b64(zipped(("a/", b""), ("readme.txt", b"text"), ("0", BOM + CONTENT), ("1", b"[1]"))), True),
}  # fmt: skip
assert "+" in READ["plain"][0]
assert "/" in READ["plain"][0]
assert "=" in READ["plain"][0]


@pytest.mark.parametrize("how", READ)
def test_e8_e23_content_is_read_in_every_form_of_base64_and_of_an_archive(sqlite_golden: Golden, how: str) -> None:
    text, is_zipped = READ[how]
    assert sqlite_golden.sync({"11": [text]}, zipped=is_zipped) is None
    assert sqlite_golden.contents()[0].get("iszip") == ("1" if is_zipped else None)
    assert sqlite_golden.rows("invoice", "digital_number", "seller_name", "amount_excl_tax", "amount_incl_tax") == [
        ("24990000000000000001", NAME, D("100.00"), D("113.00"))
    ]
    assert sqlite_golden.rows("slice", "state", "expected", "loaded") == [("complete", 1, 1)]


BOMB = zipped(("0", b" " * (20 * MEBIBYTE)))
NOISE = b'["' + os.urandom(18 * MEBIBYTE).hex().encode() + b'"]'
REFUSED: dict[str, tuple[str, str]] = {
    "GBK": (b64('{"count":1,"InvoiceList":[{"salesTaxName":"甲乙丙"}]}'.encode("gbk")), "not UTF-8 text"),
    "UTF-8 with a name in GBK": (
        b64(CONTENT.replace(NAME.encode(), "甲乙丙".encode("gbk"))), "not UTF-8 text",
    ),
    "UTF-16": (b64(CONTENT.decode().encode("utf-16")), "not UTF-8 text"),
    "no Base64": ("{not base64}", "is not Base64"),
    "a web page": (b64(b"<html><body>502</body></html>"), "a web page instead of JSON"),
    "half of a page": (b64(CONTENT[:-20]), "not whole JSON"),
    "half of an archive": (b64(zipped(("0", CONTENT))[:-30]), "the archive is truncated"),
    "a damaged archive": (b64(zipped(("0", NOISE[:400]), method=zipfile.ZIP_STORED).replace(NOISE[50:60], b"0123456789")), "the archive is damaged"),
    "an archive in an archive": (b64(zipped(("0", zipped(("0", CONTENT))))), "the archive holds no JSON"),
    "a bomb by its ratio": (b64(BOMB), "grows more than 200 times: it is refused as a zip bomb"),
    "a bomb that understates its size": (b64(understated(BOMB, 100)), "the archive is damaged"),
    "a bomb by its size": (b64(zipped(("0", NOISE))), "the page is larger than 33554432 bytes once it is decoded"),
    "a page that is too large without any archive": (b64(NOISE), "the page is larger than 33554432 bytes"),
    "ten thousand entries": (b64(zipped(*((str(number), b"{}") for number in range(10_000)))), "the archive has 10000 entries"),
    "an entry that leads away": (b64(forged(zipped(("0", CONTENT), ("PPPPPPPPPP", b"{}")), "../../x.js")), "leads out of its directory"),
    "an encrypted archive": (b64(encrypted(zipped(("0", CONTENT)))), "the archive is encrypted"),
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_e8_e23_content_that_is_damaged_or_made_to_harm_is_refused_whole_and_the_list_is_not_proven(
    sqlite_golden: Golden, how: str
) -> None:
    text, said = REFUSED[how]
    error = sqlite_golden.sync({"11": [text]}, zipped=True)
    assert type(error) is VendorBroken
    assert said in str(error)
    assert f"source jcsk, taxpayer {BUYER}" in str(error)
    assert sqlite_golden.rows("invoice", "invoice_key") == []
    assert sqlite_golden.rows("page", "page_id") == []
    assert sqlite_golden.rows("slice", "state", "expected", "loaded") == [("ready", None, 0)]
    assert sqlite_golden.rows("collection", "state") == ["started"], "the next run goes on where this one stopped"


# -- what an answer says about itself ---------------------------------------------------------------------------------

HTML = "<!DOCTYPE html><html><body><h1>系统维护中</h1></body></html>".encode()
ROWS = page([digital(1)])


def ekuaibao(data: Any = ROWS, **envelope: Any) -> bytes:
    """An answer of 易快报; ``...`` takes a field away."""
    value = {"corpId": "c", "reqId": "r", "code": "2000", "success": True, "message": "", "data": data} | envelope
    return bytes(_encode({"value": {name: part for name, part in value.items() if part is not ...}}))


EKUAIBAO: dict[str, tuple[bytes, type[FapiaoError] | None, str, tuple[str, str]]] = {
    "a success": (ekuaibao(), None, "", ("complete", "processed")),
    "success as text": (ekuaibao(success="true"), None, "", ("complete", "processed")),
    "success is missing": (ekuaibao(success=...), None, "", ("complete", "processed")),
    "the code as a number": (ekuaibao(code=2000), None, "", ("complete", "processed")),
    "data is null": (
        ekuaibao(None), VendorBroken, "value.data is missing although the code says success", ("ready", "processed"),
    ),
    "data is an empty object": (ekuaibao({}), IncompleteError, "the vendor gave no count", ("incomplete", "")),
    "data is text": (ekuaibao("{}"), VendorBroken, "value.data is text instead of an object", ("ready", "processed")),
    "no code": (ekuaibao(code=...), VendorBroken, "value.code is missing", ("ready", "processed")),
    "success is false beside 2000": (
        ekuaibao(success=False), IncompleteError, "success=false with the code 2000", ("failed", "2000"),
    ),
    "success is the text false": (
        ekuaibao(success="false"), IncompleteError, "success=false with the code 2000", ("failed", "2000"),
    ),
    "HTTP 200 with code 500": (
        ekuaibao(None, code="500", success=False, message="测试原因"), IncompleteError, "测试原因", ("failed", "500"),
    ),
    "HTTP 200 with the number 500": (
        ekuaibao(None, code=500, success=False), IncompleteError, "500 未开通", ("failed", "500"),
    ),
    "a success with code 4001": (ekuaibao(code=4001), IncompleteError, "4001 用户名密码不正确", ("failed", "4001")),
    "a code nobody knows": (
        ekuaibao(code=2001), IncompleteError, "the code 2001, which its document does not list", ("failed", "2001"),
    ),
    "a web page": (HTML, VendorBroken, "a web page instead of JSON", ("ready", "processed")),
    "nothing": (b"", VendorBroken, "empty instead of JSON", ("ready", "processed")),
    "a list": (b"[]", VendorBroken, "the answer is a list instead of an object", ("ready", "processed")),
    "another envelope": (
        '{"errorCode":500,"errorMessage":"系统异常"}'.encode(), VendorBroken, "value is missing instead of an object (系统异常)",
        ("ready", "processed"),
    ),
}  # fmt: skip
"""Answer → error, what it says, state and code of the slice."""


@pytest.mark.parametrize("how", EKUAIBAO)
def test_e24_an_answer_of_ekuaibao_is_a_success_only_if_all_of_it_says_so(sqlite_golden: Golden, how: str) -> None:
    body, kind, said, (state, code) = EKUAIBAO[how]
    error = sqlite_golden.collect({SLICE: [body]})
    assert type(error) is (kind or type(None))
    assert said in str(error or "")
    numbers = (1, 1) if state == "complete" else (None, 0)
    assert sqlite_golden.rows("slice", "state", "vendor_code", "expected", "loaded") == [
        (state, code or None, *numbers)
    ]
    assert len(sqlite_golden.rows("invoice", "invoice_key")) == numbers[1]


def qixiangyun(data: Any, **envelope: Any) -> bytes:
    value = {"reqId": "r", "code": "2000", "success": True, "message": "", "data": data} | envelope
    return bytes(_encode({name: part for name, part in value.items() if part is not ...}))


RECORD = verified(1)
QIXIANGYUN: dict[str, tuple[bytes, type[FapiaoError] | None, str, tuple[str, str | None, str | None]]] = {
    "a success": (qixiangyun(RECORD), None, "", ("answered", "genuine", "2000")),
    "success as text": (qixiangyun(RECORD, success="true"), None, "", ("answered", "genuine", "2000")),
    "the code as a number": (qixiangyun(RECORD, code=2000), None, "", ("answered", "genuine", "2000")),
    "no code at all": (qixiangyun(RECORD, code=..., reqId=..., message=...), None, "", ("answered", "genuine", None)),
    "data is null": (qixiangyun(None), VendorBroken, "data is missing instead of the invoice", ("open", None, None)),
    "data is empty": (qixiangyun({}), VendorBroken, "data.invoiceNumber is missing", ("open", None, None)),
    "another invoice": (qixiangyun(verified(2)), VendorBroken, "data.invoiceNumber is another invoice", ("open", None, None)),
    "success is false beside 2000": (qixiangyun(RECORD, success="false"), None, "success=false", ("refused", None, "2000")),
    "HTTP 200 with code 500": (qixiangyun(None, code=500, success=False), None, "the code 500", ("refused", None, "500")),
    "not there": (qixiangyun(None, code="CheckInvoiceNotExistence", success=False), None, "not_found", ("answered", "not_found", "CheckInvoiceNotExistence")),
    "a web page": (HTML, VendorBroken, "a web page instead of JSON", ("open", None, None)),
}  # fmt: skip


@pytest.mark.parametrize("how", QIXIANGYUN)
def test_e24_an_answer_of_qixiangyun_is_a_result_only_if_all_of_it_says_so(sqlite_golden: Golden, how: str) -> None:
    body, kind, said, row = QIXIANGYUN[how]
    error = sqlite_golden.verify(claimed(1), body)
    if kind is not None:
        assert type(error) is kind
    assert said in str(error or "")
    assert sqlite_golden.rows("verification", "state", "outcome", "code") == [row]
    assert len(sqlite_golden.rows("invoice", "invoice_key")) == (row[1] == "genuine")


def jcsk(**envelope: Any) -> bytes:
    value = {
        "uuid": "u",
        "code": "0000",
        "msg": "请求成功",
        "sfjf": "Y",
        "jf_num": 1,
        "content": b64(CONTENT),
    } | envelope
    return bytes(_encode({name: part for name, part in value.items() if part is not ...}))


JCSK: dict[str, tuple[Any, type[FapiaoError] | None, str, tuple[str, Any, int]]] = {
    "a success": (jcsk(), None, "", ("complete", 1, 1)),
    "the code as a number": (jcsk(code=0), VendorRefused, "the code 0", ("failed", None, 0)),
    "no code": (jcsk(code=...), VendorBroken, "code is missing", ("ready", None, 0)),
    "another code": (jcsk(code="9999", msg="测试拒绝", content=""), VendorRefused, "the code 9999: 测试拒绝", ("failed", None, 0)),
    "HTTP 200 with code 500": (jcsk(code=500, content=None), VendorRefused, "the code 500", ("failed", None, 0)),
    "content is empty": (jcsk(content=""), None, "", ("empty", None, 0)),
    "content is null": (jcsk(content=None), None, "", ("empty", None, 0)),
    "content is an object": (jcsk(content={"count": 1}), VendorBroken, "content is not text", ("ready", None, 0)),
    "content is the text null": (jcsk(content=b64(b"null")), None, "", ("empty", None, 0)),
    "a web page": (HTML, VendorBroken, "a web page instead of JSON", ("ready", None, 0)),
    "a redirect": (Response(status=302, headers={"location": "https://elsewhere.invalid"}, body=b""), VendorBroken, "HTTP 302", ("ready", None, 0)),
}  # fmt: skip


@pytest.mark.parametrize("how", JCSK)
def test_e24_an_answer_of_jcsk_is_a_success_only_with_its_one_code(sqlite_golden: Golden, how: str) -> None:
    body, kind, said, slice_ = JCSK[how]
    error = sqlite_golden.sync({"11": [body]})
    assert type(error) is (kind or type(None))
    assert said in str(error or "")
    assert sqlite_golden.rows("slice", "state", "expected", "loaded") == [slice_]
    if slice_[0] == "empty":
        assert sqlite_golden.rows("slice", "vendor_message") == ["the vendor gives no count; read to its end"]
