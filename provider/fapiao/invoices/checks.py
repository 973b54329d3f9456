"""The rules on one invoice: what its numbers, parties, amounts, rates, dates and lines say about each other.

Every check only remarks; ``fapiao.invoices.rules`` has the severities, ``fapiao.invoices.identity`` what rejects.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from fapiao.invoices import tax_numbers
from fapiao.invoices.codes import DOC_TYPES, SPECIAL_BUSINESS, STATES, UNKNOWN, DocType, Family, Scheme
from fapiao.invoices.identity import Number, cross_check
from fapiao.invoices.line_checks import check_lines
from fapiao.invoices.model import Deduction, Finding, Invoice, Level, NormalizeContext
from fapiao.invoices.problems import finding
from fapiao.invoices.rates import RateKind, is_known, was_in_force
from fapiao.invoices.red_letter import RedReference

__all__ = ["check"]

_CENT = Decimal("0.01")
_TAX_TOLERANCE = Decimal("1.27")
"""What issuing software tolerates per invoice; 0.06 per line."""
_VIN = re.compile(r"[0-9A-HJ-NPR-Z]{17}", re.IGNORECASE).fullmatch
_NAMES_ITS_BUYER = frozenset(("vat_special_paper", "vat_special_e", "digital_special", "digital_paper_special"))


def check(
    invoice: Invoice, numbers: tuple[Number, ...], context: NormalizeContext, red: RedReference | None
) -> list[Finding]:
    """Every remark of the rules on one invoice whose ``numbers`` identify it (or none, for a rejected record)."""
    kind = DOC_TYPES.get(invoice.doc_type)
    found = cross_check(invoice, numbers) if numbers else []
    if kind is None or invoice.state not in STATES or invoice.doc_type == UNKNOWN:
        _check_codes(invoice, found)
        kind = DOC_TYPES[UNKNOWN] if kind is None else kind
    _check_parties(invoice, kind, found)
    _check_amounts(invoice, kind, found)
    _check_signs(invoice, found)
    _check_dates(invoice, context, found)
    if invoice.tax_rate is not None:
        _check_rate(invoice, found)
    if invoice.lines:
        check_lines(invoice, found)
    else:
        _check_missing_lines(invoice, kind, found)
    if invoice.state == "voided" and kind.needs == (Scheme.DIGITAL20,):
        found.append(finding("S1", "state"))
    if red is not None and not red and _has_remark(invoice, kind):
        found.append(finding("S2", "remark"))
    if invoice.deduction is not None:
        _check_deduction(invoice, invoice.deduction, found)
    if invoice.trips:
        _check_trips(invoice, found)
    if invoice.vehicle is not None and invoice.vehicle.vin is not None and not _VIN(invoice.vehicle.vin):
        found.append(finding("H1", "vehicle.vin"))
    return found


def _has_remark(invoice: Invoice, kind: DocType) -> bool:
    """Whether this document's source could have told the blue invoice: lists and vehicle shapes have no remark at all."""
    return invoice.remark is not None or (invoice.level is not Level.LIST and kind.family is not Family.VEHICLE)


def _check_codes(invoice: Invoice, found: list[Finding]) -> None:
    """A plugin reports unknown raw codes itself; this catches canonical values that do not exist."""
    reported = {item.field for item in invoice.findings if item.rule == "C1"}
    if invoice.doc_type not in DOC_TYPES or (invoice.doc_type == UNKNOWN and "doc_type" not in reported):
        found.append(finding("C1", "doc_type"))
    if invoice.state not in STATES:
        found.append(finding("C1", "state"))
    if invoice.special_business is not None and invoice.special_business not in SPECIAL_BUSINESS:
        found.append(finding("C1", "special_business"))


def _check_parties(invoice: Invoice, kind: DocType, found: list[Finding]) -> None:
    judge: Callable[[str], str | None] = tax_numbers.judge
    if invoice.seller_tax_no is not None:
        rule = judge(invoice.seller_tax_no)
        if rule is not None:
            found.append(finding(rule, "seller_tax_no"))
    if invoice.buyer_tax_no is not None:
        rule = judge(invoice.buyer_tax_no)
        if rule is not None:
            found.append(finding(rule, "buyer_tax_no"))
    elif kind.name in _NAMES_ITS_BUYER:
        found.append(finding("T7", "buyer_tax_no"))
    customs = invoice.customs
    if customs is not None and customs.payer2_tax_no is not None:
        rule = judge(customs.payer2_tax_no)
        if rule is not None:
            found.append(finding(rule, "customs.payer2_tax_no"))


def _check_amounts(invoice: Invoice, kind: DocType, found: list[Finding]) -> None:
    without, tax, total = invoice.amount_excl_tax, invoice.tax_amount, invoice.amount_incl_tax
    if without is not None and tax is not None and total is not None:
        gap = without + tax - total
        if gap and not -_CENT <= gap <= _CENT:
            found.append(
                finding("A1", "amount_incl_tax", f"Amount without tax plus tax misses the amount with tax by {gap}.")
            )
    elif without is None and tax is None and total is None and kind.family is not Family.OTHER:
        found.append(finding("A9", "amount_incl_tax"))
    # With lines the rate is compared line by line.
    if invoice.lines or invoice.tax_rate is None or invoice.tax_rate_kind != RateKind.NORMAL:
        return
    if without is not None and tax is not None and abs(without * invoice.tax_rate - tax) > _TAX_TOLERANCE:
        found.append(finding("A3", "tax_amount"))


def _check_signs(invoice: Invoice, found: list[Finding]) -> None:
    up = down = False
    for amount in (invoice.amount_excl_tax, invoice.tax_amount, invoice.amount_incl_tax):
        if amount:
            if amount > 0:
                up = True
            else:
                down = True
    if up and down:
        found.append(finding("A5", "amount_excl_tax", "The head's amounts have different signs."))
    elif up and invoice.is_red:
        found.append(finding("A5", "amount_excl_tax", "A red-letter invoice has positive amounts."))
    elif down and not invoice.is_red:
        found.append(finding("A5", "amount_excl_tax", "An invoice that is not red-letter has negative amounts."))


def _check_dates(invoice: Invoice, context: NormalizeContext, found: list[Finding]) -> None:
    on = invoice.issued_on
    if on is None:
        # What was stated and could not be read has been told already.
        if not any(item.field in ("issued_on", "issued_at") for item in invoice.findings):
            found.append(finding("D7", "issued_on"))
        return
    month = f"{on.year}{on.month:02d}"
    if invoice.invoice_month is not None and invoice.invoice_month != month:
        found.append(finding("D5", "invoice_month"))
    if context.invoice_month and context.invoice_month != month and context.invoice_month != invoice.invoice_month:
        found.append(finding("D6", "issued_on"))


def _check_rate(invoice: Invoice, found: list[Finding]) -> None:
    """Rates that the law does not know were reported where they were read; a known one may be of another time."""
    rate, on = invoice.tax_rate, invoice.issued_on
    if rate is None or on is None or invoice.is_red or not is_known(rate):
        return  # a red-letter invoice repeats the rate of its blue one
    if not was_in_force(rate, on):
        found.append(finding("R2", "tax_rate"))


def _check_missing_lines(invoice: Invoice, kind: DocType, found: list[Finding]) -> None:
    if invoice.level is Level.LIST or invoice.level is Level.HEAD:
        return
    if invoice.declared_line_count:
        found.append(finding("L1", "lines", f"{invoice.declared_line_count} lines are declared, none came."))
    elif kind.family is Family.VAT:
        found.append(finding("L2", "lines"))


def _check_deduction(invoice: Invoice, deduction: Deduction, found: list[Finding]) -> None:
    valid, tax = deduction.valid_tax, invoice.tax_amount
    if valid is not None and tax is not None and valid > abs(tax):
        found.append(finding("A7", "deduction.valid_tax"))
    # Scanned (method 2) certification of the years before selection knows no selection.
    if deduction.is_certified and deduction.is_checked is False and deduction.method_raw != "2":
        found.append(finding("K1", "deduction.is_certified"))


def _check_trips(invoice: Invoice, found: list[Finding]) -> None:
    for position, trip in enumerate(invoice.trips):
        if trip.digital_number is not None and trip.digital_number != invoice.digital_number:
            found.append(finding("X1", f"trips[{position}].digital_number"))
