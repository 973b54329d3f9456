"""Edge cases that only the database can spoil, and those that only it can show: on every kind of database."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from storing import HOLDER, NOON, OUTPUT, Shelf, invoice, line, paper

MONEY = st.decimals(Decimal("-9999999999999999.99"), Decimal("9999999999999999.99"), places=2)
QUANTITY = st.one_of(
    st.decimals(-(10**20) + 1, 10**20 - 1, places=18), st.sampled_from([Decimal("33.333333333333333"), Decimal("1E+3")])
)
RATE = st.decimals(0, 1, places=6)
NUMBERS = itertools.count(1)


@settings(
    max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(values=st.lists(st.tuples(MONEY, MONEY, QUANTITY, QUANTITY, RATE), min_size=1, max_size=20))
def test_a8_amounts_quantities_and_rates_come_back_exactly(shelf: Shelf, values: list[tuple[Decimal, ...]]) -> None:
    number = next(NUMBERS)
    net, tax = values[0][:2]
    lines = tuple(
        line(place, amount_excl_tax=amount, tax_amount=of_it, quantity=quantity, unit_price=price, tax_rate=rate)
        for place, (amount, of_it, quantity, price, rate) in enumerate(values, 1)
    )
    shelf.load(invoice(number, amount_excl_tax=net, tax_amount=tax, lines=lines), cursor=str(number))

    key = max(row["invoice_key"] for row in shelf.rows("fapiao_invoice"))
    (head,) = [row for row in shelf.rows("fapiao_invoice") if row["invoice_key"] == key]
    rows = [row for row in shelf.rows("fapiao_invoice_line") if row["invoice_key"] == key]
    assert (head["amount_excl_tax"], head["tax_amount"]) == (net, tax)
    names = ("amount_excl_tax", "tax_amount", "quantity", "unit_price", "tax_rate")
    assert [tuple(row[name] for name in names) for row in rows] == values


@pytest.mark.parametrize("lines", [0, 1000, 3000])
def test_e4_lists_of_any_length_are_kept(shelf: Shelf, lines: int) -> None:
    shelf.load(invoice(1, lines=tuple(line(number) for number in range(1, lines + 1)), has_goods_list=True))
    assert [row["line_count"] for row in shelf.rows("fapiao_invoice")] == [lines]
    assert [row["line_no"] for row in shelf.rows("fapiao_invoice_line")] == list(range(1, lines + 1))


@pytest.mark.parametrize(
    "name", ["𠮷野家测试有限公司", "䶮㛃测试有限公司", "\ue000\uf900丽测试", "测试\u3000（上海）有限公司", "😀"]
)
def test_e7_names_survive_as_they_are(shelf: Shelf, name: str) -> None:
    shelf.load(invoice(1, seller_name=name, remark=name))
    (head,) = shelf.rows("fapiao_invoice")
    assert (head["seller_name"], head["remark"]) == (name, name)


def test_e18_the_same_customs_number_with_another_suffix_is_another_document(shelf: Shelf) -> None:
    number = "991120241000000001"
    for suffix in ("L01", "A01", "L02"):
        shelf.load(
            invoice(1, digital_number=None, customs_no=f"{number}-{suffix}", doc_type="customs_vat", doc_type_raw="17"),
            cursor=suffix,
        )
    assert sorted(row["customs_no"][-3:] for row in shelf.rows("fapiao_invoice")) == ["A01", "L01", "L02"]


def test_e26_a_blue_invoice_flushed_five_months_later_is_a_new_state_and_a_dated_one(shelf: Shelf) -> None:
    later = NOON + 5 * 30 * 86_400
    shelf.load(invoice(1))
    shelf.close()
    shelf.open(later)
    shelf.load(invoice(1, state="red_full", state_raw="8"), fetched_at=later)

    history = [(row["state"], row["state_raw"], row["observed_at"]) for row in shelf.rows("fapiao_invoice_state")]
    assert history == [("normal", "0", NOON), ("red_full", "8", later)]
    assert shelf.rows("fapiao_invoice")[0]["state"] == "red_full"


def test_e27_a_company_that_was_renamed_keeps_its_documents_and_both_names(shelf: Shelf) -> None:
    shelf.load(invoice(1, seller_name="甲乙丙测试有限公司", seller_tax_no="990000000000001"))
    shelf.load(
        invoice(1, seller_name="新名测试有限公司", seller_tax_no="91990000000000001X"), cursor="2", fetched_at=NOON + 9
    )

    (head,) = shelf.rows("fapiao_invoice")
    assert (head["seller_name"], head["seller_tax_no"]) == ("新名测试有限公司", "91990000000000001X")
    said = "".join(row["content"] for row in shelf.rows("fapiao_observation"))
    assert "甲乙丙测试有限公司" in said
    assert [row for row in shelf.rows("fapiao_finding") if row["rule"] == "M1"] == []


def test_e28_an_invoice_within_the_group_is_one_document_held_twice(shelf: Shelf) -> None:
    shelf.load(invoice(1))
    shelf.load(invoice(1), key=OUTPUT, taxpayer_no="91990000000000002X")
    assert len(shelf.rows("fapiao_invoice")) == 1
    assert [(row["taxpayer_no"], row["direction"]) for row in shelf.rows("fapiao_invoice_holding")] == [
        (HOLDER, "input"), ("91990000000000002X", "output"),
    ]  # fmt: skip


PAPER_DIGITAL: dict[str, tuple[Any, dict[str, Any]]] = {
    "code and number": (paper(5, doc_type_raw="84"), {"source": "ekuaibao"}),
    "both": (paper(5, doc_type_raw="85", digital_number="24990000000000000005"), {"source": "jcsk", "api": "sync"}),
    "digital number": (invoice(5, doc_type="digital_paper_special"), {"source": "qixiangyun", "api": "verify"}),
}


@pytest.mark.parametrize("order", list(itertools.permutations(PAPER_DIGITAL)), ids=" > ".join)
def test_e15_a_paper_digital_invoice_of_three_vendors_is_one_document(shelf: Shelf, order: tuple[str, ...]) -> None:
    for name in order:
        stated, more = PAPER_DIGITAL[name]
        shelf.load(stated, cursor=name, **more)
    assert len(shelf.rows("fapiao_invoice")) == 1
    assert sorted(row["value"] for row in shelf.rows("fapiao_invoice_number")) == [
        "099002400111:00000005", "24990000000000000005",
    ]  # fmt: skip
