"""Lines of true invoices: amounts in whole fen first, so that heads and lines agree to the cent by construction."""

from __future__ import annotations

import math
from decimal import Decimal
from statistics import NormalDist

from fapiao.invoices.model import Line
from fapiao.testing.draws import Draws
from fapiao.testing.names import ITEMS, Item

__all__ = ["AMOUNTS", "MIXED", "Rate", "goods_lines", "money", "quantity_and_price", "rate_of", "tax_on"]

Rate = tuple[Decimal | None, str | None, str, int]
"""(fraction, printed word, kind, ten-thousandths the tax is computed with)."""

_FEN = Decimal("0.01")


def money(fen: int) -> Decimal:
    """Whole fen as yuan with two decimals, exactly."""
    return Decimal(fen) * _FEN


def tax_on(fen: int, ten_thousandths: int) -> int:
    """Tax on an amount, rounded half away from zero as issuing software does."""
    tax = (abs(fen) * ten_thousandths + 5_000) // 10_000
    return tax if fen >= 0 else -tax


def rate_of(ten_thousandths: int) -> Rate:
    return _RATES[ten_thousandths]


def _numeric(ten_thousandths: int) -> Rate:
    fraction = Decimal(ten_thousandths) / 10_000
    return (fraction, None, "zero" if ten_thousandths == 0 else "normal", ten_thousandths)


_RATES: dict[int, Rate] = {
    rate: _numeric(rate) for rate in (0, 50, 100, 150, 300, 500, 600, 900, 1000, 1100, 1300, 1600, 1700)
}
_EXEMPT: Rate = (Decimal(0), "免税", "exempt", 0)
_NOT_TAXED: Rate = (Decimal(0), "不征税", "not_taxed", 0)
_MASKED: Rate = (None, "***", "masked", 250)
MIXED: Rate = (None, None, "mixed", 0)

# Of 64 invoices whose rate is not their first item's usual one (domain of the draw: about one in eight).
_ODD_RATES: tuple[Rate, ...] = (
    *[_RATES[300]] * 16,
    *[_RATES[100]] * 14,
    *[_RATES[500]] * 6,
    *[_RATES[0]] * 5,
    *[_RATES[150]] * 1,
    *[_EXEMPT] * 15,
    *[_NOT_TAXED] * 4,
    *[_MASKED] * 3,
)
_SPECIAL_ODD_RATES: tuple[Rate, ...] = (*[_RATES[300]] * 32, *[_RATES[100]] * 24, *[_RATES[500]] * 8)

_USUAL: tuple[int, ...] = (1300,) * 46 + (600,) * 22 + (900,) * 20 + (300,) * 7 + (100,) * 5
_BY_RATE: dict[int, tuple[Item, ...]] = {
    rate: tuple(item for item in ITEMS if item[4] == rate) for rate in sorted({item[4] for item in ITEMS})
}

_STEPS = 512
AMOUNTS: tuple[int, ...] = tuple(
    round(100 * math.exp(math.log(420) + 1.5 * NormalDist().inv_cdf((step + 0.5) / (_STEPS + 1))))
    for step in range(_STEPS + 1)
)
"""Quantiles of a line's amount in fen: lognormal, median 420 yuan."""

_COUNTS: tuple[int, ...] = (
    (1,) * 560 + (2,) * 170 + (3,) * 100 + (4,) * 60 + (5,) * 40 + (6,) * 24 + (8,) * 20 + (10,) * 10
    + (12,) * 5 + (16,) * 4 + (20,) * 3 + (30,) * 2 + (60,) * 1 + (0,) * 1
)  # fmt: skip
"""Lines of an invoice, per mille."""

_QUANTITIES: tuple[tuple[int, str, Decimal], ...] = tuple(
    (int(Decimal(text) * 1000), text, Decimal(text))
    for text in (
        "1",
        "1",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "10",
        "12",
        "24",
        "100",
        "7",
        "1.5",
        "0.25",
        "33.333",
        "1000",
        "1.00",
    )
)
_TEN_TO_15 = 10**15


def quantity_and_price(fen: int, word: int) -> tuple[Decimal | None, str | None, Decimal | None, str | None]:
    """Quantity and unit price of a line with their printed texts; both missing on one line in sixteen.

    The price is the quotient cut after fifteen decimals, as digital invoices print it.
    """
    if word & 15 == 0:
        return None, None, None, None
    milli, quantity_text, quantity = _QUANTITIES[(word >> 4) % len(_QUANTITIES)]
    whole, fraction = divmod(abs(fen) * (10 * _TEN_TO_15) // milli, _TEN_TO_15)
    price_text = f"{whole}.{fraction:015d}"
    if price_text.endswith("0000000000000"):
        price_text = price_text[:-13] if word & 256 else price_text[:-13].rstrip("0").rstrip(".")
    if fen < 0:
        quantity, quantity_text = -quantity, "-" + quantity_text
    return quantity, quantity_text, Decimal(price_text), price_text


def _amount(word: int) -> int:
    step, part = (word & 0xFFFF) * _STEPS >> 16, word >> 16 & 0xFF
    fen = AMOUNTS[step] + ((AMOUNTS[step + 1] - AMOUNTS[step]) * part >> 8)
    rare = word >> 24
    if rare == 255:
        return fen * 1000
    if rare == 254:
        return 1
    return fen


def goods_lines(
    words: tuple[int, ...],
    draws: Draws,
    index: int,
    *,
    special: bool = False,
    discounts: bool = True,
    sign: int = 1,
    at_least: int = 0,
    only_first: bool = False,
    including_tax: bool = False,
) -> tuple[tuple[Line, ...], int, int, Rate]:
    """Lines of an ordinary goods or service invoice with the totals in fen and the head's rate.

    :param special: only numeric rates.
    :param discounts: every thirty-third invoice gives a discount (折扣行) on its first line.
    :param sign: -1 for the red letter of the same invoice.
    :param at_least: lines that there must be.
    :param only_first: the first line alone: a partial red letter.
    :param including_tax: print prices and amounts with tax too, as rolls (卷票) do.
    """
    choice, shape = words[0], words[1]
    count = _COUNTS[choice % 1000]
    if count < at_least:
        count = at_least
    if choice >> 20 == 0xABC:
        count = 100 + shape % 900
    usual = _USUAL[shape % 100]
    rate = _RATES[usual]
    if shape >> 29 == 0:
        odd = _SPECIAL_ODD_RATES if special else _ODD_RATES
        rate = odd[(shape >> 8) % 64]
    mixed = count > 1 and shape >> 24 & 31 == 31
    items = _BY_RATE[usual]
    discounted = discounts and count > 0 and (choice >> 10) % 33 == 0
    if only_first:
        count = min(count, 1)
    lines: list[Line] = []
    line_rate = rate
    total = total_tax = 0
    pool = words[2:]
    for position in range(count):
        slot = position * 2 % 14
        if slot == 0 and position:
            pool = draws.words(index, position)
        word, other = pool[slot], pool[slot + 1]
        if mixed:
            item = ITEMS[other % len(ITEMS)]
            line_rate = _RATES[item[4]]
        else:
            item = items[other % len(items)]
        fen = sign * _amount(word)
        tax = tax_on(fen, line_rate[3])
        total += fen
        total_tax += tax
        quantity, quantity_text, price, price_text = quantity_and_price(fen, other >> 8)
        name, unit, spec, tax_class, _ = item
        fraction, printed, kind, _ = line_rate
        lines.append(
            Line(
                line_no=len(lines) + 1,
                item_name=name,
                tax_class_code=tax_class,
                spec_model=spec or None,
                unit=unit or None,
                quantity=quantity,
                quantity_text=quantity_text,
                unit_price=price,
                unit_price_text=price_text,
                amount_excl_tax=Decimal(fen) * _FEN,
                tax_rate=fraction,
                tax_rate_text=printed,
                tax_rate_kind=kind,
                tax_amount=Decimal(tax) * _FEN,
                unit_price_incl_tax=(money(fen + tax) / quantity).quantize(_FEN)
                if including_tax and quantity
                else None,
                amount_incl_tax=money(fen + tax) if including_tax else None,
                kind="discounted" if discounted and position == 0 else "normal",
            )
        )
        if discounted and position == 0:
            off = -max(1, fen * (1 + (other >> 4) % 20) // 100)
            off_tax = tax_on(off, line_rate[3])
            total += off
            total_tax += off_tax
            lines.append(
                Line(
                    line_no=2,
                    item_name=name,
                    tax_class_code=tax_class,
                    amount_excl_tax=Decimal(off) * _FEN,
                    tax_rate=fraction,
                    tax_rate_text=printed,
                    tax_rate_kind=kind,
                    tax_amount=Decimal(off_tax) * _FEN,
                    amount_incl_tax=money(off + off_tax) if including_tax else None,
                    kind="discount",
                )
            )
    if not lines:  # a collapsed list: the head alone states the amounts
        total = sign * _amount(words[2])
        total_tax = tax_on(total, rate[3])
    head_rate = MIXED if mixed and len({line.tax_rate for line in lines}) > 1 else line_rate
    return tuple(lines), total, total_tax, head_rate
