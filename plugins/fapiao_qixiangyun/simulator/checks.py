"""The answer of customizedCheck about a true invoice, and what a perfect reader makes of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice, Level, Line
from fapiao.testing.draws import Draws
from fapiao_qixiangyun.simulator.document import VERIFY_STATES, VERIFY_TYPES
from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario

__all__ = ["record_of", "stated_by_check", "type_of"]

_NIL = Decimal("0.00")


def _words(scenario: QixiangyunScenario, invoice: Invoice) -> tuple[int, ...]:
    return Draws(scenario.seed, "check", str(invoice.digital_number)).words(0)


def type_of(scenario: QixiangyunScenario, invoice: Invoice) -> str:
    """invoiceType: one of the codes that the vendor has for it."""
    codes = VERIFY_TYPES[invoice.doc_type]
    return codes[_words(scenario, invoice)[0] % len(codes)]


def record_of(scenario: QixiangyunScenario, invoice: Invoice, now: datetime, request_id: str) -> dict[str, Any]:
    """``data`` without the fields about files."""
    words = _words(scenario, invoice)
    with_tax = scenario.total_with_tax == "always" or (scenario.total_with_tax == "sometimes" and words[1] % 4 == 0)
    total = invoice.amount_incl_tax if with_tax else invoice.amount_excl_tax
    return {
        "qd_hzxx": "",
        "totalTax": invoice.tax_amount,
        "salesBank": invoice.seller_bank_account or "",
        "requestId": request_id,
        "invoiceNumber": invoice.digital_number,
        "invoiceType": type_of(scenario, invoice),
        "tspzbz": "",
        "purchaserAddressPhone": invoice.buyer_address_phone or "",
        "state": VERIFY_STATES[invoice.state],
        "qd_fjxx": "",
        "purchaserBank": invoice.buyer_bank_account or "",
        "machineCode": "",
        "refinedOilState": "Y" if invoice.special_business == "refined_oil" else "N",
        "salesTaxNo": invoice.seller_tax_no or "",
        "invoiceCode": "",
        "url": "",
        "purchaserName": invoice.buyer_name or "",
        "checkCode": "",
        "totalAmount": total,
        "billingDate": "" if invoice.issued_on is None else invoice.issued_on.isoformat(),
        "salesAddressPhone": invoice.seller_address_phone or "",
        "checkTime": now.strftime("%Y-%m-%d %H:%M:%S"),
        "salesName": invoice.seller_name or "",
        "purchaserTaxNo": invoice.buyer_tax_no or "",
        "items": [_item(line) for line in invoice.lines],
        "remarks": invoice.remark or "",
        "amountTax": _whole(invoice.amount_incl_tax),
        "bswjxzTaskId": None,
        "pdfUrl": "",
        "ofdUrl": "",
        "xmlUrl": "",
    }


def stated_by_check(scenario: QixiangyunScenario, invoice: Invoice) -> Invoice:
    """The canonical invoice that the answer amounts to."""
    words = _words(scenario, invoice)
    with_tax = scenario.total_with_tax == "always" or (scenario.total_with_tax == "sometimes" and words[1] % 4 == 0)
    derived = with_tax and invoice.tax_amount != _NIL
    lines = tuple(_stated_line(line) for line in invoice.lines)
    seen = {(line.tax_rate, line.tax_rate_kind) for line in lines if line.kind != "summary"}
    value, kind = seen.pop() if len(seen) == 1 else (None, "mixed" if seen else "missing")
    state_raw = VERIFY_STATES[invoice.state]
    oil = invoice.special_business == "refined_oil"
    return Invoice(
        doc_type=invoice.doc_type,
        doc_type_raw=type_of(scenario, invoice),
        digital_number=invoice.digital_number,
        issued_on=invoice.issued_on,
        seller_tax_no=invoice.seller_tax_no,
        seller_name=invoice.seller_name,
        seller_address_phone=invoice.seller_address_phone,
        seller_bank_account=invoice.seller_bank_account,
        buyer_tax_no=invoice.buyer_tax_no,
        buyer_name=invoice.buyer_name,
        buyer_address_phone=invoice.buyer_address_phone,
        buyer_bank_account=invoice.buyer_bank_account,
        amount_excl_tax=invoice.amount_excl_tax,
        tax_amount=invoice.tax_amount,
        amount_incl_tax=invoice.amount_incl_tax,
        amounts_derived=("amount_excl_tax",) if derived else (),
        tax_rate=value,
        tax_rate_kind=kind or "missing",
        is_red=invoice.is_red,
        state=invoice.state,
        state_raw=state_raw,
        special_business="refined_oil" if oil else None,
        remark=invoice.remark,
        level=Level.FULL if lines else Level.HEAD,
        lines=lines,
    )


def _item(line: Line) -> dict[str, Any]:
    printed, real = _printed_rate(line), line.tax_rate
    return {
        "unitPrice": line.unit_price_text or "",
        "rowNo": line.line_no,
        "amount": line.amount_excl_tax,
        "quantity": line.quantity_text or "",
        "specialPolicySign": "",
        "specificationModel": line.spec_model or "",
        "realTax": line.tax_amount,
        "taxClassifyCode": line.tax_class_code or "",
        "tax": "" if line.tax_amount is None else str(line.tax_amount),
        "taxRate": printed or "",
        "unit": line.unit or "",
        "realTaxRate": real,
        "commodityName": line.item_name or "",
    }


def _printed_rate(line: Line) -> str | None:
    """Percent text, or the word that is printed."""
    if line.tax_rate_text is not None:
        return line.tax_rate_text
    return None if line.tax_rate is None else f"{(line.tax_rate * 100).normalize():f}"


def _stated_line(line: Line) -> Line:
    return msgspec.structs.replace(
        line,
        tax_rate_text=_printed_rate(line),
        unit_price_incl_tax=None,
        amount_incl_tax=None,
        list_flag_raw=None,
    )


def _whole(value: Decimal | None) -> Any:
    """``amountTax`` is documented as a whole number, and comes as one where it is."""
    return int(value) if value is not None and value == value.to_integral_value() else value
