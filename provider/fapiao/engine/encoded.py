"""Texts that hold JSON: as it is, in Base64, compressed. Masking, comparing and withholding have to look into them."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.answers import decode

__all__ = ["BYTE_ORDER_MARK", "DECODER", "ENCODER", "Opened", "Unpacked", "opened", "seen_through", "unpacked"]

LARGEST = 64 * 1024 * 1024
"""Bytes that one text may become."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}\s*\Z")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
"""For what is our own; vendors' answers are read by :func:`fapiao.answers.decode`."""
ENCODER = msgspec.json.Encoder(decimal_format="number")


class Opened(msgspec.Struct, frozen=True):
    """What is inside of a text, and how to put something else there."""

    value: Any
    seal: Callable[[Any], str]


class Unpacked(msgspec.Struct, frozen=True):
    """The bytes inside of a text, which begin like a JSON object or list, and how to put others there."""

    data: bytes
    pack: Callable[[bytes], str]


def unpacked(text: str) -> Unpacked | None:
    """What the text holds, not yet decoded; None where it holds no JSON that could be found."""
    plain = text.strip()
    if plain[:1] in ("{", "["):
        return Unpacked(plain.encode("utf-8", "surrogatepass"), bytes.decode)
    if len(plain) < 16 or not _BASE64.match(plain):
        return None
    try:
        packed = "".join(plain.split()).encode().translate(_URL_SAFE)
        data = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    for unpack, pack in _CONTAINERS:
        try:
            inside = unpack(data).removeprefix(BYTE_ORDER_MARK)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, LookupError, RuntimeError):
            continue
        if inside.lstrip()[:1] in (b"{", b"["):
            return Unpacked(inside, lambda data, pack=pack: base64.b64encode(pack(data)).decode())  # type: ignore[misc]  # mypy does not infer a lambda's default
    return None


def opened(text: str) -> Opened | None:
    """The JSON object or list that the text holds, None where it holds none that could be found."""
    inside = unpacked(text)
    value = None if inside is None else _json(inside.data)
    if inside is None or value is None:
        return None
    return Opened(value, lambda value: inside.pack(ENCODER.encode(value)))


def seen_through(value: Any) -> Any:
    """The value with every text that holds JSON as what it holds: equal however it was written."""
    if isinstance(value, str):
        found = opened(value)
        return value if found is None else seen_through(found.value)
    if isinstance(value, dict):
        return {name: seen_through(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [seen_through(part) for part in value]
    return value


def _json(data: bytes) -> Any:
    try:
        value: Any = decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _unzip(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first = archive.infolist()[0]
        if first.file_size > LARGEST:
            raise ValueError("too large")
        return archive.read(first)


def _zip(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed time: the same content is the same file.
        archive.writestr(zipfile.ZipInfo("0", (2000, 1, 1, 0, 0, 0)), data)
    return held.getvalue()


def _inflate(data: bytes) -> bytes:
    machine = zlib.decompressobj()
    return machine.decompress(data, LARGEST)


def _gunzip(data: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        return file.read(LARGEST)


_CONTAINERS: tuple[tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]], ...] = (
    (lambda data: data, lambda data: data),
    (_unzip, _zip),
    (_gunzip, lambda data: gzip.compress(data, mtime=0)),
    (_inflate, zlib.compress),
)
