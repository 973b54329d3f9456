"""For plugins: the odd kinds in which vendors' JSON says simple things, read without guessing.

A vendor's types are not contracts: a code comes as text or number, a truth as boolean or text, a count in
quotes. Nothing here puts a value into an error's text: it may be personal data.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fapiao.errors import VendorBroken

__all__ = ["code_text", "count", "kind_of", "one_line", "truth"]

Broken = Callable[[str], VendorBroken]
"""The plugin's own error for an answer that is not as documented; it is told what is wrong."""

_LONGEST_MESSAGE = 200
_LONGEST_CODE = 64
_LARGEST_COUNT = 10**12


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
