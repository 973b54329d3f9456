"""Processes that load overlapping invoices at the same moment: no error, no double, nothing lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

import pytest

from fapiao.store import Database, LoadReport
from fapiao.wire import SliceKey
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
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(len(KINDS))
    rivals = [context.Process(target=_load, args=(database_url, number, gate)) for number in range(len(KINDS))]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join(120)

    assert [rival.exitcode for rival in rivals] == [0, 0, 0]
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
