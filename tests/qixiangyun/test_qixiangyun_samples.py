"""Synthetic samples, to the last field: the answer of customizedCheck and rows of the collection."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fapiao.invoices.codes import DOC_TYPES
from fapiao.invoices.model import Customs, Invoice, Level, Line, Vehicle
from fapiao_qixiangyun import plugin
from fapiao_qixiangyun.verified.types import DOC_TYPES as VERIFIED_TYPES

D = Decimal


def rules(invoice: Any) -> list[tuple[str, str]]:
    return [(finding.rule, finding.field) for finding in invoice.findings]


def bare(invoice: Any) -> Any:
    return msgspec.structs.replace(invoice, findings=())


def test_a_verified_digital_invoice_to_the_last_field(sample: Any, context: Any) -> None:
    invoice: Any = plugin.normalize(sample("check_digital"), context(api="verify"))
    assert rules(invoice) == []
    assert invoice == Invoice(
        doc_type="digital_ordinary",
        doc_type_raw="10xdp",
        digital_number="24990112810000000001",
        issued_on=date(2024, 11, 5),
        seller_tax_no="91990000MA0000001G",
        seller_name="丁戊己测试有限公司",
        seller_address_phone="虚构省样例市测试路1号 000-00000001",
        seller_bank_account="样例银行测试支行1部 9900000000000001",
        buyer_tax_no="91990000MA0000002E",
        buyer_name="甲乙丙测试有限公司",
        buyer_address_phone="虚构省样例市测试路2号 000-00000002",
        amount_excl_tax=D("500.00"),
        tax_amount=D("30.00"),
        amount_incl_tax=D("530.00"),
        tax_rate_kind="mixed",
        state="red_full",
        state_raw="8",
        remark="测试备注",
        level=Level.FULL,
        lines=(
            Line(
                line_no=1,
                item_name="*测试服务*测试费",
                tax_class_code="3070401000000000000",
                spec_model="无",
                unit="次",
                quantity=D("1"),
                quantity_text="1",
                unit_price=D("500.00000000"),
                unit_price_text="500.00000000",
                amount_excl_tax=D("500.00"),
                tax_rate=D("0.06"),
                tax_rate_text="6",
                tax_rate_kind="normal",
                tax_amount=D("30.00"),
            ),
            Line(
                line_no=2,
                item_name="*测试服务*免税项",
                amount_excl_tax=D("0.00"),
                tax_rate=D("0.00"),
                tax_rate_text="免税",
                tax_rate_kind="exempt",
                tax_amount=D("0.00"),
                extra={"specialPolicySign": "1"},
            ),
        ),
        extra={"qd_fjxx": {"附加": "一"}},
    )


def test_a_verified_railway_ticket_keeps_what_nobody_documented(sample: Any, context: Any) -> None:
    invoice: Any = plugin.normalize(sample("check_rail"), context(api="verify"))
    assert rules(invoice) == []
    assert invoice == Invoice(
        doc_type="rail_e",
        doc_type_raw="83",
        digital_number="24990151000000000007",
        issued_on=date(2024, 11, 6),
        buyer_tax_no="91990000MA0000002E",
        buyer_name="甲乙丙测试有限公司",
        amount_excl_tax=D("100.92"),
        tax_amount=D("9.08"),
        amount_incl_tax=D("110.00"),
        amounts_derived=("amount_excl_tax",),
        tax_rate_kind="missing",
        state="normal",
        state_raw="0",
        level=Level.HEAD,
        extra={"trainNumber": "T999", "leaveStation": "甲站", "arriveStation": "乙站", "passenger": "测试旅客001"},
    )


def test_the_journeys_of_verified_tickets_are_read_where_they_have_the_collections_shape(
    sample: Any, context: Any
) -> None:
    rail = {"cfd": "甲站", "ddd": "乙站", "lkxm": "测试旅客001", "cxcc": "T999", "rq": "2024-11-06", "sj": "08:15"}
    air = {
        "cfd": "甲机场",
        "ddd": "乙机场",
        "lkxm": "测试旅客002",
        "hbh": "ZZ9999",
        "cyr": "测试航空",
        "rq": "2024-11-07",
    }
    for code, doc_type in (("83", "rail_e"), ("51", "rail_e"), ("61", "air_e")):
        raw = sample("check_rail") | {"invoiceType": code, "xcdList": [rail, air]}
        invoice: Any = plugin.normalize(raw, context(api="verify"))
        assert (invoice.doc_type, rules(invoice), "xcdList" in invoice.extra) == (doc_type, [], False)
        by_train, by_air = invoice.trips
        assert (by_train.trip_no, by_train.train_no, by_train.departs_on, by_train.departs_at) == (
            1, "T999", date(2024, 11, 6), "08:15",
        )  # fmt: skip
        assert (by_air.flight_no, by_air.carrier, by_air.origin, by_air.destination) == (
            "ZZ9999", "测试航空", "甲机场", "乙机场",
        )  # fmt: skip


def test_journeys_in_another_shape_are_kept_and_told(sample: Any, context: Any) -> None:
    invoice: Any = plugin.normalize(sample("check_rail") | {"xcdList": "T999"}, context(api="verify"))
    assert invoice.trips == ()
    assert invoice.extra["xcdList"] == "T999"
    assert rules(invoice) == [("V2", "trips")]


@pytest.mark.parametrize(("code", "doc_type"), VERIFIED_TYPES.items())
def test_every_type_of_verification_becomes_an_invoice_of_its_kind(
    sample: Any, context: Any, code: str, doc_type: str
) -> None:
    invoice: Any = plugin.normalize(sample("check_digital") | {"invoiceType": code}, context(api="verify"))
    assert (invoice.doc_type, invoice.doc_type_raw) == (doc_type, code)
    assert doc_type in DOC_TYPES
    assert ("C1", "doc_type") not in rules(invoice)


def collected(sample: Any, context: Any, place: int) -> Any:
    return plugin.normalize(sample("collect_rows")[place], context("81", "input"))


def test_a_collected_digital_invoice_to_the_last_field(sample: Any, context: Any) -> None:
    invoice = collected(sample, context, 0)
    assert rules(invoice) == []
    assert invoice == Invoice(
        doc_type="digital_special",
        doc_type_raw="81",
        digital_number="24990111810000000001",
        issued_at=datetime(2024, 11, 5, 9, 30),  # noqa: DTZ001 - invoices print China time without a zone
        issued_on=date(2024, 11, 5),
        invoice_month="202411",
        seller_tax_no="91990000MA0000001G",
        seller_name="丁戊己测试有限公司",
        seller_address_phone="虚构省样例市测试路1号 000-00000001",
        seller_bank_account="样例银行 9900",
        buyer_tax_no="91990000MA0000002E",
        buyer_name="甲乙丙测试有限公司",
        amount_excl_tax=D("100.00"),
        tax_amount=D("13.00"),
        amount_incl_tax=D("113.00"),
        tax_rate=D("0.13"),
        tax_rate_text="0.13",
        tax_rate_kind="normal",
        state="normal",
        state_raw="0",
        declared_line_count=1,
        issue_kind_raw="1",
        drawer="测试员",
        remark="测试备注",
        level=Level.FULL,
        lines=(
            Line(
                line_no=1,
                item_name="*测试*商品",
                tax_class_code="1010101010000000000",
                spec_model="型",
                unit="个",
                quantity=D("2"),
                quantity_text="2",
                unit_price=D("50.000000000000005"),
                unit_price_text="50.000000000000005",
                amount_excl_tax=D("100.00"),
                tax_rate=D("0.13"),
                tax_rate_text="0.13",
                tax_rate_kind="normal",
                tax_amount=D("13.00"),
            ),
        ),
        extra={"xsfyhmc": "样例银行"},
    )


def test_a_paper_face_has_three_numbers_and_midnight_in_utc_is_moved(sample: Any, context: Any) -> None:
    invoice = collected(sample, context, 1)
    assert rules(invoice) == [("D4", "issued_at")]
    assert (invoice.doc_type, invoice.state) == ("digital_paper_special", "voided")
    assert (invoice.invoice_code, invoice.invoice_number, invoice.digital_number) == (
        "9900241160",
        "00000007",
        "24990111850000000007",
    )
    assert (invoice.issued_at, invoice.issued_on) == (datetime(2024, 11, 1), date(2024, 11, 1))  # noqa: DTZ001 - invoices print China time without a zone


def test_83_is_a_motor_vehicle_in_the_collection(sample: Any, context: Any) -> None:
    invoice = collected(sample, context, 2)
    assert (invoice.doc_type, invoice.seller_tax_no, invoice.tax_amount) == (
        "digital_motor",
        "91990000MA0000002E",
        D("13.00"),
    )
    assert invoice.vehicle == Vehicle(vehicle_type="测试轿车", brand_model="测试型号", vin="TEST0000000000003")


def test_a_customs_payment(sample: Any, context: Any) -> None:
    invoice = collected(sample, context, 3)
    assert (invoice.doc_type, invoice.customs_no) == ("customs_vat", "990120241001000007-L01")
    assert (invoice.amount_excl_tax, invoice.tax_amount) == (D("100.00"), D("13.00"))
    assert invoice.customs == Customs(payer1_tax_no="91990000MA0000002E", payer1_name="甲乙丙测试有限公司")


def test_a_type_nobody_knows_is_kept_and_reported(sample: Any, context: Any) -> None:
    invoice = collected(sample, context, 4)
    assert (invoice.doc_type, invoice.doc_type_raw) == ("unknown", "77")
    assert ("C1", "doc_type") in rules(invoice)


@pytest.mark.parametrize(("total", "derived"), [("500.00", ()), ("530.00", ("amount_excl_tax",))])
def test_what_the_total_means_is_decided_by_arithmetic(sample: Any, context: Any, total: str, derived: Any) -> None:
    invoice: Any = plugin.normalize(sample("check_digital") | {"totalAmount": D(total)}, context(api="verify"))
    assert (invoice.amount_excl_tax, invoice.amounts_derived) == (D("500.00"), derived)


@pytest.mark.parametrize(
    ("total", "amounts", "derived"),
    [
        ("500.00", ("500.00", "30.00", None), ()),
        ("530.00", ("500.00", "30.00", "530.00"), ("amount_excl_tax",)),
        ("777.00", (None, "30.00", None), ()),
    ],
)
def test_without_the_price_with_tax_the_lines_decide_and_else_nothing_is_guessed(
    sample: Any, context: Any, total: str, amounts: tuple[str | None, ...], derived: Any
) -> None:
    raw = sample("check_digital") | {"totalAmount": D(total), "amountTax": None}
    invoice: Any = plugin.normalize(raw, context(api="verify"))
    found = (invoice.amount_excl_tax, invoice.tax_amount, invoice.amount_incl_tax)
    assert found == tuple(None if amount is None else D(amount) for amount in amounts)
    assert invoice.amounts_derived == derived
    is_open = amounts[0] is None
    assert (("A10", "amount_excl_tax") in rules(invoice)) == is_open
    assert (invoice.extra or {}).get("totalAmount") == (D(total) if is_open else None)


def test_without_lines_either_an_amount_that_may_be_with_tax_is_left_open(sample: Any, context: Any) -> None:
    raw = sample("check_digital") | {"amountTax": None, "items": []}
    invoice: Any = plugin.normalize(raw, context(api="verify"))
    assert invoice.amount_excl_tax is None
    untaxed: Any = plugin.normalize(raw | {"totalTax": D("0.00")}, context(api="verify"))
    assert untaxed.amount_excl_tax == D("500.00")


@pytest.mark.parametrize("code", ["83", "51"])
def test_a_railway_ticket_by_either_code(sample: Any, context: Any, code: str) -> None:
    invoice: Any = plugin.normalize(sample("check_rail") | {"invoiceType": code}, context(api="verify"))
    assert invoice.doc_type == "rail_e"


def test_the_bureaus_own_83_is_known_by_its_vehicle(sample: Any, context: Any) -> None:
    invoice: Any = plugin.normalize(sample("check_rail") | {"frameNo": "TEST"}, context(api="verify"))
    assert invoice.doc_type == "digital_motor"


@pytest.mark.parametrize(
    ("api", "states"),
    [
        ("verify", {"0": "normal", "1": "out_of_control", "2": "voided", "3": "red_unspecified", "7": "red_partial", "8": "red_full"}),
        ("collect", {"0": "normal", "1": "unknown", "2": "voided", "3": "red_unspecified", "7": "red_partial", "8": "red_full"}),
    ],
)  # fmt: skip
def test_states_are_mapped_by_interface(sample: Any, context: Any, api: str, states: dict[str, str]) -> None:
    for code, state in states.items():
        record = sample("check_digital") if api == "verify" else sample("collect_rows")[0]
        record["state" if api == "verify" else "fpztDm"] = code
        invoice: Any = plugin.normalize(record, context("81", "input", api))
        assert (invoice.state, invoice.state_raw) == (state, code)
        assert (("C1", "state") in rules(invoice)) == (state == "unknown")


@pytest.mark.parametrize(
    ("printed", "real", "value", "kind"),
    [
        ("6", "0.06", "0.06", "normal"),
        ("6%", None, "0.06", "normal"),
        ("6", None, "0.06", "normal"),
        ("1", "0.01", "0.01", "normal"),
        ("1", None, "0.01", "normal"),
        ("", "0.13", "0.13", "normal"),
        ("***", "0.06", "0.06", "normal"),
        ("***", "0", None, "masked"),
        ("免税", "0", "0", "exempt"),
        ("不征税", None, "0", "not_taxed"),
        ("0", "0", "0", "zero"),
        ("１３％", "0.13", "0.13", "normal"),
    ],
)
def test_rates_are_percent_text_beside_a_fraction(
    sample: Any, context: Any, printed: str, real: Any, value: Any, kind: str
) -> None:
    record = sample("check_digital")
    record["items"][0] |= {"taxRate": printed, "realTaxRate": None if real is None else D(real)}
    line = plugin.normalize(record, context(api="verify")).lines[0]  # type: ignore[union-attr]  # it is an invoice
    assert line.tax_rate == (None if value is None else D(value))
    assert line.tax_rate_kind == kind
    assert line.tax_rate_text == (printed or "0.13")
