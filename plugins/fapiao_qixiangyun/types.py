"""The vendor's codes of documents as canonical ones: invoice types, states, specific businesses.

They hold for the collection interface only: in verification 83 is a railway ticket and 85 the other paper, and states are counted
otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from fapiao.invoices.codes import SPECIAL_BUSINESS_BY_CODE
from fapiao.spec import InvoiceType

__all__ = ["DOC_TYPES", "INVOICE_TYPES", "SPECIAL_BUSINESS", "STATES"]

INVOICE_TYPES = (
    InvoiceType(code="01", title="增值税专用发票", doc_type="vat_special_paper"),
    InvoiceType(code="03", title="机动车销售统一发票", doc_type="motor_paper"),
    InvoiceType(code="04", title="增值税普通发票", doc_type="vat_ordinary_paper"),
    InvoiceType(code="08", title="增值税专用发票（电子）", doc_type="vat_special_e"),
    InvoiceType(code="10", title="增值税普通发票（电子）", doc_type="vat_ordinary_e"),
    InvoiceType(code="11", title="增值税普通发票（卷票）", doc_type="vat_roll"),
    InvoiceType(code="14", title="通行费发票", doc_type="toll_e"),
    InvoiceType(code="15", title="二手车统一销售发票", doc_type="used_car_paper"),
    InvoiceType(code="17", title="海关缴款书", doc_type="customs_vat"),
    InvoiceType(code="81", title="电子发票(增值税专用发票)", doc_type="digital_special"),
    InvoiceType(code="82", title="电子发票(增值税普通发票)", doc_type="digital_ordinary"),
    InvoiceType(code="84", title="纸质发票(增值税专用发票)", doc_type="digital_paper_special"),
    InvoiceType(code="85", title="纸质发票(增值税普通发票)", doc_type="digital_paper_ordinary"),
    InvoiceType(code="83", title="数电票（机动车销售统一发票）", doc_type="digital_motor"),
    InvoiceType(code="87", title="数电纸质发票（机动车销售统一发票）", doc_type="digital_paper_motor"),
    InvoiceType(code="70", title="数电票（二手车销售统一发票）", doc_type="digital_used_car"),
    InvoiceType(code="88", title="数电纸质发票（二手车销售统一发票）", doc_type="digital_paper_used_car"),
    InvoiceType(code="51", title="数电票(铁路)", doc_type="rail_e"),
    InvoiceType(code="61", title="数电票(航空)", doc_type="air_e"),
    InvoiceType(code="8208", title="数电票(通行费发票)", doc_type="digital_toll"),
)

DOC_TYPES: Mapping[str, str] = {kind.code: kind.doc_type for kind in INVOICE_TYPES}
"""发票类型 → canonical document type."""

STATES: Mapping[str, str] = {
    "0": "normal",
    "2": "voided",
    "3": "red_unspecified",
    "7": "red_partial",
    "8": "red_full",
}
"""fpztDm → canonical state (发票归集 appendix)."""

SPECIAL_BUSINESS: Mapping[str, str] = SPECIAL_BUSINESS_BY_CODE
"""tdywlx → canonical specific business: 01 to 20 as at the tax bureau."""
