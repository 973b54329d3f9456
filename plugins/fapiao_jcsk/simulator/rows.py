"""Documents as rows of the two shapes, and as what a perfect reader stores. Written from the vendor's document, never from
the plugin, which is tested against it.
"""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.invoices.codes import SPECIAL_BUSINESS_BY_CODE
from fapiao.invoices.model import Deduction, Invoice, Level
from fapiao.testing.draws import Draws
from fapiao_jcsk.simulator.documents import Shown

__all__ = ["STATE_CODES", "TYPE_CODES", "family_of", "row_of", "stated", "type_code"]

TYPE_CODES = {
    "vat_special_paper": ("01",),
    "motor_paper": ("03",),
    "vat_special_e": ("08",),
    "vat_ordinary_e": ("10",),
    "toll_e": ("14",),
    "customs_vat": ("17",),
    "tax_certificate": ("18",),
    "rail_e": ("51",),
    "air_e": ("61",),
    "digital_special": ("81", "09"),
    "digital_ordinary": ("82", "90"),
    "digital_motor": ("83",),
    "digital_paper_special": ("85",),
    "digital_toll": ("8208",),
}
"""发票类型代码说明: what rows say; for digital invoices the document has two codes."""

STATE_CODES = {
    "normal": "0",
    "voided": "1",
    "out_of_control": "3",
    "abnormal": "4",
    "red_partial": "7",
    "red_full": "8",
    "red_pending": "80",
}
_USES = {"1": "deduct", "2": "refund", "4": "not_deduct"}
_MANAGEMENT = {"0": "clean", "1": "suspect", "2": "abnormal"}


class Style(msgspec.Struct, frozen=True):
    """How one row is written."""

    other_code: bool = False
    """Of a type with two codes, the second."""
    nothing: int = 0
    """An unknown value is 0 an empty text, 1 null, 2 left out."""
    money: int = 0
    """0 a number, 1 text, 2 text with separators."""
    midnight: bool = False
    """Days with `` 00:00:00`` behind."""
    numbers: bool = False
    """Flags as JSON numbers."""


def style_of(shown: Shown, quirks: bool) -> Style:
    document = shown.document
    if not quirks:
        return Style()
    word = Draws("jcsk row", document.home, document.position).words(0)[0]
    return Style(
        other_code=word & 3 == 0,
        nothing=(0, 0, 0, 1, 1, 2)[(word >> 2) % 6],
        money=(0, 0, 0, 0, 0, 0, 1, 2)[word >> 8 & 7],
        midnight=word >> 12 & 3 == 0,
        numbers=word >> 16 & 7 == 0,
    )


def type_code(shown: Shown, quirks: bool) -> str:
    choices = TYPE_CODES[shown.document.invoice.doc_type]
    return choices[-1] if style_of(shown, quirks).other_code else choices[0]


def family_of(shown: Shown, unknown: str) -> str:
    """The key a row is filed under in the grouped shape."""
    return {"customs_vat": "HGJKS", "tax_certificate": unknown}.get(shown.document.invoice.doc_type, "FP")


def row_of(shown: Shown, *, grouped: bool, quirks: bool, masked: bool) -> dict[str, Any]:
    """The row in the standard shape, or in that of ``adapter=1``."""
    style, invoice = style_of(shown, quirks), shown.document.invoice
    number = _number(invoice)
    row: dict[str, Any] = {
        "billingDate": _day(invoice, grouped or style.midnight),
        "deductible": _flag(shown.certified_at is not None, style),
        "deductibleDate": _time(shown.certified_at, grouped),
        "deductiblePeriod": shown.period,
        "deductibleType": "1" if shown.certified_at else "",
        "deductibleMode": shown.mode,
        "invoiceCode": invoice.invoice_code or "",
        "invoiceNumber": number[:4] + "****" + number[-2:] if masked else number,
        "invoiceType": type_code(shown, quirks),
        "purchaserName": invoice.buyer_name,
        "purchaserTaxNo": invoice.buyer_tax_no,
        "state": STATE_CODES[shown.state],
        "totalTax": _money(invoice.tax_amount, style),
        "validTax": _money(shown.valid_tax, style),
        "checkStatus": _flag(shown.checked_at is not None, style),
        "checkDate": _time(shown.checked_at, grouped),
        "managementStatus": shown.management,
        "abnormalType": shown.abnormal,
    }
    if _is_invoice(invoice):
        row["salesTaxName"] = invoice.seller_name
        row["salesTaxNo"] = invoice.seller_tax_no
        row["totalAmount"] = _money(invoice.amount_excl_tax, style)
        row["ylzd5"] = _behind(invoice)
    if grouped:
        row |= {"checkTime": row["checkDate"], "id": shown.document.position, "source": "1"}
        if invoice.doc_type == "customs_vat":
            row |= {"tq_bj": "0", "xg_sj": _time(_modified(shown), True)}
    else:
        row |= {
            "checkCode": invoice.check_code or "",
            "ylzd2": _mismatch(shown),
            "ylzd3": _conversion(shown),
            "ylzd4": shown.reason,
            "tdyslxDm": invoice.special_business_raw or "",
        }
    if style.nothing:
        empty = {name for name, value in row.items() if value in ("", None)}
        for name in empty:
            if style.nothing == 1:
                row[name] = None
            else:
                del row[name]
    return row


def stated(shown: Shown, *, grouped: bool, quirks: bool) -> Invoice:
    """What a perfect reader makes of the row: a thin invoice with its deduction state."""
    invoice, has_price = shown.document.invoice, _is_invoice(shown.document.invoice)
    excl, tax = invoice.amount_excl_tax if has_price else None, invoice.tax_amount
    incl = None if excl is None or tax is None else excl + tax
    business = None if grouped else invoice.special_business_raw
    return Invoice(
        doc_type=invoice.doc_type,
        doc_type_raw=type_code(shown, quirks),
        invoice_code=invoice.invoice_code,
        invoice_number=invoice.invoice_number,
        digital_number=invoice.digital_number,
        customs_no=invoice.customs_no,
        certificate_no=invoice.certificate_no,
        issued_on=invoice.issued_on,
        seller_tax_no=invoice.seller_tax_no if has_price else None,
        seller_name=invoice.seller_name if has_price else None,
        buyer_tax_no=invoice.buyer_tax_no,
        buyer_name=invoice.buyer_name,
        amount_excl_tax=excl,
        tax_amount=tax,
        amount_incl_tax=incl,
        amounts_derived=() if incl is None else ("amount_incl_tax",),
        is_red=invoice.is_red,
        state=shown.state,
        state_raw=STATE_CODES[shown.state],
        special_business=SPECIAL_BUSINESS_BY_CODE[business] if business else None,
        special_business_raw=business,
        check_code=None if grouped else invoice.check_code,
        level=Level.LIST,
        deduction=_deduction(shown, grouped),
    )


def _deduction(shown: Shown, grouped: bool) -> Deduction:
    certified, checked = shown.certified_at, shown.checked_at
    if not grouped:
        certified, checked = _midnight(certified), _midnight(checked)
    customs = shown.document.invoice.doc_type == "customs_vat"
    position = shown.document.position
    return Deduction(
        is_checked=checked is not None,
        checked_at=checked,
        is_certified=certified is not None,
        certified_at=certified,
        tax_period=shown.period or None,
        usage=_USES.get(shown.mode),
        usage_raw=shown.mode or None,
        method_raw="1" if certified else None,
        valid_tax=shown.valid_tax,
        management=_MANAGEMENT[shown.management],
        management_raw=shown.management,
        abnormal_raw=shown.abnormal or None,
        has_mismatch=None if grouped or not customs else _mismatch(shown) == "1",
        non_deduct_reason_raw=None if grouped else shown.reason or None,
        domestic_conversion_no=None if grouped else _conversion(shown) or None,
        info_source_raw="1" if grouped else None,
        extract_flag_raw="0" if grouped and customs else None,
        modified_at=_modified(shown) if grouped and customs else None,
        vendor_row_id=str(position) if grouped and position else None,
    )


def _is_invoice(invoice: Invoice) -> bool:
    return invoice.doc_type not in ("customs_vat", "tax_certificate")


def _number(invoice: Invoice) -> str:
    paper = invoice.invoice_number or invoice.customs_no or invoice.certificate_no
    return paper or invoice.digital_number or ""


def _behind(invoice: Invoice) -> str:
    """ylzd5: 全电纸质发票的全电发票号码."""
    return (invoice.digital_number or "") if invoice.invoice_number else ""


def _mismatch(shown: Shown) -> str:
    if shown.document.invoice.doc_type != "customs_vat":
        return ""
    return "1" if shown.document.position % 3 == 0 else "0"


def _conversion(shown: Shown) -> str:
    return f"ZNX{shown.document.position:09d}" if shown.code == "12" and shown.document.position % 4 == 0 else ""


def _modified(shown: Shown) -> datetime | None:
    return shown.certified_at


def _flag(value: bool, style: Style) -> Any:
    return int(value) if style.numbers else str(int(value))


def _money(value: Decimal | None, style: Style) -> Any:
    if value is None:
        return None
    if style.money == 0:
        return value
    return f"{value:,}" if style.money == 2 else str(value)


def _day(invoice: Invoice, midnight: bool) -> str:
    return f"{invoice.issued_on}{' 00:00:00' if midnight else ''}"


def _time(at: datetime | None, exact: bool) -> str:
    if at is None:
        return ""
    return at.isoformat(" ") if exact else at.date().isoformat()


def _midnight(at: datetime | None) -> datetime | None:
    return None if at is None else datetime.combine(at.date(), time.min)
