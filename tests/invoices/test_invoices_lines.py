"""Kinds and numbers of lines."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from fapiao.invoices.intake import Examined
from fapiao.invoices.lines import item_category, line_kinds, line_numbers
from fapiao.invoices.model import Invoice, Line

Make = Callable[..., Invoice]
Judge = Callable[[Invoice], Examined]


def kinds(*rows: tuple[str | None, int | None], is_red: bool = False) -> list[str]:
    return line_kinds([(name, None if amount is None else Decimal(amount)) for name, amount in rows], is_red)


def test_e4_a_negative_line_after_its_namesake_is_a_discount() -> None:
    assert kinds(("*泵*甲", 100), ("*泵*甲", -10), ("*阀*乙", 50)) == ["discounted", "discount", "normal"]


def test_e4_in_a_red_letter_invoice_the_signs_are_turned_round() -> None:
    assert kinds(("*泵*甲", -100), ("*泵*甲", 10), is_red=True) == ["discounted", "discount"]


def test_a_negative_line_of_another_name_is_no_discount() -> None:
    assert kinds(("*泵*甲", 100), ("*阀*乙", -10)) == ["normal", "normal"]


def test_a_named_discount_row_is_a_discount() -> None:
    assert kinds(("*泵*甲", 100), ("*阀*乙", 50), ("折扣行数2(10%)", -15)) == ["normal", "normal", "discount"]


def test_two_discounts_in_a_row_do_not_discount_each_other() -> None:
    assert kinds(("*泵*甲", 100), ("*泵*甲", -10), ("*泵*甲", -5)) == ["discounted", "discount", "normal"]


@pytest.mark.parametrize(
    "name",
    ["(详见销货清单)", "（详见销货清单）", "详见销货清单", "（详见对应正数发票及清单）", "原价合计", "折扣额合计"],
)
def test_e4_rows_that_sum_up_the_list_are_summaries(name: str) -> None:
    assert kinds((name, 300), ("*泵*甲", 300)) == ["summary", "normal"]


@pytest.mark.parametrize("name", ["清单打印机", "合计器", None, "*办公*合计板"])
def test_goods_whose_names_look_like_sums_are_goods(name: str | None) -> None:
    assert kinds((name, 300)) == ["normal"]


def test_lines_without_amounts_are_normal() -> None:
    assert kinds(("*泵*甲", None), ("*泵*甲", None)) == ["normal", "normal"]


def test_line_numbers_are_the_vendors_where_they_are_whole() -> None:
    assert list(line_numbers([3, 1, 2])) == [3, 1, 2]
    assert list(line_numbers([1, 1, 2])) == [1, 2, 3]
    assert list(line_numbers([1, None])) == [1, 2]
    assert list(line_numbers([0, 1])) == [1, 2]
    assert list(line_numbers([])) == []


def test_the_short_class_of_goods_is_read_from_the_name() -> None:
    assert item_category("*机械设备*测试泵*大*") == "机械设备"
    assert item_category("测试泵") is None
    assert item_category("**泵") is None
    assert item_category(None) is None


@pytest.mark.parametrize("length", [1, 1000, 3000])
def test_e4_a_long_list_with_summary_and_discounts_adds_up(make: Make, judge: Judge, length: int) -> None:
    goods = Line(
        line_no=1, item_name="*泵*甲", quantity=Decimal(1), unit_price=Decimal(10), amount_excl_tax=Decimal("10.00"),
        tax_rate=Decimal("0.13"), tax_rate_kind="normal", tax_amount=Decimal("1.30"),
    )  # fmt: skip
    off = Line(
        line_no=1, item_name="*泵*甲", amount_excl_tax=Decimal("-1.00"), tax_rate=Decimal("0.13"), tax_rate_kind="normal",
        tax_amount=Decimal("-0.13"), kind="discount",
    )  # fmt: skip
    summary = Line(
        line_no=1,
        item_name="(详见销货清单)",
        amount_excl_tax=Decimal(9 * length),
        tax_amount=Decimal("1.17") * length,
        kind="summary",
    )
    rows = [summary, *[goods, off] * length]
    lines = tuple(msgspec.structs.replace(row, line_no=number) for number, row in enumerate(rows, 1))
    total, tax = Decimal(9 * length), Decimal("1.17") * length
    examined = judge(
        make(
            lines=lines,
            amount_excl_tax=total,
            tax_amount=tax,
            amount_incl_tax=total + tax,
            declared_line_count=2 * length,
        )
    )
    assert examined.findings == ()


def test_e4_a_list_that_came_only_as_its_summary_is_not_a_wrong_sum(make: Make, judge: Judge) -> None:
    summary = Line(line_no=1, item_name="(详见销货清单)", amount_excl_tax=Decimal("1.00"), kind="summary")
    assert judge(make(lines=(summary,))).findings == ()


def test_repeated_line_numbers_are_replaced_by_positions(make: Make, judge: Judge) -> None:
    first, second = make().lines
    examined = judge(make(lines=(first, msgspec.structs.replace(second, line_no=1))))
    assert examined.invoice is not None
    assert [line.line_no for line in examined.invoice.lines] == [1, 2]
    assert [item.rule for item in examined.findings] == ["L3"]


def test_line_numbers_in_another_order_are_kept(make: Make, judge: Judge) -> None:
    first, second = make().lines
    examined = judge(
        make(lines=(msgspec.structs.replace(first, line_no=7), msgspec.structs.replace(second, line_no=3)))
    )
    assert examined.invoice is not None
    assert [line.line_no for line in examined.invoice.lines] == [7, 3]
    assert examined.findings == ()
