"""What a generation says differently from the one before it, also when it says again what an older one said."""

from __future__ import annotations

from typing import Any

from fapiao.store import MonthChange, month_changes
from storing import HOLDER, MONTH, NOON, Shelf, invoice, refused


def generation(shelf: Shelf, number: int, *records: Any) -> None:
    """Load and close one generation."""
    now = NOON + 100 * number
    shelf.open(now)
    shelf.load(*records, total=len(records), fetched_at=now)
    shelf.close(now=now)


def told(shelf: Shelf, number: int | None = None) -> list[MonthChange]:
    return month_changes(shelf.database, "ekuaibao", HOLDER, MONTH, number)


def test_a_state_that_comes_and_goes_is_a_change_both_times(shelf: Shelf) -> None:
    generation(shelf, 1, invoice(1), invoice(2))
    generation(shelf, 2, invoice(1, state="void", state_raw="2"), invoice(2))
    generation(shelf, 3, invoice(1), invoice(2))
    assert told(shelf, 1) == []
    for number, before, now in ((2, "normal", "void"), (3, "void", "normal")):
        [change] = told(shelf, number)
        assert (change.kind, change.number, change.earlier) == ("changed", f"2499{1:016d}", number - 1)
        assert [(part.before, part.now) for part in change.fields if part.field == "state"] == [(before, now)]
    assert told(shelf) == told(shelf, 3)


def test_what_goes_and_comes_back_is_absent_and_then_new(shelf: Shelf) -> None:
    generation(shelf, 1, invoice(1), invoice(2))
    generation(shelf, 2, invoice(2))
    generation(shelf, 3, invoice(1), invoice(2))
    assert [[change.kind for change in told(shelf, number)] for number in (2, 3)] == [["absent"], ["new"]]


def test_a_record_that_could_not_be_identified_is_nobodys_change(sqlite_shelf: Shelf) -> None:
    generation(sqlite_shelf, 1, invoice(1), refused(1))
    generation(sqlite_shelf, 2, invoice(1), refused(1))
    assert told(sqlite_shelf) == []
