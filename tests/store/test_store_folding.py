"""Documents that several observations speak about: order does not matter, numbers lead together, states have a history."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest

from fapiao.invoices.model import Invoice, Level
from fapiao.store import Database, PageLoad
from storing import INPUT, NOON, OUTPUT, Shelf, documents, examined, finding, invoice, line, paper

THIN = {"lines": (), "level": Level.LIST, "seller_name": None}


def test_a_new_statement_is_folded_into_the_document(shelf: Shelf) -> None:
    shelf.load(invoice(1))
    report = shelf.load(invoice(1, state="red_flushed", remark="红冲"), cursor="2", fetched_at=NOON + 10)

    assert (report.new, report.changed, report.same) == (0, 1, 0)
    (head,) = shelf.rows("fapiao_invoice")
    assert (head["state"], head["remark"], head["first_seen_at"]) == ("red_flushed", "红冲", NOON)
    assert len(shelf.rows("fapiao_observation")) == 2
    assert len(shelf.rows("fapiao_invoice_line")) == 2


def test_lines_are_replaced_as_a_whole(shelf: Shelf) -> None:
    shelf.load(invoice(1, **THIN), source="jcsk", api="sync")
    assert shelf.rows("fapiao_invoice_line") == []

    shelf.load(invoice(1), cursor="2")
    assert len(shelf.rows("fapiao_invoice_line")) == 2
    shelf.load(invoice(1, lines=(line(1, item_name="改名"),)), cursor="3", fetched_at=NOON + 1)

    assert [row["item_name"] for row in shelf.rows("fapiao_invoice_line")] == ["改名"]
    (head,) = shelf.rows("fapiao_invoice")
    assert (head["level"], head["line_count"], head["sources"]) == ("full", 1, "ekuaibao,jcsk")


def test_each_change_of_state_is_one_row(shelf: Shelf) -> None:
    for place, state in enumerate(("normal", "normal", "red_flushed", "void")):
        shelf.load(invoice(1, state=state, remark=str(place)), cursor=str(place), fetched_at=NOON + place)

    history = [(row["seq"], row["state"], row["observed_at"]) for row in shelf.rows("fapiao_invoice_state")]
    assert history == [(1, "normal", NOON), (2, "red_flushed", NOON + 2), (3, "void", NOON + 3)]


def test_a_state_that_comes_back_is_the_current_one(shelf: Shelf) -> None:
    for place, state in enumerate(("normal", "red_flushed", "normal")):
        shelf.load(invoice(1, state=state), cursor=str(place), fetched_at=NOON + place)

    assert shelf.rows("fapiao_invoice")[0]["state"] == "normal"
    assert [row["state"] for row in shelf.rows("fapiao_invoice_state")] == ["normal", "red_flushed", "normal"]
    assert len(shelf.rows("fapiao_observation")) == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_one_batch_brings_a_known_invoice_every_state_it_came_through(shelf: Shelf, order: tuple[int, ...]) -> None:
    shelf.load(invoice(1), cursor="known")

    states = ("void", "normal", "red_flushed")
    shelf.loader.load(
        [
            shelf.page(invoice(1, state=states[at]), cursor=str(place), fetched_at=NOON + 1 + at)
            for place, at in enumerate(order)
        ]
    )

    history = [(row["seq"], row["state"], row["observed_at"]) for row in shelf.rows("fapiao_invoice_state")]
    assert history == [
        (1, "normal", NOON),
        (2, "void", NOON + 1),
        (3, "normal", NOON + 2),
        (4, "red_flushed", NOON + 3),
    ]
    assert shelf.rows("fapiao_invoice")[0]["state"] == "red_flushed"


def test_a_batch_of_pages_fetched_before_gives_a_known_invoice_no_past(shelf: Shelf) -> None:
    shelf.load(invoice(1, state="void"), cursor="known", fetched_at=NOON + 5)

    shelf.loader.load(
        [
            shelf.page(invoice(1, state=state), cursor=state, fetched_at=NOON + at)
            for at, state in enumerate(("normal", "red_flushed"))
        ]
    )

    assert [row["state"] for row in shelf.rows("fapiao_invoice_state")] == ["void"]
    assert shelf.rows("fapiao_invoice")[0]["state"] == "void"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_pages_that_became_one_batch_tell_the_same_history_as_one_after_another(
    shelf: Shelf, order: tuple[int, ...]
) -> None:
    states = ("normal", "red_flushed", "normal")
    shelf.loader.load(
        [
            shelf.page(invoice(2), invoice(1, state=states[at]), cursor=str(place), fetched_at=NOON + at)
            for place, at in enumerate(order)
        ]
    )

    number_1 = {
        row["invoice_key"] for row in shelf.rows("fapiao_invoice") if row["digital_number"] == invoice(1).digital_number
    }
    history = [
        (row["seq"], row["state"], row["observed_at"])
        for row in shelf.rows("fapiao_invoice_state")
        if row["invoice_key"] in number_1
    ]
    assert history == [(1, "normal", NOON), (2, "red_flushed", NOON + 1), (3, "normal", NOON + 2)]
    seen = {
        (row["first_seen_at"], row["last_seen_at"], row["ordinal"])
        for row in shelf.rows("fapiao_observation")
        if row["invoice_key"] in number_1
    }
    assert seen == {(NOON, NOON + 2, 1), (NOON + 1, NOON + 1, 1)}
    other = [row for row in shelf.rows("fapiao_observation") if row["invoice_key"] not in number_1]
    cursors = {row["page_id"]: row["cursor"] for row in shelf.rows("fapiao_page")}
    assert [cursors[row["page_id"]] for row in other] == [str(order.index(0))], "where it was read first"


def test_sources_that_disagree_leave_one_conflict_however_often_they_say_it(shelf: Shelf) -> None:
    other: dict[str, Any] = {"source": "qixiangyun", "api": "verify"}
    shelf.load(invoice(1))
    shelf.load(invoice(1, amount_excl_tax=Decimal("999.00")), cursor="2", **other)
    shelf.load(invoice(1, amount_excl_tax=Decimal("999.00"), remark="again"), cursor="3", fetched_at=NOON + 1, **other)

    conflicts = [row for row in shelf.rows("fapiao_finding") if row["slice_id"] is None]
    assert [(row["rule"], row["field"]) for row in conflicts] == [("M1", "amount_excl_tax")]
    assert shelf.rows("fapiao_invoice")[0]["amount_excl_tax"] == Decimal("999.00")


def test_findings_are_written_once_per_statement(shelf: Shelf) -> None:
    shelf.load(examined(invoice(1), 0, (finding(),)))
    shelf.load(examined(invoice(1), 0, (finding(),)), cursor="2", fetched_at=NOON + 10)
    assert len(shelf.rows("fapiao_finding")) == 1


STATEMENTS: dict[str, tuple[Invoice, dict[str, object]]] = {
    "full": (invoice(1), {"fetched_at": NOON}),
    "flushed": (invoice(1, state="red_flushed", state_raw="3"), {"fetched_at": NOON + 5}),
    "thin": (invoice(1, **THIN), {"fetched_at": NOON + 7, "source": "jcsk", "api": "sync"}),
    "again": (invoice(1), {"fetched_at": NOON + 9, "key": OUTPUT}),
}


@pytest.mark.parametrize("order", list(itertools.permutations(STATEMENTS)), ids="-".join)
def test_the_order_of_arrival_does_not_matter(sqlite_shelf: Shelf, order: tuple[str, ...]) -> None:
    for name in order:
        stated, changes = STATEMENTS[name]
        sqlite_shelf.load(stated, cursor=name, **changes)  # type: ignore[arg-type]  # keyword values are of several types

    assert _summary(sqlite_shelf) == [
        (
            "normal",
            "full",
            "ekuaibao,jcsk",
            NOON,
            2,
            [("collect", NOON, NOON + 9), ("collect", NOON + 5, NOON + 5), ("sync", NOON + 7, NOON + 7)],
        )
    ]


def _summary(shelf: Shelf) -> list[object]:
    seen = sorted((row["api"], row["first_seen_at"], row["last_seen_at"]) for row in shelf.rows("fapiao_observation"))
    return [
        (head["state"], head["level"], head["sources"], head["first_seen_at"], head["line_count"], seen)
        for head in shelf.rows("fapiao_invoice")
    ]


def _pages(shelf: Shelf) -> list[PageLoad]:
    faced = paper(5, digital_number="24990000000000000005")
    return [
        shelf.page(invoice(1), paper(5), cursor="a", fetched_at=NOON + 1),
        shelf.page(invoice(1, state="red_flushed"), invoice(2), cursor="b", fetched_at=NOON + 2),
        shelf.page(invoice(5, doc_type_raw="85", **THIN), cursor="c", source="jcsk", api="sync", fetched_at=NOON + 3),
        shelf.page(faced, invoice(2, remark="x"), cursor="d", fetched_at=NOON + 4),
        shelf.page(invoice(1), cursor="e", key=OUTPUT, fetched_at=NOON + 5),
    ]


@pytest.mark.parametrize("order", ["abcde", "edcba", "cabed", "dbeac"])
def test_batches_of_any_cut_and_order_end_with_the_same_documents(
    database: Database, tmp_path_factory: pytest.TempPathFactory, order: str
) -> None:
    at_once = Shelf(Database.connect(f"sqlite:///{tmp_path_factory.mktemp('other') / 'fapiao.db'}"))
    at_once.loader.load(_pages(at_once))
    one_by_one = Shelf(database)
    pages = {page.cursor: page for page in _pages(one_by_one)}

    for name in order:
        one_by_one.loader.load([pages[name]])

    assert documents(one_by_one) == documents(at_once)
    assert len(one_by_one.rows("fapiao_invoice")) == 3


def test_a_paper_face_that_meets_its_digital_number_becomes_one_document(shelf: Shelf) -> None:
    shelf.load(examined(paper(5), 0, (finding(),)))
    shelf.load(invoice(5, **THIN), cursor="2", source="jcsk", api="sync", taxpayer_no="91990000000000009X")
    paper_key, digital_key = (row["invoice_key"] for row in shelf.rows("fapiao_invoice"))

    report = shelf.load(paper(5, digital_number="24990000000000000005"), cursor="3", fetched_at=NOON + 1)

    assert (report.merged, report.changed) == (1, 1)
    (head,) = shelf.rows("fapiao_invoice")
    assert head["invoice_key"] == digital_key
    assert (head["invoice_number"], head["digital_number"]) == ("00000005", "24990000000000000005")
    (link,) = shelf.links()
    assert link == (paper_key, digital_key, "paper_of_digital")
    for name in ("number", "holding", "state", "line"):
        assert {row["invoice_key"] for row in shelf.rows(f"fapiao_invoice_{name}")} == {digital_key}
    for name in ("fapiao_observation", "fapiao_finding", "fapiao_slice_record"):
        assert {row["invoice_key"] for row in shelf.rows(name)} == {digital_key}
    assert len(shelf.rows("fapiao_observation")) == 3
    assert len(shelf.rows("fapiao_invoice_holding")) == 2


def test_documents_merge_within_one_batch(shelf: Shelf) -> None:
    report = shelf.load(paper(5), invoice(5, **THIN), paper(5, digital_number="24990000000000000005"))

    assert (report.new, report.merged) == (1, 0)
    assert len(shelf.rows("fapiao_invoice")) == 1
    assert len(shelf.rows("fapiao_invoice_number")) == 2
    assert len(shelf.rows("fapiao_slice_record")) == 3


def test_a_late_number_joins_the_document_it_belongs_to(shelf: Shelf) -> None:
    shelf.load(paper(5))
    (before,) = shelf.rows("fapiao_invoice")

    shelf.load(paper(5, digital_number="24990000000000000005"), cursor="2", fetched_at=NOON + 1)
    report = shelf.load(invoice(5, **THIN), cursor="3", source="jcsk", api="sync")

    assert (report.new, report.merged, report.changed) == (0, 0, 1)
    (after,) = shelf.rows("fapiao_invoice")
    assert after["invoice_key"] == before["invoice_key"]


def test_a_merged_document_stays_one_when_both_are_read_again(shelf: Shelf) -> None:
    shelf.load(paper(5))
    shelf.load(invoice(5, **THIN), cursor="2", source="jcsk", api="sync")
    shelf.load(paper(5, digital_number="24990000000000000005"), cursor="3")
    before = documents(shelf)

    shelf.load(paper(5), cursor="4")
    shelf.load(invoice(5, **THIN), cursor="5", source="jcsk", api="sync")

    assert documents(shelf) == before
    assert len(shelf.links()) == 1


def test_records_of_both_documents_count_as_one_after_the_merge(shelf: Shelf) -> None:
    shelf.load(paper(5), invoice(6))
    shelf.load(paper(5, digital_number="24990000000000000005"), cursor="2", key=INPUT)

    tally = shelf.ledger.tally(shelf.slice().slice_id)
    assert (tally.loaded, tally.duplicates) == (2, 1)
