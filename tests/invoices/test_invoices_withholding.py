"""What a policy leaves of an invoice: each class, each action; twice is once; what tax needs stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapiao.errors import ConfigurationError
from fapiao.invoices import model, red_letter
from fapiao.invoices.folding import Observation, fold
from fapiao.invoices.model import Customs, Deduction, Finding, Invoice, Line, SpecialBusiness, Trip, Vehicle
from fapiao.invoices.personal_data import ACTIONS, CLASSES, DEFAULT, EVERYTHING, FIELDS, PARTIES, Policy, policy_of
from fapiao.invoices.tax_numbers import check_digit
from fapiao.invoices.texts import HASHED, is_masked
from fapiao.invoices.withholding import Withholding, fingerprint
from fapiao.store.tables.schema import metadata
from storing import invoice

KEY = b"a key of the tests, long enough for anybody"
PERSON = "990101199003078877"
"""Shaped like an identity number; nobody lives in region 99."""
COMPANY = "91990000000000012" + check_digit("91990000000000012")
IMPERSONAL = {
    Invoice: {
        "doc_type", "doc_type_raw", "invoice_code", "invoice_number", "digital_number", "customs_no", "certificate_no",
        "issued_at", "issued_on", "invoice_month", "amount_excl_tax", "tax_amount", "amount_incl_tax", "amounts_derived",
        "tax_rate", "tax_rate_text", "tax_rate_kind", "is_red", "state", "state_raw", "special_business",
        "special_business_raw", "special_kind_raw", "has_goods_list", "declared_line_count", "check_code",
        "tax_control_code", "machine_no", "push_serial_no", "issue_kind_raw", "seller_bureau_province",
        "seller_bureau_city", "seller_bureau_county", "level", "lines", "vehicle", "customs", "trips",
        "special_businesses", "deduction", "findings",
    },
    Line: set(Line.__struct_fields__) - {"extra"},
    Vehicle: {
        "vehicle_type", "brand_model", "origin_place", "certificate_no", "import_certificate_no", "inspection_no", "tonnage",
        "seat_limit", "tax_class_code",
    },
    Customs: {
        "port_code", "tariff_info", "revenue_authority", "budget_account", "treasury_code", "trade_mode", "applicant_code",
        "declaration_no", "contract_no", "transport_tool", "payment_due_on", "payment_due_text", "bill_of_lading",
    },
    Trip: {
        "trip_no", "origin", "destination", "digital_number", "flight_no", "carrier", "train_no", "departs_on",
        "departs_on_text", "departs_at", "recorded_at",
    },
    SpecialBusiness: {
        "seq", "construction_place", "project_name", "travel_on", "travel_on_text", "origin", "destination", "seat_class",
        "transport_type", "vehicle_kind", "ship_from", "cargo_name",
    },
}  # fmt: skip
"""Fields that somebody has thought about: alone they tell nothing about a person."""


def applied(stated: Invoice, own: str = "", **actions: str) -> Invoice:
    return Withholding(msgspec.structs.replace(EVERYTHING, **actions), KEY).invoice(stated, own)


@pytest.mark.parametrize("kind", FIELDS)
def test_every_field_of_the_model_is_personal_data_of_one_class_or_is_none(kind: type[msgspec.Struct]) -> None:
    party = {name for part in PARTIES.get(kind, ()) for name in (part.tax_no, part.name)}
    classed = set(FIELDS[kind])
    assert classed | party | IMPERSONAL[kind] == set(kind.__struct_fields__)
    assert not (classed | party) & IMPERSONAL[kind]
    assert not classed & party
    assert set(FIELDS[kind].values()) <= set(CLASSES)


def test_every_part_of_an_invoice_has_its_classes() -> None:
    parts = {kind for kind in vars(model).values() if _is_struct(kind)}
    said = {kind for kind in parts if kind.__name__ not in ("Finding", "Rejected", "NormalizeContext", "Deduction")}
    assert said == set(FIELDS)
    assert {Deduction, Finding} <= parts


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == "fapiao.invoices.model"


def test_every_column_that_is_marked_as_personal_data_has_a_class() -> None:
    kinds: dict[str, type[msgspec.Struct]] = {
        "fapiao_invoice": Invoice, "fapiao_vehicle": Vehicle, "fapiao_trip": Trip,
        "fapiao_special_business": SpecialBusiness,
    }  # fmt: skip
    marked = [
        (kinds[table.name], column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if "personal data" in (column.comment or "") and table.name in kinds
    ]
    assert len(marked) >= 8
    for kind, name in marked:
        assert name in FIELDS[kind]


def person() -> Invoice:
    """A vehicle sold to a natural person, a ticket and a remark on one invoice."""
    return invoice(
        1, buyer_tax_no=PERSON, buyer_name="庚辛(个人)", drawer="张三", payee="李四丰", reviewer="王五",
        seller_address_phone="测试省测试市甲路1号 09912345678", buyer_bank_account="测试银行 6299000011112222",
        remark="收件人赵六 13900000000", extra={"tel": 13900000001, "list": ["孙七", True, None]},
        lines=(Line(line_no=1, item_name="小轿车", extra={"for": "周八"}),),
        vehicle=Vehicle(buyer_id_no=PERSON, vin="LTEST000000000001", engine_no="E1234567", seller_phone="0991 7654321",
                        seller_account="6299000011112222", seller_bank="测试银行", seller_address="甲路1号"),
        trips=(Trip(trip_no=1, passenger_name="吴九", passenger_id="G99887766", origin="甲", destination="乙"),),
        special_businesses=(SpecialBusiness(seq=1, traveller="郑十", traveller_id=PERSON, plate_no="测A·12345",
                                            property_certificate_no="测(2024)不动产权第7654399号"),),
    )  # fmt: skip


SECRETS: Mapping[str, tuple[str, ...]] = {
    "identity": (PERSON, "G99887766"),
    "name": ("庚辛", "张三", "李四丰", "王五", "吴九", "郑十"),
    "contact": ("甲路1号", "09912345678", "7654321"),
    "bank": ("6299000011112222", "测试银行"),
    "remark": ("赵六", "13900000000"),
    "property": ("LTEST000000000001", "E1234567", "测A·12345", "7654399"),
    "unknown": ("13900000001", "孙七", "周八"),
}


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "keep"])
@pytest.mark.parametrize("data_class", CLASSES)
def test_what_is_not_kept_is_not_in_the_invoice_and_everything_else_is(data_class: str, action: str) -> None:
    kept = msgspec.json.encode(applied(person(), **{data_class: action})).decode()
    for other, values in SECRETS.items():
        for value in values:
            assert (value in kept) == (other != data_class), (value, other)


def test_by_default_identity_numbers_are_masked_to_their_end_and_nothing_else_is() -> None:
    stated = person()
    kept = Withholding(DEFAULT).invoice(stated)
    assert kept.vehicle is not None
    assert kept.vehicle.buyer_id_no == "**************8877"
    assert kept.buyer_tax_no == "**************8877"
    assert kept.trips[0].passenger_id == "*****7766"
    assert kept.special_businesses[0].traveller_id == "**************8877"
    assert kept == applied(stated, identity="mask")
    assert {name for name in Invoice.__struct_fields__ if getattr(kept, name) != getattr(stated, name)} == {
        "buyer_tax_no", "vehicle", "trips", "special_businesses",
    }  # fmt: skip


def test_a_policy_that_keeps_everything_gives_back_the_very_invoice() -> None:
    stated = person()
    assert Withholding(EVERYTHING).invoice(stated) is stated


def test_an_invoice_without_personal_data_is_given_back_as_it_is() -> None:
    stated = invoice(1)
    assert Withholding(DEFAULT).invoice(stated) is stated


@pytest.mark.parametrize("action", ["mask", "hash", "drop"])
def test_companies_amounts_and_numbers_stay_under_every_policy(action: str) -> None:
    stated = invoice(1)
    assert applied(stated, **dict.fromkeys(CLASSES, action)) == stated


@pytest.mark.parametrize("number", [COMPANY, "12345678-8"])
@pytest.mark.parametrize("action", ["mask", "hash", "drop"])
def test_an_organisation_s_code_in_the_place_of_an_identity_number_stays(action: str, number: str) -> None:
    stated = invoice(1, vehicle=Vehicle(buyer_id_no=number))
    assert applied(stated, identity=action, name=action) == stated


@pytest.mark.parametrize("action", ["mask", "hash", "drop"])
def test_the_own_number_and_name_of_the_taxpayer_that_was_asked_for_stay(action: str) -> None:
    stated = invoice(1, seller_tax_no=PERSON, seller_name="钱十一(个人)")
    actions = {"identity": action, "name": action}
    assert applied(stated, own=PERSON, **actions) == stated
    assert applied(stated, own="91990000000000001X", **actions) != stated


def test_a_tax_certificate_keeps_the_payer_s_number_that_identifies_it() -> None:
    stated = invoice(
        1, doc_type="tax_certificate", digital_number=None, certificate_no="99000000012345", buyer_tax_no=PERSON
    )
    assert applied(stated, identity="drop").buyer_tax_no == PERSON


def test_a_customs_payer_that_is_a_person_is_treated_like_a_buyer() -> None:
    stated = invoice(1, customs=Customs(payer2_tax_no=PERSON, payer2_name="冯十二"))
    kept = applied(stated, identity="drop", name="mask").customs
    assert kept == Customs(payer2_name="冯*")


def test_equal_values_have_equal_hashes_wherever_they_stand_and_other_keys_give_others() -> None:
    kept = applied(person(), identity="hash", name="hash")
    assert kept.vehicle is not None
    assert kept.vehicle.buyer_id_no == kept.buyer_tax_no == kept.special_businesses[0].traveller_id
    assert kept.drawer is not None
    assert HASHED.fullmatch(kept.drawer)
    assert applied(invoice(1, drawer="庚辛"), name="hash").drawer == kept.buyer_name
    other = Withholding(Policy(identity="hash", name="hash"), KEY + b"2").invoice(person())
    assert other.drawer != kept.drawer
    assert fingerprint(KEY) != fingerprint(KEY + b"2")


def test_a_value_that_the_source_masked_is_not_hashed_as_if_it_were_somebody() -> None:
    stated = invoice(1, drawer="张*", trips=(Trip(trip_no=1, passenger_id="9999**********1234"),))
    assert applied(stated, name="hash", identity="hash") == stated


def test_hashing_needs_a_key() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        Withholding(Policy(name="hash"))


@pytest.mark.parametrize("action", ["mask", "hash", "drop"])
@pytest.mark.parametrize(
    "remark",
    [
        "被红冲蓝字数电发票号码：24990000000000000001 红字发票信息确认单编号：99001234567890123456 联系人张三",
        "张三 对应正数发票代码:099002400111号码:12345678",
        "24990000000000000002 张三",
        "开具红字增值税专用发票信息表编号9900123456789012 张三",
    ],
)
def test_a_red_letter_invoice_keeps_what_it_refers_to(action: str, remark: str) -> None:
    kept = applied(invoice(1, is_red=True, remark=remark), remark=action)
    assert kept.remark is not None
    assert "张三" not in kept.remark
    assert red_letter.parse(kept.remark).named() == red_letter.parse(remark).named()


def test_twenty_digits_in_the_remark_of_a_blue_invoice_are_no_reference() -> None:
    assert applied(invoice(1, remark="24990000000000000002"), remark="drop").remark is None


TEXTS = st.one_of(
    st.text("张三李0123456789 ()个人*\n：", max_size=24),
    st.sampled_from(
        [PERSON, PERSON + "01", "", "***", "HMAC" + "A" * 26, "91**********", "张三（个人）", "24990000000000000001"]
    ),
)


@st.composite
def statements(draw: st.DrawFn) -> Invoice:
    """Invoices whose personal fields hold anything."""
    maybe = st.none() | TEXTS
    head: dict[str, Any] = {
        name: draw(maybe) for name in (*FIELDS[Invoice], "buyer_tax_no", "buyer_name", "seller_tax_no", "seller_name")
    }
    head["extra"] = draw(st.none() | st.dictionaries(TEXTS, TEXTS | st.integers() | st.lists(TEXTS), max_size=2))
    car = Vehicle(**{name: draw(maybe) for name in FIELDS[Vehicle]})
    trip = Trip(trip_no=1, passenger_name=draw(maybe), passenger_id=draw(maybe))
    return invoice(1, **head, is_red=draw(st.booleans()), vehicle=car, trips=(trip,))


POLICIES = st.builds(Policy, **{name: st.sampled_from(sorted(ACTIONS)) for name in CLASSES})


@given(statements(), POLICIES)
def test_twice_is_once(stated: Invoice, policy: Policy) -> None:
    withholding = Withholding(policy, KEY)
    kept = withholding.invoice(stated)
    assert withholding.invoice(kept) == kept


@given(st.lists(statements(), min_size=2, max_size=3), POLICIES, st.randoms())
def test_the_order_of_statements_does_not_matter_under_a_policy(
    stated: list[Invoice], policy: Policy, chance: Any
) -> None:
    withholding = Withholding(policy, KEY)
    said = [
        Observation(source="a", api="collect", observed_at=float(at), invoice=withholding.invoice(one))
        for at, one in enumerate(stated)
    ]
    shuffled = list(said)
    chance.shuffle(shuffled)
    assert fold(shuffled) == fold(said)


@pytest.mark.parametrize("action", ["mask", "hash"])
@pytest.mark.parametrize("field", ["drawer", "remark", "buyer_tax_no", "seller_address_phone"])
def test_what_was_masked_or_hashed_never_replaces_what_was_kept_and_is_no_conflict(field: str, action: str) -> None:
    clean = invoice(1, drawer="张三", remark="甲", buyer_tax_no=PERSON, seller_address_phone="甲路 1号")
    withheld = applied(clean, **dict.fromkeys(CLASSES, action))
    assert is_masked(str(getattr(withheld, field)))
    said = [
        Observation(source="a", api="collect", observed_at=at, invoice=one)
        for at, one in ((1.0, clean), (2.0, withheld))
    ]
    folded = fold(said)
    assert getattr(folded.invoice, field) == getattr(clean, field)
    assert folded.conflicts == ()


def test_settings_change_a_policy() -> None:
    assert policy_of(["name=hash", " identity = keep "]) == Policy(identity="keep", name="hash")


def test_everything_wrong_with_settings_is_said_at_once() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no class 'nmae' \(known: identity, .*unknown\); bank cannot be 'gone'"
    ):
        policy_of(["nmae=drop", "bank=gone"])
    with pytest.raises(ConfigurationError, match="name is set twice"):
        policy_of(["name=drop", "name=keep"])


def test_a_policy_has_one_action_per_class() -> None:
    assert set(get_type_hints(Policy)) == set(CLASSES)


@pytest.mark.parametrize(
    "written",
    [
        "张三(个人)",
        "张三（个人）",
        "张三&#40;个人)",
        "\u200b张\u200c三(个人)\ufeff",
        "张三(个人)&nbsp;",
        "张三﹙个人﹚ ",
    ],
)
def test_a_persons_name_is_known_however_a_vendor_writes_it(written: str) -> None:
    def party(action: str) -> Any:
        return Withholding(msgspec.structs.replace(EVERYTHING, name=action), KEY).party(None, written)[1]

    assert party("drop") is None
    assert party("mask").startswith("张*")
    assert "三" not in party("mask")
    plain = Withholding(msgspec.structs.replace(EVERYTHING, name="hash"), KEY).party(None, "张三(个人)")[1]
    assert party("hash") == plain
    assert HASHED.fullmatch(plain)


@pytest.mark.parametrize("after", ["mask", "drop", "hash"])
def test_a_hashed_name_of_a_party_is_a_persons(after: str) -> None:
    hashed = Withholding(msgspec.structs.replace(EVERYTHING, name="hash"), KEY).party(None, "张三(个人)")[1]
    left = Withholding(msgspec.structs.replace(EVERYTHING, name=after), KEY).party(None, hashed)[1]
    assert left == {"mask": "***", "drop": None, "hash": hashed}[after]


@pytest.mark.parametrize("company", ["个人护理用品测试有限公司", "甲乙丙（个人）测试有限公司", "测试&amp;测试有限公司"])
def test_a_companys_name_stays(company: str) -> None:
    assert Withholding(msgspec.structs.replace(EVERYTHING, name="drop"), KEY).party(None, company)[1] == company
