"""Deterministic chance: the same words for the same key in every process, whatever was drawn before.

``random.Random`` costs more to seed than an invoice takes to make, and ``hash()`` differs between processes; a keyed
BLAKE2b digest is read as sixteen 32-bit words instead.
"""

from __future__ import annotations

import hashlib
import struct

__all__ = ["Draws", "uniform"]

_WORDS = struct.Struct("<16I").unpack
_INDEX = struct.Struct("<qq").pack


class Draws:
    """A family of draws under one key; ``words(i, salt)`` are sixteen numbers of 0 … 2³² - 1."""

    __slots__ = ("_state",)

    def __init__(self, *key: object) -> None:
        self._state = hashlib.blake2b("\x1f".join(str(part) for part in key).encode(), digest_size=64)

    def words(self, index: int, salt: int = 0) -> tuple[int, ...]:
        state = self._state.copy()
        state.update(_INDEX(index, salt))
        return _WORDS(state.digest())


def uniform(*key: object) -> float:
    """One number of 0 ≤ x < 1 that belongs to the key."""
    return int(Draws(*key).words(0)[0]) / 2**32
