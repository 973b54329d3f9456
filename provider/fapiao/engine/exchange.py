"""What a run flow leaves behind: its result and the answers it was made from."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from fapiao.wire import Request, Response

__all__ = ["Completed", "Exchange"]

T = TypeVar("T")


class Exchange(msgspec.Struct, frozen=True):
    """One logical request and its final answer. Retried attempts, logins and signatures are not part of it."""

    request: Request
    response: Response


class Completed(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """The result of a flow."""

    value: T
    transcript: tuple[Exchange, ...]
    """In the order of the requests. Those with ``authorized=False`` are left out: their answers hold tokens."""
    requests: int
    """Attempts sent for it, retries and logins included."""
