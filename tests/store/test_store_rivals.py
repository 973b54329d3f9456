"""Processes that load overlapping invoices at the same moment: no error, no double, nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest

from fapiao.store import Database, LoadReport
from fapiao.wire import SliceKey
from racing import race
from storing import NOON, Shelf, invoice, paper

KINDS = tuple(SliceKey(str(number), "input") for number in range(3))
COUNT = 120


def _load(url: str, number: int, gate: Any) -> None:
    """Load the same invoices as the others, in another order and with an observation of one's own."""
    shelf = Shelf(Database.connect(url), *KINDS)
    gate.wait(60)
    for place in range(0, COUNT, 20):
        chosen = [(place + step * (1, -1, 7)[number]) % COUNT for step in range(20)]
        records = [invoice(n, remark=f"of {number}" if n % 3 == 0 else None) for n in chosen]
        records += [paper(n + 1, digital_number=f"2499{n:016d}" if number else None) for n in chosen[:5]]
        shelf.load(*records, key=KINDS[number], cursor=str(place), fetched_at=NOON + number)


def test_rivals_leave_every_document_once(database_url: str) -> None:
    database = Database.connect(database_url)
    database.migrate()
    shelf = Shelf(database, *KINDS)
    race(_load, database_url, len(KINDS), seconds=120)

    assert shelf.rows("fapiao_rejected") == []
    numbers = shelf.rows("fapiao_invoice_number")
    digital = [row["value"] for row in numbers if row["scheme"] == "digital20"]
    assert sorted(digital) == [f"2499{n:016d}" for n in range(COUNT)]
    keys = {row["invoice_key"] for row in shelf.rows("fapiao_invoice")}
    assert {row["invoice_key"] for row in numbers} == keys
    assert {row["invoice_key"] for row in shelf.rows("fapiao_slice_record")} == keys
    assert {row["invoice_key"] for row in shelf.rows("fapiao_observation")} == keys
    for row in shelf.rows("fapiao_invoice"):
        said = [o for o in shelf.rows("fapiao_observation") if o["invoice_key"] == row["invoice_key"]]
        assert row["first_seen_at"] == min(o["first_seen_at"] for o in said)
    database.close()


ROUNDS = 50
OVERLAP = 30


def _load_rounds(url: str, number: int, gate: Any) -> None:
    """Fifty times the same slice as the rival, at the same moment, in the other order, each with some of its own."""
    shelf = Shelf(Database.connect(url), *KINDS)
    for place in range(ROUNDS):
        first = place * 3 * OVERLAP + number * OVERLAP
        chosen = list(range(first, first + 2 * OVERLAP))[:: 1 if number else -1]
        records = [invoice(n, drawer="测试员001" if n % 7 == number else None) for n in chosen]
        records += [paper(n + 1, digital_number=f"2499{n:016d}" if number else None) for n in chosen if n % 5 == 0]
        gate.wait(60)
        shelf.load(*records, key=KINDS[number], cursor=str(place), fetched_at=NOON + place)


@pytest.mark.slow
def test_two_processes_load_overlapping_slices_fifty_times(database_url: str) -> None:
    database = Database.connect(database_url)
    database.migrate()
    shelf = Shelf(database, *KINDS)
    race(_load_rounds, database_url, 2, seconds=240)
    assert len(shelf.rows("fapiao_page")) == 2 * ROUNDS
    assert shelf.rows("fapiao_rejected") == []
    every = ROUNDS * 3 * OVERLAP
    numbers = {(row["scheme"], row["value"]): row["invoice_key"] for row in shelf.rows("fapiao_invoice_number")}
    digital = {value: key for (scheme, value), key in numbers.items() if scheme == "digital20"}
    assert sorted(digital) == [f"2499{n:016d}" for n in range(every)]
    heads = {row["invoice_key"]: row for row in shelf.rows("fapiao_invoice")}
    assert set(numbers.values()) == set(heads), "a number leads to a document, and every document has one"
    seen: dict[int, set[int]] = {}
    for row in shelf.rows("fapiao_slice_record"):
        seen.setdefault(row["invoice_key"], set()).add(row["slice_id"])
    assert set(seen) == set(heads)
    shared = [key for key, slices in seen.items() if len(slices) == 2]
    assert len(shared) >= ROUNDS * OVERLAP, "they did load the same documents"
    lines = [row["invoice_key"] for row in shelf.rows("fapiao_invoice_line")]
    assert {lines.count(key) for key in shared[:20]} == {2}
    database.close()


def _load_one_by_one(url: str, ready: Any) -> None:
    shelf = Shelf(Database.connect(url))
    ready.set()
    for number in range(100_000):
        shelf.load(invoice(number), invoice(number + 1), cursor=str(number))


@pytest.mark.kill
def test_a_killed_loader_leaves_whole_pages(database_url: str) -> None:
    database = Database.connect(database_url)
    database.migrate()
    shelf = Shelf(database)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    loader = context.Process(target=_load_one_by_one, args=(database_url, ready))
    loader.start()
    assert ready.wait(60)
    while len(shelf.rows("fapiao_page")) < 5:
        assert loader.is_alive()
    assert loader.pid is not None
    os.kill(loader.pid, signal.SIGKILL)
    loader.join()

    committed = sorted(int(row["cursor"]) for row in shelf.rows("fapiao_page"))
    assert committed == list(range(len(committed)))
    documents = shelf.rows("fapiao_invoice")
    assert len(documents) == len(committed) + 1
    assert len(shelf.rows("fapiao_invoice_line")) == 2 * len(documents)
    assert len(shelf.rows("fapiao_slice_record")) == 2 * len(committed)
    following = len(committed)
    report = shelf.load(invoice(following), invoice(following + 1), cursor=str(following))
    assert report == LoadReport(pages=1, records=2, new=1, same=1)
    database.close()
