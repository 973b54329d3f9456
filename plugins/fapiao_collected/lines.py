"""The goods lines ``hwxx`` (货物信息列表) of an invoice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from fapiao.invoices.lines import NORMAL, SYNTHETIC, line_kinds, line_numbers
from fapiao.invoices.model import Line
from fapiao.invoices.money import money, quantity
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import FRACTION, rate
from fapiao.invoices.texts import code, identifier, name, unknown_fields
from fapiao_collected.children import Rows

__all__ = ["LINE_KEYS", "goods_lines", "numbering", "synthetic_line"]

LINE_KEYS = frozenset(
    ("mxxh", "spbm", "mc", "ggxh", "sl", "jldw", "dj", "slv", "se", "je", "qdbz", "hsdj", "hsje"),
)


def goods_lines(rows: Rows, is_red: bool, problems: Problems) -> tuple[Line, ...]:
    """Every line in the order of the list, with its kind."""
    numbers = numbering(rows, problems)
    lines = []
    enter = problems.enter
    for position, row in enumerate(rows):
        enter("lines", position)
        lines.append(_line(row, numbers[position], problems))
    problems.leave()
    for position, kind in enumerate(line_kinds([(line.item_name, line.amount_excl_tax) for line in lines], is_red)):
        if kind != NORMAL:
            lines[position] = replace(lines[position], kind=kind)
    return tuple(lines)


def numbering(rows: Rows, problems: Problems) -> Sequence[int]:
    """``mxxh`` (明细序号) where all lines have one and none repeats, else the position from 1."""
    stated = [_number(row.get("mxxh")) for row in rows]
    known = [number for number in stated if number is not None]
    if len(known) != len(set(known)):
        problems.add("L3", "lines")
    return line_numbers(stated)


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
        kind=SYNTHETIC,
    )


def _line(row: dict[str, Any], number: int, problems: Problems) -> Line:
    get = row.get
    count, count_text = quantity(get("sl"), problems, "quantity")
    price, price_text = quantity(get("dj"), problems, "unit_price")
    value, text, kind = rate(get("slv"), problems, "tax_rate", FRACTION)
    # 含税单价, 含税金额: 卷票的字段. All other lines are without them, and there are many lines.
    price_with_tax, with_tax = get("hsdj"), get("hsje")
    return Line(
        line_no=number,
        item_name=name(get("mc"), problems, "item_name"),
        tax_class_code=identifier(get("spbm"), problems, "tax_class_code"),
        spec_model=name(get("ggxh"), problems, "spec_model"),
        unit=name(get("jldw"), problems, "unit"),
        quantity=count,
        quantity_text=count_text,
        unit_price=price,
        unit_price_text=price_text,
        amount_excl_tax=money(get("je"), problems, "amount_excl_tax"),
        tax_rate=value,
        tax_rate_text=text,
        tax_rate_kind=kind,
        tax_amount=money(get("se"), problems, "tax_amount"),
        unit_price_incl_tax=None
        if price_with_tax is None
        else quantity(price_with_tax, problems, "unit_price_incl_tax")[0],
        amount_incl_tax=None if with_tax is None else money(with_tax, problems, "amount_incl_tax"),
        list_flag_raw=code(get("qdbz"), problems, "list_flag_raw"),
        extra=unknown_fields(row, LINE_KEYS),
    )


def _number(raw: Any) -> int | None:
    if type(raw) is str and raw.isascii() and raw.isdigit() and len(raw) < 10:
        raw = int(raw)
    return raw if type(raw) is int and 0 < raw < 2**31 else None
