"""One task's waiting for one job, in an event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable

from fapiao.polling.queue import Ending, Waiter
from fapiao.wire import CollectionJob

__all__ = ["Vigil"]


class Vigil(Waiter):
    """One task's waiting for one job.

    :param on_news: told the job and its state when that changes, in the context in which the vigil was made: so a line of log finds
        the log of its task.
    """

    __slots__ = ("_context", "_on_news", "ended")

    def __init__(
        self,
        *,
        not_before: float,
        deadline: float,
        interval: float,
        error_budget: int = 5,
        on_news: Callable[[CollectionJob, str], None] | None = None,
    ) -> None:
        super().__init__(not_before=not_before, deadline=deadline, interval=interval, error_budget=error_budget)
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._on_news = on_news
        self._context = contextvars.copy_context()

    def hear(self, job: CollectionJob, state: str) -> None:
        """What is known of the job now."""
        if self._on_news is not None and not self.ended.done():
            self._context.run(self._on_news, job, state)

    def end(self, ending: Ending) -> None:
        """It is over."""
        if not self.ended.done():
            self.ended.set_result(ending)
