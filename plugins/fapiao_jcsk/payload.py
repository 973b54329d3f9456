"""The content of an answer: Base64 of JSON, or of a ZIP archive that holds it. Every size is bounded before memory is used.

The document (第6节) calls it decryption: Base64 with MIME line breaks, then, with ``iszip``, the first entry of a ZIP
stream. What comes is told by its first bytes, because an archive is not always sent where one was asked for. Nothing of an
archive is written anywhere; a name that leads out of a directory is refused all the same, for whoever makes such an
archive means harm.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zipfile
import zlib
from typing import Any

import msgspec

from fapiao.answers import decode
from fapiao.errors import VendorBroken

__all__ = ["Limits", "read_content"]

_MEBIBYTE = 1 << 20
_CHUNK = 1 << 16
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n\v\f"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ARCHIVE = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06")
_END = b"PK\x05\x06"
_END_SIZE = 22
_LONGEST_COMMENT = 0xFFFF
_LOCATOR_64 = b"PK\x06\x07"
_LOCATOR_64_SIZE = 20
_LARGEST_DIRECTORY_ENTRY = 1024
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one page may become."""

    inflated: int = 32 * _MEBIBYTE
    """Bytes of JSON after decoding and decompressing; 1,000 rows are about one MiB."""
    ratio: int = 200
    """Times an archive may grow; rows of invoices shrink to a tenth or less, and the first MiB is not counted."""
    entries: int = 16
    """Files in an archive; the vendor sends one."""


def read_content(content: Any, limits: Limits) -> Any:
    """The JSON value inside ``content``: floats as Decimal, integers exact. None where there is nothing.

    :raises VendorBroken: it is not Base64, the archive is damaged, encrypted, too large or malicious, or what is inside is
        not JSON. Nothing of it has been used.
    """
    if content is None:
        return None
    if not isinstance(content, str):
        raise _broken("content is not text")
    data = _decoded(content)
    if data.startswith(_ARCHIVE):
        data = _unzipped(data, limits)
    elif len(data) > limits.inflated:
        raise _too_large(limits)
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if not data.strip():
        return None
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _broken(f"the decoded content ({len(data)} bytes) is {_kind(data)}") from None


def _decoded(content: str) -> bytes:
    """Base64 in any of its forms: with MIME line breaks, URL-safe, without padding."""
    try:
        text = content.encode("ascii").translate(_URL_SAFE, _BLANKS).rstrip(b"=")
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise _broken(f"content ({len(content)} characters) is not Base64") from None


def _unzipped(data: bytes, limits: Limits) -> bytes:
    """The first entry that is JSON. ``zipfile`` sees the archive only after its directory has been found small."""
    _check_directory(data, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > limits.entries:
                raise _broken(f"the archive has {len(entries)} entries, more than {limits.entries}")
            for entry in entries:
                _check_entry(entry, limits)
            left = limits.inflated
            for entry in entries:
                if entry.is_dir():
                    continue
                text = _inflated(archive, entry, left, limits)
                if text.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1] in (b"{", b"["):
                    return text
                left -= len(text)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ):
        # What `zipfile` raises for damage; the texts may quote the entry's bytes, so they are not passed on.
        raise _broken("the archive is damaged: its directory, sizes or checksums contradict each other") from None
    raise _broken("the archive holds no JSON")


def _check_directory(data: bytes, limits: Limits) -> None:
    """``zipfile`` reads a directory whole, whatever its size: look at the end record first."""
    end = data.rfind(_END, max(0, len(data) - _END_SIZE - _LONGEST_COMMENT))
    if end < 0 or end + _END_SIZE > len(data):
        raise _broken("the archive is truncated: its end is missing")
    if data[max(0, end - _LOCATOR_64_SIZE) : end].startswith(_LOCATOR_64):
        raise _broken("the archive is in the ZIP64 format, which no page of rows needs")
    entries = int.from_bytes(data[end + 10 : end + 12], "little")
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    if entries > limits.entries or size > limits.entries * _LARGEST_DIRECTORY_ENTRY:
        raise _broken(f"the archive has {entries} entries in a directory of {size} bytes, more than {limits.entries}")


def _check_entry(entry: zipfile.ZipInfo, limits: Limits) -> None:
    # `filename` ends at the first NUL, `orig_filename` is what the archive says.
    name = entry.orig_filename
    parts = name.replace("\\", "/").split("/")
    if not name or name[0] in "/\\" or ".." in parts or ":" in name or not name.isprintable():
        raise _broken("the archive names an entry that leads out of its directory: it is refused whole")
    if entry.flag_bits & _ENCRYPTED:
        raise _broken("the archive is encrypted")
    if entry.compress_type not in _METHODS:
        raise _broken(f"the archive uses the compression method {entry.compress_type}; 0 and 8 are known")
    if entry.file_size > limits.inflated:
        raise _too_large(limits)
    # An entry that understates its size is cut there by `zipfile` and fails its checksum.
    if entry.file_size > max(_MEBIBYTE, entry.compress_size * limits.ratio):
        raise _bomb(limits)


def _inflated(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, left: int, limits: Limits) -> bytes:
    chunks: list[bytes] = []
    size = 0
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise _too_large(limits)
            chunks.append(chunk)
    return b"".join(chunks)


def _kind(data: bytes) -> str:
    head = data[:64].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        return "a web page instead of JSON"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8 text"
    return "not whole JSON (truncated, or another format)"


def _too_large(limits: Limits) -> VendorBroken:
    return _broken(
        f"the page is larger than {limits.inflated} bytes once it is decoded",
        "Ask for fewer rows per page (page_size), or raise max_inflated_bytes of the connection if the page is honest.",
    )


def _bomb(limits: Limits) -> VendorBroken:
    return _broken(
        f"the archive grows more than {limits.ratio} times: it is refused as a zip bomb",
        "Ask the vendor about it; raise max_inflation_ratio of the connection only if the page is honest.",
    )


def _broken(what: str, advice: str | None = None) -> VendorBroken:
    return VendorBroken(f"JCSK's answer cannot be read: {what}.", advice=advice)
