"""For plugins: the odd kinds in which vendors' JSON says simple things, read without guessing.

A vendor's types are not contracts: a code comes as text or number, a truth as boolean or text, a count in
quotes; and a name that was cut in the middle of a rare character makes JSON that is none. Nothing here puts a
value into an error's text: it may be personal data.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fapiao.errors import VendorBroken

__all__ = ["code_text", "count", "decode", "kind_of", "one_line", "truth"]

T = TypeVar("T")

Broken = Callable[[str], VendorBroken]
"""The plugin's own error for an answer that is not as documented; it is told what is wrong."""

_LONGEST_MESSAGE = 200
_LONGEST_CODE = 64
_LARGEST_COUNT = 10**12


_JSON: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_ONE_HALF = 6
"""Bytes of an escape that is half a character: a backslash, ``u``, four digits."""
_CONTROL_TO_BLANK = bytes(max(byte, 32) for byte in range(256))


def decode(data: bytes, decoder: msgspec.json.Decoder[T] = _JSON) -> T:
    """Vendors' JSON: floats as Decimal, integers exact however long.

    Two faults of vendors' writers are forgiven, because a single name would make a whole page unreadable for ever: half
    of a character beyond the basic plane (a text cut between the two UTF-16 units of a rare Han character or emoji)
    becomes U+FFFD, and a raw control character (tab, line break) within a text a blank.

    :raises msgspec.DecodeError: it is not JSON, or (``ValidationError``) not of the decoder's type.
    :raises UnicodeDecodeError: it is not UTF-8.
    """
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = _ESCAPE.sub(_whole, data.translate(_CONTROL_TO_BLANK))
        if mended == data:
            raise
    return decoder.decode(mended)


def _whole(escape: re.Match[bytes]) -> bytes:
    text = escape.group()
    return rb"\ufffd" if len(text) == _ONE_HALF else text


def kind_of(value: Any) -> str:
    """What JSON calls the kind of a value, for error texts."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "text" if value.strip() else "empty text"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a number"


def one_line(message: Any) -> str:
    """A vendor's message as one short line; empty where it is no text."""
    text = " ".join(message.split()) if isinstance(message, str) else ""
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"


def code_text(code: str | int | None) -> str:
    """A code as text; empty where there is none."""
    return "" if code is None else str(code).strip()[:_LONGEST_CODE]


def truth(value: Any) -> bool | None:
    """A truth as boolean, number, or text in either; None where it says neither."""
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower())
    return None if value is None else bool(value)


def count(value: Any, name: str, broken: Broken) -> int | None:
    """A count, as number or text; None where there is none.

    :param name: the field's path, for the error.
    :raises VendorBroken: something that is no count.
    """
    if isinstance(value, str):
        value = value.strip() or None
    if value is None:
        return None
    if isinstance(value, str):
        whole = value.isascii() and value.isdigit() and len(value) <= len(str(_LARGEST_COUNT))
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        whole = 0 <= value <= _LARGEST_COUNT and value == int(value)
    else:
        whole = False
    if not whole:
        raise broken(f"{name} is {kind_of(value)} that is not a count")
    return int(value)
