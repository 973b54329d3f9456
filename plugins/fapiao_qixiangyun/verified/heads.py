"""The answer of customizedCheck as an invoice.

The document shows the shape of digital invoices only. Where the answer about a ticket has the list of journeys that this vendor's
collection has (``xcdList``), its journeys are read; whatever else tickets bring is kept in ``extra``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fapiao.invoices.codes import UNKNOWN
from fapiao.invoices.dates import moment
from fapiao.invoices.model import Invoice, Level, Line
from fapiao.invoices.money import money, without_tax
from fapiao.invoices.numbers import document_numbers
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import MISSING_RATE, head_rate
from fapiao.invoices.tax_numbers import tax_number
from fapiao.invoices.texts import code, flag, identifier, name, remark, unknown_fields
from fapiao_collected.children import rows
from fapiao_collected.journeys import trips
from fapiao_qixiangyun.verified.items import goods_lines
from fapiao_qixiangyun.verified.types import STATES, document_type

__all__ = ["VERIFIED_KEYS", "verified_invoice"]

VERIFIED_KEYS = frozenset(
    (
        "invoiceCode", "invoiceNumber", "billingDate", "checkCode", "totalAmount", "amountTax", "totalTax", "invoiceType", "state",
        "tspzbz", "purchaserTaxNo", "purchaserName", "purchaserBank", "purchaserAddressPhone", "salesTaxNo", "salesName", "salesBank",
        "salesAddressPhone", "refinedOilState", "remarks", "machineCode", "items", "xcdList",
        # About the check and its files, not about the invoice: kept in fapiao_verification and fapiao_layout_file.
        "checkTime", "requestId", "bswjxzTaskId", "url", "pdfUrl", "ofdUrl", "xmlUrl",
    )
)  # fmt: skip
_PRICE_STATED = frozenset(("used_car_paper", "digital_used_car", "digital_paper_used_car"))
"""15填写发票车价合计: a used car's ``totalAmount`` is its whole price."""


def verified_invoice(raw: dict[str, Any], problems: Problems) -> Invoice:
    """One record as an invoice. The request it answers says nothing about its type: the record's own code decides."""
    get = raw.get
    type_raw = code(get("invoiceType"), problems, "doc_type")
    doc_type = document_type(type_raw, raw) if type_raw is not None else None
    if doc_type is None:
        problems.unknown_code("doc_type", type_raw or "(none)")
    stated = money(get("totalAmount"), problems, "amount_excl_tax")
    tax = money(get("totalTax"), problems, "tax_amount")
    with_tax = money(get("amountTax"), problems, "amount_incl_tax")
    is_red = next((value < 0 for value in (with_tax, stated, tax) if value), False)
    lines, left = goods_lines(get("items"), is_red, problems)
    amount, with_tax, derived = _amounts(stated, tax, with_tax, doc_type, lines)
    is_open = stated is not None and amount is None and with_tax is None
    if is_open:
        problems.add("A10", "amount_excl_tax")
    journeys, journeys_left = rows(get("xcdList"), problems, "trips")
    extra = unknown_fields(raw, VERIFIED_KEYS)
    if is_open:
        extra = {**(extra or {}), "totalAmount": get("totalAmount")}
    unread = (("items", left), ("xcdList", journeys_left))
    if left or journeys_left:
        extra = {**(extra or {}), **{key: raw[key] for key, is_left in unread if is_left}}
    numbers = document_numbers(get("invoiceCode"), get("invoiceNumber"), None, problems)
    issued_at, issued_on = moment(get("billingDate"), problems, "issued_at")
    value, text, kind = head_rate(MISSING_RATE, lines)
    state, state_raw = _state(get("state"), problems, is_red)
    is_oil = flag(get("refinedOilState"), problems, "special_business")
    return Invoice(
        doc_type=doc_type or UNKNOWN,
        doc_type_raw=type_raw or "",
        invoice_code=numbers.invoice_code,
        invoice_number=numbers.invoice_number,
        digital_number=numbers.digital_number,
        issued_at=issued_at,
        issued_on=issued_on,
        seller_tax_no=tax_number(get("salesTaxNo"), problems, "seller_tax_no"),
        seller_name=name(get("salesName"), problems, "seller_name"),
        seller_address_phone=name(get("salesAddressPhone"), problems, "seller_address_phone"),
        seller_bank_account=name(get("salesBank"), problems, "seller_bank_account"),
        buyer_tax_no=tax_number(get("purchaserTaxNo"), problems, "buyer_tax_no"),
        buyer_name=name(get("purchaserName"), problems, "buyer_name"),
        buyer_address_phone=name(get("purchaserAddressPhone"), problems, "buyer_address_phone"),
        buyer_bank_account=name(get("purchaserBank"), problems, "buyer_bank_account"),
        amount_excl_tax=amount,
        tax_amount=tax,
        amount_incl_tax=with_tax,
        amounts_derived=derived,
        tax_rate=value,
        tax_rate_text=text,
        tax_rate_kind=kind,
        is_red=is_red,
        state=state,
        state_raw=state_raw,
        # Y成品油发票; N says nothing about other businesses.
        special_business="refined_oil" if is_oil else None,
        special_business_raw=None,
        special_kind_raw=code(get("tspzbz"), problems, "special_kind_raw"),
        check_code=identifier(get("checkCode"), problems, "check_code"),
        machine_no=identifier(get("machineCode"), problems, "machine_no"),
        remark=remark(get("remarks"), problems, "remark"),
        level=Level.FULL if lines else Level.HEAD,
        lines=lines,
        trips=trips(journeys, problems) if journeys else (),
        extra=extra,
        findings=problems.found(),
    )


def _amounts(
    stated: Decimal | None,
    tax: Decimal | None,
    with_tax: Decimal | None,
    doc_type: str | None,
    lines: tuple[Line, ...],
) -> tuple[Decimal | None, Decimal | None, tuple[str, ...]]:
    """(without tax, with tax, derived ones). ``totalAmount`` is documented as the price with tax of a digital invoice, and
    its example has it without: arithmetic decides, where there is no price with tax that of the lines. Where nothing decides,
    both are None: this interface outranks the others, and a guess would take the place of what they state."""
    if with_tax is not None or stated is None:
        amount, _ = without_tax(stated, tax, with_tax)
        return amount, with_tax, () if amount == stated else ("amount_excl_tax",)
    if doc_type in _PRICE_STATED:
        return (None if tax is None else stated - tax), stated, (() if tax is None else ("amount_excl_tax",))
    if not tax:
        return stated, None, ()
    of_lines = [line.amount_excl_tax for line in lines if line.amount_excl_tax is not None]
    total = sum(of_lines, Decimal(0))
    if of_lines and len(of_lines) == len(lines):
        if abs(total - stated) <= _CENT:
            return stated, None, ()
        if abs(total + tax - stated) <= _CENT:
            return stated - tax, stated, ("amount_excl_tax",)
    return None, None, ()


_CENT = Decimal("0.01")


def _state(raw: Any, problems: Problems, is_red: bool) -> tuple[str, str | None]:
    """States speak of blue invoices: a red one is itself normal."""
    stated = code(raw, problems, "state")
    if stated is None:
        return UNKNOWN, None
    state = STATES.get(stated)
    if state is None:
        problems.unknown_code("state", stated)
        return UNKNOWN, stated
    return ("normal" if is_red and state.startswith("red_") else state), stated
