"""A record with two numbers joins what was known by one each, and never makes two invoices one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fapiao.invoices.identity import numbers_of
from fapiao.invoices.model import Invoice
from fapiao.store import Database
from fapiao.store.tables.invoices import numbers as number_table
from racing import race
from storing import INPUT, NOON, OUTPUT, Shelf, invoice, paper


def both(number: int, digital: int, **changes: Any) -> Invoice:
    """A paper face that brings its 20 digits."""
    return paper(number, digital_number=f"2499{digital:016d}", **changes)


def documents(shelf: Shelf) -> list[list[str]]:
    """The numbers of each document, sorted."""
    found: dict[int, list[str]] = {}
    for row in shelf.rows("fapiao_invoice_number"):
        found.setdefault(row["invoice_key"], []).append(row["value"])
    return sorted(sorted(values) for values in found.values())


def numbers(stated: Invoice) -> list[str]:
    return sorted(number.value for number in numbers_of(stated))


def reasons(shelf: Shelf) -> list[list[tuple[str, str, str]]]:
    """(rule, severity, field) of every rejected record."""
    return [
        [(item["rule"], item["severity"], item["field"]) for item in msgspec.json.decode(row["reasons"])]
        for row in shelf.rows("fapiao_rejected")
    ]


def test_a_record_that_would_join_two_whole_documents_is_quarantined_and_they_stay(shelf: Shelf) -> None:
    shelf.load(both(1, 1), both(2, 2, seller_name="庚辛壬测试有限公司"))
    before = [dict(row) for row in shelf.rows("fapiao_invoice", "changed_at")]
    report = shelf.load(both(2, 1), cursor="2", fetched_at=NOON + 1)
    assert (report.rejected, report.merged, report.changed) == (1, 0, 0)
    assert [dict(row) for row in shelf.rows("fapiao_invoice", "changed_at")] == before
    assert documents(shelf) == sorted([numbers(both(1, 1)), numbers(both(2, 2))])
    assert reasons(shelf) == [[("N11", "reject", "invoice_number")]]
    assert shelf.ledger.tally(shelf.slice().slice_id).rejected == 1

    corrected = shelf.load(both(2, 2, seller_name="庚辛壬测试有限公司"), cursor="3", fetched_at=NOON + 2)
    assert (corrected.rejected, corrected.same) == (0, 1)


@pytest.mark.parametrize("apart", [False, True])
def test_one_20_digit_number_on_two_paper_faces_is_one_invoice_and_one_that_is_looked_at(
    shelf: Shelf, apart: bool
) -> None:
    """In one page and in two, the later one in the order of reading is kept out."""
    if apart:
        shelf.load(both(1, 9))
        shelf.load(both(2, 9), cursor="2", fetched_at=NOON + 1)
    else:
        shelf.load(both(1, 9), both(2, 9))
    assert documents(shelf) == [numbers(both(1, 9))]
    assert reasons(shelf) == [[("N11", "reject", "invoice_number")]]
    assert [row["invoice_number"] for row in shelf.rows("fapiao_invoice")] == ["00000001"]


def test_two_faces_known_apart_still_become_one_document(shelf: Shelf) -> None:
    shelf.load(paper(1), cursor="1")
    shelf.load(invoice(1), cursor="2")
    assert len(documents(shelf)) == 2
    report = shelf.load(both(1, 1), cursor="3")
    assert (report.merged, report.rejected) == (1, 0)
    assert documents(shelf) == [numbers(both(1, 1))]


def test_other_records_of_the_page_are_loaded(shelf: Shelf) -> None:
    shelf.load(both(1, 1), both(2, 2))
    report = shelf.load(both(3, 3), both(2, 1), invoice(4), paper(2), cursor="2", fetched_at=NOON + 1)
    assert (report.records, report.rejected, report.new) == (4, 1, 2)
    page = next(row for row in shelf.rows("fapiao_page") if row["cursor"] == "2")
    assert (page["loaded"], page["rejected"]) == (3, 1)


def test_a_document_that_had_been_made_of_two_takes_what_is_said_about_it(shelf: Shelf) -> None:
    """Databases of before may hold one: it must not be an obstacle."""
    shelf.load(both(1, 1))
    shelf.load(both(2, 2), cursor="2")
    keys = [row["invoice_key"] for row in shelf.rows("fapiao_invoice")]
    shelf.database.transact(
        lambda connection: (
            connection.execute(
                number_table.update().where(number_table.c.invoice_key == keys[1]).values(invoice_key=keys[0])
            ).rowcount
        )
    )
    report = shelf.load(both(1, 1), both(2, 1), paper(2), cursor="3", fetched_at=NOON + 1)
    assert report.rejected == 0


KINDS = (INPUT, OUTPUT)


def _contradict(url: str, number: int, gate: Any) -> None:
    shelf = Shelf(Database.connect(url), *KINDS)
    gate.wait(60)
    for place in range(20):
        chosen = range(place * 10 + 1, place * 10 + 11)
        records = [both(n, n if number else 1000 + n) for n in (chosen if number else reversed(chosen))]
        shelf.load(*records, key=KINDS[number], cursor=str(place), fetched_at=NOON + number)


def test_of_two_processes_that_contradict_each_other_one_is_right_about_each_document(database_url: str) -> None:
    database = Database.connect(database_url)
    database.migrate()
    shelf = Shelf(database, *KINDS)
    race(_contradict, database_url, 2, seconds=120)
    found = documents(shelf)
    assert len(found) == 200
    assert all(len(values) == 2 for values in found)
    assert reasons(shelf) == [[("N11", "reject", "digital_number")]] * 200
    database.close()
