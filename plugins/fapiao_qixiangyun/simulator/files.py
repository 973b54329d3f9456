"""Layout files as bytes: small, synthetic, and of the kind they say they are; and the evil ones."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

from fapiao.invoices.model import Invoice

__all__ = ["MEDIA_TYPES", "entity_xml", "layout", "traversing_ofd"]

MEDIA_TYPES = {
    "pdf": "application/pdf",
    "ofd": "application/octet-stream",
    "xml": "application/xml",
    "json": "text/plain",
}
_EPOCH = (2024, 1, 1, 0, 0, 0)


def layout(kind: str, invoice: Invoice) -> bytes:
    """The invoice's file of a kind; the same bytes every time."""
    if kind == "pdf":
        return _pdf(str(invoice.digital_number))
    return _ofd(invoice) if kind == "ofd" else _xml(invoice)


def entity_xml(number: str) -> bytes:
    """An XML that defines entities growing a thousandfold."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE EInvoice [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
        f'<!ENTITY c SYSTEM "file:///etc/passwd">]><EInvoice><Header><EIid>{number}</EIid></Header><x>&b;&c;</x></EInvoice>'
    ).encode()


def traversing_ofd() -> bytes:
    """An OFD with an entry that leads out of it."""
    return _zipped(("OFD.xml", b"<ofd/>"), ("../../evil", b"evil"))


def _pdf(number: str) -> bytes:
    text = f"BT /F1 12 Tf 72 720 Td ({number}) Tj ET".encode()
    return b"%%PDF-1.4\n1 0 obj<</Length %d>>stream\n%s\nendstream endobj\ntrailer<<>>\n%%%%EOF\n" % (len(text), text)


def _ofd(invoice: Invoice) -> bytes:
    number = str(invoice.digital_number)
    return _zipped(
        (
            "OFD.xml",
            f'<?xml version="1.0" encoding="UTF-8"?><OFD><DocBody><DocID>{number}</DocID></DocBody></OFD>'.encode(),
        ),
        ("Doc_0/Document.xml", b"<Document/>"),
    )


def _zipped(*entries: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    return buffer.getvalue()


def _xml(invoice: Invoice) -> bytes:
    special = invoice.doc_type == "digital_special"
    label = "增值税专用发票" if special else "普通发票"
    lines = "".join(
        "<IssuItemInformation>"
        + _tag("ItemName", line.item_name)
        + _tag("SpecMod", line.spec_model)
        + _tag("MeaUnits", line.unit)
        + _tag("Quantity", line.quantity_text)
        + _tag("UnPrice", line.unit_price_text)
        + _tag("Amount", line.amount_excl_tax)
        + _tag("TaxRate", line.tax_rate_text or line.tax_rate)
        + _tag("ComTaxAm", line.tax_amount)
        + _tag("TaxClassificationCode", line.tax_class_code)
        + "</IssuItemInformation>"
        for line in invoice.lines
    )
    issued = invoice.issued_at or invoice.issued_on
    return (
        '<?xml version="1.0" encoding="UTF-8"?><EInvoice><Header>'
        + _tag("EIid", invoice.digital_number)
        + "<InherentLabel><EInvoiceType><LabelName>电子发票</LabelName></EInvoiceType><GeneralOrSpecialVAT>"
        + _tag("LabelCode", "01" if special else "02")
        + _tag("LabelName", label)
        + "</GeneralOrSpecialVAT></InherentLabel></Header><EInvoiceData><SellerInformation>"
        + _tag("SellerIdNum", invoice.seller_tax_no)
        + _tag("SellerName", invoice.seller_name)
        + "</SellerInformation><BuyerInformation>"
        + _tag("BuyerIdNum", invoice.buyer_tax_no)
        + _tag("BuyerName", invoice.buyer_name)
        + "</BuyerInformation><BasicInformation>"
        + _tag("TotalAmWithoutTax", invoice.amount_excl_tax)
        + _tag("TotalTaxAm", invoice.tax_amount)
        + _tag("TotalTax-includedAmount", invoice.amount_incl_tax)
        + _tag("Drawer", invoice.drawer)
        + f"</BasicInformation>{lines}<AdditionalInformation>"
        + _tag("Remark", invoice.remark)
        + "</AdditionalInformation></EInvoiceData><TaxSupervisionInfo>"
        + _tag("InvoiceNumber", invoice.digital_number)
        + _tag("IssueTime", issued)
        + "</TaxSupervisionInfo></EInvoice>"
    ).encode()


def _tag(name: str, value: object) -> str:
    text = "" if value is None else "".join(mark for mark in str(value) if mark in "\t\n" or mark >= " ")
    return f"<{name}>{escape(text)}</{name}>"
