"""The goods lines ``items`` (货物明细) of a verified invoice."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from fapiao.invoices.lines import NORMAL, line_kinds, line_numbers
from fapiao.invoices.model import Line
from fapiao.invoices.money import money, quantity
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import FRACTION, PERCENT, Rate, RateKind, rate
from fapiao.invoices.texts import identifier, is_blank, name, unknown_fields

__all__ = ["ITEM_KEYS", "goods_lines"]

ITEM_KEYS = frozenset(
    (
        "rowNo", "commodityName", "specificationModel", "unit", "quantity", "unitPrice", "amount", "taxRate", "tax", "realTaxRate",
        "realTax", "taxClassifyCode",
    )
)  # fmt: skip


def goods_lines(value: Any, is_red: bool, problems: Problems) -> tuple[tuple[Line, ...], bool]:
    """(lines, whether something could not be read): every line in the order of the list, with its kind."""
    if not isinstance(value, list):
        if is_blank(value) or not value:
            return (), False
        problems.add("V2", "lines")
        return (), True
    rows = [row for row in value if isinstance(row, dict) and row]
    left = not all(isinstance(row, dict) or is_blank(row) for row in value)
    if left:
        problems.add("V2", "lines")
    stated = [_number(row.get("rowNo")) for row in rows]
    known = [number for number in stated if number is not None]
    if len(known) != len(set(known)):
        problems.add("L3", "lines")
    numbers = line_numbers(stated)
    lines = []
    for position, row in enumerate(rows):
        problems.enter("lines", position)
        lines.append(_line(row, numbers[position], problems))
    problems.leave()
    for position, kind in enumerate(line_kinds([(line.item_name, line.amount_excl_tax) for line in lines], is_red)):
        if kind != NORMAL:
            lines[position] = replace(lines[position], kind=kind)
    return tuple(lines), left


def _line(row: dict[str, Any], number: int, problems: Problems) -> Line:
    get = row.get
    amount_of, amount_text = quantity(get("quantity"), problems, "quantity")
    price, price_text = quantity(get("unitPrice"), problems, "unit_price")
    value, text, kind = _rate(get("taxRate"), get("realTaxRate"), problems)
    # tax is what is printed, "***" for a line without one; realTax is the amount behind it.
    real_tax = get("realTax")
    return Line(
        line_no=number,
        item_name=name(get("commodityName"), problems, "item_name"),
        tax_class_code=identifier(get("taxClassifyCode"), problems, "tax_class_code"),
        spec_model=name(get("specificationModel"), problems, "spec_model"),
        unit=name(get("unit"), problems, "unit"),
        quantity=amount_of,
        quantity_text=amount_text,
        unit_price=price,
        unit_price_text=price_text,
        amount_excl_tax=money(get("amount"), problems, "amount_excl_tax"),
        tax_rate=value,
        tax_rate_text=text,
        tax_rate_kind=kind,
        tax_amount=money(get("tax") if is_blank(real_tax) else real_tax, problems, "tax_amount"),
        extra=unknown_fields(row, ITEM_KEYS),
    )


def _rate(printed: Any, real: Any, problems: Problems) -> Rate:
    """``taxRate`` is percent text ("6", 免税, ``***``), ``realTaxRate`` the fraction behind it, which decides the number."""
    stated = rate(printed, problems, "tax_rate", PERCENT)
    if is_blank(real) or stated.kind not in (RateKind.NORMAL, RateKind.MISSING, RateKind.MASKED):
        return stated
    behind = rate(real, problems, "tax_rate", FRACTION)
    if behind.value is None or (stated.kind != RateKind.NORMAL and not behind.value):
        return stated
    return Rate(behind.value, stated.text if stated.text is not None else behind.text, behind.kind)


def _number(raw: Any) -> int | None:
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < 10:
        raw = int(raw)
    return raw if type(raw) is int and 0 < raw < 2**31 else None
