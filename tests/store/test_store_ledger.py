"""The ledger: one open generation, slices that end in a recorded state, numbers that prove them."""

from __future__ import annotations

import threading
from decimal import Decimal

import msgspec
import pytest

from fapiao.errors import StoreError
from fapiao.store import CollectionKey, CollectionRecord, Database, Ledger, ReadProgress, SliceUpdate, Tally
from fapiao.wire import SliceKey
from storing import INPUT, MONTH, NOON, OUTPUT, Shelf, invoice, refused

KEY = CollectionKey("ekuaibao", "corp-99", "91990000000000001X", MONTH)


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def test_a_new_collection_is_intended_and_its_slices_wait(ledger: Ledger) -> None:
    record = ledger.open(KEY, (OUTPUT, INPUT, INPUT), NOON)

    assert record == ledger.collection(record.collection_id)
    assert (record.key, record.generation, record.state, record.opened_at) == (KEY, 1, "intended", NOON)
    slices = ledger.slices(record.collection_id)
    assert [part.key for part in slices] == [INPUT, OUTPUT]
    assert {(part.state, part.read_no, part.expected, part.stale, part.retried) for part in slices} == {
        ("waiting", 1, None, False, False)
    }


def test_the_open_generation_is_continued(ledger: Ledger) -> None:
    first = ledger.open(KEY, (INPUT, OUTPUT), NOON)
    assert ledger.open(KEY, (OUTPUT, INPUT), NOON + 10) == first


def test_after_the_close_the_next_generation_begins(ledger: Ledger) -> None:
    first = ledger.open(KEY, (INPUT,), NOON)
    ledger.close(first.collection_id, "complete", NOON + 5)

    second = ledger.open(KEY, (INPUT,), NOON + 10)

    assert (second.generation, second.state) == (2, "intended")
    assert ledger.collection(first.collection_id).closed_at == NOON + 5


def test_other_slices_abandon_the_open_generation(ledger: Ledger) -> None:
    first = ledger.open(KEY, (INPUT, OUTPUT), NOON)
    done = ledger.slices(first.collection_id)[0]
    ledger.close_slice(done.slice_id, "empty", None, None, None, NOON)

    second = ledger.open(KEY, (INPUT,), NOON + 10)

    assert second.generation == 2
    assert ledger.collection(first.collection_id).state == "abandoned"
    assert [part.state for part in ledger.slices(first.collection_id)] == ["empty", "failed"]
    assert "other slices" in (ledger.slices(first.collection_id)[1].vendor_message or "")


def test_the_latest_closed_generation_has_exactly_the_wanted_slices(ledger: Ledger) -> None:
    assert ledger.latest_closed(KEY, (INPUT,)) is None
    for place, (wanted, state) in enumerate(
        (((INPUT, OUTPUT), "complete"), ((INPUT,), "incomplete"), ((INPUT, OUTPUT), "abandoned"), ((INPUT,), None)), 1
    ):
        record = ledger.open(KEY, wanted, NOON + place)
        if state:
            ledger.close(record.collection_id, state, NOON + place)

    assert _generation(ledger.latest_closed(KEY, (OUTPUT, INPUT))) == 1
    assert _generation(ledger.latest_closed(KEY, (INPUT,))) == 2
    assert ledger.latest_closed(KEY, (OUTPUT,)) is None
    assert ledger.latest_closed(msgspec.structs.replace(KEY, account="other"), (INPUT,)) is None


def _generation(record: CollectionRecord | None) -> int | None:
    return None if record is None else record.generation


def test_callers_at_the_same_moment_get_the_same_collection(ledger: Ledger) -> None:
    gate = threading.Barrier(6)
    opened: list[CollectionRecord] = []

    def open_at_once() -> None:
        gate.wait()
        opened.append(ledger.open(KEY, (INPUT, OUTPUT), NOON))

    threads = [threading.Thread(target=open_at_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [record.collection_id for record in opened] == [opened[0].collection_id] * 6
    assert opened[0].generation == 1


def test_the_start_is_written_down_step_by_step(ledger: Ledger) -> None:
    number = ledger.open(KEY, (INPUT,), NOON).collection_id

    ledger.starting(number, NOON + 1)
    sent = ledger.collection(number)
    assert (sent.state, sent.start_sent_at) == ("starting", NOON + 1)

    ledger.not_started(number, "4043", "于次月 3 日后")
    refused_start = ledger.collection(number)
    assert (refused_start.state, refused_start.start_sent_at) == ("intended", None)
    assert (refused_start.vendor_code, refused_start.vendor_message) == ("4043", "于次月 3 日后")

    ledger.starting(number, NOON + 2)
    ledger.started(number, NOON + 3, "job-1", joined=False)
    started = ledger.collection(number)
    assert (started.state, started.start_sent_at, started.started_at) == ("started", NOON + 2, NOON + 3)
    assert (started.vendor_job_id, started.joined, started.vendor_code) == ("job-1", False, None)


def test_requests_add_up(ledger: Ledger) -> None:
    number = ledger.open(KEY, (INPUT,), NOON).collection_id
    ledger.add_requests(number, 3)
    ledger.add_requests(number, 4)
    assert ledger.collection(number).requests == 7


def test_news_change_slices_that_are_not_final(ledger: Ledger) -> None:
    number = ledger.open(KEY, (INPUT, OUTPUT), NOON).collection_id
    ledger.note_prior(number, [INPUT, SliceKey("99", "input")])
    ledger.close_slice(ledger.slices(number)[1].slice_id, "unsupported", None, "notSupported", None, NOON)

    ledger.apply(
        number,
        [SliceUpdate(key=key, state="ready", code="processed", message="完成") for key in (INPUT, OUTPUT)],
        NOON + 1,
    )
    ready, unsupported = ledger.slices(number)
    assert (ready.state, ready.vendor_code, ready.vendor_message, ready.stale) == ("ready", "processed", "完成", True)
    assert (unsupported.state, unsupported.vendor_code, unsupported.stale) == ("unsupported", "notSupported", False)

    ledger.apply(number, [SliceUpdate(key=INPUT, state="waiting", stale=False)], NOON + 2)
    assert (ledger.slices(number)[0].state, ledger.slices(number)[0].stale) == ("waiting", False)


def test_a_restart_is_counted_and_its_slices_wait_again(ledger: Ledger) -> None:
    number = ledger.open(KEY, (INPUT, OUTPUT), NOON).collection_id
    ledger.apply(number, [SliceUpdate(key=INPUT, state="failed", code="failed")], NOON)

    ledger.divide(ledger.collection(number), [[INPUT]], NOON + 1, retried=True)

    again, other = ledger.slices(number)
    assert (again.state, again.retried, other.retried) == ("waiting", True, False)
    assert (again.part, other.part) == (1, 0)
    assert ledger.collection(number).restarts == 1


def test_each_slice_keeps_the_job_that_collected_it(ledger: Ledger) -> None:
    number = ledger.open(KEY, (INPUT, OUTPUT), NOON).collection_id
    ledger.started(number, NOON, "job-1", joined=False)
    assert [part.vendor_job_id for part in ledger.slices(number)] == ["job-1", "job-1"]

    ledger.divide(ledger.collection(number), [[INPUT], [OUTPUT]], NOON + 1)
    assert [(part.part, part.vendor_job_id, part.retried) for part in ledger.slices(number)] == [
        (1, None, False),
        (2, None, False),
    ]
    for ordinal in (1, 2):
        ledger.turn_to(number, ordinal)
        turned = ledger.collection(number)
        assert (turned.state, turned.part, turned.vendor_job_id, turned.start_sent_at) == (
            "intended",
            ordinal,
            None,
            None,
        )
        ledger.started(number, NOON + 1 + ordinal, f"job-{ordinal + 1}", joined=False)
    assert [part.vendor_job_id for part in ledger.slices(number)] == ["job-2", "job-3"]
    assert (ledger.collection(number).vendor_job_id, ledger.collection(number).restarts) == ("job-3", 2)


def test_progress_is_what_committed_pages_say(shelf: Shelf) -> None:
    part = shelf.slice()
    assert shelf.ledger.progress(part.slice_id, 1) == ReadProgress(
        committed=frozenset(), known=frozenset({""}), total=None, totals_differ=False
    )
    shelf.load(invoice(1), total=3, remaining=("2", "3"))
    shelf.load(invoice(2), cursor="3", total=3, fetched_at=NOON + 1)

    assert shelf.ledger.progress(part.slice_id, 1) == ReadProgress(
        committed=frozenset({"", "3"}), known=frozenset({"", "2", "3"}), total=3, totals_differ=False
    )
    assert shelf.ledger.progress(part.slice_id, 2).committed == frozenset()


def test_a_total_that_changes_between_pages_is_seen(shelf: Shelf) -> None:
    part = shelf.slice()
    shelf.load(invoice(1), total=3, remaining=("2",))
    shelf.load(invoice(2), cursor="2", total=4, fetched_at=NOON + 1)

    assert shelf.ledger.progress(part.slice_id, 1).totals_differ
    tally = shelf.ledger.tally(part.slice_id)
    assert (tally.totals_differ, tally.expected) == (True, 4)


def test_the_tally_counts_and_sums_the_current_reading(shelf: Shelf) -> None:
    part = shelf.slice()
    shelf.load(invoice(1), invoice(2), refused(2), total=3)

    assert shelf.ledger.tally(part.slice_id) == Tally(
        expected=3, records=3, loaded=2, rejected=1, duplicates=0, totals_differ=False,
        amount_excl_tax=Decimal("400.00"), tax_amount=Decimal("52.00"),
    )  # fmt: skip


def test_a_slice_without_pages_adds_up_to_nothing(shelf: Shelf) -> None:
    tally = shelf.ledger.tally(shelf.slice().slice_id)
    assert (tally.expected, tally.records, tally.loaded, tally.amount_excl_tax) == (None, 0, 0, Decimal("0.00"))


def test_reading_again_keeps_the_pages_and_forgets_their_records(shelf: Shelf) -> None:
    part = shelf.slice()
    shelf.load(invoice(1), total=5)

    again = shelf.ledger.read_again(part.slice_id, NOON + 1)

    assert (again.read_no, again.state) == (2, "reading")
    assert shelf.ledger.tally(part.slice_id).records == 0
    shelf.load(invoice(1), invoice(2), total=2)
    assert shelf.ledger.tally(part.slice_id).loaded == 2
    assert [(row["read_no"], row["cursor"]) for row in shelf.rows("fapiao_page")] == [(1, ""), (2, "")]


def test_a_closed_slice_keeps_its_proof(shelf: Shelf) -> None:
    part = shelf.slice()
    shelf.load(invoice(1), total=1)
    shelf.ledger.close_slice(part.slice_id, "complete", shelf.ledger.tally(part.slice_id), "2000", "ok", NOON)

    closed = shelf.slice()
    assert (closed.state, closed.expected, closed.loaded, closed.rejected) == ("complete", 1, 1, 0)
    assert (closed.amount_excl_tax, closed.tax_amount) == (Decimal("200.00"), Decimal("26.00"))
    assert (closed.vendor_code, closed.vendor_message) == ("2000", "ok")


def test_what_an_earlier_generation_had_is_reported_when_it_is_absent(shelf: Shelf) -> None:
    shelf.load(invoice(1), invoice(2), invoice(3))
    shelf.close()
    assert shelf.rows("fapiao_finding") == []
    shelf.open(NOON + 10)
    shelf.load(invoice(2))
    part = shelf.slice()
    shelf.ledger.close_slice(part.slice_id, "complete", shelf.ledger.tally(part.slice_id), None, None, NOON)

    absent = shelf.ledger.absent(shelf.collection.collection_id)
    shelf.ledger.close(shelf.collection.collection_id, "complete", NOON + 11)
    shelf.ledger.close(shelf.collection.collection_id, "complete", NOON + 12)

    keys = [row["invoice_key"] for row in shelf.rows("fapiao_invoice")]
    assert [(item.slice_id, item.invoice_key, item.generation) for item in absent] == [
        (part.slice_id, keys[0], 1), (part.slice_id, keys[2], 1),
    ]  # fmt: skip
    found = [(row["rule"], row["invoice_key"], row["slice_id"]) for row in shelf.rows("fapiao_finding")]
    assert found == [("C8", keys[0], part.slice_id), ("C8", keys[2], part.slice_id)]


def test_a_slice_that_was_not_read_misses_nothing(shelf: Shelf) -> None:
    shelf.load(invoice(1))
    shelf.close()
    shelf.open(NOON + 10)
    for part in shelf.ledger.slices(shelf.collection.collection_id):
        shelf.ledger.close_slice(part.slice_id, "failed", None, "5000", None, NOON)

    assert shelf.ledger.absent(shelf.collection.collection_id) == []


def test_absence_is_measured_against_the_newest_generation_that_read_the_slice(shelf: Shelf) -> None:
    shelf.load(invoice(1))
    shelf.close()
    shelf.open(NOON + 10)
    shelf.ledger.close_slice(shelf.slice().slice_id, "failed", None, None, None, NOON)
    shelf.ledger.close(shelf.collection.collection_id, "incomplete", NOON)
    shelf.open(NOON + 20)
    shelf.ledger.close_slice(shelf.slice().slice_id, "empty", None, None, None, NOON)

    assert [item.generation for item in shelf.ledger.absent(shelf.collection.collection_id)] == [1]


def test_an_unknown_id_is_an_error_with_advice(sqlite_database: Database) -> None:
    with pytest.raises(StoreError, match="no collection 404"):
        Ledger(sqlite_database).collection(404)


@pytest.mark.parametrize("state", ["started", "ready", ""])
def test_only_final_states_close(sqlite_shelf: Shelf, state: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        sqlite_shelf.ledger.close(sqlite_shelf.collection.collection_id, state, NOON)
    with pytest.raises(ValueError, match="not a"):
        sqlite_shelf.ledger.close_slice(sqlite_shelf.slice().slice_id, state, None, None, None, NOON)
