"""The envelope around every answer: ``{reqId, code, success, message, data}``; customizedCheck shows ``{data, success}`` only.

The vendor's types are not contracts: ``code`` comes as text or number, ``success`` as boolean or text. What is not as
documented is :class:`~fapiao.errors.VendorBroken`, which names the missing part.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from fapiao.answers import code_text, kind_of, one_line, truth
from fapiao.errors import VendorBroken
from fapiao.wire import Response

__all__ = ["Envelope", "broken", "exact_text", "outline", "read"]


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
    return Envelope(code_text(answer.code), truth(answer.success), one_line(answer.message))


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
        code_text(code),
        truth(document.get("success")),
        one_line(document.get("message")),
        exact_text(document.get("reqId")),
        document.get("data"),
    )


def broken(what: str) -> VendorBroken:
    """An answer that is not what the document promises; ``what`` names the part."""
    return VendorBroken(f"qixiangyun's answer is not as documented: {what}.")


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
