"""The rules on the lines of one invoice: the hot path of every load, hence plain loops over locals."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from fapiao.invoices.lines import DISCOUNT, SUMMARY, SYNTHETIC
from fapiao.invoices.model import Finding, Invoice, Line
from fapiao.invoices.money import ZERO
from fapiao.invoices.problems import finding
from fapiao.invoices.rates import RateKind, is_known, was_in_force

__all__ = ["check_lines"]

_CENT = Decimal("0.01")
_MINUS_CENT = -_CENT
_MILLIONTH = Decimal("0.000001")
_LINE_TAX = Decimal("0.06")
_MINUS_LINE_TAX = -_LINE_TAX
_INVOICE_TAX = Decimal("1.27")
_NORMAL_RATE = RateKind.NORMAL
_UNTAXED = frozenset((RateKind.EXEMPT, RateKind.NOT_TAXED, RateKind.ZERO, RateKind.EXPORT_ZERO, RateKind.MASKED))


def check_lines(invoice: Invoice, found: list[Finding]) -> None:
    """A2 to A5, L1 and R2 of the lines: at most one finding per rule, which names the first line it is about."""
    lines = invoice.lines
    counted = _check_sums(invoice, found)
    if not counted:
        return  # only the row that sums up a goods list
    _check_taxes(lines, counted, found)
    _check_products(lines, counted, found)
    declared = invoice.declared_line_count
    if declared is not None and declared != counted and declared != len(lines):
        found.append(finding("L1", "lines", f"{declared} lines are declared, {len(lines)} came."))
    if invoice.issued_on is not None and not invoice.is_red:
        _check_rates(lines, invoice.issued_on, found)


def _check_sums(invoice: Invoice, found: list[Finding]) -> int:
    """A2 and A5; returns how many lines are goods, not sums of others."""
    amounts, taxes = ZERO, ZERO
    amounts_known = taxes_known = True
    counted, odd = 0, -1
    blue = not invoice.is_red
    for position, line in enumerate(invoice.lines):
        kind, amount, tax = line.kind, line.amount_excl_tax, line.tax_amount
        if kind == SUMMARY:
            continue
        counted += 1
        if amount is None:
            amounts_known = False
        else:
            amounts += amount
            if amount and (amount > 0) is not blue and kind != DISCOUNT and odd < 0:
                odd = position
        if tax is not None:
            taxes += tax
        elif line.tax_rate_kind not in _UNTAXED:
            taxes_known = False
    if odd >= 0:
        colour = "negative line in a blue" if blue else "positive line in a red-letter"
        found.append(finding("A5", f"lines[{odd}].amount_excl_tax", f"A {colour} invoice that is no discount line."))
    if counted and invoice.lines[0].kind != SYNTHETIC:
        if amounts_known:
            _compare("amount_excl_tax", amounts, invoice.amount_excl_tax, found)
        if taxes_known:
            _compare("tax_amount", taxes, invoice.tax_amount, found)
    return counted


def _compare(field: str, total: Decimal, stated: Decimal | None, found: list[Finding]) -> None:
    if stated is not None and total != stated and not _MINUS_CENT <= total - stated <= _CENT:
        found.append(finding("A2", field, f"The lines add up to {total - stated:+} from what the head states."))


def _check_taxes(lines: tuple[Line, ...], counted: int, found: list[Finding]) -> None:
    total, first, wrong = ZERO, -1, 0
    for position, line in enumerate(lines):
        amount, rate, tax = line.amount_excl_tax, line.tax_rate, line.tax_amount
        if rate is None or tax is None or amount is None or line.tax_rate_kind != _NORMAL_RATE or line.kind == SUMMARY:
            continue
        gap = amount * rate - tax
        total += gap
        if not _MINUS_LINE_TAX <= gap <= _LINE_TAX:
            wrong += 1
            first = position if first < 0 else first
    if wrong:
        found.append(finding("A3", f"lines[{first}].tax_amount", _of("tax is not amount times rate", wrong, counted)))
    elif not -_INVOICE_TAX <= total <= _INVOICE_TAX:
        found.append(finding("A3", "tax_amount", f"Over all lines tax misses amount times rate by {total:.2f}."))


def _check_products(lines: tuple[Line, ...], counted: int, found: list[Finding]) -> None:
    first, wrong = -1, 0
    for position, line in enumerate(lines):
        quantity, price, amount = line.quantity, line.unit_price, line.amount_excl_tax
        if quantity is None or price is None or amount is None or line.kind == SUMMARY:
            continue
        gap = quantity * price - amount
        if not _MINUS_CENT <= gap <= _CENT and abs(gap) > abs(amount) * _MILLIONTH:
            wrong += 1
            first = position if first < 0 else first
    if wrong:
        message = _of("quantity times unit price is not the amount", wrong, counted)
        found.append(finding("A4", f"lines[{first}].amount_excl_tax", message))


def _check_rates(lines: tuple[Line, ...], on: date, found: list[Finding]) -> None:
    last = None
    for position, line in enumerate(lines):
        rate = line.tax_rate
        if rate is None or rate == last:
            continue
        last = rate
        if is_known(rate) and not was_in_force(rate, on):
            found.append(finding("R2", f"lines[{position}].tax_rate"))
            return


def _of(what: str, wrong: int, counted: int) -> str:
    return f"In {wrong} of {counted} lines {what}."
