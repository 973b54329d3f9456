"""Golden tests of documents that change, belong together, or are held twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from dictating import BUYER, SELLER, Golden, certified, digital, item, listed, page
from fapiao.store import deduction_changes, month_changes
from fapiao.store.tables.views import links

D = Decimal
SLICE = ("81", "input")
BLUE = "24990000000000000001"


def red(number: int, amount: str, remark: str, **changes: Any) -> dict[str, Any]:
    """A red-letter invoice that takes back ``amount`` without tax."""
    net = -D(amount)
    tax = (net * D("0.13")).quantize(D("0.01"))
    amounts = {"je": net, "se": tax, "jshj": net + tax}
    line = item(sl="-1", dj=amount, je=net, se=tax)
    return digital(number, bz=remark, lines=[line], **amounts | changes)


def linked(golden: Golden) -> list[tuple[str, str, str]]:
    """(red number, blue number, kind) of every link."""
    numbers = dict(golden.rows("invoice", "invoice_key", "digital_number"))
    query = sa.select(links.c.from_key, links.c.to_key, links.c.link_type)
    rows = golden.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
    return sorted((numbers[one], numbers[other], kind) for one, other, kind in rows)


def test_e3_partial_reds_that_sum_up_to_the_blue_invoice_show_that_its_state_is_stale(golden: Golden) -> None:
    rows = [
        digital(1),
        red(2, "40.00", f"被红冲蓝字数电票号码：{BLUE} 红字发票信息确认单编号：99990024110000000001"),
        red(3, "60.00", f"被红冲蓝字数电票号码：{BLUE}"),
    ]
    golden.collect({SLICE: [page(rows)]})
    assert golden.rows("invoice", "digital_number", "is_red", "state", "amount_excl_tax", "tax_amount") == [
        (BLUE, False, "normal", D("100.00"), D("13.00")),
        ("24990000000000000002", True, "normal", D("-40.00"), D("-5.20")),
        ("24990000000000000003", True, "normal", D("-60.00"), D("-7.80")),
    ]
    assert linked(golden) == [("24990000000000000002", BLUE, "red_of"), ("24990000000000000003", BLUE, "red_of")]
    assert golden.findings() == [("S5", "warning", "state")]


def test_e3_a_red_whose_blue_is_unknown_is_kept_with_its_reference_and_linked_once_the_blue_one_comes(
    golden: Golden,
) -> None:
    golden.collect({SLICE: [page([red(2, "100.00", f"被红冲蓝字数电票号码：{BLUE}")])]})
    assert golden.rows("invoice_reference", "scheme", "value", "is_certain") == [("digital20", BLUE, True)]
    assert (linked(golden), golden.findings()) == ([], [])
    golden.collect({SLICE: [page([digital(1, kprq="2024-10-05", kpyf="202410", fpztDm="8")])]}, month="202410")
    assert linked(golden) == [("24990000000000000002", BLUE, "red_of")]
    assert golden.findings() == []


def test_e3_a_red_of_a_red_is_told(golden: Golden) -> None:
    rows = [
        digital(1, fpztDm="8"),
        red(2, "100.00", f"被红冲蓝字数电票号码：{BLUE}"),
        red(3, "100.00", "被红冲蓝字数电票号码：24990000000000000002"),
    ]
    golden.collect({SLICE: [page(rows)]})
    assert linked(golden) == [
        ("24990000000000000002", BLUE, "red_of"), ("24990000000000000003", "24990000000000000002", "red_of"),
    ]  # fmt: skip
    assert golden.findings() == [("S4", "warning", "remark")]


def goods(count: int) -> list[dict[str, Any]]:
    """A list with a discounted line, its discount, and the row that sums it up: ``count`` rows of goods."""
    lines = [
        item(mxxh=number, mc="*软件*测试服务", je=D("1.00"), se=D("0.13"), sl="1", dj="1") for number in range(1, count)
    ]
    lines.append(item(mxxh=count, mc="*软件*测试服务", je=D("-0.50"), se=D("-0.07"), sl="", dj=""))
    net = D(count - 1) - D("0.50")
    return [item(mxxh=0, mc="(详见销货清单)", sl="", dj="", je=net, se=D(count - 1) * D("0.13") - D("0.07")), *lines]


@pytest.mark.parametrize("count", [1000, 3000])
def test_e4_a_list_of_thousands_of_lines_adds_up_and_its_summary_row_is_none_of_them(
    golden: Golden, count: int
) -> None:
    lines = goods(count)
    net, tax = lines[0]["je"], lines[0]["se"]
    row = digital(
        1, fpdm="9900241130", fphm="00000001", xhqdBz="Y", mxts=count, lines=lines, je=net, se=tax, jshj=net + tax
    )
    golden.collect({("01", "input"): [page([row])]})
    assert golden.rows(
        "invoice", "line_count", "declared_line_count", "has_goods_list", "level", "amount_excl_tax"
    ) == [(count + 1, count, True, "full", net)]
    kinds = golden.rows("invoice_line", "kind")
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "summary": 1, "normal": count - 2, "discounted": 1, "discount": 1,
    }  # fmt: skip
    assert golden.findings() == []


def test_e4_an_invoice_whose_list_is_collapsed_or_shorter_than_declared_is_kept_and_told(golden: Golden) -> None:
    rows = [
        digital(1, lines=[], mxts=0), digital(2, lines=[], mxts=12), digital(3, mxts=3),
        digital(4, lines=[item(mc="(详见销货清单)")], mxts=40, xhqdBz="Y"),
    ]  # fmt: skip
    golden.collect({SLICE: [page(rows)]})
    assert golden.rows("invoice", "line_count", "declared_line_count", "level", "amount_excl_tax") == [
        (0, 0, "head", D("100.00")), (0, 12, "head", D("100.00")), (1, 3, "full", D("100.00")), (1, 40, "full", D("100.00")),
    ]  # fmt: skip
    assert golden.findings() == [("L1", "warning", "lines")]


def test_e26_an_invoice_flushed_five_months_after_its_month_was_closed_is_a_dated_event_and_a_change_of_that_month(
    golden: Golden,
) -> None:
    golden.collect({SLICE: [page([digital(1), digital(2)])]})
    first = golden.rows("invoice_state", "observed_at")[0]
    golden.now += 5 * 30 * 86_400
    golden.collect({SLICE: [page([digital(1, fpztDm="8"), digital(2)])]})
    assert golden.rows("invoice", "digital_number", "state") == [(BLUE, "red_full"), ("24990000000000000002", "normal")]
    history = golden.rows("invoice_state", "invoice_key", "seq", "state", "state_raw")
    assert history == [(1, 1, "normal", "0"), (1, 2, "red_full", "8"), (2, 1, "normal", "0")]
    assert golden.rows("invoice_state", "observed_at")[1] - first == pytest.approx(5 * 30 * 86_400 + 60)
    (change,) = month_changes(golden.database, "ekuaibao", BUYER, "202411")
    assert (change.kind, change.number, change.earlier) == ("changed", BLUE, 1)
    assert {field.field: (field.before, field.now) for field in change.fields} == {
        "state": ("normal", "red_full"), "state_raw": ("0", "8"),
    }  # fmt: skip


def test_e26_a_certification_that_is_taken_back_is_a_new_row_and_a_change(golden: Golden) -> None:
    golden.sync({"11": [listed([certified(1), certified(2)])]})
    golden.now += 5 * 30 * 86_400
    revoked = certified(1, deductible="0", deductibleDate="", deductiblePeriod="", validTax=D("13.00"))
    golden.sync({"11": [listed([revoked, certified(2)])]})
    assert golden.rows("deduction", "invoice_key", "is_certified", "tax_period") == [
        (1, True, "202411"), (2, True, "202411"), (1, False, None),
    ]  # fmt: skip
    run = golden.rows("collection", "collection_id")[-1]
    assert [(change.kind, change.number) for change in deduction_changes(golden.database, run)] == [("revoked", BLUE)]


def test_e27_a_company_with_a_new_name_and_a_new_number_keeps_its_documents(golden: Golden) -> None:
    """15 digits became 18: the same company, no conflict, and no second document. What was said before is kept."""
    old = "990000MA0000001"
    golden.collect({SLICE: [page([digital(1, xfsbh=old, xfmc="旧名测试有限公司")])]})
    golden.collect({SLICE: [page([digital(1, xfsbh=SELLER, xfmc="新名测试有限公司")])]})
    assert golden.rows("invoice", "digital_number", "seller_tax_no", "seller_name") == [
        (BLUE, SELLER, "新名测试有限公司")
    ]
    said = golden.rows("observation", "content")
    assert sorted("旧名" in text for text in said) == [False, True]
    assert golden.findings("M1") == []


def test_e28_an_invoice_within_the_group_is_one_document_held_as_input_and_as_output(golden: Golden) -> None:
    golden.collect({SLICE: [page([digital(1)])]}, taxpayer_no=BUYER)
    golden.collect({("81", "output"): [page([digital(1)])]}, taxpayer_no=SELLER)
    assert golden.rows("invoice", "digital_number", "amount_excl_tax") == [(BLUE, D("100.00"))]
    assert golden.rows("invoice_holding", "taxpayer_no", "direction") == sorted([(BUYER, "input"), (SELLER, "output")])
