"""Answers without what a policy does not keep: searched quickly, changed only where they must be, readable as before."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import msgspec
import pytest

from einvoices import einvoice
from fapiao.engine import Exchange
from fapiao.engine.encoded import opened
from fapiao.engine.withheld_answers import Answers, RawRules, kept_raw
from fapiao.invoices.personal_data import ACTIONS, CLASSES, DEFAULT, EVERYTHING, Policy
from fapiao.invoices.tax_numbers import check_digit
from fapiao.invoices.withholding import Withholding
from fapiao.layouts.einvoice_xml import RULES, normalize, raw_of, stored_raw_of, without_personal_data
from fapiao.registry import registry
from fapiao.wire import Flow, Request, Response
from vendors import SLICES, SPEAKERS, rows

KEY = b"a key of the tests, long enough for anybody"
PERSON = "990101199003078877"
COMPANY = "91990000000000012" + check_digit("91990000000000012")
OWN = "91990000000000001" + check_digit("91990000000000001")


def answers(source: str = "ekuaibao", **actions: str) -> Answers:
    policy = msgspec.structs.replace(EVERYTHING, **actions)
    return Answers(RawRules.of(registry.get(source).descriptor), Withholding(policy, KEY))


def body(*records: dict[str, Any]) -> bytes:
    return json.dumps({"value": {"code": "2000", "data": {"list": records}}}, ensure_ascii=False).encode()


def left(told: Answers, *records: dict[str, Any], own: str = OWN) -> list[dict[str, Any]]:
    made, whole = told.body(body(*records), own)
    assert whole
    found: list[dict[str, Any]] = json.loads(made)["value"]["data"]["list"]
    return found


def test_an_answer_without_personal_data_is_the_very_same_bytes() -> None:
    sent = body({"gfsbh": COMPANY, "xfsbh": OWN, "gfmc": "甲乙丙测试有限公司", "kpr": "张三"})
    made, whole = answers(identity="mask").body(sent, OWN)
    assert made is sent
    assert whole


@pytest.mark.parametrize(
    "spelling", [PERSON, PERSON.lower(), " 990101 19900307 8877", "９９０１０１１９９００３０７８８７７", PERSON + "01"]
)
def test_a_party_that_is_a_person_is_found_however_its_number_is_spelled(spelling: str) -> None:
    (row,) = left(answers(identity="drop"), {"gfsbh": spelling})
    assert row == {"gfsbh": None}


@pytest.mark.parametrize("number", [COMPANY, OWN, "110101990307887", "", None])
def test_other_numbers_of_parties_stay(number: str | None) -> None:
    record = {"gfsbh": number, "xfsbh": number, "gfmc": "甲乙丙测试有限公司"}
    assert left(answers(identity="drop", name="drop"), record) == [record]


def test_the_own_number_of_who_asked_stays() -> None:
    record = {"gfsbh": PERSON, "gfmc": "张三"}
    assert left(answers(identity="drop", name="drop"), record, own=PERSON) == [record]


def test_a_buyer_is_a_person_by_its_name_its_number_or_its_identity_number() -> None:
    told = answers(name="drop")
    records: list[dict[str, Any]] = [
        {"gfmc": "张三（个人）", "gfsbh": ""},
        {"gfmc": "张三", "gfsbh": PERSON},
        {"gfmc": "张三", "gfsbh": None, "sfzhm": "G12345678"},
        {"gfmc": "张三有限公司", "gfsbh": COMPANY, "sfzhm": COMPANY},
    ]
    assert [row["gfmc"] for row in left(told, *records)] == [None, None, None, "张三有限公司"]


def test_numbers_lists_and_escapes_are_no_hiding_place() -> None:
    told = answers(identity="mask", contact="mask")
    sent = b'{"sfzhm": 990101199003078877, "rows": [{"yxsfzh": ["G12345678", null]}, {"yxsfzh": "\\u0047\\u0031234567\\u0038"}], "dh": "a\\"b"}'
    made, whole = told.body(sent, OWN)
    assert whole
    assert json.loads(made) == {
        "sfzhm": "**************8877", "rows": [{"yxsfzh": ["*****5678", None]}, {"yxsfzh": "*****5678"}], "dh": "***",
    }  # fmt: skip


def test_a_field_may_be_told_by_the_object_that_it_stands_in() -> None:
    rules = RawRules(
        {
            "buyer.name": "buyer_name",
            "buyer.id": "buyer_tax_no",
            "seller.name": "seller_name",
            "seller.id": "seller_tax_no",
        }
    )
    told = Answers(rules, Withholding(Policy(name="drop", identity="mask")))
    sent = {
        "buyer": {"name": "张三", "id": PERSON},
        "seller": {"name": "甲乙丙测试有限公司", "id": COMPANY},
        "items": [{"name": "张三", "id": PERSON}],
    }
    made, _ = told.body(json.dumps(sent).encode(), OWN)
    assert json.loads(made) == sent | {"buyer": {"name": None, "id": "**************8877"}}


def test_amounts_keep_every_digit() -> None:
    sent = b'{"kpr": "x", "je": 1.50, "sl": 0.333333333333333333, "hm": 24990000000000000001}'
    made, _ = answers(name="drop").body(sent, OWN)
    assert made == b'{"kpr":null,"je":1.50,"sl":0.333333333333333333,"hm":24990000000000000001}'


@pytest.mark.parametrize(
    ("amount", "kept"), [("-100.00", "被红冲蓝字数电发票号码：24990000000000000001"), ("100.00", None)]
)
def test_only_a_red_letter_invoice_keeps_what_its_remark_refers_to(amount: str, kept: str | None) -> None:
    record = {"je": amount, "bz": "张三 被红冲蓝字数电发票号码：24990000000000000001"}
    assert left(answers(remark="drop"), record) == [{"je": amount, "bz": kept}]


def test_what_is_unknown_goes_and_what_is_filed_under_a_number_stays() -> None:
    told = answers("jcsk", unknown="drop")
    sent = {"InvoiceList": {"202002": {"FP": [{"invoiceNumber": "1", "memo": "张三"}]}}, "secret": 1}
    made, whole = told.body(json.dumps(sent).encode(), OWN)
    assert whole
    assert json.loads(made) == {
        "InvoiceList": {"202002": {"FP": [{"invoiceNumber": "1", "memo": None}]}}, "secret": None,
    }  # fmt: skip


def zipped(value: Any) -> str:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", json.dumps(value))
    return base64.encodebytes(held.getvalue()).decode()


def plain(value: Any) -> str:
    return base64.encodebytes(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("pack", [zipped, plain])
def test_encoded_content_is_looked_into(pack: Any) -> None:
    told = answers("jcsk", identity="mask", name="mask")
    row = {
        "purchaserTaxNo": PERSON,
        "purchaserName": "张三",
        "salesTaxNo": COMPANY,
        "salesTaxName": "甲乙丙测试有限公司",
    }
    sent = json.dumps({"code": "0000", "content": pack({"InvoiceList": [row]})}).encode()
    made, whole = told.body(sent, OWN)
    assert whole
    inside = opened(json.loads(made)["content"])
    assert inside is not None
    assert inside.value["InvoiceList"] == [row | {"purchaserTaxNo": "**************8877", "purchaserName": "张*"}]
    assert told.body(made, OWN)[0] is made or told.body(made, OWN)[0] == made


def test_encoded_content_without_a_person_stays_as_it_came() -> None:
    sent = json.dumps({"content": zipped({"InvoiceList": [{"purchaserTaxNo": COMPANY}]})}).encode()
    made, whole = answers("jcsk", identity="mask").body(sent, OWN)
    assert made is sent
    assert whole


@pytest.mark.parametrize(
    "content",
    ["not base64!", "bm90IGpzb24gYXQgYWxsLCBub3RoaW5n", base64.b64encode(b"PK\x03\x04broken archive").decode()],
)
def test_content_that_cannot_be_opened_is_not_stored(content: str) -> None:
    _, whole = answers("jcsk", identity="mask").body(json.dumps({"content": content}).encode(), OWN)
    assert not whole


@pytest.mark.parametrize("sent", [b'{"kpr": "cut off', 'kpr 张三 "kpr"'.encode("gb18030"), b'"kpr"' + b"[" * 5000])
def test_what_is_no_json_goes_to_the_flow_as_it_came_and_is_not_stored(sent: bytes) -> None:
    made, whole = answers(name="drop").body(sent, OWN)
    assert made is sent
    assert not whole


def test_a_flow_sees_what_is_stored_and_ends_as_it_would_alone() -> None:
    discretion = answers(name="drop").discretion(OWN)
    seen: list[Any] = []

    def flow() -> Flow[str]:
        try:
            yield Request(method="POST", path="/a", json={})
        except ValueError:
            response = yield Request(method="POST", path="/b", json={})
            seen.append(response.json())
        return "done"

    run: Any = discretion.flow(flow())
    assert run.__name__ == "flow"
    assert next(run).path == "/a"
    assert run.throw(ValueError()).path == "/b"
    sent = Response(status=200, headers={}, body=b'{"kpr":"x"}')
    with pytest.raises(StopIteration) as end:
        run.send(sent)
    assert end.value.value == "done"
    assert seen == [{"kpr": None}]
    exchange = Exchange(Request(method="POST", path="/b", json={}), sent)
    assert discretion.transcript([exchange])[0].response.json() == {"kpr": None}
    assert kept_raw([exchange], discretion, sealed=True).data != kept_raw([exchange], discretion, sealed=False).data


def test_a_flow_that_is_closed_closes_the_plugin_s() -> None:
    closed: list[bool] = []

    def flow() -> Flow[str]:
        try:
            yield Request(method="POST", path="/a", json={})
        finally:
            closed.append(True)
        return ""

    run: Any = answers(name="drop").discretion(OWN).flow(flow())
    next(run)
    run.close()
    assert closed == [True]


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "keep"])
@pytest.mark.parametrize("speaker", SPEAKERS, ids="-".join)
def test_the_rows_of_every_vendor_give_the_invoices_that_the_policy_leaves(
    speaker: tuple[str, str], action: str
) -> None:
    """Of the row, and of the invoice: dropped in one place or in the other, the same is left."""
    source = registry.get(speaker[0])
    withholding = Withholding(Policy(**dict.fromkeys(CLASSES, action)), KEY)
    told = Answers(RawRules.of(source.descriptor), withholding)
    changed = 0
    for type_, direction in SLICES:
        for raw in rows(speaker, type_, direction, 4):
            context = _context(speaker, type_, direction)
            whole = source.normalize(raw, context)
            sent = msgspec.json.Encoder(decimal_format="number").encode(raw)
            made, is_whole = told.body(sent, OWN)
            assert is_whole
            assert told.body(made, OWN) == (made, True)
            again = source.normalize(Response(status=200, headers={}, body=made).json(), context)
            kept, wanted = withholding.invoice(again, OWN), withholding.invoice(whole, OWN)  # type: ignore[arg-type]  # rows are good ones
            assert msgspec.structs.replace(kept, findings=()) == msgspec.structs.replace(wanted, findings=())
            changed += made != sent
    assert changed > 20 or speaker == ("jcsk", "sync")


def _context(speaker: tuple[str, str], type_: str, direction: str) -> Any:
    from fapiao.invoices.model import NormalizeContext

    return NormalizeContext(
        source=speaker[0], api=speaker[1], taxpayer_no=OWN, invoice_month="202411", type=type_, direction=direction
    )


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "keep"])
def test_the_values_of_a_layout_file_are_left_as_the_invoice_would_be(action: str) -> None:
    withholding = Withholding(Policy(**dict.fromkeys(CLASSES, action)), KEY)
    told = Answers(RULES, withholding)
    content = einvoice("24990000000000000001")
    values, stored = without_personal_data(content, told)
    assert "测试员" not in stored.decode()
    assert stored_raw_of(stored) == values
    context = _context(("bureau", "files"), "", "")
    kept, whole = normalize(values, context), normalize(raw_of(content), context)
    assert withholding.invoice(kept) == withholding.invoice(whole)  # type: ignore[arg-type]  # it is a good file


def test_a_layout_file_of_which_everything_is_kept_is_stored_as_it_is() -> None:
    content = einvoice("24990000000000000001")
    assert without_personal_data(content, Answers(RULES, Withholding(DEFAULT)))[1] is content
