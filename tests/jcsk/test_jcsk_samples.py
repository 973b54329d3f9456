"""The document's two samples, with synthetic values: every field of every row arrives in a named place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.intake import examine
from fapiao.invoices.model import Deduction, Invoice, Level, NormalizeContext
from fapiao_jcsk import plugin

CONTEXT = NormalizeContext(
    source="jcsk", api="sync", taxpayer_no="91990000000000027W", invoice_month="", type="11", direction="input"
)


def invoice(raw: Any) -> Invoice:
    made = plugin.normalize(raw, CONTEXT)
    assert isinstance(made, Invoice)
    return made


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_paper_digital_invoice_arrives_whole(records: Callable[[str], list[Any]]) -> None:
    assert invoice(records("list_standard")[0]) == Invoice(
        doc_type="digital_paper_special",
        doc_type_raw="85",
        invoice_code="9900241160",
        invoice_number="00123456",
        digital_number="24990000000000000001",
        issued_on=date(2024, 11, 5),
        seller_tax_no="91990000900000014Q",
        seller_name="丁戊己测试（集团）有限公司",
        buyer_tax_no="91990000000000027W",
        buyer_name="甲乙丙测试有限公司",
        amount_excl_tax=Decimal("28155.34"),
        tax_amount=Decimal("844.66"),
        amount_incl_tax=Decimal("29000.00"),
        amounts_derived=("amount_incl_tax",),
        state="red_partial",
        state_raw="7",
        special_business="own_farm_produce_sale",
        special_business_raw="12",
        check_code="99887766554433221100",
        level=Level.LIST,
        deduction=Deduction(
            is_checked=True,
            checked_at=at("2024-12-02"),
            is_certified=True,
            certified_at=at("2024-12-03"),
            tax_period="202411",
            usage="not_deduct",
            usage_raw="4",
            method_raw="1",
            valid_tax=Decimal("800.06"),
            management="suspect",
            management_raw="1",
            abnormal_raw="2",
            has_mismatch=True,
            non_deduct_reason_raw="3",
            domestic_conversion_no="ZNX2024990001",
        ),
    )


def test_an_open_toll_invoice_arrives_whole(records: Callable[[str], list[Any]]) -> None:
    assert invoice(records("list_standard")[1]) == Invoice(
        doc_type="digital_toll",
        doc_type_raw="8208",
        digital_number="24990000000000000002",
        issued_on=date(2024, 11, 7),
        seller_tax_no="91990000900000022K",
        seller_name="庚辛壬测试高速有限公司",
        buyer_tax_no="91990000000000027W",
        buyer_name="甲乙丙测试有限公司",
        amount_excl_tax=Decimal("100.00"),
        tax_amount=Decimal("3.00"),
        amount_incl_tax=Decimal("103.00"),
        amounts_derived=("amount_incl_tax",),
        state="red_pending",
        state_raw="80",
        special_business="toll",
        special_business_raw="08",
        level=Level.LIST,
        deduction=Deduction(
            is_checked=False,
            is_certified=False,
            tax_period="202411",
            valid_tax=Decimal("3.00"),
            management="clean",
            management_raw="0",
        ),
    )


def test_a_tax_certificate_arrives_whole(records: Callable[[str], list[Any]]) -> None:
    assert invoice(records("list_standard")[2]) == Invoice(
        doc_type="tax_certificate",
        doc_type_raw="18",
        certificate_no="990011223344556677",
        issued_on=date(2024, 11, 9),
        buyer_tax_no="91990000000000027W",
        buyer_name="甲乙丙测试有限公司",
        tax_amount=Decimal("1060.00"),
        state="normal",
        state_raw="0",
        level=Level.LIST,
        deduction=Deduction(
            is_checked=True,
            checked_at=at("2024-12-02"),
            is_certified=True,
            certified_at=at("2024-12-03"),
            tax_period="202411",
            usage="deduct",
            usage_raw="1",
            method_raw="1",
            valid_tax=Decimal("1060.00"),
            management="clean",
            management_raw="0",
        ),
    )


def test_an_invoice_of_a_past_period_arrives_whole(records: Callable[[str], list[Any]]) -> None:
    assert invoice(records("list_adapter")[0]) == Invoice(
        doc_type="vat_special_paper",
        doc_type_raw="01",
        invoice_code="9900201130",
        invoice_number="06374001",
        issued_on=date(2020, 1, 16),
        seller_tax_no="91990000900000014Q",
        seller_name="丁戊己（测试）有限公司",
        buyer_tax_no="91990000000000027W",
        buyer_name="甲乙丙测试商贸有限公司",
        amount_excl_tax=Decimal("5763.70"),
        tax_amount=Decimal("749.28"),
        amount_incl_tax=Decimal("6512.98"),
        amounts_derived=("amount_incl_tax",),
        state="normal",
        state_raw="0",
        level=Level.LIST,
        deduction=Deduction(
            is_checked=True,
            checked_at=at("2020-02-28 22:01:31"),
            is_certified=True,
            certified_at=at("2020-02-28 22:01:32"),
            tax_period="202002",
            usage="deduct",
            usage_raw="1",
            method_raw="2",
            valid_tax=Decimal("749.28"),
            management="clean",
            management_raw="0",
            abnormal_raw="0",
            info_source_raw="1",
            vendor_row_id="4711",
        ),
    )


def test_a_customs_certificate_arrives_whole(records: Callable[[str], list[Any]]) -> None:
    assert invoice(records("list_adapter")[1]) == Invoice(
        doc_type="customs_vat",
        doc_type_raw="17",
        customs_no="990120191000000018-L02",
        issued_on=date(2019, 11, 28),
        buyer_tax_no="91990000000000027W",
        buyer_name="甲乙丙测试贸易有限公司",
        tax_amount=Decimal("433138.80"),
        state="normal",
        state_raw="0",
        level=Level.LIST,
        deduction=Deduction(
            is_checked=True,
            checked_at=at("2020-02-24 15:19:28"),
            is_certified=True,
            certified_at=at("2020-02-24 15:19:28"),
            tax_period="202002",
            usage="deduct",
            usage_raw="1",
            method_raw="1",
            valid_tax=Decimal("433138.80"),
            management="clean",
            management_raw="0",
            abnormal_raw="1",
            info_source_raw="2",
            extract_flag_raw="1",
            modified_at=at("2023-06-06 17:50:44"),
            vendor_row_id="35100",
        ),
    )


@pytest.mark.parametrize("case", ["list_standard", "list_adapter"])
def test_every_sample_row_passes_the_gate_without_a_remark_of_the_mapping(
    records: Callable[[str], list[Any]], case: str
) -> None:
    for ordinal, raw in enumerate(records(case)):
        made = invoice(raw)
        examined = examine(raw, ordinal, made, CONTEXT)
        assert made.findings == ()
        assert examined.rejected == ()
        assert examined.numbers


def leaves(record: dict[str, Any]) -> Iterator[str]:
    return (name for name, value in record["row"].items() if value not in ("", None))


@pytest.mark.parametrize("case", ["list_standard", "list_adapter"])
def test_every_field_of_a_sample_changes_the_invoice(records: Callable[[str], list[Any]], case: str) -> None:
    """A field that could be changed unnoticed would be a field that is lost."""
    for record in records(case):
        before = invoice(record)
        for name in leaves(record):
            if name == "checkDate" and record["row"].get("checkTime"):
                continue  # the same moment twice: checkTime wins
            other = deepcopy(record)
            other["row"][name] = changed(other["row"][name])
            assert invoice(other) != before, name


def changed(value: Any) -> Any:
    if isinstance(value, int | Decimal):
        return value + 1
    if re.fullmatch(r"\d{4}-\d\d-\d\d.*", value):
        return "2018" + value[4:]
    if re.search(r"\d$", value):
        return value[:-1] + str((int(value[-1]) + 1) % 10)
    return value + "改"


def test_the_samples_show_every_documented_field(records: Callable[[str], list[Any]]) -> None:
    shown = {name for case in ("list_standard", "list_adapter") for record in records(case) for name in leaves(record)}
    assert shown == {
        "abnormalType", "billingDate", "checkCode", "checkDate", "checkStatus", "checkTime", "deductible", "deductibleDate",
        "deductibleMode", "deductiblePeriod", "deductibleType", "id", "invoiceCode", "invoiceNumber", "invoiceType",
        "managementStatus", "purchaserName", "purchaserTaxNo", "salesTaxName", "salesTaxNo", "source", "state", "tdyslxDm",
        "totalAmount", "totalTax", "tq_bj", "validTax", "xg_sj", "ylzd2", "ylzd3", "ylzd4", "ylzd5",
    }  # fmt: skip
