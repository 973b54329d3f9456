"""The content of an answer: every form of Base64 and ZIP that is met, and every archive that is refused."""

from __future__ import annotations

import base64
import io
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fapiao.errors import VendorBroken
from fapiao_jcsk.payload import Limits, read_content

JSON = '{"count":0,"InvoiceList":[],"名":"甲乙丙测试有限公司?>~~"}'.encode()
VALUE = {"count": 0, "InvoiceList": [], "名": "甲乙丙测试有限公司?>~~"}
VECTOR = (
    "UEsDBBQAAAAIAAAAIVDNrrhPHAAAABwAAAABAAAAMKtWSs4vzStRsjLQUfLMK8vPTE71ySwG8qNjawFQSwECFAMUAAAACAAAACFQza64TxwAAAAcAAAA"
    "AQAAAAAAAAAAAAAAgAEAAAAAMFBLBQYAAAAAAQABAC8AAAA7AAAAAAA="
)
Archive = Callable[..., bytes]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_vector_of_a_compressed_answer_is_read() -> None:
    assert read_content(VECTOR, Limits()) == {"count": 0, "InvoiceList": []}


@pytest.mark.parametrize(
    "text",
    [
        b64(JSON),
        base64.encodebytes(JSON).decode(),
        "\r\n".join(b64(JSON)[at : at + 20] for at in range(0, 200, 20)),
        f"\n {b64(JSON)}\t\r\n",
        base64.urlsafe_b64encode(JSON).decode(),
        b64(JSON).rstrip("="),
        base64.urlsafe_b64encode(JSON).decode().rstrip("="),
        b64(b"\xef\xbb\xbf" + JSON),
    ],
    ids=["plain", "mime", "crlf", "blanks", "url-safe", "no padding", "url-safe without padding", "byte order mark"],
)
def test_base64_is_read_in_every_form(text: str) -> None:
    assert read_content(text, Limits()) == VALUE


@pytest.mark.parametrize("content", [None, "", " \r\n", b64(b"  \n"), b64(b"null")])
def test_empty_content_is_nothing(content: str | None) -> None:
    assert read_content(content, Limits()) is None


def test_numbers_stay_exact() -> None:
    assert read_content(b64(b"[24990000000000000001, 0.10]"), Limits()) == [24990000000000000001, Decimal("0.10")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_is_read_whether_it_was_asked_for_or_not(archive: Archive, method: int) -> None:
    assert read_content(b64(archive(("0", JSON), method=method)), Limits()) == VALUE


def test_an_archive_written_as_a_stream_is_read() -> None:
    class Stream(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override] # the narrower type is all that zipfile writes
            self.data += bytes(data)
            return len(data)

    stream = Stream()  # cannot seek: sizes follow the data, as java.util.zip writes them
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("data.json", JSON)
    assert read_content(b64(stream.data), Limits()) == VALUE


def test_the_first_json_of_several_entries_is_read(archive: Archive) -> None:
    data = archive(("folder/", b""), ("readme.txt", b"see the other file"), ("a.json", JSON), ("b.json", b"[1]"))
    assert read_content(b64(data), Limits()) == VALUE


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not base64 at all!", "not Base64"),
        ("甲乙", "not Base64"),
        ("A", "not Base64"),
        (b64(b"<html><body>502</body></html>"), "a web page instead of JSON"),
        (b64(b'{"count": 1, "Invo'), "not whole JSON"),
        (b64('{"a":"甲乙"}'.encode("gbk")), "not UTF-8 text"),
        (b64(b"[" * 100_000), "not whole JSON"),
        (b64(b"hello"), "not whole JSON"),
    ],
)
def test_what_is_not_json_is_named(content: str, said: str) -> None:
    with pytest.raises(VendorBroken, match=said):
        read_content(content, Limits())


@pytest.mark.parametrize("content", [5, True, ["x"], {"a": 1}])
def test_content_that_is_not_text_is_refused(content: object) -> None:
    with pytest.raises(VendorBroken, match="content is not text"):
        read_content(content, Limits())


@pytest.mark.parametrize(
    "name",
    [
        "../data.json",
        "a/../../b",
        "/etc/passwd",
        "..\\data.json",
        "C:\\data.json",
        "\\\\server\\x",
        "a\x00.json",
        "..",
        "a\n",
    ],
)
def test_an_entry_name_that_leads_away_refuses_the_whole_archive(archive: Archive, name: str) -> None:
    placeholder = "P" * len(name)  # writers clean names; only a forger writes them so
    data = archive(("good.json", JSON), (placeholder, b"{}")).replace(placeholder.encode(), name.encode())
    with pytest.raises(VendorBroken, match="leads out of its directory"):
        read_content(b64(data), Limits())


def test_an_encrypted_archive_is_refused(archive: Archive) -> None:
    data = bytearray(archive(("0", JSON)))
    central = data.rfind(b"PK\x01\x02")
    data[central + 8] |= 1
    with pytest.raises(VendorBroken, match="encrypted"):
        read_content(b64(bytes(data)), Limits())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_compression_method_is_refused(archive: Archive, method: int) -> None:
    with pytest.raises(VendorBroken, match="compression method"):
        read_content(b64(archive(("0", JSON), method=method)), Limits())


def test_a_truncated_archive_is_refused_wherever_it_ends(archive: Archive) -> None:
    whole = archive(("0", JSON * 20))
    for length in range(4, len(whole)):
        with pytest.raises(VendorBroken, match=r"truncated|damaged"):
            read_content(b64(whole[:length]), Limits())


def test_a_damaged_archive_is_refused(archive: Archive) -> None:
    whole = bytearray(archive(("0", os.urandom(400)), method=zipfile.ZIP_STORED))
    whole[60] ^= 0xFF
    with pytest.raises(VendorBroken, match="damaged"):
        read_content(b64(bytes(whole)), Limits())


def test_an_archive_without_json_is_refused(archive: Archive) -> None:
    for data in (archive(), archive(("readme.txt", b"text")), archive(("folder/", b""))):
        with pytest.raises(VendorBroken, match="holds no JSON"):
            read_content(b64(data), Limits())


def test_an_archive_with_too_many_entries_is_refused_before_its_directory_is_read(archive: Archive) -> None:
    data = archive(*((str(number), b"{}") for number in range(60_000)))
    text = b64(data)
    tracemalloc.start()
    with pytest.raises(VendorBroken, match="60000 entries"):
        read_content(text, Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * len(text)


def test_a_lying_entry_count_does_not_help(archive: Archive) -> None:
    data = bytearray(archive(*((str(number), b"{}") for number in range(5_000))))
    end = data.rfind(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    with pytest.raises(VendorBroken, match="1 entries in a directory of"):
        read_content(b64(bytes(data)), Limits())


def test_the_zip64_format_is_refused(archive: Archive) -> None:
    data = archive(("0", JSON))
    end = data.rfind(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(VendorBroken, match="ZIP64"):
        read_content(b64(data[:end] + locator + data[end:]), Limits())


def test_a_bomb_of_a_thousand_to_one_is_refused_within_little_memory() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("0", "w") as entry:
        for _ in range(300):
            entry.write(b" " * (1 << 20))
    text = b64(buffer.getvalue())
    assert 1000 * len(buffer.getvalue()) < 300 * (1 << 20)
    tracemalloc.start()
    with pytest.raises(VendorBroken, match="larger than"):
        read_content(text, Limits(ratio=1100))
    with pytest.raises(VendorBroken, match="zip bomb"):
        read_content(text, Limits(inflated=1 << 30))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * (1 << 20)


def test_a_bomb_that_lies_about_its_size_is_refused_within_little_memory() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("0", "w") as entry:
        for _ in range(100):
            entry.write(b" " * (1 << 20))
    data = bytearray(buffer.getvalue())
    central = data.rfind(b"PK\x01\x02")
    data[central + 24 : central + 28] = struct.pack("<I", 100)
    tracemalloc.start()
    with pytest.raises(VendorBroken):
        read_content(b64(bytes(data)), Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * (1 << 20)


def test_a_page_larger_than_the_limit_is_refused_plain_and_compressed(archive: Archive) -> None:
    large = b'["' + os.urandom(3000).hex().encode() + b'"]'
    for data in (large, archive(("0", large)), archive(("0", large), method=zipfile.ZIP_STORED)):
        with pytest.raises(VendorBroken, match="larger than 5000 bytes"):
            read_content(b64(data), Limits(inflated=5000))
        assert read_content(b64(data), Limits(inflated=6100)) == [large[2:-2].decode()]


def test_several_entries_share_one_limit(archive: Archive) -> None:
    noise = os.urandom(2000).hex().encode()
    with pytest.raises(VendorBroken, match="larger than 10000 bytes"):
        read_content(
            b64(archive(*((str(number), noise) for number in range(3)), ("d.json", JSON))), Limits(inflated=10_000)
        )


@given(some.binary(max_size=300))
def test_no_bytes_raise_anything_but_vendor_broken(data: bytes) -> None:
    for text in (b64(data), b64(b"PK\x03\x04" + data), b64(b"PK\x05\x06" + data), data.decode("latin-1")):
        try:
            read_content(text, Limits())
        except VendorBroken:
            continue
