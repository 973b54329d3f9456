"""What a file must look like, and what the XML of a digital invoice says."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bureau import digital_number
from einvoices import einvoice, ofd, pdf
from fapiao.engine.host_rules import Refused
from fapiao.invoices.model import Invoice, Level, NormalizeContext, Rejected
from fapiao.layouts.einvoice_xml import normalize, raw_of
from fapiao.layouts.layout_formats import check_file
from fapiao.layouts.places import FolderPlace, ObjectPlace, place, relative_name
from fapiao.layouts.safe_xml import read_xml

CONTEXT = NormalizeContext(source="bureau", api="files", taxpayer_no="", invoice_month="", type="", direction="")
BILLION = b'<!DOCTYPE lolz [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><EInvoice>&b;</EInvoice>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><EInvoice>&e;</EInvoice>'


def read(content: bytes) -> Invoice:
    invoice = normalize(raw_of(content), CONTEXT)
    assert isinstance(invoice, Invoice)
    return invoice


def checked(kind: str, content: bytes, folder: Path) -> None:
    path = folder / f"file.{kind}"
    path.write_bytes(content)
    check_file(kind, path)


def test_the_xml_of_a_digital_invoice_is_read_into_canonical_fields() -> None:
    invoice = read(einvoice(digital_number(1)))
    assert (invoice.doc_type, invoice.doc_type_raw, invoice.level) == ("digital_special", "01", Level.FILE)
    assert invoice.digital_number == digital_number(1)
    assert (invoice.issued_on, invoice.issued_at) == (date(2024, 11, 5), datetime(2024, 11, 5, 10, 11, 12))  # noqa: DTZ001 - as printed
    assert (invoice.amount_excl_tax, invoice.tax_amount, invoice.amount_incl_tax) == (
        Decimal("101.00"), Decimal("13.00"), Decimal("114.00"),
    )  # fmt: skip
    assert (invoice.seller_name, invoice.seller_address_phone) == ("甲乙丙测试有限公司", "测试路1号 000-0000000")
    assert (invoice.buyer_tax_no, invoice.drawer, invoice.remark) == ("91990000000000001X", "测试员", "一行\n两行")
    first, second = invoice.lines
    assert (first.tax_rate, first.tax_class_code, first.amount_incl_tax) == (
        Decimal("0.13"), "3040201010000000000", Decimal("114.00"),
    )  # fmt: skip
    assert first.extra == {"NewField": "新"}
    assert second.tax_rate_kind == "exempt"
    assert invoice.state == "unknown", "a file does not know what became of the invoice"
    assert invoice.extra is not None
    assert invoice.extra["TaxSupervisionInfo/TaxBureauCode"] == "99000000000"
    assert not [found for found in invoice.findings if found.severity.value == "reject"]


def test_a_red_letter_invoice_is_known_by_its_sign() -> None:
    assert read(einvoice(digital_number(1), "-114.00")).is_red


def test_gbk_is_read_although_expat_does_not_know_it() -> None:
    content = einvoice(digital_number(1)).decode().replace('encoding="UTF-8"', 'encoding="GBK"').encode("gbk")
    assert read(content).seller_name == "甲乙丙测试有限公司"


def test_another_root_is_rejected_not_guessed() -> None:
    assert isinstance(normalize(raw_of(b"<Invoice><Number>1</Number></Invoice>"), CONTEXT), Rejected)


@pytest.mark.parametrize("content", [BILLION, EXTERNAL, b"<!DOCTYPE html><html/>"])
def test_document_types_and_entities_are_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="declares a document type or entities"):
        read_xml(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<a>" * 100 + b"</a>" * 100, "deeper elements"),
        (b"<a><b></a>", "not well-formed"),
        (b"", "not well-formed"),
        (b"<a>" + b"x" * (9 * 1024 * 1024) + b"</a>", "more than 8 MiB"),
    ],
)
def test_what_is_no_invoice_ends_early(content: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        read_xml(content)


def test_each_kind_is_known_by_its_content(tmp_path: Path) -> None:
    checked("pdf", pdf(), tmp_path)
    checked("ofd", ofd(), tmp_path)
    checked("xml", b"\xef\xbb\xbf" + einvoice(digital_number(1)), tmp_path)


@pytest.mark.parametrize("kind", ["pdf", "ofd", "xml"])
@pytest.mark.parametrize("content", [b"", b"<html>no</html>", b"<!DOCTYPE html><p>", b'{"code":1}', b"GIF89a"])
def test_something_else_is_refused(kind: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        checked(kind, content, tmp_path)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/../../evil", "..\\evil", "C:/evil"])
def test_an_ofd_that_leads_out_of_itself_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="leads out of the container"):
        checked("ofd", ofd("OFD.xml", name), tmp_path)


def test_an_ofd_bomb_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        container.writestr("OFD.xml", b"<ofd/>")
        container.writestr("Doc_0/Document.xml", b"\x00" * 50_000_000)
    with pytest.raises(Refused, match="unpacks to far more"):
        checked("ofd", buffer.getvalue(), tmp_path)


def test_a_zip_without_ofd_xml_is_no_ofd(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"without OFD\.xml"):
        checked("ofd", ofd("other.xml"), tmp_path)


def test_a_file_gets_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(pdf())
    archive = FolderPlace(tmp_path / "archive")
    name = relative_name("pdf", "ab" * 32)
    half = tmp_path / "archive" / name
    half.parent.mkdir(parents=True)
    half.write_bytes(b"%PDF")
    uri = archive.keep(local, name, local.stat().st_size)
    assert half.read_bytes() == local.read_bytes()
    assert archive.holds(uri, local.stat().st_size)
    assert [path.name for path in half.parent.iterdir()] == [half.name]


def test_an_object_store_keeps_the_same_names(tmp_path: Path) -> None:
    upath = pytest.importorskip("upath")
    local = tmp_path / "local"
    local.write_bytes(pdf())
    store = place(upath.UPath("memory://fapiao-archive"))
    assert isinstance(store, ObjectPlace)
    uri = store.keep(local, relative_name("pdf", "cd" * 32), local.stat().st_size)
    assert uri.endswith(f"pdf/cd/cd/{'cd' * 32}.pdf")
    assert store.holds(uri, local.stat().st_size)
    assert not store.holds(uri, 1)
