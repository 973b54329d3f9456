"""The envelope around every answer: ``{"uuid", "code", "msg", "sfjf", "jf_num", "content"}`` (返回数据格式)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from fapiao.answers import decode, kind_of
from fapiao.errors import VendorBroken
from fapiao.wire import Response

__all__ = ["OK_CODE", "Envelope", "Outline", "billed", "broken", "outline", "read"]

OK_CODE = "0000"
_LARGEST_BILL = 10**9


class Outline(msgspec.Struct, frozen=True):
    """What an answer says about itself; the content is stepped over, not built."""

    code: Any = None
    msg: Any = None


class Envelope(msgspec.Struct, frozen=True):
    """The parts of an answer that a page is made of; their kinds are not to be trusted."""

    sfjf: Any = None
    jf_num: Any = None
    content: Any = None


_OUTLINE = msgspec.json.Decoder(Outline, float_hook=Decimal)
_ENVELOPE = msgspec.json.Decoder(Envelope, float_hook=Decimal)


def outline(response: Response) -> Outline:
    """:raises VendorBroken: the answer is not a JSON object."""
    try:
        return decode(response.body, _OUTLINE)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(response) from None


def read(response: Response) -> Envelope:
    """:raises VendorBroken: the answer is not a JSON object."""
    try:
        return decode(response.body, _ENVELOPE)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable(response) from None


def billed(envelope: Envelope) -> int | None:
    """Units charged for the call: ``jf_num``, 0 where ``sfjf`` says N, None where the vendor says nothing.

    The document shows ``"sfjf": "Y", "jf_num": 1`` (是否计费, 计费数量) without explaining either. A charge of unknown size
    counts as one: it must not look free.
    """
    charged = envelope.sfjf.strip().upper() if isinstance(envelope.sfjf, str) else envelope.sfjf
    if charged in ("N", "0", 0):
        return 0
    units = envelope.jf_num
    if isinstance(units, str):
        units = units.strip()
        units = int(units) if units.isascii() and units.isdigit() and len(units) < 10 else None
    if isinstance(units, int | Decimal) and not isinstance(units, bool) and 0 <= units <= _LARGEST_BILL:
        return int(units)
    return 1 if charged in ("Y", "1", 1) else None


def broken(what: str) -> VendorBroken:
    """An answer that is not what the document promises; ``what`` names the part."""
    return VendorBroken(f"JCSK's answer is not as documented: {what}.")


def _unreadable(response: Response) -> VendorBroken:
    try:
        value = response.json()
    except VendorBroken as problem:
        return problem
    except RecursionError:
        return broken("it is nested too deeply")
    return broken(f"the answer is {kind_of(value)} instead of an object")
