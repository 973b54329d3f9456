"""Amounts of money, quantities and unit prices: exact decimals, never a binary float.

Decoders hand JSON numbers over as ``int`` or ``Decimal``; vendors also send text with separators, currency signs and
accountants' brackets.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import is_blank

__all__ = ["ZERO", "money", "quantity", "without_tax"]

ZERO = Decimal("0.00")
_CENT = Decimal("0.01")
_ATOM = Decimal(1).scaleb(-18)
_ONE = Decimal(1)
_EXACT = Context(prec=60, traps=[])
"""Enough digits for any quantisation below; failures become NaN instead of exceptions."""
_NOT_PLAUSIBLE = Decimal(10) ** 13
"""No invoice is larger. One amount of more digits would make every sum it is in overflow NUMERIC(18,2), its page's first."""
_TOO_LONG = Decimal(10) ** 20

_PLAIN = re.compile(r"-?\d{1,15}(?:\.\d{1,2})?").fullmatch
_STORABLE = re.compile(r"\d{1,20}(?:\.\d{1,18})?").fullmatch
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<digits>\d{1,3}(?:,\d{3})+|\d+)?(?P<decimals>\.\d*)?(?P<exponent>[eE][+-]?\d{1,3})?"
).fullmatch
_DECORATION = re.compile(r"(?:CNY|RMB|[￥¥元])", re.IGNORECASE)
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-", "，": ","})


def money(raw: Any, problems: Problems, field: str) -> Decimal | None:
    """An amount in CNY with exactly two decimals; None where nothing is stated or nothing can be read (A8).

    Reads 792.92, "792.92", "1,234.50", "￥100.00", " 12.30 ", "(5.00)" = -5.00, "1E+3", "-0.00" = 0.00. Non-zero
    digits beyond the cent are rounded half up and reported (A6), an amount beyond 10¹³ is left empty and reported (A6);
    a float is the plugin's fault (V1).
    """
    kind = type(raw)
    if kind is str:
        if _PLAIN(raw):
            value = Decimal(raw)
        else:
            parsed = _parse(raw)
            if parsed is None:
                if not is_blank(raw) and raw.strip().strip("*＊"):  # "***": exempt lines print their tax so
                    problems.add("A8", field)
                return None
            value = parsed
    elif kind is Decimal:
        value = raw
    elif kind is int:
        value = Decimal(raw)
    else:
        _no_number(raw, problems, field, "A8")
        return None
    if not value.is_finite():
        problems.add("A8", field)
        return None
    if not -_NOT_PLAUSIBLE <= value <= _NOT_PLAUSIBLE:
        problems.add("A6", field, "The amount is larger than 10,000,000,000,000.00 and was left empty.")
        return None
    cents: Decimal = value.quantize(_CENT, ROUND_HALF_UP, _EXACT)
    if cents != value:
        problems.add("A6", field, "The amount has digits beyond the cent; it was rounded half up.")
    return cents or ZERO  # also for "-0.00"


def quantity(raw: Any, problems: Problems, field: str) -> tuple[Decimal | None, str | None]:
    """A quantity or unit price: the exact number and the text as printed.

    The number has at most 20 integer and 18 decimal digits. A longer fraction is rounded half up, a longer integer
    gives None; both are reported (Q1) and the text keeps every digit.
    """
    kind = type(raw)
    if kind is str:
        if _STORABLE(raw):
            return Decimal(raw), raw
        text = raw.strip()
        value = _parse(text)
        if value is None:
            if is_blank(text):
                return None, None
            problems.add("Q2", field)
            return None, text
    elif kind is int:
        value = Decimal(raw)
        text = str(value)
    elif kind is Decimal:
        value = raw
        text = format(raw, "f") if raw.is_finite() and -40 < raw.adjusted() < 40 else str(raw)
    else:
        _no_number(raw, problems, field, "Q2")
        return None, None
    return _storable(value, problems, field), text


def _storable(value: Decimal, problems: Problems, field: str) -> Decimal | None:
    if not value.is_finite():
        problems.add("Q2", field)
        return None
    if not -_TOO_LONG < value < _TOO_LONG:
        problems.add("Q1", field)
        return None
    exponent: int = value.as_tuple().exponent  # type: ignore[assignment]  # "n", "N", "F" only for what is not finite
    if exponent > 0:
        return value.quantize(_ONE, context=_EXACT)
    if exponent >= -18:
        return value or value.copy_abs()
    atoms: Decimal = value.quantize(_ATOM, ROUND_HALF_UP, _EXACT)
    if atoms != value:
        problems.add("Q1", field)
    return atoms


def without_tax(stated: Decimal | None, tax: Decimal | None, with_tax: Decimal | None) -> tuple[Decimal | None, bool]:
    """The amount without tax where a vendor's "total" may be either: (amount, known), decided by arithmetic alone.

    (100, 6, 106) and (106, 6, 106) both give (100, True). A sum that fits neither reading gives (stated, False).
    """
    if stated is None or tax is None or with_tax is None:
        return stated, stated is None or tax == 0
    if abs(stated + tax - with_tax) <= _CENT:
        return stated, True
    if abs(stated - with_tax) <= _CENT:
        return with_tax - tax, True
    return stated, False


def _parse(raw: str) -> Decimal | None:
    """Any written form of a decimal number, or None."""
    text = unicodedata.normalize("NFKC", raw).translate(_MINUS)
    text = "".join(_DECORATION.sub("", text).split())
    negative = text.startswith("(") and text.endswith(")")
    if negative:
        text = text[1:-1]
    match = _NUMBER(text)
    if match is None or not (match["digits"] or len(match["decimals"] or "") > 1):
        return None
    value = Decimal(text.replace(",", ""))
    return value.copy_negate() if negative else value


def _no_number(raw: Any, problems: Problems, field: str, rule: str) -> None:
    if type(raw) is float:
        problems.add("V1", field)
    elif not is_blank(raw):
        problems.add(rule, field)
