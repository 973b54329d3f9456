"""The looks of one account in one event loop: one client, one token, one queue for everybody who waits."""

from __future__ import annotations

import asyncio
import contextvars
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from fapiao.polling.look import Look, concerns_account, look_of, look_of_error
from fapiao.polling.queue import Ending, PollQueue, Watch, Why
from fapiao.polling.turns import Turns
from fapiao.polling.vigil import Vigil
from fapiao.wire import CollectionJob

if TYPE_CHECKING:
    from fapiao.engine import AsyncDriver, LocalAccountState
    from fapiao.registry import Source
    from fapiao.wire import Account

__all__ = ["AccountPoller"]

LANES = 4
"""Looks of one account under way at once, at most: a slow answer delays the next ones little, and the account's workers, which
count their requests elsewhere, find room."""
NAP = 60.0
"""The wall clock may be set, or the machine sleep: a single long timer would not notice."""
THROTTLED = 10.0
"""Seconds for which an account is left alone when the vendor says *too often* and no more."""


class AccountPoller:
    """Asks about the jobs of one account while somebody waits for them.

    :param state: outlives the poller, so that a pause between two waits costs no new login.
    :param turns: shared by all pollers of the loop.
    :param on_idle: called when nobody waits and nothing is remembered.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        *,
        state: LocalAccountState,
        turns: Turns,
        on_idle: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = random.random,
    ) -> None:
        self._source = source
        self._account = account
        self._state = state
        self._looks = turns.lane()
        self._messages = turns.lane()
        self._on_idle = on_idle
        self._clock = clock
        self._queue: PollQueue[Vigil] = PollQueue(random)
        self._users = 0
        self._driver: AsyncDriver | None = None
        self._lanes: dict[Watch[Vigil], asyncio.Task[Look]] = {}
        self._under_way: set[asyncio.Task[Look]] = set()
        """Those in the lanes, and those that were dropped and have not yet come to their end."""
        self._asked_for_turn = False
        self._timer: asyncio.TimerHandle | None = None

    def enter(self) -> None:
        """One more user; to be followed by :meth:`exit`. The client is open from now on."""
        if self._driver is None:
            self._driver = self._open()
        self._users += 1

    async def exit(self) -> None:
        """One user less. The last one closes the client and waits for what is under way to be dropped."""
        self._users -= 1
        if not self._users:
            await self._close()
            self._retire()

    def join(self, job: CollectionJob, vigil: Vigil) -> None:
        """Begin to wait; to be followed by :meth:`leave`. Jobs that differ in the order of their slices only are one."""
        job = msgspec.structs.replace(job, slices=tuple(sorted(job.slices)))
        ending = self._queue.join(job, vigil, self._clock())
        if ending is not None:
            self._messages.ask(lambda: vigil.end(ending))
            return
        watch = self._queue.watch_of(vigil)
        if watch is not None and (state := watch.state):
            self._messages.ask(lambda: vigil.hear(job, state))
        self._arm()

    def leave(self, vigil: Vigil) -> None:
        """Stop waiting. A question that nobody else has is dropped, also when it is under way."""
        watch = self._queue.watch_of(vigil)
        self._queue.leave(vigil)
        if watch is not None:
            self._drop_if_orphaned(watch)

    def due_at(self, vigil: Vigil) -> float:
        """When (epoch seconds) the job will be asked about next; 0 where the vigil is over, whether it has heard of it or not."""
        return self._queue.due_at(vigil)

    # Timing: callbacks of the loop, no task that waits.

    def _arm(self) -> None:
        when = self._queue.next_at(looking=self._can_look() and not self._asked_for_turn)
        if when is None:
            return
        delay = min(max(0.0, when - self._clock()), NAP)
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay:
                return  # it will come early enough, look around and arm again
            self._timer.cancel()
        self._timer = loop.call_later(delay, self._ring, context=contextvars.Context())

    def _ring(self) -> None:
        self._timer = None
        for vigil in self._queue.expired(self._clock()):
            self._tell(vigil, Ending(Why.DEADLINE))
        for watch in list(self._lanes):
            self._drop_if_orphaned(watch)
        self._pump()
        self._arm()

    def _pump(self) -> None:
        if self._can_look() and not self._asked_for_turn:
            self._asked_for_turn = True
            self._looks.ask(self._begin_one)

    def _can_look(self) -> bool:
        return self._driver is None or len(self._lanes) < min(LANES, self._driver.max_concurrency)

    def _begin_one(self) -> None:
        """One look for each turn: the first step of each signs and sends."""
        self._asked_for_turn = False
        watch = self._queue.take(self._clock()) if self._can_look() else None
        if watch is not None:
            self._begin(watch)
            self._pump()
        self._retire()
        self._arm()

    def _retire(self) -> None:
        if not self._users and not len(self._queue):
            self._on_idle()

    # Looking.

    def _begin(self, watch: Watch[Vigil]) -> None:
        if self._driver is None:
            self._queue.abandoned(watch, self._clock())
            return
        loop = asyncio.get_running_loop()
        # Not in the context of whoever happens to have come first: its log is not ours.
        task = contextvars.Context().run(loop.create_task, self._ask(self._driver, watch))
        self._lanes[watch] = task
        self._under_way.add(task)
        task.add_done_callback(lambda done: self._looked(watch, done))

    def _looked(self, watch: Watch[Vigil], task: asyncio.Task[Look]) -> None:
        self._under_way.discard(task)
        if self._lanes.get(watch) is task:
            del self._lanes[watch]
        if task.cancelled():
            self._queue.abandoned(watch, self._clock())
        else:
            self._conclude(watch, task.result())
        self._pump()
        self._arm()

    async def _ask(self, driver: AsyncDriver, watch: Watch[Vigil]) -> Look:
        asked_at = watch.asked_at or 0.0
        try:
            answer = (await driver.run(self._source.collection_status(self._account, watch.job))).value
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told, and nobody else would be
            return look_of_error(error, asked_at=asked_at, now=self._clock())
        return look_of(answer, watch.job.slices, asked_at=asked_at, now=self._clock())

    def _conclude(self, watch: Watch[Vigil], look: Look) -> None:
        if look.error is not None and concerns_account(look.error):
            for vigil in self._queue.dismiss_all():
                self._tell(vigil, Ending(Why.FAILED, look.error))
            for other in list(self._lanes):
                self._drop_if_orphaned(other)
            return
        said = watch.state
        told = self._queue.answered(watch, look, self._clock())
        if look.state != said:
            for vigil in (*(vigil for vigil, _ in told), *watch.waiters):
                self._messages.ask(lambda vigil=vigil: vigil.hear(watch.job, look.state))  # type: ignore[misc]  # bound for the loop's sake
        for vigil, ending in told:
            self._tell(vigil, ending)

    def _drop_if_orphaned(self, watch: Watch[Vigil]) -> None:
        if not watch.waiters and watch in self._lanes:
            self._lanes.pop(watch).cancel()

    def _tell(self, vigil: Vigil, ending: Ending) -> None:
        self._messages.ask(lambda: vigil.end(ending))

    # The client.

    def _open(self) -> AsyncDriver:
        from fapiao.engine import AsyncDriver, DriverSettings

        # The next look is the next try: what fails is not sent again at once, so that a job has one request an interval.
        settings = msgspec.structs.replace(
            DriverSettings.from_account(self._account), max_attempts=1, longest_wait=THROTTLED
        )
        return AsyncDriver(self._source, self._account, state=self._state, settings=settings)

    async def _close(self) -> None:
        driver, self._driver = self._driver, None
        self._lanes = {}
        under_way = list(self._under_way)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        if driver is not None:
            await driver.aclose()
