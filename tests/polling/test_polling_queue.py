"""Whose turn it is: the schedule of one account's looks, on a clock that the tests move."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from fapiao.errors import TaxpayerRefused, VendorBusy, VendorUnreachable
from fapiao.polling import Look, LookKind, PollQueue, Waiter, Watch, Why
from fapiao.polling.look import look_of_error
from fapiao.polling.queue import LONGEST_HOLD
from fapiao.wire import CollectionJob, SliceKey

INTERVAL = 30.0


def job(number: int = 1) -> CollectionJob:
    return CollectionJob(taxpayer_no=f"T{number}", invoice_month="202411", slices=(SliceKey("01", "input"),))


def waiter(not_before: float = 0.0, **changes: Any) -> Waiter:
    arguments: dict[str, Any] = {"deadline": 1e9, "interval": INTERVAL, "error_budget": 3}
    return Waiter(**{**arguments, "not_before": not_before, **changes})


def running(watch: Watch[Waiter], state: str = "1 running", **changes: Any) -> Look:
    assert watch.asked_at is not None
    return Look(kind=LookKind.RUNNING, asked_at=watch.asked_at, state=state, **changes)


def settled(watch: Watch[Waiter]) -> Look:
    assert watch.asked_at is not None
    return Look(kind=LookKind.SETTLED, asked_at=watch.asked_at, state="settled")


def failed(watch: Watch[Waiter], error: Exception, now: float) -> Look:
    assert watch.asked_at is not None
    return look_of_error(error, asked_at=watch.asked_at, now=now)


def lost(watch: Watch[Waiter], now: float) -> Look:
    return failed(watch, VendorUnreachable("no answer"), now)


@pytest.fixture
def queue() -> PollQueue[Waiter]:
    """A queue without jitter."""
    return PollQueue(random=lambda: 0.0)


def taken(queue: PollQueue[Waiter], now: float) -> Watch[Waiter]:
    watch = queue.take(now)
    assert watch is not None
    return watch


def asked_until(
    queue: PollQueue[Waiter], end: float, answer: Callable[[Watch[Waiter], float], Look], seconds: float = 0.0
) -> list[tuple[float, str]]:
    """Every look until ``end``, one after another, each taking ``seconds``."""
    looks: list[tuple[float, str]] = []
    now = 0.0
    while now < end:
        watch = queue.take(now)
        if watch is None:
            coming = queue.next_at(looking=True)
            if coming is None or coming >= end:
                break
            now = max(now, coming)
            continue
        looks.append((now, watch.job.taxpayer_no))
        now += seconds
        queue.answered(watch, answer(watch, now), now)
    return looks


def test_any_number_that_wait_for_one_job_are_one_question(queue: PollQueue[Waiter]) -> None:
    for _ in range(1000):
        queue.join(job(), waiter(), 0.0)
    assert asked_until(queue, INTERVAL, lambda watch, _: running(watch)) == [(0.0, "T1")]


def test_all_of_them_are_told_what_comes_of_it(queue: PollQueue[Waiter]) -> None:
    waiters = [waiter() for _ in range(3)]
    for one in waiters:
        queue.join(job(), one, 0.0)
    watch = taken(queue, 0.0)
    assert [(one, ending.why) for one, ending in queue.answered(watch, settled(watch), 1.0)] == [
        (one, Why.SETTLED) for one in waiters
    ]


def test_another_month_job_or_set_of_slices_is_another_question(queue: PollQueue[Waiter]) -> None:
    one = job()
    others = [
        CollectionJob(taxpayer_no="T1", invoice_month="202412", slices=one.slices),
        CollectionJob(taxpayer_no="T1", invoice_month="202411", slices=one.slices, job_id="7"),
        CollectionJob(taxpayer_no="T1", invoice_month="202411", slices=(SliceKey("81", "input"),)),
    ]
    for asked in (one, *others):
        queue.join(asked, waiter(), 0.0)
    assert len(asked_until(queue, INTERVAL, lambda watch, _: running(watch))) == 4


def test_nobody_is_asked_before_the_earliest_not_before(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(not_before=50.0), 0.0)
    queue.join(job(), waiter(not_before=20.0), 0.0)
    assert queue.take(19.9) is None
    assert queue.next_at(looking=True) == 20.0
    assert taken(queue, 20.0).job == job()


def test_an_answer_to_an_earlier_question_is_not_told_to_one_whose_time_has_not_come(queue: PollQueue[Waiter]) -> None:
    early, late = waiter(), waiter(not_before=50.0)
    queue.join(job(), early, 0.0)
    queue.join(job(), late, 0.0)
    watch = taken(queue, 0.0)
    assert [one for one, _ in queue.answered(watch, settled(watch), 1.0)] == [early]
    assert queue.next_at(looking=True) == 50.0
    watch = taken(queue, 50.0)
    assert [one for one, _ in queue.answered(watch, settled(watch), 51.0)] == [late]


def test_a_newcomer_is_told_a_fresh_answer_without_a_question(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(), 0.0)
    watch = taken(queue, 10.0)
    queue.answered(watch, settled(watch), 11.0)
    ending = queue.join(job(), waiter(not_before=9.0), 20.0)
    assert ending is not None
    assert ending.why is Why.SETTLED


@pytest.mark.parametrize(("not_before", "now"), [(10.1, 20.0), (9.0, 10.0 + INTERVAL)])
def test_a_newcomer_is_not_told_an_answer_that_is_older_than_it_may_be(
    queue: PollQueue[Waiter], not_before: float, now: float
) -> None:
    queue.join(job(), waiter(), 0.0)
    watch = taken(queue, 10.0)
    queue.answered(watch, settled(watch), 11.0)
    assert queue.join(job(), waiter(not_before=not_before), now) is None
    assert queue.next_at(looking=True) == 11.0 + INTERVAL


def test_a_newcomer_brings_no_look_before_the_interval_is_over(queue: PollQueue[Waiter]) -> None:
    for second in range(100):
        queue.join(job(), waiter(not_before=float(second)), float(second))
        if (watch := queue.take(float(second))) is not None:
            assert second in (0, 30, 60, 90)
            queue.answered(watch, running(watch), float(second))


def test_whoever_wants_it_more_often_decides_while_he_waits(queue: PollQueue[Waiter]) -> None:
    hasty = waiter(interval=5.0)
    queue.join(job(), waiter(), 0.0)
    queue.join(job(), hasty, 0.0)
    watch = taken(queue, 0.0)
    queue.answered(watch, running(watch), 0.0)
    watch = taken(queue, 5.0)
    queue.leave(hasty)
    queue.answered(watch, running(watch), 5.0)
    assert queue.next_at(looking=True) == 5.0 + INTERVAL


def test_a_job_without_news_is_looked_at_less_often_up_to_ten_intervals(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(), 0.0)
    looks = [when for when, _ in asked_until(queue, 6000.0, lambda watch, _: running(watch))]
    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert pauses[:5] == [INTERVAL] * 5
    assert pauses == pytest.approx(sorted(pauses))
    assert pauses[-1] == pytest.approx(10 * INTERVAL)
    assert all(pause <= max(INTERVAL, when / 5 + 1e-6) for pause, when in zip(pauses, looks, strict=False))


def test_news_make_the_interval_short_again(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(), 0.0)
    asked_until(queue, 3000.0, lambda watch, _: running(watch))
    watch = taken(queue, 4000.0)
    queue.answered(watch, running(watch, "2 ready"), 4000.0)
    assert queue.next_at(looking=True) == 4000.0 + INTERVAL


def test_the_vendors_wish_holds_for_everybody_who_waits_for_the_job(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(), 0.0)
    watch = taken(queue, 0.0)
    queue.answered(watch, running(watch, not_before=500.0), 1.0)
    queue.join(job(), waiter(not_before=40.0), 40.0)
    assert queue.next_at(looking=True) == 500.0


def test_an_account_that_cannot_keep_up_serves_its_jobs_in_turn(queue: PollQueue[Waiter]) -> None:
    for number in range(100):
        queue.join(job(number), waiter(), 0.0)
    looks = asked_until(queue, 1000.0, lambda watch, now: running(watch, f"{now:.0f} ready"), seconds=1.0)
    assert len(looks) == 1000
    assert set(Counter(name for _, name in looks).values()) == {10}
    last: dict[str, float] = {}
    for when, name in looks:
        assert when - last.get(name, when - 100.0) == 100.0
        last[name] = when


def test_a_newcomer_waits_for_its_turn_and_no_longer(queue: PollQueue[Waiter]) -> None:
    for number in range(50):
        queue.join(job(number), waiter(), 0.0)
    asked_until(queue, 200.0, lambda watch, _: running(watch), seconds=1.0)
    queue.join(job(99), waiter(not_before=200.0), 200.0)
    following = []
    for second in range(200, 260):
        watch = taken(queue, float(second))
        following.append(watch.job.taxpayer_no)
        queue.answered(watch, running(watch), float(second))
    assert following.count("T99") == 1
    assert max(Counter(following).values()) == 2


def test_jobs_that_were_entered_together_drift_apart() -> None:
    queue: PollQueue[Waiter] = PollQueue(random=random.Random(7).random)
    for number in range(20):
        queue.join(job(number), waiter(), 0.0)
    looks = asked_until(queue, 5 * INTERVAL, lambda watch, _: running(watch))
    assert len({when for when, _ in looks}) == len(looks)
    last: dict[str, float] = {}
    for when, name in looks:
        assert when - last.get(name, -INTERVAL) >= INTERVAL
        last[name] = when


def test_the_same_seed_scatters_in_the_same_way() -> None:
    def looks(seed: int) -> list[tuple[float, str]]:
        queue: PollQueue[Waiter] = PollQueue(random=random.Random(seed).random)
        for number in range(5):
            queue.join(job(number), waiter(), 0.0)
        return asked_until(queue, 200.0, lambda watch, _: running(watch))

    assert looks(1) == looks(1) != looks(2)


def test_looks_that_fail_come_less_often_and_end_with_the_budget(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(), 0.0)
    now, pauses = 0.0, []
    for _ in range(3):
        watch = taken(queue, now)
        told = queue.answered(watch, lost(watch, now), now)
        if told:
            [(_, ending)] = told
            assert ending.why is Why.GIVEN_UP
            assert isinstance(ending.error, VendorUnreachable)
            break
        coming = queue.next_at(looking=True)
        assert coming is not None
        pauses.append(coming - now)
        now = coming
    assert pauses == [INTERVAL, 2 * INTERVAL]


def test_an_answer_forgives_the_failures_before_it(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(error_budget=2), 0.0)
    now = 0.0
    for good in (False, True, False, True, False):
        watch = taken(queue, now)
        assert queue.answered(watch, running(watch) if good else lost(watch, now), now) == []
        coming = queue.next_at(looking=True)
        assert coming is not None
        now = coming


def test_a_job_that_fails_takes_no_turn_from_the_others(queue: PollQueue[Waiter]) -> None:
    for number in range(10):
        queue.join(job(number), waiter(error_budget=1000), 0.0)

    def answer(watch: Watch[Waiter], now: float) -> Look:
        return lost(watch, now) if watch.job.taxpayer_no == "T0" else running(watch)

    counts = Counter(name for _, name in asked_until(queue, 600.0, answer))
    assert counts["T0"] < min(counts[f"T{number}"] for number in range(1, 10))
    assert {counts[f"T{number}"] for number in range(1, 10)} == {counts["T1"]}


def test_a_throttled_account_is_left_alone_for_as_long_as_the_vendor_says(queue: PollQueue[Waiter]) -> None:
    queue.join(job(1), waiter(), 0.0)
    queue.join(job(2), waiter(), 0.0)
    watch = taken(queue, 0.0)
    queue.answered(watch, failed(watch, VendorBusy("too often", retry_after=20.0), 0.0), 0.0)
    assert queue.take(19.9) is None
    assert queue.next_at(looking=True) == 20.0
    assert taken(queue, 20.0).job == job(2)


def test_one_job_cannot_stop_the_account_for_longer_than_a_minute(queue: PollQueue[Waiter]) -> None:
    queue.join(job(1), waiter(error_budget=9), 0.0)
    queue.join(job(2), waiter(), 0.0)
    watch = taken(queue, 0.0)
    queue.answered(watch, failed(watch, VendorBusy("tomorrow", retry_after=86400.0), 0.0), 0.0)
    assert taken(queue, LONGEST_HOLD).job == job(2)
    assert queue.take(LONGEST_HOLD) is None
    assert taken(queue, 86400.0).job == job(1)


def test_a_refusal_is_told_to_all_and_remembered_for_an_interval(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(), 0.0)
    queue.join(job(), waiter(), 0.0)
    watch = taken(queue, 0.0)
    told = queue.answered(watch, failed(watch, TaxpayerRefused("no"), 0.0), 0.0)
    assert [ending.why for _, ending in told] == [Why.REFUSED, Why.REFUSED]
    again = queue.join(job(), waiter(), 1.0)
    assert again is not None
    assert again.why is Why.REFUSED


def test_a_deadline_ends_one_and_not_the_others(queue: PollQueue[Waiter]) -> None:
    hasty, patient = waiter(deadline=10.0, not_before=50.0), waiter(not_before=50.0)
    queue.join(job(), hasty, 0.0)
    queue.join(job(), patient, 0.0)
    assert queue.next_at(looking=True) == 10.0
    assert queue.expired(9.9) == []
    assert queue.expired(10.0) == [hasty]
    assert queue.watch_of(hasty) is None
    assert taken(queue, 50.0).waiters == {patient: None}


def test_what_nobody_waits_for_is_not_asked_and_forgotten(queue: PollQueue[Waiter]) -> None:
    one = waiter(not_before=5.0)
    queue.join(job(), one, 0.0)
    queue.leave(one)
    queue.leave(one)
    assert queue.take(100.0) is None
    assert len(queue) == 0
    assert queue.next_at(looking=True) is None


def test_a_dropped_question_counts_as_asked(queue: PollQueue[Waiter]) -> None:
    one = waiter()
    queue.join(job(), one, 0.0)
    watch = taken(queue, 0.0)
    queue.leave(one)
    queue.abandoned(watch, 0.0)
    queue.join(job(), waiter(), 1.0)
    assert queue.next_at(looking=True) == INTERVAL


def test_a_newcomer_during_a_question_gets_its_answer_if_it_is_new_enough(queue: PollQueue[Waiter]) -> None:
    queue.join(job(), waiter(), 0.0)
    watch = taken(queue, 10.0)
    in_time, later = waiter(not_before=9.0), waiter(not_before=11.0)
    queue.join(job(), in_time, 12.0)
    queue.join(job(), later, 12.0)
    told = [one for one, _ in queue.answered(watch, settled(watch), 13.0)]
    assert in_time in told
    assert later not in told


def test_what_concerns_the_account_dismisses_everybody(queue: PollQueue[Waiter]) -> None:
    waiters = [waiter() for _ in range(4)]
    for number, one in enumerate(waiters):
        queue.join(job(number % 2), one, 0.0)
    watch = taken(queue, 0.0)
    assert queue.dismiss_all() == waiters
    queue.abandoned(watch, 0.0)
    assert len(queue) == 0
    assert queue.next_at(looking=True) is None


def test_waiters_that_come_and_go_leave_nothing_behind(queue: PollQueue[Waiter]) -> None:
    stays = waiter(not_before=1e6)
    queue.join(job(), stays, 0.0)
    for _ in range(5000):
        passing = waiter(deadline=1e8)
        queue.join(job(), passing, 0.0)
        queue.leave(passing)
    assert len(queue._deadlines._heap) < 200
    assert len(queue._due._heap) < 200
