"""How one record becomes an invoice: what the samples do not show."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.model import Level, Rejected, Severity
from fapiao_collected.customs import CUSTOMS_KEYS
from fapiao_collected.heads import INVOICE_KEYS
from fapiao_collected.vehicles import VEHICLE_KEYS
from fapiao_ekuaibao import plugin

# One row per row of the document's table 发票类型, with its canonical type.
TYPES = (
    ("01", "vat_special_paper"),
    ("03", "motor_paper"),
    ("04", "vat_ordinary_paper"),
    ("08", "vat_special_e"),
    ("10", "vat_ordinary_e"),
    ("11", "vat_roll"),
    ("14", "toll_e"),
    ("15", "used_car_paper"),
    ("17", "customs_vat"),
    ("81", "digital_special"),
    ("82", "digital_ordinary"),
    ("84", "digital_paper_special"),
    ("85", "digital_paper_ordinary"),
    ("83", "digital_motor"),
    ("87", "digital_paper_motor"),
    ("70", "digital_used_car"),
    ("88", "digital_paper_used_car"),
    ("51", "rail_e"),
    ("61", "air_e"),
    ("8208", "digital_toll"),
)


@pytest.fixture
def normalized(context: Any) -> Any:
    def run(record: Any, type: str = "81") -> Any:
        return plugin.normalize(record, context(type))

    return run


def rules(invoice: Any) -> list[tuple[str, str]]:
    return [(found.rule, found.field) for found in invoice.findings]


@pytest.mark.parametrize(("code", "doc_type"), TYPES)
def test_each_type_code_has_its_canonical_type(normalized: Any, code: str, doc_type: str) -> None:
    invoice = normalized({"jkshm" if code == "17" else "fphm": "1"}, code)
    assert (invoice.doc_type, invoice.doc_type_raw) == (doc_type, code)
    assert invoice.findings == ()


@pytest.mark.parametrize("record", [{"fphm": "1"}, {"jkshm": "1"}])
def test_an_unknown_type_is_kept_raw_and_reported(normalized: Any, record: Any) -> None:
    invoice = normalized(record, "99")
    assert (invoice.doc_type, invoice.doc_type_raw) == ("unknown", "99")
    assert rules(invoice) == [("C1", "doc_type")]
    assert invoice.findings[0].severity is Severity.WARNING


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        ("0", "normal"),
        (0, "normal"),
        ("2", "voided"),
        ("3", "red_unspecified"),
        ("7", "red_partial"),
        ("8", "red_full"),
    ],
)
def test_each_state_code_has_its_canonical_state(normalized: Any, raw: Any, state: str) -> None:
    invoice = normalized({"fpztDm": raw})
    assert (invoice.state, invoice.state_raw) == (state, str(raw))
    assert invoice.findings == ()


@pytest.mark.parametrize("raw", ["1", "4", "80", "x"])
def test_an_unknown_state_is_kept_raw_and_reported(normalized: Any, raw: str) -> None:
    invoice = normalized({"fpztDm": raw})
    assert (invoice.state, invoice.state_raw) == ("unknown", raw)
    assert rules(invoice) == [("C1", "state")]


def test_a_record_without_a_state_is_unknown_and_no_fault(normalized: Any) -> None:
    invoice = normalized({"fphm": "1"}, "51")
    assert (invoice.state, invoice.state_raw, invoice.findings) == ("unknown", None, ())


@pytest.mark.parametrize(
    ("raw", "business"),
    [("09", "passenger_transport"), ("9", "passenger_transport"), (4, "freight"), ("20", "farm_produce")],
)
def test_a_specific_business_has_two_digits(normalized: Any, raw: Any, business: str) -> None:
    invoice = normalized({"tdywlx": raw})
    assert (invoice.special_business, invoice.special_business_raw) == (business, str(raw))


def test_an_unknown_specific_business_is_kept_raw_and_reported(normalized: Any) -> None:
    invoice = normalized({"tdywlx": "21"})
    assert (invoice.special_business, invoice.special_business_raw) == (None, "21")
    assert rules(invoice) == [("C1", "special_business")]


def test_a_digital_invoice_has_one_number_of_twenty_digits(normalized: Any) -> None:
    for code in ("", None, "null"):
        invoice = normalized({"fpdm": code, "fphm": "24992000000000000051"})
        assert (invoice.invoice_code, invoice.invoice_number, invoice.digital_number) == (
            None,
            None,
            "24992000000000000051",
        )


@pytest.mark.parametrize("type", ["84", "85", "87", "88"])
def test_a_paper_face_of_a_digital_invoice_keeps_all_three_numbers(normalized: Any, type: str) -> None:
    record = {"fpdm": "9900241130", "fphm": "00000084", "sdphm": "24992000000000000084"}
    invoice = normalized(record, type)
    assert (invoice.invoice_code, invoice.invoice_number, invoice.digital_number) == (
        "9900241130",
        "00000084",
        "24992000000000000084",
    )
    del record["sdphm"]
    invoice = normalized(record, type)
    assert (invoice.invoice_code, invoice.invoice_number, invoice.digital_number) == ("9900241130", "00000084", None)


@pytest.mark.parametrize("number", ["24992000000000000084", 24992000000000000084, " 24992000000000000084 "])
def test_a_code_beside_a_digital_number_does_not_hide_it(normalized: Any, number: Any) -> None:
    invoice = normalized({"fpdm": "9900241130", "fphm": number}, "84")
    assert (invoice.invoice_code, invoice.invoice_number, invoice.digital_number) == (
        "9900241130",
        None,
        "24992000000000000084",
    )


def test_a_number_that_came_as_an_integer_gets_its_zeros_back(normalized: Any) -> None:
    invoice = normalized({"fpdm": "9900241130", "fphm": 17}, "01")
    assert invoice.invoice_number == "00000017"
    assert rules(invoice) == [("N9", "invoice_number")]


def test_a_motor_vehicle_invoice_has_its_own_seller_tax_and_tonnage(sample: Any, normalized: Any) -> None:
    (record,) = sample("page_motor")["value"]["data"]["list"]
    invoice = normalized(record, "03")
    assert (invoice.seller_name, invoice.seller_tax_no) == (record["xhdwmc"], record["xhdwsbh"])
    assert invoice.seller_address_phone == "测试省测试市测试路23号 0990-00000023"
    assert invoice.seller_bank_account == "测试银行甲支行 9900000000000023"
    assert (invoice.amount_excl_tax, invoice.tax_amount, invoice.amount_incl_tax) == (
        Decimal("100000.00"),
        Decimal("13000.00"),
        Decimal("113000.00"),
    )
    assert (invoice.vehicle.tonnage, invoice.vehicle.vin) == ("1.5", "TESTVN00000000023")
    (line,) = invoice.lines
    assert (line.kind, line.item_name, line.tax_class_code) == (
        "synthetic",
        "测试轿车 测试牌TEST2300",
        "1090305000000000001",
    )
    assert (line.amount_excl_tax, line.tax_amount, line.tax_rate) == (
        Decimal("100000.00"),
        Decimal("13000.00"),
        Decimal("0.13"),
    )


@pytest.mark.parametrize("type", ["15", "70", "88"])
def test_a_used_car_comes_in_the_motor_shape_or_in_the_vat_shape(sample: Any, normalized: Any, type: str) -> None:
    (motor,) = sample("page_motor")["value"]["data"]["list"]
    (plain,) = sample("page_digital")["value"]["data"]["list"]
    assert normalized(motor, type).vehicle.engine_no == "TESTFDJ23"
    invoice = normalized(plain, type)
    assert invoice.vehicle is None
    assert invoice.lines[0].item_name == "*运输服务*测试运输"
    assert invoice.seller_name == "甲乙丙测试有限公司"


def test_a_vehicle_in_a_mixed_shape_loses_nothing(normalized: Any) -> None:
    record = {
        "xfmc": "甲乙丙测试有限公司",
        "xfsbh": "91990000MA0000001F",
        "xsfdzdh": "测试路1号",
        "cjhm": "TESTVN00000000099",
        "se": 13,
        "je": 100,
        "jshj": 113,
        "bz": "测试",
        "hwxx": [{"mc": "测试轿车", "je": 100, "se": 13, "slv": Decimal("0.13")}],
    }
    invoice = normalized(record, "83")
    assert (invoice.seller_name, invoice.seller_tax_no) == ("甲乙丙测试有限公司", "91990000MA0000001F")
    assert (invoice.seller_address_phone, invoice.tax_amount, invoice.remark) == ("测试路1号", Decimal("13.00"), "测试")
    assert invoice.vehicle.vin == "TESTVN00000000099"
    assert [line.kind for line in invoice.lines] == ["normal"]
    assert invoice.extra is None


def test_an_empty_vehicle_field_gives_way_to_the_vat_field(normalized: Any) -> None:
    invoice = normalized({"zzsse": "", "se": 0, "xhdwmc": None, "xfmc": "甲乙丙测试有限公司"}, "03")
    assert (invoice.tax_amount, invoice.seller_name) == (Decimal("0.00"), "甲乙丙测试有限公司")


def test_a_customs_certificate_has_a_payer_a_derived_value_and_no_price(sample: Any, normalized: Any) -> None:
    (record,) = sample("page_customs")["value"]["data"]["list"]
    record["hwxx"].append({"hwmc": "测试进口设备二", "wsjg": Decimal("0.5"), "skje": Decimal("0.07")})
    invoice = normalized(record, "17")
    assert (invoice.customs_no, invoice.issued_on, invoice.invoice_month) == (
        "990120241000000041-L02",
        date(2024, 11, 8),
        "202411",
    )
    assert (invoice.buyer_name, invoice.buyer_tax_no) == (record["jkdw1mc"], record["jkdw1nsrsbh"])
    assert (invoice.seller_name, invoice.seller_tax_no, invoice.amount_incl_tax) == (None, None, None)
    assert (invoice.amount_excl_tax, invoice.amounts_derived) == (Decimal("10000.50"), ("amount_excl_tax",))
    assert invoice.tax_amount == Decimal("1300.00")
    assert invoice.customs.payment_due_on == date(2024, 11, 22)
    assert [(line.line_no, line.unit, line.tariff_no) for line in invoice.lines] == [
        (1, "台", "8479899991"),
        (2, None, None),
    ]


@pytest.mark.parametrize("goods", [[], None, [{"hwmc": "测试", "wsjg": 1}, {"hwmc": "测试"}]])
def test_a_customs_value_is_not_derived_from_a_part_of_the_lines(normalized: Any, goods: Any) -> None:
    invoice = normalized({"jkshm": "1", "hwxx": goods}, "17")
    assert (invoice.amount_excl_tax, invoice.amounts_derived) == (None, ())


def test_a_customs_number_is_written_one_way(normalized: Any) -> None:
    assert normalized({"jkshm": "990120241000000041/l02"}, "17").customs_no == "990120241000000041-L02"


@pytest.mark.parametrize(
    ("amounts", "red"),
    [
        ({"jshj": Decimal("-1.13"), "je": Decimal(-1), "se": Decimal("-0.13")}, True),
        ({"jshj": 0, "je": Decimal(-1)}, True),
        ({"se": "-0.13"}, True),
        ({"jshj": Decimal("1.13"), "je": 1}, False),
        ({"jshj": 0, "je": 0, "se": 0}, False),
        ({}, False),
    ],
)
def test_a_red_letter_has_negative_amounts(normalized: Any, amounts: Any, red: bool) -> None:
    assert normalized(amounts).is_red is red


def test_a_red_letter_is_itself_normal(normalized: Any) -> None:
    invoice = normalized({"jshj": -113, "fpztDm": "3"})
    assert (invoice.is_red, invoice.state, invoice.state_raw) == (True, "normal", "3")
    assert normalized({"jshj": -113, "fpztDm": "2"}).state == "voided"


def test_an_issue_kind_of_one_is_no_red_letter(normalized: Any) -> None:
    invoice = normalized({"kjlx": "1", "jshj": 113})
    assert (invoice.issue_kind_raw, invoice.is_red) == ("1", False)


def line(**changes: Any) -> dict[str, Any]:
    return {"mc": "*测试*货物", "je": 100, "se": 13, "slv": Decimal("0.13")} | changes


def kinds(invoice: Any) -> list[str]:
    return [line.kind for line in invoice.lines]


def test_a_negative_line_after_the_line_of_its_name_is_a_discount(normalized: Any) -> None:
    invoice = normalized({"hwxx": [line(), line(je=-10, se="-1.3"), line(mc="别的")]})
    assert kinds(invoice) == ["discounted", "discount", "normal"]


def test_a_discount_of_a_red_letter_is_positive(normalized: Any) -> None:
    assert kinds(normalized({"jshj": -90, "hwxx": [line(je=-100), line(je=10)]})) == ["discounted", "discount"]


@pytest.mark.parametrize(
    "lines",
    [
        [line(), line(mc="别的", je=-10)],
        [line(je=-10), line()],
        [line(je=-100), line(je=10)],
        [line(), line(je=0)],
        [line(), line(je=None)],
        [line(), line()],
    ],
)
def test_other_neighbours_are_no_discount(normalized: Any, lines: Any) -> None:
    assert set(kinds(normalized({"hwxx": lines}))) == {"normal"}


@pytest.mark.parametrize("text", ["(详见销货清单)", "（详见销货清单）", "详见销货清单", "原价合计", "折扣额合计"])
def test_rows_that_sum_up_others_are_summaries(normalized: Any, text: str) -> None:
    assert kinds(normalized({"hwxx": [line(mc=text), line()]})) == ["summary", "normal"]


@pytest.mark.parametrize(
    ("stated", "numbers", "found"),
    [
        ([3, 1, 2], [3, 1, 2], []),
        (["2", "1"], [2, 1], []),
        ([None, None], [1, 2], []),
        ([1, None], [1, 2], []),
        ([0, 1], [1, 2], []),
        ([1, 1], [1, 2], [("L3", "lines")]),
        (["x", True], [1, 2], []),
    ],
)
def test_lines_keep_the_vendor_s_numbers_where_they_are_whole(
    normalized: Any, stated: Any, numbers: Any, found: Any
) -> None:
    invoice = normalized({"hwxx": [line(mxxh=number) for number in stated]})
    assert [row.line_no for row in invoice.lines] == numbers
    assert rules(invoice) == found


def test_quantities_and_prices_keep_every_digit_and_their_print(normalized: Any) -> None:
    (row,) = normalized({"hwxx": [line(sl="1.50", dj="528.613333333333333333333")]}).lines
    assert (row.quantity, row.quantity_text) == (Decimal("1.50"), "1.50")
    assert row.unit_price_text == "528.613333333333333333333"


@pytest.mark.parametrize(
    ("raw", "value", "kind"),
    [
        (Decimal("0.13"), Decimal("0.13"), "normal"),
        ("免税", Decimal(0), "exempt"),
        ("不征税", Decimal(0), "not_taxed"),
        ("***", None, "masked"),
        (0, Decimal(0), "zero"),
        ("", None, "missing"),
    ],
)
def test_rates_are_fractions_or_words(normalized: Any, raw: Any, value: Any, kind: str) -> None:
    invoice = normalized({"hwxx": [line(slv=raw)]})
    assert (invoice.lines[0].tax_rate, invoice.lines[0].tax_rate_kind) == (value, kind)
    assert (invoice.tax_rate, invoice.tax_rate_kind) == (value, kind)


def test_a_head_over_different_rates_is_mixed(normalized: Any) -> None:
    invoice = normalized({"slv": 0, "hwxx": [line(), line(slv=Decimal("0.06"))]})
    assert (invoice.tax_rate, invoice.tax_rate_kind) == (None, "mixed")


def test_an_invoice_with_lines_is_fully_known(normalized: Any) -> None:
    assert normalized({"hwxx": [line()]}).level is Level.FULL


@pytest.mark.parametrize("nothing", [[], None, "", {}, [{}]])
def test_an_invoice_without_lines_is_a_head(normalized: Any, nothing: Any) -> None:
    invoice = normalized({"hwxx": nothing})
    assert (invoice.level, invoice.lines, invoice.findings) == (Level.HEAD, (), ())


@pytest.mark.parametrize("key", ["hwxx", "xcdList", "tdysList"])
@pytest.mark.parametrize("value", ["text", {"mc": "x"}, 7, [{"mc": "x"}, "text"], [[1]]])
def test_a_list_nobody_can_read_is_reported_and_kept(normalized: Any, key: str, value: Any) -> None:
    invoice = normalized({"fphm": "1", key: value})
    assert [rule for rule, _ in rules(invoice)] == ["V2"]
    assert invoice.extra == {key: value}


def test_a_time_of_issue_is_china_time_as_printed(normalized: Any) -> None:
    invoice = normalized({"kprq": "2024-11-05 14:58:24", "kpyf": "202411"})
    assert (invoice.issued_at, invoice.issued_on) == (datetime.fromisoformat("2024-11-05T14:58:24"), date(2024, 11, 5))
    assert invoice.invoice_month == "202411"
    assert normalized({"kprq": "20241105"}).issued_at is None


def test_everything_wrong_is_found_at_one_look(normalized: Any) -> None:
    invoice = normalized({"kprq": "soon", "je": "much", "fpztDm": "x", "hwxx": [line(sl="some"), line(je="less")]})
    assert rules(invoice) == [
        ("A8", "amount_excl_tax"),
        ("Q2", "lines[0].quantity"),
        ("A8", "lines[1].amount_excl_tax"),
        ("D1", "issued_at"),
        ("C1", "state"),
    ]


@pytest.mark.parametrize("raw", [None, [], "text", 7, True, Decimal(1)])
def test_what_is_no_record_is_rejected(normalized: Any, raw: Any) -> None:
    result = normalized(raw)
    assert isinstance(result, Rejected)
    assert [found.rule for found in result.reasons] == ["V3"]


EVERY_KEY = dict.fromkeys(sorted(INVOICE_KEYS | VEHICLE_KEYS | CUSTOMS_KEYS))


@pytest.mark.parametrize("empty", [None, "", "null", []])
def test_a_record_with_the_fields_of_all_shapes_is_what_it_states(normalized: Any, empty: Any) -> None:
    """A vendor that writes one bean for all types leaves the fields of the others empty."""
    fields = {"fphm": "24990000000000000001", "je": "100.00", "se": "13.00", "jshj": "113.00", "mxts": 2, "fpztDm": "0"}
    made = normalized(dict.fromkeys(EVERY_KEY, empty) | fields)
    assert made == normalized(fields)
    assert (made.digital_number, made.vehicle, made.customs, made.lines) == ("24990000000000000001", None, None, ())
    assert made.level is Level.HEAD
    customs = normalized(dict.fromkeys(EVERY_KEY, empty) | {"jkshm": "990120241000000001-L01", "skje": "1.00"}, "17")
    assert customs == normalized({"jkshm": "990120241000000001-L01", "skje": "1.00"}, "17")
    car = normalized(dict.fromkeys(EVERY_KEY, empty) | {"fphm": "00000001", "fpdm": "199002400111", "cjhm": "T"}, "03")
    assert car.vehicle is not None
