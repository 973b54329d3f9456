"""One client of a vendor account for all triggers of a triggerer: one connection pool, one token, one quota.

Nothing here touches a database: a trigger speaks to the vendor only.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from fapiao.engine import AsyncDriver, LocalAccountState
    from fapiao.registry import Source
    from fapiao.wire import Account

__all__ = ["shared_driver"]


class _Client:
    """A driver and how many triggers use it."""

    def __init__(self, driver: AsyncDriver) -> None:
        self.driver = driver
        self.users = 0


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Client]] = WeakKeyDictionary()
_states: dict[Hashable, LocalAccountState] = {}
"""Outlive the clients, so that a pause between two waits costs no new login. Not bound to an event loop."""
_lock = threading.Lock()


@asynccontextmanager
async def shared_driver(source: Source, account: Account) -> AsyncIterator[AsyncDriver]:
    """The driver that this event loop has for the account; closed when nobody uses it any more."""
    from fapiao.engine import AsyncDriver, LocalAccountState

    key = _key(account)
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    client = clients.get(key)
    if client is None:
        with _lock:
            state = _states.setdefault(key, LocalAccountState())
        client = clients[key] = _Client(AsyncDriver(source, account, state=state))
    client.users += 1
    try:
        yield client.driver
    finally:
        client.users -= 1
        if client.users == 0:
            del clients[key]
            await client.driver.aclose()


def _key(account: Account) -> Hashable:
    """Everything that makes two connections behave differently, the secret by its hash only."""
    settings = json.dumps(dict(account.settings), sort_keys=True, default=str)
    return account.source, account.name, account.base_url, account.login, hash(account.secret), settings
