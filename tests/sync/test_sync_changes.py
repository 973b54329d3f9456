"""Two syncs tell exactly what changed between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from fapiao.errors import StoreError
from fapiao.store import Database, deduction_changes
from fapiao.store.tables.deductions import deductions
from fapiao_jcsk.simulator import Payload, Refusal
from syncing import Desk, Synced, rows

AtDesk = Callable[..., Desk]


def told(desk: Desk, synced: Synced) -> list[tuple[str, str]]:
    return [(change.kind, change.number) for change in desk.changes(synced)]


def true(desk: Desk) -> list[tuple[str, str]]:
    return [(change.kind, change.number) for change in desk.simulator.changes(desk.taxpayer)]


def test_two_syncs_tell_exactly_the_changes_between_them(at_desk: AtDesk, into: str) -> None:
    desk = at_desk(into, uniform=230)
    first = desk.sync("10", "11")
    assert told(desk, first) == [], "where all is new nothing has changed"
    desk.turn(revision=2)
    second = desk.sync("10", "11", zipped=True)
    assert told(desk, second) == true(desk)
    assert {kind: count for kind, count in second.told.changes.items() if count} == Counter(
        kind for kind, _ in true(desk)
    )
    assert min(Counter(kind for kind, _ in true(desk)).values()) > 20
    assert desk.untrue("10", "11") == []


def test_a_sync_without_changes_tells_none_and_adds_no_row(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=60)
    desk.sync("10", "11")
    before = rows(desk.url, deductions)
    again = desk.sync("10", "11")
    assert told(desk, again) == []
    assert set(again.told.changes.values()) == {0}
    assert rows(desk.url, deductions) == before


def test_snapshots_are_added_and_never_rewritten(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=60)
    desk.sync("10", "11")
    before = rows(desk.url, deductions)
    desk.turn(revision=2)
    desk.sync("10", "11")
    after = rows(desk.url, deductions)
    assert after[: len(before)] == before
    assert len(after) == len(before) + len(true(desk))


def test_the_changes_of_a_sync_stay_what_they_were(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=60)
    desk.sync("10", "11")
    desk.turn(revision=2)
    second = desk.sync("10", "11")
    desk.turn(revision=1)
    third = desk.sync("10", "11")
    assert told(desk, second) == true(desk)
    back = Counter(kind for kind, _ in told(desk, third))
    forth = Counter(kind for kind, _ in true(desk))
    assert back["unchecked"] == forth["checked"]
    assert back["revoked"] == forth["certified"]
    assert back["certified"] == forth["revoked"]
    assert back["abnormal"] == back["red"] == 0


def test_lists_that_are_synced_one_by_one_tell_the_same_between_them(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=100)
    for code in ("10", "11"):
        desk.sync(code)
    desk.turn(revision=2)
    both = [*told(desk, desk.sync("10")), *told(desk, desk.sync("11"))]
    assert sorted(change for change in both if change[0] != "left") == true(desk)


def test_what_left_the_lists_is_told(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=100)
    desk.sync("11")
    desk.turn(revision=2)
    second = desk.sync("11")
    gone = [number for kind, number in told(desk, second) if kind == "left"]
    assert gone == [number for kind, number in true(desk) if kind == "revoked"]


def test_a_document_that_is_certified_when_first_seen_is_newly_certified(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=100)
    desk.sync("11")
    desk.turn(revision=2)
    found = {number: kind for kind, number in told(desk, desk.sync("11")) if kind in ("certified", "checked")}
    assert found == {number: kind for kind, number in true(desk) if kind in ("certified", "checked")}


@pytest.mark.parametrize("grouped_first", [False, True])
def test_the_two_shapes_of_an_answer_differ_in_nothing_that_counts(at_desk: AtDesk, grouped_first: bool) -> None:
    desk = at_desk(uniform=100)
    shapes = [{}, {"adapter": "1"}] if not grouped_first else [{"adapter": "1"}, {}]
    desk.sync("40", filters=shapes[0])
    other = desk.sync("40", filters=shapes[1])
    assert other.error is None
    assert told(desk, other) == []


def test_what_a_failed_attempt_has_read_is_told_by_the_sync_that_succeeds(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=230)
    desk.sync("10", "11")
    desk.turn(revision=2, refusals=(Refusal(type="11", page=3, code="5001"),))
    failed = desk.sync("10", "11")
    assert failed.told.state == "incomplete"
    desk.turn(refusals=())
    assert told(desk, desk.sync("10", "11")) == true(desk)


def test_a_sync_that_was_continued_tells_all_of_its_changes(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=230)
    desk.sync("10", "11")
    desk.turn(revision=2, payloads=(Payload(kind="not_json", type="11", page=3, first=1),))
    broken = desk.sync("10", "11")
    assert set(broken.told.changes.values()) == {0}, "told when it is closed"
    whole = desk.sync("10", "11")
    assert whole.told.run == broken.told.run
    assert told(desk, whole) == true(desk)


def test_a_change_names_period_day_and_valid_tax(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=60)
    desk.sync("10", "11")
    desk.turn(revision=2)
    second = desk.sync("10", "11")
    truth = {
        invoice.digital_number: invoice.deduction
        for invoice in desk.simulator.listed(desk.taxpayer, "11")
        if invoice.digital_number
    }
    certified = [change for change in desk.changes(second) if change.kind == "certified" and change.number in truth]
    assert certified
    for change in certified:
        stated = truth[change.number]
        assert stated is not None
        assert stated.certified_at is not None
        assert (change.tax_period, change.changed_on) == (stated.tax_period, stated.certified_at.date().isoformat())
        assert change.valid_tax == stated.valid_tax


def test_a_run_that_is_no_sync_has_no_changes(at_desk: AtDesk) -> None:
    desk = at_desk()
    desk.sync("10")
    with pytest.raises(StoreError, match="no sync 99"):
        deduction_changes(Database.connect(desk.url), 99)
