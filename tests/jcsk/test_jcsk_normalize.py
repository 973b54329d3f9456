"""Rows as invoices: codes, states, numbers, periods, one rule at a time."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fapiao.invoices.codes import DOC_TYPES, MANAGEMENT_STATES, STATES, USAGES
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.wire import Page, Request
from fapiao_jcsk import codes, plugin

Read = Callable[..., tuple[Page, Request]]
CONTEXT = NormalizeContext(
    source="jcsk", api="sync", taxpayer_no="91990000000000027W", invoice_month="", type="11", direction="input"
)
ROW = {"invoiceType": "81", "invoiceNumber": "24990000000000000001", "billingDate": "2024-11-05", "state": "0"}


def invoice(raw: Any) -> Invoice:
    made = plugin.normalize(raw, CONTEXT)
    assert isinstance(made, Invoice)
    return made


def row(**fields: Any) -> Invoice:
    return invoice(ROW | fields)


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
        made = plugin.normalize(
            ROW | {"deductible": "0", "checkStatus": "0"}, msgspec.structs.replace(CONTEXT, type=query)
        )
        assert isinstance(made, Invoice)
        assert made.deduction is not None
        assert (made.deduction.is_certified, made.deduction.is_checked) == (False, False)


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        ({"invoiceNumber": "24990000000000000001"}, (None, None, "24990000000000000001")),
        ({"invoiceNumber": 24990000000000000001}, (None, None, "24990000000000000001")),
        ({"invoiceNumber": " 24990000000000000001", "invoiceCode": ""}, (None, None, "24990000000000000001")),
        (
            {"invoiceNumber": "24990000000000000001", "ylzd5": "24990000000000000001"},
            (None, None, "24990000000000000001"),
        ),
        (
            {"invoiceNumber": "24990000000000000001", "ylzd5": "24990000000000000002"},
            (None, None, "24990000000000000001"),
        ),
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


@pytest.mark.parametrize(("total", "expected"), [(0, None), ("0.00", None), ("", None), (9, Decimal("9.00"))])
def test_the_nought_of_a_customs_row_is_no_value(total: Any, expected: Decimal | None) -> None:
    customs = {"invoiceType": "17", "invoiceNumber": "990120191000000018-L02", "totalTax": 1, "totalAmount": total}
    made = invoice(customs)
    assert (made.amount_excl_tax, made.tax_amount) == (expected, Decimal("1.00"))
    assert row(totalAmount=0, totalTax=0).amount_excl_tax == 0


@pytest.mark.parametrize("field", ["checkStatus", "deductible", "ylzd2"])
def test_a_yes_or_no_that_is_neither_is_kept_as_it_came(field: str) -> None:
    assert row(**{field: "2"}).extra == {field: "2"}
    assert [row(**{field: usual}).extra for usual in ("1", "0", "", None, "Y", 1)] == [None] * 6
