"""Tax rates (税率, 征收率) in every form vendors print them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from fapiao.invoices.model import Line
from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import is_blank

__all__ = ["FRACTION", "MISSING_RATE", "PERCENT", "Rate", "RateKind", "head_rate", "is_known", "rate", "was_in_force"]

FRACTION = "fraction"
"""The interface documents 13 % as ``0.13``."""
PERCENT = "percent"
"""The interface documents 13 % as ``13``."""


class RateKind:
    """What a rate text means. Only ``normal`` rates multiply an amount into a tax."""

    NORMAL = "normal"
    EXEMPT = "exempt"
    """免税, rate 0."""
    NOT_TAXED = "not_taxed"
    """不征税, rate 0."""
    ZERO = "zero"
    """普通零税率, rate 0."""
    EXPORT_ZERO = "export_zero"
    """出口零税率 / 出口退税, rate 0."""
    MASKED = "masked"
    """Printed as ``***``: the seller's margin is taxed (差额征税), or several rates are hidden."""
    MIXED = "mixed"
    """A head over lines of different rates."""
    MISSING = "missing"


class Rate(NamedTuple):
    """A rate: the fraction (0.13), the text as it came, one of :class:`RateKind`."""

    value: Decimal | None
    text: str | None
    kind: str


MISSING_RATE = Rate(None, None, RateKind.MISSING)

_NIL = Decimal(0)
_WORDS = {
    "免税": RateKind.EXEMPT,
    "免征": RateKind.EXEMPT,
    "不征税": RateKind.NOT_TAXED,
    "不征增值税": RateKind.NOT_TAXED,
    "零税率": RateKind.ZERO,
    "普通零税率": RateKind.ZERO,
    "出口零税率": RateKind.EXPORT_ZERO,
    "出口退税": RateKind.EXPORT_ZERO,
}
_EVER, _STILL = date.min, date.max
_IN_FORCE: dict[Decimal, tuple[tuple[date, date], ...]] = {
    # 财税〔2018〕32号, 公告2019年第39号: 17 → 16 → 13 and 11 → 10 → 9; 财税〔2017〕37号: the old 13 merged into 11.
    Decimal("0.17"): ((_EVER, date(2018, 4, 30)),),
    Decimal("0.16"): ((date(2018, 5, 1), date(2019, 3, 31)),),
    Decimal("0.13"): ((_EVER, date(2017, 6, 30)), (date(2019, 4, 1), _STILL)),
    Decimal("0.11"): ((date(2012, 1, 1), date(2018, 4, 30)),),
    Decimal("0.1"): ((date(2018, 5, 1), date(2019, 3, 31)),),
    Decimal("0.09"): ((date(2019, 4, 1), _STILL),),
    Decimal("0.06"): ((_EVER, _STILL),),
    # Levy rates (征收率): 4 % ended with 财税〔2014〕57号; 1 % and 0.5 % are relief since 2020.
    Decimal("0.05"): ((date(2016, 5, 1), _STILL),),
    Decimal("0.04"): ((_EVER, date(2014, 6, 30)),),
    Decimal("0.03"): ((_EVER, _STILL),),
    Decimal("0.02"): ((_EVER, _STILL),),
    Decimal("0.015"): ((date(2016, 5, 1), _STILL),),
    Decimal("0.01"): ((date(2020, 3, 1), _STILL),),
    Decimal("0.005"): ((date(2020, 5, 1), _STILL),),
    _NIL: ((_EVER, _STILL),),
}


def is_known(value: Decimal) -> bool:
    """Whether the law knows, or knew, this rate (a fraction)."""
    return value in _IN_FORCE


def was_in_force(value: Decimal, on: date) -> bool:
    """Whether a known rate was in force on a day; unknown rates never were."""
    return any(first <= on <= last for first, last in _IN_FORCE.get(value, ()))


def rate(raw: Any, problems: Problems, field: str, unit: str) -> Rate:
    """A rate in the unit that the interface documents (:data:`FRACTION` or :data:`PERCENT`).

    Reads 0.13, "13", "13%", "１３％", 免税, 不征税, ``***`` and the zero rates. A number that only makes sense in the
    other unit is read in that one and reported (R3); what cannot be read keeps its text (R4). A bare ``1`` is 1 % in
    either unit: no VAT rate is 100 %.
    """
    if raw is None:
        return MISSING_RATE
    kind = type(raw)
    if kind is str:
        text = raw
    elif kind is Decimal:
        text = str(raw)
    elif kind is int:
        text = str(Decimal(raw))
    elif kind is float:
        problems.add("V1", field)
        return MISSING_RATE
    else:
        if not is_blank(raw):
            problems.add("V2", field)
        return MISSING_RATE
    found, rule = _read(text, unit) if len(text) < 40 else (Rate(None, text.strip()[:64], RateKind.MISSING), "R4")
    if rule is not None:
        problems.add(rule, field)
    return found


def head_rate(stated: Rate, lines: Iterable[Line]) -> Rate:
    """The head's rate beside its lines: ``mixed`` without a number where the lines differ, else as stated or theirs."""
    seen = {(line.tax_rate, line.tax_rate_kind) for line in lines if line.kind != "summary"}
    seen.discard((None, RateKind.MISSING))
    seen.discard((None, None))
    if len(seen) > 1:
        return Rate(None, stated.text, RateKind.MIXED)
    if stated.kind == RateKind.MISSING and seen:
        value, kind = seen.pop()
        return Rate(value, stated.text, kind or RateKind.NORMAL)
    return stated


@lru_cache(maxsize=2048)
def _read(raw: str, unit: str) -> tuple[Rate, str | None]:
    """(rate, rule to report): a page of invoices repeats a handful of texts."""
    text = raw.strip()
    if is_blank(text):
        return MISSING_RATE, None
    plain = "".join(unicodedata.normalize("NFKC", text).split())
    kind = _WORDS.get(plain)
    if kind is not None:
        return Rate(_NIL, text, kind), None
    if not plain.strip("*"):
        return Rate(None, text, RateKind.MASKED), None
    unreadable = Rate(None, text, RateKind.MISSING), "R4"
    percent = plain.endswith("%")
    digits = plain[:-1] if percent else plain
    try:
        number = Decimal(digits)
    except InvalidOperation:
        return unreadable
    if not number.is_finite() or not 0 <= number <= 100 or (number and number.adjusted() < -6):
        return unreadable
    if not number:
        return Rate(_NIL, text, RateKind.ZERO), None
    value, rule = (number / 100, None) if percent else _fraction(number, unit)
    value = value.normalize()
    if value.as_tuple().exponent < -6:  # type: ignore[operator]  # finite, so the exponent is an int
        return unreadable
    return Rate(value, text, RateKind.NORMAL), rule if is_known(value) else "R1"


def _fraction(number: Decimal, unit: str) -> tuple[Decimal, str | None]:
    """A bare number as a fraction, and R3 where it is in the other unit than documented."""
    as_percent = number / 100
    if unit == FRACTION:
        return (number, None) if number < 1 else (as_percent, "R3")
    if is_known(as_percent) or number >= 1 or not is_known(number):
        return as_percent, None
    return number, "R3"
