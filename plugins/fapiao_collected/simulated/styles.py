"""How one row is written: the vendor's types are not contracts, so the simulator varies them, the same way every time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

__all__ = ["Style", "rate_text"]

_TEN_MILLION = 10**7


class Style(msgspec.Struct, frozen=True, gc=False):
    """The choices for one row, drawn from its words."""

    nothing: int
    """An unknown value is 0 an empty text, 1 null, 2 left out."""
    money: int
    """0 as Java prints a double (896.0, 1.23E7), 1 with two decimals, 2 whole where it can be, 3 as text."""
    date: int
    """0 ``yyyy-MM-dd HH:mm:ss``, 1 ``yyyy-MM-dd``, 2 ``yyyyMMdd``, 3 ``yyyyMMddHHmmss``."""
    rates: int
    """0 a number, 1 the number as text, 2 percent text."""
    quantity_number: bool
    """Quantity and price as numbers instead of texts."""
    number_as_int: bool
    """``fphm`` as a JSON number, which costs an 8-digit one its leading zeros."""
    code_as_int: bool
    """``fpztDm`` as a number, ``kpyf`` as text."""
    line_number: int
    """``mxxh`` 0 a number, 1 a text, 2 left out."""
    damage: int
    """Names: 0 clean, 1 with spaces around, 2 with invisible characters, 3 with HTML entities."""
    undocumented: bool
    """A field that no document names."""
    state_shown: bool
    """Tickets: the document's example has ``fpztDm``, not every answer does."""
    old_red: bool
    """已红冲 (3) instead of 全额红冲 (8)."""

    @classmethod
    def plain(cls) -> Style:
        """As the document's examples are written."""
        return _PLAIN

    @classmethod
    def drawn(cls, words: tuple[int, ...]) -> Style:
        a, b, c = words[0], words[1], words[2]
        return cls(
            (0, 0, 0, 0, 0, 1, 1, 2)[a & 7],
            (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3)[a >> 3 & 15],
            (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3)[a >> 7 & 15],
            (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2)[a >> 11 & 15],
            a >> 15 & 15 == 0,
            a >> 19 & 63 == 0,
            a >> 25 & 15 == 0,
            (0, 0, 0, 0, 0, 0, 1, 2)[b & 7],
            (b >> 3 & 31) if b >> 3 & 31 < 4 else 0,
            b >> 8 & 63 == 0,
            bool(b >> 14 & 1),
            bool(c & 1),
        )

    def amount(self, value: Decimal | None) -> Any:
        """An amount as JSON: a number, seldom a text."""
        if value is None:
            return None
        style = self.money
        if style == 0:
            text = str(value)
            if abs(value) >= _TEN_MILLION:
                return msgspec.Raw(_java(value).encode())
            return msgspec.Raw((text.removesuffix("0")).encode())
        if style == 1:
            return value
        if style == 2:
            whole = int(value)
            return whole if whole == value else value
        return str(value)

    def rate(self, value: Decimal | None, printed: str | None) -> Any:
        """A rate as JSON: a fraction or its text, or a word (免税, 不征税, ``***``)."""
        if printed is not None:
            return printed
        if value is None:
            return None
        return rate_text(self, value, None) if value and self.rates else value

    def quantity(self, value: Decimal | None, text: str | None) -> Any:
        return text if value is None or not self.quantity_number else msgspec.Raw(str(text).encode())

    def name(self, text: str | None) -> str | None:
        if text is None or not self.damage:
            return text
        if self.damage == 1:
            return f"  {text}\u00a0"
        if self.damage == 2:
            return f"\u200b{text[:1]}\u200c{text[1:]}\ufeff"
        return text.replace("&", "&amp;").replace("(", "&#40;")


_PLAIN = Style(0, 0, 0, 0, False, False, False, 0, 0, False, True, False)


def rate_text(style: Style, value: Decimal | None, printed: str | None) -> str | None:
    """The rate's text as a reader sees it."""
    if printed is not None or value is None:
        return printed
    if value and style.rates == 2:
        return f"{(value * 100).normalize():f}%"
    return str(value)


def _java(value: Decimal) -> str:
    """``Double.toString`` of an amount of ten million or more: 1.23456789E7."""
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    power = len(text) - 1 + int(exponent)
    text = text.rstrip("0")
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"
