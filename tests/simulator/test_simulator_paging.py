"""Pages: whole, repeated, short, drifting, malformed, changed by the next collection."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fapiao.testing.scenario import Count
from fapiao_ekuaibao.simulator import Changed, Drift, Malformed, Outcome

Make = Callable[..., Any]


def numbers(value: Any) -> list[str]:
    return [str(row["fphm"]) for row in value["data"]["list"]]


def test_pages_hold_every_invoice_once(vendor: Make) -> None:
    asked = vendor(uniform=250).collected()
    pages = [asked.read(number) for number in (1, 2, 3)]
    assert pages[0]["data"]["page"] == {"totalPage": 3, "pageSize": 100, "currentPage": 1, "totalCount": 250}
    found = [number for page in pages for number in numbers(page)]
    assert [len(numbers(page)) for page in pages] == [100, 100, 50]
    assert len(set(found)) == 250
    truth = asked.simulator.invoices(asked.taxpayer, "202411", "81", "input")
    assert found == [invoice.digital_number for invoice in truth]


def test_a_page_after_the_last_is_empty_with_the_same_count(vendor: Make) -> None:
    page = vendor().collected().read(9)["data"]
    assert page["list"] == []
    assert page["page"]["totalCount"] == 3


@pytest.mark.parametrize(
    ("empty_as", "code", "data"), [("4000", "4000", None), ("list", "2000", []), ("null", "2000", None)]
)
def test_an_empty_slice_is_answered_in_each_of_its_ways(vendor: Make, empty_as: str, code: str, data: Any) -> None:
    value = vendor(uniform=0, empty_as=empty_as).collected().read()
    assert value["code"] == code
    if code == "2000":
        assert value["data"]["list"] == data
        assert value["data"]["page"]["totalCount"] == 0


def test_counts_of_single_slices_go_before_the_uniform_one(vendor: Make) -> None:
    asked = vendor(uniform=2, counts=(Count(type="82", count=7),)).collected(types=("81", "82"))
    assert asked.read()["data"]["page"]["totalCount"] == 2
    assert asked.read(fplx="82")["data"]["page"]["totalCount"] == 7


def test_a_vendor_can_ignore_the_page_size(vendor: Make) -> None:
    page = vendor(uniform=25, page_size_cap=10).collected().read(size=100)["data"]
    assert page["page"] == {"totalPage": 3, "pageSize": 10, "currentPage": 1, "totalCount": 25}
    assert len(page["list"]) == 10


def test_a_total_can_grow_while_it_is_read_the_first_time(vendor: Make) -> None:
    asked = vendor(uniform=250, drifts=(Drift(kind="grow", after_page=1, rows=60),)).collected()
    totals = [asked.read(number)["data"]["page"]["totalCount"] for number in (1, 2, 1, 2)]
    assert totals == [190, 250, 250, 250]


def test_a_total_can_grow_in_every_read(vendor: Make) -> None:
    asked = vendor(uniform=250, drifts=(Drift(kind="grow", rows=1, always=True),)).collected()
    totals = [asked.read(number)["data"]["page"]["totalCount"] for number in (1, 2, 1, 2)]
    assert totals == [249, 250, 249, 250]


def test_rows_can_come_again_on_the_next_page(vendor: Make) -> None:
    asked = vendor(uniform=150, drifts=(Drift(kind="shift", rows=2),)).collected()
    first, second = numbers(asked.read(1)), numbers(asked.read(2))
    assert second[:2] == first[-2:]
    assert len(set(first + second)) == 148
    assert len(set(numbers(asked.read(1)) + numbers(asked.read(2)))) == 150


def test_a_page_can_repeat_rows_and_still_show_all_its_own(vendor: Make) -> None:
    asked = vendor(uniform=150, drifts=(Drift(kind="repeat", rows=2, always=True),)).collected()
    first, second = numbers(asked.read(1)), numbers(asked.read(2))
    assert second[:2] == first[-2:]
    assert (len(second), len(set(first + second))) == (52, 150)


def test_a_page_can_be_short(vendor: Make) -> None:
    asked = vendor(uniform=150, drifts=(Drift(kind="short", rows=3),)).collected()
    first = asked.read(1)
    assert len(numbers(first)) == 97
    assert first["data"]["page"]["totalCount"] == 150


def test_malformed_rows_are_rejected_in_the_truth(vendor: Make) -> None:
    asked = vendor(
        uniform=5,
        malformed=(
            Malformed(kind="masked_number", positions=(0,)),
            Malformed(kind="missing_number", positions=(1,)),
            Malformed(kind="number_in_exponents", positions=(2,)),
        ),
    ).collected()
    found = numbers(asked.read())
    assert found[0].startswith("****")
    assert found[1] == ""
    assert "E+19" in found[2]
    truth = next(
        part
        for part in asked.simulator.truth(asked.taxpayer, "202411")
        if (part.type, part.direction) == ("81", "input")
    )
    assert (truth.state, truth.expected, truth.loaded, truth.rejected) == ("rejected", 5, 2, 3)


def test_the_next_collection_shows_what_has_changed(vendor: Make) -> None:
    asked = vendor(uniform=5, quirks=False, changes=(Changed(red_flushed=(0,), vanished=(1,), appeared=2),)).collected()
    before = asked.read()["data"]["list"]
    after = asked.collected().read()["data"]["list"]
    assert [row["fphm"] for row in after[:4]] == [before[place]["fphm"] for place in (0, 2, 3, 4)]
    assert len(after) == 6
    assert (before[0]["fpztDm"], after[0]["fpztDm"]) in (("0", "8"), ("8", "8"))
    old, new = (list(asked.simulator.invoices(asked.taxpayer, "202411", "81", "input", number)) for number in (1, 2))
    assert (len(old), len(new)) == (5, 6)
    assert new[0].state == "red_full"


def test_stale_rows_still_give_the_earlier_collections_data(vendor: Make) -> None:
    asked = vendor(uniform=5, stale_seconds=30, changes=(Changed(appeared=1),)).collected()
    asked.start()
    assert asked.read()["data"]["page"]["totalCount"] == 5
    asked.clock.now += 60
    assert asked.read()["data"]["page"]["totalCount"] == 6


def test_a_holding_within_the_group_is_the_same_invoice_on_both_sides(vendor: Make) -> None:
    asked = vendor(uniform=4, intra_group=2)
    seller, buyer, _ = asked.scenario.taxpayers
    sold = list(asked.simulator.invoices(seller, "202411", "81", "output"))
    bought = list(asked.simulator.invoices(buyer, "202411", "81", "input"))
    assert sold[:2] == bought[:2]
    assert {invoice.seller_tax_no for invoice in sold[:2]} == {seller}
    assert {invoice.buyer_tax_no for invoice in sold[:2]} == {buyer}
    assert not {invoice.digital_number for invoice in sold[2:]} & {invoice.digital_number for invoice in bought[2:]}


def test_the_truth_names_every_slice_with_its_final_state(vendor: Make) -> None:
    asked = vendor(uniform=3, counts=(Count(type="82", count=0),), outcomes=(Outcome(type="04", status="failed"),))
    states = {(part.type, part.direction): part.state for part in asked.simulator.truth(asked.taxpayer, "202411")}
    assert len(states) == 40
    assert states["81", "input"] == "complete"
    assert states["82", "output"] == "empty"
    assert states["17", "output"] == "unsupported"
    assert states["04", "input"] == "failed"


def test_the_sums_of_the_truth_are_those_of_its_rows(vendor: Make) -> None:
    asked = vendor(uniform=120, quirks=False).collected()
    truth = next(part for part in asked.simulator.truth(asked.taxpayer, "202411") if part.type == "81")
    rows = [row for number in (1, 2) for row in asked.read(number)["data"]["list"]]
    assert truth.loaded == len(rows) == 120
    assert truth.lines == sum(len(row["hwxx"]) for row in rows)
    assert int(truth.amount_excl_tax * 100) == sum(round(row["je"] * 100) for row in rows)
    assert int(truth.line_tax_amount * 100) == sum(round(line["se"] * 100) for row in rows for line in row["hwxx"])


def test_the_same_page_is_the_same_bytes_from_the_cache_and_made_again(vendor: Make) -> None:
    kept, forgetful = (vendor(uniform=150, cache_megabytes=room).collected() for room in (64, 0))
    lists = [json.dumps(asked.read(2)["data"]["list"]) for asked in (kept, kept, forgetful)]
    assert lists[0] == lists[1] == lists[2]


def test_pages_rendered_ahead_are_those_that_are_read(vendor: Make) -> None:
    asked = vendor(uniform=250).collected()
    assert asked.simulator.prepare(asked.taxpayer, "202411", "81", "input") == 3
    truth = asked.simulator.invoices(asked.taxpayer, "202411", "81", "input")
    assert [number for page in (1, 2, 3) for number in numbers(asked.read(page))] == [
        invoice.digital_number for invoice in truth
    ]
