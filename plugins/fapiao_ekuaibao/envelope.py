"""The envelope around every collection answer: ``{"value": {corpId, reqId, code, success, message, data}}``.

The vendor's types are not contracts: ``code`` comes as text or number, ``success`` as boolean or text. Everything else that
is not as documented is :class:`~fapiao.errors.VendorBroken`, which names the missing part.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fapiao.answers import code_text, kind_of, one_line, truth
from fapiao.errors import VendorBroken
from fapiao.wire import Response

__all__ = ["Envelope", "broken", "outline", "read"]


class Envelope(msgspec.Struct, frozen=True):
    """What an answer says about itself, and its content."""

    code: str
    """Empty where the vendor gave none."""
    success: bool | None
    message: str
    data: Any = None


class _Value(msgspec.Struct):
    code: str | int | None = None
    success: bool | str | int | None = None
    message: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Answer(msgspec.Struct):
    value: _Value


_OUTLINE = msgspec.json.Decoder(_Answer)


def outline(response: Response) -> Envelope:
    """The envelope without its content: a page's records are stepped over, not built (``classify`` sees every answer).

    :raises VendorBroken: as :func:`read`.
    """
    try:
        response.body.decode()  # what is stepped over is not looked at otherwise: a page in GBK would pass
        value = _OUTLINE.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return read(response)
    inner = value.value
    return Envelope(code_text(inner.code), truth(inner.success), one_line(inner.message))


def read(response: Response) -> Envelope:
    """The whole answer.

    :raises VendorBroken: not JSON, no ``value`` object, or parts of it of an impossible kind.
    """
    document = response.json()
    if not isinstance(document, dict):
        raise broken(f"the answer is {kind_of(document)} instead of an object")
    value = document.get("value")
    if not isinstance(value, dict):
        message = one_line(document.get("errorMessage") or document.get("message"))
        raise broken(f"value is {kind_of(value)} instead of an object" + (f" ({message})" if message else ""))
    code = value.get("code")
    if isinstance(code, bool) or not isinstance(code, str | int | None):
        raise broken(f"value.code is {kind_of(code)} instead of text")
    return Envelope(code_text(code), truth(value.get("success")), one_line(value.get("message")), value.get("data"))


def broken(what: str) -> VendorBroken:
    """An answer that is not what the document promises; ``what`` names the part."""
    return VendorBroken(f"ekuaibao's answer is not as documented: {what}.")
