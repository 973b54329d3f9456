"""How often and how many at once: pure arithmetic over what an account has reserved.

*Rate.* GCRA without a burst: requests of one bucket leave at least ``interval`` apart, over all processes. A fast reader
books blocks of slots worth a quarter of a second, so that a busy account does not pay a transaction per request.

*Concurrency.* Permits are leased for a *turn* of about two seconds, kept between requests within the turn, and offered to
the others when it is over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from fapiao.engine.account_state import AccountState
from fapiao.spec import Quota

__all__ = ["BLOCK", "LATE", "OFFER", "POLL", "TURN", "Pace", "Paces", "Permit", "Permits"]

BLOCK = 0.25
"""Seconds worth of slots booked at once by a reader that uses them up."""
LATE = 0.005
"""A request may leave so many seconds after its slot: the clock of a computer that is busy."""
TURN = 2.0
"""Seconds a permit is kept before it is offered to other processes."""
OFFER = 0.02
"""Seconds in which whoever gave a permit back at the end of a turn does not ask for one."""
POLL = 0.05
"""Seconds between two tries of a process that has no permit."""


class Pace:
    """The instants at which requests of one bucket may leave. Thread-safe.

    Within a block the slots need not be used on time: only the spacing and the block's end count, both of which keep the
    account's rate. Blocks grow while the caller has to wait for its slots and shrink to one when it does not.
    """

    def __init__(
        self, bucket: str, interval: float, reserve: Callable[[str, float, int, float], float], block: float = BLOCK
    ) -> None:
        self._bucket = bucket
        self._interval = interval
        self._reserve = reserve
        self._most = max(1, int(block / interval)) if interval > 0 else 1
        self._count = 1
        self._next = 0.0
        self._last = -1.0
        self._held_until = 0.0
        self._lock = threading.Lock()

    def book(self, now: float) -> float:
        """The epoch (>= now) at which the caller's request may leave. A booked slot that is not used is lost."""
        with self._lock:
            if not self._interval:
                return max(now, self._held_until)
            at = max(now, self._next, self._held_until)
            if at > self._last:
                # Asked for before the block's time was over: the caller is faster than the quota, so book more at once.
                self._count = min(self._most, 2 * self._count) if now < self._next else 1
                at = self._reserve(self._bucket, self._interval, self._count, max(now, self._held_until))
                self._last = at + (self._count - 1) * self._interval
            self._next = at + self._interval
            return at

    def hold(self, until: float) -> None:
        """Let no request leave before ``until``: the vendor has asked for a pause."""
        with self._lock:
            self._held_until = max(self._held_until, until)


class Paces:
    """The pace of every path: the longest declared prefix is its bucket; an override is one bucket for all."""

    def __init__(
        self,
        quotas: Sequence[Quota],
        override: float | None,
        reserve: Callable[[str, float, int, float], float],
    ) -> None:
        rates = {quota.path: quota.requests_per_second for quota in quotas} if override is None else {"": override}
        rates.setdefault("", 0.0)
        self._prefixes = sorted(rates, key=len, reverse=True)
        self._paces = {path: Pace(path, 1 / rate if rate > 0 else 0.0, reserve) for path, rate in rates.items()}

    def of(self, path: str) -> Pace:
        return self._paces[next(prefix for prefix in self._prefixes if path.startswith(prefix))]


class Permit:
    """The right to have one request under way."""

    __slots__ = ("slot", "until")

    def __init__(self, slot: int, until: float) -> None:
        self.slot = slot
        self.until = until
        """Epoch at which its turn is over."""


class Permits:
    """The permits one driver holds. Thread-safe; the state is asked outside the lock, for it may take its time.

    :param lease: seconds after which others may take a permit that was never given back (its process died on another
        host); longer than the longest request.
    """

    def __init__(self, state: AccountState, limit: int, holder: str, *, lease: float, turn: float = TURN) -> None:
        self._state = state
        self.limit = limit
        self._holder = holder
        self._lease = lease
        self._turn = turn
        self._idle: list[Permit] = []
        self._in_use = 0
        self._ask_from = 0.0
        self._lock = threading.Lock()
        self.given = 0
        """How many were given back so far: whoever got none waits until this changes."""

    def try_take(self, now: float) -> Permit | None:
        """A permit, or None: then wait until one is given back, at most :meth:`patience`, and try again."""
        self.tidy(now)
        with self._lock:
            if self._idle:
                self._in_use += 1
                return self._idle.pop()
            if self._in_use >= self.limit or now < self._ask_from:
                return None
            self._in_use += 1
        slot = None
        try:
            slot = self._state.take_permit(self.limit, self._holder, self._turn + self._lease, now)
        finally:
            if slot is None:
                with self._lock:
                    self._in_use -= 1
                    self._ask_from = now + POLL
        return None if slot is None else Permit(slot, now + self._turn)

    def patience(self, now: float) -> float:
        """Seconds to wait before trying again, if nobody gives one back before."""
        return self._ask_from - now if now < self._ask_from else POLL

    def give(self, permit: Permit, now: float) -> None:
        """Its request is over."""
        with self._lock:
            self._in_use -= 1
            kept = now < permit.until
            if kept:
                self._idle.append(permit)
        if not kept:
            self._return([permit], now)
        self.given += 1

    def tidy(self, now: float) -> float | None:
        """Give back idle permits whose turn is over; the epoch at which the next idle one's is, None when none is left."""
        with self._lock:
            over = [idle for idle in self._idle if idle.until <= now]
            self._idle = [idle for idle in self._idle if idle.until > now]
            due = min((idle.until for idle in self._idle), default=None)
        self._return(over, now)
        return due

    def give_all(self) -> None:
        """Give back every idle permit."""
        with self._lock:
            idle, self._idle = self._idle, []
        for permit in idle:
            self._state.give_permit(permit.slot, self._holder)

    def _return(self, permits: Sequence[Permit], now: float) -> None:
        for permit in permits:
            self._state.give_permit(permit.slot, self._holder)
            if self._turn:
                self._ask_from = now + OFFER
