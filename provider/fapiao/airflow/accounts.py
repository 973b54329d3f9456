"""The vendor account behind a connection, for triggers: nothing of it blocks the event loop, and many that ask share an answer."""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import TYPE_CHECKING

from fapiao.airflow.connections import connection_of
from fapiao.polling.turns import turns_of_loop

if TYPE_CHECKING:
    from fapiao.registry import Source
    from fapiao.wire import Account

__all__ = ["account_of"]

FRESH = 5.0
"""Seconds for which a connection is believed. After a restart a triggerer begins thousands of triggers at once, and each look-up
is a question to Airflow's own database; a person who corrects a connection needs longer than that to clear the task."""

_lookups: dict[asyncio.AbstractEventLoop, dict[tuple[str, str], _Lookup]] = {}


class _Lookup:
    """One look-up and those who wait for it: told a few at a time, for each of them has work to do then."""

    def __init__(self, conn_id: str, source_name: str) -> None:
        self._began = time.monotonic()
        self._waiting: list[asyncio.Future[None]] = []
        self._lane = turns_of_loop().lane()
        loop = asyncio.get_running_loop()
        # In no trigger's context, and not ended with it: whoever asked first may be cancelled while others wait for the same.
        self.task = contextvars.Context().run(loop.create_task, _look_up(conn_id, source_name))
        self.task.add_done_callback(self._done)

    @property
    def is_good(self) -> bool:
        """Under way, or successful a moment ago."""
        if not self.task.done():
            return True
        failed = self.task.cancelled() or self.task.exception() is not None
        return not failed and time.monotonic() < self._began + FRESH

    async def result(self) -> tuple[Source, Account]:
        if not self.task.done():
            told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(told)
            await told
        return self.task.result()

    def _done(self, _: object) -> None:
        for told in self._waiting:
            self._lane.ask(lambda told=told: told.done() or told.set_result(None))  # type: ignore[misc]  # bound at once
        self._waiting = []


async def account_of(conn_id: str, source_name: str) -> tuple[Source, Account]:
    """The plugin and the account; looked up by one of those who ask at the same time.

    :raises ConfigurationError: no such connection or source, or settings that do not fit. Failures are not remembered.
    """
    loop = asyncio.get_running_loop()
    if loop not in _lookups:
        for over in [other for other in _lookups if other.is_closed()]:
            _lookups.pop(over, None)
    known = _lookups.setdefault(loop, {})
    found = known.get((conn_id, source_name))
    if found is None or not found.is_good:
        found = known[conn_id, source_name] = _Lookup(conn_id, source_name)
    return await found.result()


async def _look_up(conn_id: str, source_name: str) -> tuple[Source, Account]:
    # Importing a plugin, an HTTP library and Airflow's own half reads hundreds of files, which must not happen in the loop.
    source = await asyncio.to_thread(_load, source_name)
    from fapiao.airflow.compat import aget_connection

    record = await aget_connection(conn_id)
    return source, source.account(connection_of(record))


def _load(name: str) -> Source:
    import fapiao.engine.asynchronous  # noqa: F401 - so that opening a client finds it imported
    from fapiao.airflow.masking import mask_in_airflow
    from fapiao.observing import observers
    from fapiao.registry import registry

    mask_in_airflow()
    observers.states()  # loads them
    return registry.get(name)
