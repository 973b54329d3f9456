"""Everything a plugin's ``normalize`` reads raw values with, under one name.

Every parser is called as ``parser(raw, problems, field)``, never raises, and returns None for what is empty or
unreadable; what it did not like is in ``problems`` (:class:`~fapiao.invoices.problems.Problems`). ``raw`` is a value
as the JSON decoder gave it: text, int, Decimal, bool, None, list or dict.
"""

from __future__ import annotations

from fapiao.invoices.dates import day, moment, month, unshifted
from fapiao.invoices.lines import item_category, line_kinds, line_numbers
from fapiao.invoices.money import ZERO, money, quantity, without_tax
from fapiao.invoices.numbers import (
    DocumentNumbers,
    customs_number,
    document_numbers,
    invoice_code,
    invoice_number,
    number,
)
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import FRACTION, MISSING_RATE, PERCENT, Rate, RateKind, head_rate, rate
from fapiao.invoices.tax_numbers import tax_number
from fapiao.invoices.texts import code, count, flag, identifier, is_blank, is_masked, name, remark, unknown_fields

__all__ = [
    "FRACTION",
    "MISSING_RATE",
    "PERCENT",
    "ZERO",
    "DocumentNumbers",
    "Problems",
    "Rate",
    "RateKind",
    "code",
    "count",
    "customs_number",
    "day",
    "document_numbers",
    "flag",
    "head_rate",
    "identifier",
    "invoice_code",
    "invoice_number",
    "is_blank",
    "is_masked",
    "item_category",
    "line_kinds",
    "line_numbers",
    "moment",
    "money",
    "month",
    "name",
    "number",
    "quantity",
    "rate",
    "remark",
    "tax_number",
    "unknown_fields",
    "unshifted",
    "without_tax",
]
