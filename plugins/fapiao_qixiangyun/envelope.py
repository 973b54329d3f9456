"""The envelope around every answer: ``{reqId, code, success, message, data}``; customizedCheck shows ``{data, success}`` only.

The vendor's types are not contracts: ``code`` comes as text or number, ``success`` as boolean or text. What is not as
documented is :class:`~fapiao.errors.VendorBroken`, which names the missing part.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.errors import VendorBroken
from fapiao.wire import Response

__all__ = ["Envelope", "broken", "count", "exact_text", "kind_of", "outline", "read", "said"]

_LONGEST_MESSAGE = 200
_LONGEST_CODE = 64
_LARGEST_COUNT = 10**12


class Envelope(msgspec.Struct, frozen=True):
    """What an answer says about itself, and its content."""

    code: str
    """Empty where the vendor gave none."""
    success: bool | None
    message: str
    request_id: str | None = None
    data: Any = None


class _Answer(msgspec.Struct):
    code: str | int | None = None
    success: bool | str | int | None = None
    message: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_OUTLINE = msgspec.json.Decoder(_Answer)


def outline(response: Response) -> Envelope:
    """The envelope without its content: the rows of a page are stepped over, not built (``classify`` sees every answer).

    :raises VendorBroken: as :func:`read`.
    """
    try:
        answer = _OUTLINE.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read(response)
    return Envelope(_code(answer.code), _success(answer.success), said(answer.message))


def read(response: Response) -> Envelope:
    """The whole answer.

    :raises VendorBroken: not JSON, not an object, or a code of an impossible kind.
    """
    document = response.json()
    if not isinstance(document, dict):
        raise broken(f"the answer is {kind_of(document)} instead of an object")
    code = document.get("code")
    if isinstance(code, bool) or not isinstance(code, str | int | None):
        raise broken(f"code is {kind_of(code)} instead of text")
    return Envelope(
        _code(code),
        _success(document.get("success")),
        said(document.get("message")),
        exact_text(document.get("reqId")),
        document.get("data"),
    )


def broken(what: str) -> VendorBroken:
    """An answer that is not what the document promises; ``what`` names the part."""
    return VendorBroken(f"qixiangyun's answer is not as documented: {what}.")


def kind_of(value: Any) -> str:
    """What JSON calls the kind of a value, for error texts: never the value itself, it may be personal data."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "text" if value.strip() else "empty text"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else "a number"


def said(message: Any) -> str:
    """The vendor's message as one short line."""
    text = " ".join(message.split()) if isinstance(message, str) else ""
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"


def exact_text(value: Any) -> str | None:
    """An id as text, digit by digit: ids of 19 digits come as text or as JSON numbers. None where there is none.

    :raises VendorBroken: a number in exponents, whose last digits are lost.
    """
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return str(value) if value else None
    if isinstance(value, Decimal):
        digits, exponent = value.as_tuple()[1:]
        if value == value.to_integral_value() and isinstance(exponent, int) and -3 <= exponent <= 0 and digits != (0,):
            return str(int(value))
        raise broken("an id came as a rounded number, so its digits are lost")
    raise broken(f"an id is {kind_of(value)} instead of text")


def count(numbers: Mapping[str, Any], name: str) -> int | None:
    """A count of a page, as number or text; None where there is none.

    :raises VendorBroken: something that is no count.
    """
    value = numbers.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = value.strip()
        whole = value.isascii() and value.isdigit() and len(value) <= len(str(_LARGEST_COUNT))
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        whole = 0 <= value <= _LARGEST_COUNT and value == int(value)
    else:
        whole = False
    if not whole:
        raise broken(f"data.{name} is {kind_of(value)} that is not a count")
    return int(value)


def _code(code: str | int | None) -> str:
    return "" if code is None else str(code).strip()[:_LONGEST_CODE]


def _success(success: Any) -> bool | None:
    if isinstance(success, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(success.strip().lower())
    return None if success is None else bool(success)
