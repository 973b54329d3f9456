"""The goods lines ``hwxx`` (货物信息列表) of an invoice."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from fapiao.invoices.model import Line
from fapiao.invoices.money import money, quantity
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import FRACTION, rate
from fapiao.invoices.texts import code, identifier, name, unknown_fields
from fapiao_ekuaibao.children import Rows

__all__ = ["goods_lines", "numbering", "synthetic_line"]

_KNOWN = frozenset(
    ("mxxh", "spbm", "mc", "ggxh", "sl", "jldw", "dj", "slv", "se", "je", "qdbz", "hsdj", "hsje"),
)
_SUMMARY = re.compile(r"[(（]?(?:详见销货清单|原价合计|折扣额合计)[)）]?").fullmatch
"""Rows that repeat what the rows of the list add up to."""


def goods_lines(rows: Rows, problems: Problems) -> tuple[Line, ...]:
    """Every line in the order of the list, with its kind."""
    numbers = numbering(rows, problems)
    lines = []
    enter = problems.enter
    for position, row in enumerate(rows):
        enter("lines", position)
        lines.append(_line(row, numbers[position], problems))
    problems.leave()
    if len(lines) > 1:
        _mark_discounts(lines)
    return tuple(lines)


def numbering(rows: Rows, problems: Problems) -> list[int]:
    """``mxxh`` (明细序号) where all lines have one and none repeats, else the position from 1."""
    stated = [_number(row.get("mxxh")) for row in rows]
    known = [number for number in stated if number is not None]
    if len(known) == len(rows) == len(set(known)):
        return known
    if len(known) != len(set(known)):
        problems.add("L3", "lines")
    return list(range(1, len(rows) + 1))


def synthetic_line(
    item: str | None,
    tax_class_code: str | None,
    amount: Decimal | None,
    tax: Decimal | None,
    with_tax: Decimal | None,
    rated: tuple[Decimal | None, str | None, str],
) -> Line:
    """The one line of an invoice without a list (a motor vehicle), so that sums over lines do not lose it."""
    value, text, kind = rated
    return Line(
        line_no=1,
        item_name=item,
        tax_class_code=tax_class_code,
        amount_excl_tax=amount,
        tax_rate=value,
        tax_rate_text=text,
        tax_rate_kind=kind,
        tax_amount=tax,
        amount_incl_tax=with_tax,
        kind="synthetic",
    )


def _line(row: dict[str, Any], number: int, problems: Problems) -> Line:
    get = row.get
    item = name(get("mc"), problems, "item_name")
    amount = money(get("je"), problems, "amount_excl_tax")
    count, count_text = quantity(get("sl"), problems, "quantity")
    price, price_text = quantity(get("dj"), problems, "unit_price")
    value, text, kind = rate(get("slv"), problems, "tax_rate", FRACTION)
    # 含税单价, 含税金额: 卷票的字段. All other lines are without them, and there are many lines.
    price_with_tax, with_tax = get("hsdj"), get("hsje")
    return Line(
        line_no=number,
        item_name=item,
        tax_class_code=identifier(get("spbm"), problems, "tax_class_code"),
        spec_model=name(get("ggxh"), problems, "spec_model"),
        unit=name(get("jldw"), problems, "unit"),
        quantity=count,
        quantity_text=count_text,
        unit_price=price,
        unit_price_text=price_text,
        amount_excl_tax=amount,
        tax_rate=value,
        tax_rate_text=text,
        tax_rate_kind=kind,
        tax_amount=money(get("se"), problems, "tax_amount"),
        unit_price_incl_tax=None
        if price_with_tax is None
        else quantity(price_with_tax, problems, "unit_price_incl_tax")[0],
        amount_incl_tax=None if with_tax is None else money(with_tax, problems, "amount_incl_tax"),
        kind="summary" if item is not None and _SUMMARY(item) else "normal",
        list_flag_raw=code(get("qdbz"), problems, "list_flag_raw"),
        extra=unknown_fields(row, _KNOWN),
    )


def _mark_discounts(lines: list[Line]) -> None:
    """折扣行: an amount of the opposite sign right after the line of the same name that it reduces."""
    before = lines[0]
    for position in range(1, len(lines)):
        line = lines[position]
        one, other = before.amount_excl_tax, line.amount_excl_tax
        if (
            one
            and other
            and (one < 0) != (other < 0)
            and line.item_name == before.item_name
            and before.kind == line.kind == "normal"
            and abs(other) <= abs(one)
        ):
            lines[position - 1] = replace(before, kind="discounted")
            line = lines[position] = replace(line, kind="discount")
        before = line


def _number(raw: Any) -> int | None:
    if type(raw) is str and raw.isascii() and raw.isdigit() and len(raw) < 10:
        raw = int(raw)
    return raw if type(raw) is int and 0 < raw < 2**31 else None
