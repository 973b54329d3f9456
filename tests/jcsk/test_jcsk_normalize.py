"""Rows as invoices: the document's samples to the last field, then one rule at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from fapiao.invoices.codes import DOC_TYPES, MANAGEMENT_STATES, STATES, USAGES
from fapiao.invoices.intake import examine
from fapiao.invoices.model import Deduction, Invoice, Level, NormalizeContext, Rejected
from fapiao.wire import Page, Request, Response
from fapiao_jcsk import codes, plugin

Read = Callable[..., tuple[Page, Request]]
CONTEXT = NormalizeContext(
    source="jcsk", api="sync", taxpayer_no="91990000000000027W", invoice_month="", type="11", direction="input"
)
ROW = {"invoiceType": "81", "invoiceNumber": "24990000000000000001", "billingDate": "2024-11-05", "state": "0"}


@pytest.fixture
def records(read: Read, answer: Callable[..., Response], sample: Callable[[str], bytes]) -> Callable[[str], list[Any]]:
    """The records of a sample page, as the framework gets them."""
    return lambda case: read(answer(sample(case)))[0].records


def invoice(raw: Any) -> Invoice:
    made = plugin.normalize(raw, CONTEXT)
    assert isinstance(made, Invoice)
    return made


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def row(**fields: Any) -> Invoice:
    return invoice(ROW | fields)


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


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("01", "vat_special_paper"), ("03", "motor_paper"), ("04", "vat_ordinary_paper"), ("08", "vat_special_e"),
        ("10", "vat_ordinary_e"), ("14", "toll_e"), ("17", "customs_vat"), ("18", "tax_certificate"), ("09", "digital_special"),
        ("81", "digital_special"), ("90", "digital_ordinary"), ("82", "digital_ordinary"), ("51", "rail_e"), ("61", "air_e"),
        ("83", "digital_motor"), ("85", "digital_paper_special"), ("86", "digital_paper_ordinary"),
        ("87", "digital_paper_motor"), ("8208", "digital_toll"), (1, "vat_special_paper"), (8208, "digital_toll"),
    ],
)  # fmt: skip
def test_a_type_means_what_it_means_at_this_vendor(raw: Any, canonical: str) -> None:
    assert row(invoiceType=raw).doc_type == canonical


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("0", "normal"), ("1", "voided"), ("2", "red_unspecified"), ("3", "out_of_control"), ("4", "abnormal"),
        ("7", "red_partial"), ("8", "red_full"), ("80", "red_pending"), (8, "red_full"), ("", "unknown"), (None, "unknown"),
    ],
)  # fmt: skip
def test_a_state_means_what_it_means_at_this_vendor(raw: Any, canonical: str) -> None:
    assert row(state=raw).state == canonical


def test_a_red_letter_invoice_is_itself_normal() -> None:
    red = row(totalAmount=-100, totalTax="-13.00", state="2")
    assert (red.is_red, red.state, red.state_raw, red.amount_incl_tax) == (True, "normal", "2", Decimal("-113.00"))


def test_every_table_leads_to_canonical_names() -> None:
    assert {meaning.name for meaning in codes.INVOICE_TYPES.values()} <= DOC_TYPES.keys()
    assert {meaning.name for meaning in codes.STATES.values()} <= STATES.keys()
    assert {meaning.name for meaning in codes.USES.values()} <= USAGES.keys()
    assert {meaning.name for meaning in codes.MANAGEMENT.values()} <= MANAGEMENT_STATES.keys()


@pytest.mark.parametrize(
    ("raw", "use"), [("1", "deduct"), ("2", "refund"), ("4", "not_deduct"), (4, "not_deduct"), ("", None), (None, None)]
)
def test_a_use_is_named(raw: Any, use: str | None) -> None:
    deduction = row(deductibleMode=raw).deduction
    assert deduction is not None
    assert deduction.usage == use


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("0", "clean"), ("1", "suspect"), ("2", "abnormal"), ("3", "red_locked"), ("4", "refund_forbidden"),
        ("5", "vehicle_risk_high"), ("6", "vehicle_risk_low"), ("", None),
    ],
)  # fmt: skip
def test_a_management_state_is_named(raw: str, name: str | None) -> None:
    deduction = row(managementStatus=raw).deduction
    assert deduction is not None
    assert deduction.management == name


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("invoiceType", "doc_type"), ("state", "state"), ("deductibleMode", "deduction.usage"),
        ("managementStatus", "deduction.management"), ("tdyslxDm", "special_business"),
    ],
)  # fmt: skip
def test_an_unknown_code_is_kept_and_reported(field: str, path: str) -> None:
    made = row(**{field: "77"})
    (remark,) = made.findings
    assert (remark.rule, remark.field) == ("C1", path)
    assert "77" in msgspec.json.encode(made).decode()


def test_unknown_fields_are_kept_as_they_came() -> None:
    assert row(newField={"a": [1]}, empty="", ylzd9="x").extra == {"newField": {"a": [1]}, "ylzd9": "x"}


def test_rows_of_an_unknown_family_say_where_they_came_from() -> None:
    made = invoice({"period": "202411", "family": "WSPZ", "row": ROW | {"x": 1}})
    assert made.extra == {"family": "WSPZ", "x": 1}


def test_the_family_tells_the_type_of_a_customs_row_without_one() -> None:
    customs = {"invoiceNumber": "990120191000000018/l02", "totalTax": 1, "totalAmount": 9}
    made = invoice({"period": "202411", "family": "HGJKS", "row": customs})
    assert (made.doc_type, made.customs_no, made.amount_incl_tax) == ("customs_vat", "990120191000000018-L02", None)


def test_a_row_without_any_type_is_reported() -> None:
    made = row(invoiceType=None)
    assert made.doc_type == "unknown"
    assert [remark.rule for remark in made.findings] == ["C1"]


def test_the_period_of_the_row_holds_and_the_outer_one_fills_in() -> None:
    def period(own: Any, outer: Any) -> tuple[str | None, int]:
        made = invoice({"period": outer, "family": "FP", "row": ROW | {"deductiblePeriod": own}})
        assert made.deduction is not None
        return made.deduction.tax_period, len(made.findings)

    assert period("202411", "202411") == ("202411", 0)
    assert period("", "202411") == ("202411", 0)
    assert period(202410, "202411") == ("202410", 1)


def test_certification_stands_in_the_row_and_nowhere_else() -> None:
    for query in ("10", "11", "40"):
        made = plugin.normalize(ROW | {"deductible": "0", "checkStatus": "0"}, msgspec.structs.replace(CONTEXT, type=query))
        assert isinstance(made, Invoice)
        assert made.deduction is not None
        assert (made.deduction.is_certified, made.deduction.is_checked) == (False, False)


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        ({"invoiceNumber": "24990000000000000001"}, (None, None, "24990000000000000001")),
        ({"invoiceNumber": 24990000000000000001}, (None, None, "24990000000000000001")),
        ({"invoiceNumber": " 24990000000000000001", "invoiceCode": ""}, (None, None, "24990000000000000001")),
        ({"invoiceNumber": "24990000000000000001", "ylzd5": "24990000000000000001"}, (None, None, "24990000000000000001")),
        ({"invoiceNumber": "24990000000000000001", "ylzd5": "24990000000000000002"}, (None, None, "24990000000000000001")),
        ({"invoiceNumber": "00123456", "invoiceCode": "9900241130"}, ("9900241130", "00123456", None)),
        ({"invoiceNumber": 123456, "invoiceCode": 99002411304}, ("099002411304", "00123456", None)),
        (
            {"invoiceNumber": "00123456", "invoiceCode": "9900241160", "ylzd5": "24990000000000000001"},
            ("9900241160", "00123456", "24990000000000000001"),
        ),
    ],
)
def test_a_document_keeps_every_number_it_goes_by(fields: dict[str, Any], numbers: tuple[str | None, ...]) -> None:
    made = row(**fields)
    assert (made.invoice_code, made.invoice_number, made.digital_number) == numbers


@pytest.mark.parametrize("raw", [None, "text", 5, [], {"period": "202411", "family": "FP", "row": "text"}])
def test_what_is_no_row_is_rejected(raw: Any) -> None:
    made = plugin.normalize(raw, CONTEXT)
    assert isinstance(made, Rejected)
    assert [reason.rule for reason in made.reasons] == ["V3"]


PLAIN = (
    some.none()
    | some.booleans()
    | some.integers(-(10**25), 10**25)
    | some.decimals()
    | some.text(max_size=25)
    | some.sampled_from(["", "null", "0", "1", "17", "18", "85", "2024-11-05", "2020-02-28 22:01:30", "1e999", "９", "\ud800", "9" * 5000])
)
ANYTHING = some.recursive(
    PLAIN,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "abnormalType", "billingDate", "checkCode", "checkDate", "checkStatus", "checkTime", "deductible", "deductibleDate",
    "deductibleMode", "deductiblePeriod", "deductibleType", "fxdjdm", "id", "invoiceCode", "invoiceNumber", "invoiceType",
    "managementStatus", "purchaserName", "salesTaxNo", "source", "state", "tdyslxDm", "totalAmount", "totalTax", "validTax", "xg_sj",
    "ylzd2", "ylzd3", "ylzd4", "ylzd5",
]  # fmt: skip
ROWS = some.dictionaries(some.sampled_from(FIELDS), ANYTHING, max_size=30)


@given(ROWS | ANYTHING | some.fixed_dictionaries({"period": ANYTHING, "family": ANYTHING, "row": ROWS | ANYTHING}))
def test_whatever_comes_normalize_answers_and_the_gate_judges(raw: Any) -> None:
    made = plugin.normalize(raw, CONTEXT)
    assert made == plugin.normalize(raw, CONTEXT)
    examined = examine(raw, 0, made, CONTEXT)
    assert (examined.invoice is None) == bool(examined.rejected)
