"""Leases: one generation per tax number has its turn, on every database, whoever asks at once."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from fapiao.store import CollectionKey, CollectionRecord, Database, Lease, Leases, Ledger
from storing import HOLDER, INPUT, NOON, OUTPUT

KEYS = [CollectionKey("acme", "corp", HOLDER, month) for month in ("202411", "202410", "202409", "202408")]


@pytest.fixture
def leases(database: Database) -> Leases:
    return Leases(database)


def opened(leases: Leases, key: CollectionKey, now: float = NOON, *slices: Any) -> CollectionRecord:
    record = leases.open(key, slices or (INPUT,), now, now + 10)
    assert isinstance(record, CollectionRecord)
    return record


def test_while_one_month_has_its_turn_nothing_of_another_is_opened(leases: Leases, database: Database) -> None:
    first = opened(leases, KEYS[0])
    other = leases.open(KEYS[1], (INPUT,), NOON + 5, NOON + 15)
    assert isinstance(other, Lease)
    assert (other.holder.collection_id, other.expires_at) == (first.collection_id, NOON + 10)
    assert opened(leases, KEYS[0], NOON + 5) == first, "whoever continues the generation has its turn"


def test_the_same_month_with_other_slices_is_not_given_up(leases: Leases, database: Database) -> None:
    first = opened(leases, KEYS[0])
    assert isinstance(leases.open(KEYS[0], (OUTPUT,), NOON + 5, NOON + 15), Lease)
    assert Ledger(database).collection(first.collection_id).state == "intended"


def test_a_closed_generation_has_no_turn(leases: Leases, database: Database) -> None:
    first = opened(leases, KEYS[0])
    Ledger(database).close(first.collection_id, "complete", NOON + 1)
    opened(leases, KEYS[1], NOON + 2)
    assert leases.take(first, NOON + 3, NOON + 13) is not None


def test_a_released_turn_is_free_and_only_the_holder_releases_it(leases: Leases) -> None:
    first = opened(leases, KEYS[0])
    leases.release(first)
    second = opened(leases, KEYS[1])
    leases.release(first)
    assert isinstance(leases.open(KEYS[2], (INPUT,), NOON, NOON + 10), Lease)
    assert leases.take(second, NOON, NOON + 10) is None


def test_an_expired_turn_is_doubted_before_it_is_lost(leases: Leases) -> None:
    opened(leases, KEYS[0])
    doubted = leases.open(KEYS[1], (INPUT,), NOON + 20, NOON + 30)
    assert isinstance(doubted, Lease)
    leases.prolong(doubted, NOON + 30, is_over=True)
    assert isinstance(leases.open(KEYS[1], (INPUT,), NOON + 29, NOON + 39), Lease)
    opened(leases, KEYS[1], NOON + 31)


def test_a_holder_that_comes_back_is_not_dropped(leases: Leases) -> None:
    first = opened(leases, KEYS[0])
    doubted = leases.open(KEYS[1], (INPUT,), NOON + 20, NOON + 30)
    assert isinstance(doubted, Lease)
    assert leases.take(first, NOON + 21, NOON + 31) is None
    leases.drop(doubted)
    leases.prolong(doubted, NOON + 99, is_over=True)
    still = leases.open(KEYS[1], (INPUT,), NOON + 22, NOON + 32)
    assert isinstance(still, Lease)
    assert (still.expires_at, still.is_over) == (NOON + 31, False)


def test_a_job_at_the_vendor_goes_on_without_the_turn(leases: Leases, database: Database) -> None:
    first = opened(leases, KEYS[0])
    Ledger(database).started(first.collection_id, NOON, None, joined=False)
    doubted = leases.open(KEYS[1], (INPUT,), NOON + 20, NOON + 30)
    assert isinstance(doubted, Lease)
    leases.drop(doubted)
    second = opened(leases, KEYS[1], NOON + 21)
    assert opened(leases, KEYS[0], NOON + 22).collection_id == first.collection_id
    assert leases.take(second, NOON + 23, NOON + 33) is None, "the turn stays where it is"


def test_taxpayers_and_sources_do_not_wait_for_each_other(leases: Leases) -> None:
    for source, taxpayer in (("acme", HOLDER), ("other", HOLDER), ("acme", "91990000000000027W")):
        opened(leases, CollectionKey(source, "corp", taxpayer, "202411"))


def _ask(url: str, number: int, gate: Any, results: Any) -> None:
    leases = Leases(Database.connect(url))
    gate.wait(60)
    found = leases.open(KEYS[number % len(KEYS)], (INPUT,), NOON, NOON + 10)
    results.put((number, found.collection_id if isinstance(found, CollectionRecord) else None))


def test_of_processes_that_ask_at_once_one_month_has_its_turn(database_url: str, database: Database) -> None:
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(8), context.Queue()
    rivals = [context.Process(target=_ask, args=(database_url, number, gate, results)) for number in range(8)]
    for rival in rivals:
        rival.start()
    won = dict(results.get(timeout=60) for _ in rivals)
    for rival in rivals:
        rival.join(60)

    winners = {number % len(KEYS) for number, collection_id in won.items() if collection_id is not None}
    assert len(winners) == 1
    assert len({collection_id for collection_id in won.values() if collection_id is not None}) == 1
    [month] = winners
    assert won[month] == won[month + len(KEYS)], "both that asked for it work on one generation"
