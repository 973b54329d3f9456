"""How a page becomes ``content``: Base64 in its forms, ZIP, and everything that is not what it should be."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
from functools import lru_cache

import msgspec

__all__ = ["archived", "in_base64", "spoilt"]

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_BOMB_MEBIBYTES = 64
ENCODE = msgspec.json.Encoder(decimal_format="number").encode


def in_base64(data: bytes, encoding: str) -> str:
    """``mime`` breaks lines after 76 characters as sun.misc.BASE64Encoder does."""
    if encoding == "mime":
        return base64.encodebytes(data).decode().replace("\n", "\r\n")
    if encoding == "url_safe":
        return base64.urlsafe_b64encode(data).decode()
    text = base64.standard_b64encode(data).decode()
    return text.rstrip("=") if encoding == "unpadded" else text


def archived(*entries: tuple[str, bytes]) -> bytes:
    """A ZIP archive; the same entries are the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return buffer.getvalue()


def spoilt(page: bytes, kind: str) -> str:
    """``content`` for a :class:`~fapiao_jcsk.simulator.scenario.Payload`."""
    if kind == "not_base64":
        return "这不是Base64!"
    if kind == "empty":
        return ""
    return in_base64(_spoilt(page, kind), "mime")


def _spoilt(page: bytes, kind: str) -> bytes:
    if kind in ("bomb", "lying_bomb"):
        return _bomb(lying=kind == "lying_bomb")
    if kind == "several_entries":
        return archived(("page/", b""), ("readme.txt", "说明".encode()), ("page/page.json", page))
    if kind == "many_entries":
        return archived(*((f"{number}.json", b"{}") for number in range(10_000)))
    if kind == "traversal":
        return archived(("../../page.json", page))
    plain = {
        "not_json": "系统繁忙，请稍后再试".encode(),
        "web_page": "<!DOCTYPE html><html><body>系统维护中</body></html>".encode(),
        "gbk": '{"InvoiceList":[],"msg":"测试"}'.encode("gbk"),
        "cut_json": page[: len(page) // 2],
        "array": b"[1,2,3]",
    }
    if kind in plain:
        return plain[kind]
    data = bytearray(archived(("0", page)))
    if kind == "truncated_archive":
        return bytes(data[: len(data) * 2 // 3])
    if kind == "damaged_archive":
        middle = 31 + (data.find(b"PK\x01\x02") - 31) // 2
        data[middle] ^= 0xFF
        return bytes(data)
    # encrypted: the flag in both headers
    data[6] |= 1
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@lru_cache(maxsize=2)
def _bomb(*, lying: bool) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("0", "w") as entry,
    ):
        for _ in range(_BOMB_MEBIBYTES):
            entry.write(b" " * (1 << 20))
    data = bytearray(buffer.getvalue())
    if lying:
        data[22:26] = data[(central := data.rfind(b"PK\x01\x02")) + 24 : central + 28] = struct.pack("<I", 4096)
    return bytes(data)
