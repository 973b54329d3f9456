"""Coverage: the latest closed generation of every slice, and what is open beside it."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from fapiao.store import CollectionKey, Database, coverage
from storing import INPUT, MONTH, NOON, OUTPUT, Shelf, invoice, refused


def test_each_slice_shows_its_proof(shelf: Shelf) -> None:
    shelf.load(invoice(1), refused(1), total=2)
    shelf.close("incomplete", NOON + 9)

    rows = coverage(shelf.database)

    assert [(row.type, row.direction, row.state) for row in rows] == [
        ("81", "input", "rejected"), ("81", "output", "empty"),
    ]  # fmt: skip
    first = rows[0]
    assert (first.source, first.account, first.taxpayer_no, first.invoice_month) == (
        shelf.key.source, shelf.key.account, shelf.key.taxpayer_no, shelf.key.invoice_month,
    )  # fmt: skip
    assert (first.generation, first.collection_state, first.closed_at) == (1, "incomplete", NOON + 9)
    assert (first.expected, first.loaded, first.rejected) == (2, 1, 1)
    assert (first.amount_excl_tax, first.tax_amount) == (Decimal("200.00"), Decimal("26.00"))


def test_only_the_latest_closed_generation_counts(shelf: Shelf) -> None:
    for now in (NOON, NOON + 10):
        shelf.open(now)
        shelf.close(now=now)
    assert [row.generation for row in coverage(shelf.database)] == [2, 2]


def test_an_open_generation_stands_beside_the_closed_one(shelf: Shelf) -> None:
    shelf.close()
    shelf.open(NOON + 10)
    rows = coverage(shelf.database)
    assert [(row.direction, row.generation, row.collection_state) for row in rows] == [
        ("input", 1, "complete"), ("input", 2, "intended"), ("output", 1, "complete"), ("output", 2, "intended"),
    ]  # fmt: skip


def test_abandoned_generations_cover_nothing(shelf: Shelf) -> None:
    shelf.ledger.close(shelf.collection.collection_id, "abandoned", NOON)
    assert coverage(shelf.database) == []


def test_a_slice_keeps_its_last_generation_when_later_ones_leave_it_out(shelf: Shelf) -> None:
    shelf.close()
    other = shelf.ledger.open(shelf.key, (INPUT,), NOON + 10)
    shelf.ledger.close(other.collection_id, "complete", NOON + 11)
    assert [(row.direction, row.generation) for row in coverage(shelf.database)] == [("input", 2), ("output", 1)]


def test_the_view_shows_the_same(shelf: Shelf) -> None:
    shelf.load(invoice(1), refused(1), total=2)
    shelf.close("incomplete", NOON + 9)
    shelf.open(NOON + 10)
    names = ("direction", "generation", "state", "collection_state", "expected", "loaded", "rejected")
    query = sa.text(f"SELECT {', '.join(names)} FROM fapiao_v_coverage ORDER BY direction, generation")
    seen = shelf.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
    assert seen == [tuple(getattr(row, name) for name in names) for row in coverage(shelf.database)]


@pytest.fixture
def year(sqlite_database: Database) -> Database:
    shelf = Shelf(sqlite_database, OUTPUT)
    for source, account, taxpayer_no, month in (
        ("ekuaibao", "corp-99", "91990000000000003X", "202410"),
        ("ekuaibao", "corp-98", shelf.key.taxpayer_no, "202412"),
        ("jcsk", "corp-99", shelf.key.taxpayer_no, MONTH),
    ):
        shelf.ledger.open(CollectionKey(source, account, taxpayer_no, month), (INPUT,), NOON)
    return sqlite_database


@pytest.mark.parametrize(
    ("wanted", "months"),
    [
        ({}, ["202410", "202411", "202411", "202412"]),
        ({"source": "jcsk"}, ["202411"]),
        ({"account": "corp-98"}, ["202412"]),
        ({"taxpayer_no": "91990000000000003X"}, ["202410"]),
        ({"first_month": "202411"}, ["202411", "202411", "202412"]),
        ({"last_month": "202410"}, ["202410"]),
        ({"first_month": "202411", "last_month": "202411"}, ["202411", "202411"]),
    ],
)
def test_rows_are_chosen_by_source_account_taxpayer_and_months(
    year: Database, wanted: dict[str, str], months: list[str]
) -> None:
    rows = coverage(year, **wanted)
    assert sorted(row.invoice_month for row in rows) == months
