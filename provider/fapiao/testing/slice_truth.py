"""The truth about a slice as plain data, to hold stored rows against."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from fapiao.invoices.model import Invoice

__all__ = ["SliceTruth", "summed"]

_NIL = Decimal("0.00")


class SliceTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What a perfect collector ends with for one slice."""

    taxpayer_no: str
    invoice_month: str
    type: str
    """The vendor's own code."""
    direction: str
    state: str
    """The slice's final state in the ledger: ``complete``, ``empty``, ``unsupported``, ``rejected`` or ``failed``."""
    expected: int = 0
    """The vendor's count: loaded and rejected."""
    loaded: int = 0
    rejected: int = 0
    amount_excl_tax: Decimal = _NIL
    """Sum over the loaded invoices."""
    tax_amount: Decimal = _NIL
    lines: int = 0
    line_amount_excl_tax: Decimal = _NIL
    line_tax_amount: Decimal = _NIL


def summed(invoices: Iterable[Invoice]) -> dict[str, int | Decimal]:
    """Counts and sums of invoices and their lines, by the names of :class:`SliceTruth`."""
    loaded = lines = 0
    amount = tax = line_amount = line_tax = _NIL
    for invoice in invoices:
        loaded += 1
        amount += invoice.amount_excl_tax or 0
        tax += invoice.tax_amount or 0
        lines += len(invoice.lines)
        for line in invoice.lines:
            line_amount += line.amount_excl_tax or 0
            line_tax += line.tax_amount or 0
    return {
        "loaded": loaded,
        "amount_excl_tax": amount,
        "tax_amount": tax,
        "lines": lines,
        "line_amount_excl_tax": line_amount,
        "line_tax_amount": line_tax,
    }
