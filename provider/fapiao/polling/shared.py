"""One poller for each account and event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Hashable
from typing import TYPE_CHECKING

from fapiao.polling.poller import AccountPoller
from fapiao.polling.turns import turns_of_loop

if TYPE_CHECKING:
    from fapiao.engine import LocalAccountState
    from fapiao.registry import Source
    from fapiao.wire import Account

__all__ = ["polling"]


_pollers: dict[asyncio.AbstractEventLoop, dict[Hashable, AccountPoller]] = {}
_states: dict[Hashable, LocalAccountState] = {}
"""Not bound to an event loop. A token is small, and accounts are few."""
_lock = threading.Lock()


class polling:  # noqa: N801 - used as a function would be; thousands are open at once, so it is no generator
    """``async with polling(source, account) as poller``: the poller that this event loop has for the account.

    The first call in a process imports an HTTP library; who must not block the loop imports ``fapiao.engine.asynchronous`` in a
    thread before.
    """

    __slots__ = ("_poller",)

    def __init__(self, source: Source, account: Account) -> None:
        self._poller = _poller_of(source, account)

    async def __aenter__(self) -> AccountPoller:
        self._poller.enter()
        return self._poller

    async def __aexit__(self, *_: object) -> None:
        await self._poller.exit()


def _poller_of(source: Source, account: Account) -> AccountPoller:
    from fapiao.engine import LocalAccountState

    key, pollers = _key(account), _pollers_of_loop()
    poller = pollers.get(key)
    if poller is None:
        with _lock:
            state = _states.setdefault(key, LocalAccountState())
        poller = pollers[key] = AccountPoller(
            source, account, state=state, turns=turns_of_loop(), on_idle=lambda: _forget(pollers, key)
        )
    return poller


def _pollers_of_loop() -> dict[Hashable, AccountPoller]:
    loop = asyncio.get_running_loop()
    if loop not in _pollers:
        for over in [other for other in _pollers if other.is_closed()]:
            _pollers.pop(over, None)
    return _pollers.setdefault(loop, {})


def _forget(pollers: dict[Hashable, AccountPoller], key: Hashable) -> None:
    pollers.pop(key, None)


def _key(account: Account) -> Hashable:
    """Everything that makes two connections behave differently, the secret by its hash only."""
    settings = json.dumps(dict(account.settings), sort_keys=True, default=str)
    return account.source, account.name, account.base_url, account.login, hash(account.secret), settings
