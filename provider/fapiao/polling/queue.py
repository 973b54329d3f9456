"""Whose turn it is: the jobs of one account that somebody waits for. No I/O, no clock, no event loop.

A *watch* is one vendor job, a *waiter* one task that waits for it. Every watch has one instant at which it is due, so it is
looked at once however many wait; the watch that has been due longest comes first. An account that cannot keep up therefore
serves its jobs in turn, and their interval becomes the length of the queue over the account's rate.

All instants are epoch seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

import msgspec

from fapiao.polling.agenda import Agenda
from fapiao.polling.interval import SHORTEST, after_failures, without_news
from fapiao.polling.look import Look, LookKind
from fapiao.wire import CollectionJob

__all__ = ["LONGEST_HOLD", "Ending", "PollQueue", "Waiter", "Watch", "Why"]

JITTER = 0.1
"""Share of the interval by which looks are scattered, always to the later side: jobs that were started together must not be
asked about together for ever."""
LONGEST_HOLD = 60.0
"""Seconds for which one answer can stop a whole account; the job that got it waits for as long as it is told."""


class Why(str, Enum):
    """Why somebody waits no longer."""

    SETTLED = "settled"
    REFUSED = "refused"
    FAILED = "failed"
    GIVEN_UP = "given up"
    """The error budget is used up: a worker is to meet the error itself."""
    DEADLINE = "deadline"


class Ending(msgspec.Struct, frozen=True):
    why: Why
    error: Exception | None = None
    """Of REFUSED, FAILED and GIVEN_UP; shared by all who are told, so never to be raised."""


class Waiter:
    """One task that waits for one job.

    :param not_before: it takes no answer to a question that was asked earlier.
    :param deadline: it waits no longer than that.
    :param interval: seconds between two looks, at first.
    :param error_budget: how many looks in a row may bring no answer.
    """

    __slots__ = ("deadline", "error_budget", "interval", "not_before")

    def __init__(self, *, not_before: float, deadline: float, interval: float, error_budget: int) -> None:
        self.not_before = not_before
        self.deadline = deadline
        self.interval = interval
        self.error_budget = error_budget

    def accepts(self, look: Look) -> bool:
        """Whether the look is new enough to be an answer to this waiter."""
        return look.asked_at >= self.not_before


W = TypeVar("W", bound=Waiter)


class Watch(Generic[W]):
    """One job that is looked at. Kept for an interval after the last waiter has gone: the next one may find it fresh."""

    def __init__(self, job: CollectionJob, interval: float) -> None:
        self.job = job
        self.waiters: dict[W, None] = {}
        self.asked_at: float | None = None
        self.rests_from: float | None = None
        """When the last question had come to its end. It may have been sent long after ``asked_at``."""
        self.is_under_way = False
        self.latest: Look | None = None
        self.failures = 0
        self.quiet_since = 0.0
        self.open_from = 0.0
        """The vendor wants no question about this job earlier."""
        self.interval = interval

    @property
    def state(self) -> str:
        """What is known, for people; empty before the first answer."""
        return self.latest.state if self.latest is not None else ""

    def pause_from(self) -> float:
        """When the shortest interval of those who wait is over, counted from the end of the last question."""
        self.interval = min((waiter.interval for waiter in self.waiters), default=self.interval)
        return 0.0 if self.rests_from is None else self.rests_from + self.interval


class PollQueue(Generic[W]):
    """The watches of one account.

    :param random: numbers in [0, 1), for jitter.
    """

    def __init__(self, random: Callable[[], float] = random.random) -> None:
        self._random = random
        self._watches: dict[CollectionJob, Watch[W]] = {}
        self._watched: dict[W, Watch[W]] = {}
        self._due: Agenda[Watch[W]] = Agenda()
        self._deadlines: Agenda[W] = Agenda()
        self._held_until = 0.0

    def __len__(self) -> int:
        """Watches, those included that are only remembered."""
        return len(self._watches)

    def watch_of(self, waiter: W) -> Watch[W] | None:
        """What somebody waits for; None once that is over."""
        return self._watched.get(waiter)

    def due_at(self, waiter: W) -> float:
        """When the job is looked at next; 0 for one who waits no longer, and may not know it yet."""
        watch = self._watched.get(waiter)
        if watch is None:
            return 0.0
        due = self._due.when(watch)
        return watch.pause_from() if due is None else due

    def join(self, job: CollectionJob, waiter: W, now: float) -> Ending | None:
        """Somebody begins to wait. An ending: the newest answer is fresh, and it says all."""
        watch = self._watches.get(job)
        if watch is None:
            watch = self._watches[job] = Watch(job, waiter.interval)
        latest = watch.latest
        if latest is not None and waiter.accepts(latest) and now < latest.asked_at + waiter.interval:
            ending = _ending(latest)
            if ending is not None:
                return ending
        others = bool(watch.waiters)
        watch.waiters[waiter] = None
        self._watched[waiter] = watch
        self._deadlines.enter(waiter, waiter.deadline)
        if not watch.is_under_way:
            rested = 0.0 if watch.rests_from is None else watch.rests_from + waiter.interval
            due = max(watch.open_from, waiter.not_before + self._jitter(waiter.interval), rested)
            known = self._due.when(watch)
            if not others or known is None or due < known:
                self._due.enter(watch, due)
        return None

    def leave(self, waiter: W) -> None:
        """Somebody waits no longer; nothing happens where that is known already."""
        watch = self._watched.pop(waiter, None)
        if watch is not None:
            del watch.waiters[waiter]
            self._deadlines.strike(waiter)

    def take(self, now: float) -> Watch[W] | None:
        """The watch whose turn it is, which is under way from now on. Forgets those that nobody waits for."""
        if now < self._held_until:
            return None
        while (watch := self._due.pop(now)) is not None:
            if watch.waiters:
                watch.is_under_way = True
                watch.asked_at = now
                return watch
            self._forget(watch)
        return None

    def answered(self, watch: Watch[W], look: Look, now: float) -> list[tuple[W, Ending]]:
        """A look has come to its end: who waits no longer, and why."""
        watch.is_under_way = False
        watch.rests_from = now
        if look.state != watch.state:
            watch.quiet_since = now
        watch.latest = look
        watch.failures = watch.failures + 1 if look.kind is LookKind.LOST else 0
        told = [(waiter, ending) for waiter in watch.waiters if (ending := self._told(watch, waiter, look)) is not None]
        for waiter, _ in told:
            self.leave(waiter)
        self._held_until = max(self._held_until, now + min(look.hold, LONGEST_HOLD))
        self._enter_next(watch, look, now)
        return told

    def abandoned(self, watch: Watch[W], now: float) -> None:
        """A question was dropped; whether it was sent is not known, so it counts as asked."""
        if watch.is_under_way and self._watches.get(watch.job) is watch:
            watch.is_under_way = False
            watch.rests_from = now
            self._due.enter(watch, max(watch.open_from, watch.pause_from()))

    def expired(self, now: float) -> list[W]:
        """Those whose deadline has come; they wait no longer."""
        gone: list[W] = []
        while (waiter := self._deadlines.pop(now)) is not None:
            self.leave(waiter)
            gone.append(waiter)
        return gone

    def dismiss_all(self) -> list[W]:
        """Everybody: what has happened concerns the whole account. Nothing is remembered."""
        gone = list(self._watched)
        for waiter in gone:
            self.leave(waiter)
        for watch in list(self._watches.values()):
            self._forget(watch)
        return gone

    def next_at(self, *, looking: bool) -> float | None:
        """When there is something to do again.

        :param looking: whether another look could be begun now; else only deadlines count.
        """
        deadline = self._deadlines.first()
        due = self._due.first() if looking else None
        if due is None:
            return deadline
        due = max(due, self._held_until)
        return due if deadline is None else min(due, deadline)

    def _told(self, watch: Watch[W], waiter: W, look: Look) -> Ending | None:
        if look.kind is LookKind.LOST and watch.failures >= waiter.error_budget:
            return Ending(Why.GIVEN_UP, look.error)
        if look.kind is LookKind.FAILED or waiter.accepts(look):
            return _ending(look)
        return None

    def _enter_next(self, watch: Watch[W], look: Look, now: float) -> None:
        watch.pause_from()  # whoever wanted a shorter interval may have gone
        interval = watch.interval
        watch.open_from = look.not_before or 0.0
        if look.kind is LookKind.LOST:
            due = max(now + after_failures(interval, watch.failures), watch.open_from)
        elif look.not_before is not None:
            due = look.not_before
        else:
            due = now + without_news(interval, now - watch.quiet_since)
        wanted = min((waiter.not_before for waiter in watch.waiters), default=0.0)
        self._due.enter(watch, max(due, wanted, now + SHORTEST) + self._jitter(interval))

    def _jitter(self, interval: float) -> float:
        return interval * JITTER * self._random()

    def _forget(self, watch: Watch[W]) -> None:
        self._due.strike(watch)
        self._watches.pop(watch.job, None)


def _ending(look: Look) -> Ending | None:
    """What a look says to somebody who accepts it; None: go on waiting."""
    if look.kind is LookKind.SETTLED:
        return Ending(Why.SETTLED)
    if look.kind is LookKind.REFUSED:
        return Ending(Why.REFUSED, look.error)
    return Ending(Why.FAILED, look.error) if look.kind is LookKind.FAILED else None
