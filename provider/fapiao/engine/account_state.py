"""What all processes of one account share: quota reservations, permits, the token. And its form in memory.

The blocking driver talks to an :class:`AccountState`; in a database it is shared by every process that works for the
account. All times are epoch seconds.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Protocol
from uuid import uuid4

import msgspec

from fapiao.wire import Secret

__all__ = ["AccountState", "FreshToken", "LocalAccountState", "StoredToken", "new_holder"]


class FreshToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token just received, before it has a version."""

    value: Secret
    expires_at: float
    """Not used from then on; a safety margin is already taken off."""
    renew_at: float
    """From then on one process asks for a new one while the others still use this."""


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """The account's current token. A higher version is newer; versions are never used again."""

    value: Secret
    expires_at: float
    renew_at: float
    version: int


class AccountState(Protocol):
    """Shared by threads, and by processes where it lives in a database. Every method may block for a transaction."""

    def reserve(self, bucket: str, interval: float, count: int, now: float) -> float:
        """Book ``count`` consecutive slots of ``bucket``, ``interval`` seconds apart; the epoch of the first (>= now)."""
        ...

    def take_permit(self, limit: int, holder: str, lease: float, now: float) -> int | None:
        """One of the slots 0 … ``limit`` - 1 until ``now + lease``, None when all are held by living holders."""
        ...

    def give_permit(self, slot: int, holder: str) -> None:
        """Give a slot back; nothing happens when it is no longer the holder's."""
        ...

    def load_token(self, now: float) -> StoredToken | None:
        """The current token, None when there is none or it has expired."""
        ...

    def claim_renewal(self, failed_version: int | None, holder: str, until: float, now: float) -> bool:
        """Ask to be the one who logs in, until ``until``.

        False: somebody else does, or already has (a valid token newer than ``failed_version`` is there; any valid one
        when that is None). The holder of a claim may claim again; with ``until <= now`` it gives the claim up.
        """
        ...

    def store_token(self, token: FreshToken, holder: str, now: float) -> StoredToken:
        """Make it the current token with the next version, and end the holder's claim."""
        ...


def new_holder() -> str:
    """A name for one driver: ``host/pid/random``. From host and pid a dead holder can be told."""
    return f"{socket.gethostname()}/{os.getpid()}/{uuid4().hex[:8]}"


class LocalAccountState:
    """An :class:`AccountState` in memory, for one process. Thread-safe, never blocks for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._booked: dict[str, float] = {}
        self._permits: dict[int, tuple[str, float]] = {}
        self._token: StoredToken | None = None
        self._versions = 0
        self._claim: tuple[str, float] = ("", 0.0)

    def reserve(self, bucket: str, interval: float, count: int, now: float) -> float:
        with self._lock:
            first = max(now, self._booked.get(bucket, now))
            self._booked[bucket] = first + count * interval
            return first

    def take_permit(self, limit: int, holder: str, lease: float, now: float) -> int | None:
        with self._lock:
            for slot in range(limit):
                if slot not in self._permits or self._permits[slot][1] <= now:
                    self._permits[slot] = (holder, now + lease)
                    return slot
            return None

    def give_permit(self, slot: int, holder: str) -> None:
        with self._lock:
            if self._permits.get(slot, ("", 0.0))[0] == holder:
                del self._permits[slot]

    def load_token(self, now: float) -> StoredToken | None:
        with self._lock:
            return self._valid(now)

    def claim_renewal(self, failed_version: int | None, holder: str, until: float, now: float) -> bool:
        with self._lock:
            token = self._valid(now)
            if token is not None and (failed_version is None or token.version > failed_version):
                return False
            owner, ends = self._claim
            if ends > now and owner != holder:
                return False
            self._claim = (holder, until)
            return True

    def store_token(self, token: FreshToken, holder: str, now: float) -> StoredToken:
        with self._lock:
            self._versions += 1
            self._token = StoredToken(
                value=token.value, expires_at=token.expires_at, renew_at=token.renew_at, version=self._versions
            )
            if self._claim[0] == holder:
                self._claim = ("", 0.0)
            return self._token

    def _valid(self, now: float) -> StoredToken | None:
        token = self._token
        return token if token is not None and token.expires_at > now else None
