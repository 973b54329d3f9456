"""Runs flows: retry, quota, tokens, signing, masking, transport. Two drivers, one conduct (see ``conduct``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fapiao.engine.account_state import AccountState, FreshToken, LocalAccountState, StoredToken
from fapiao.engine.blocking import BlockingDriver
from fapiao.engine.exchange import Completed, Exchange
from fapiao.engine.settings import DriverSettings

if TYPE_CHECKING:
    from fapiao.engine.asynchronous import AsyncDriver

__all__ = [
    "AccountState",
    "AsyncDriver",
    "BlockingDriver",
    "Completed",
    "DriverSettings",
    "Exchange",
    "FreshToken",
    "LocalAccountState",
    "StoredToken",
]


def __getattr__(name: str) -> Any:
    # httpx is for the triggerer only; a worker does not pay for its import.
    if name == "AsyncDriver":
        from fapiao.engine.asynchronous import AsyncDriver

        return AsyncDriver
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
