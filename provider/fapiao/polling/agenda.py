"""Things and when each of them is due."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Agenda"]

T = TypeVar("T", bound=Hashable)


class Agenda(Generic[T]):
    """The earliest first; what is due at the same instant in the order in which it was entered.

    Entering and striking out cost the logarithm of the size. What is struck out stays in the heap until it comes up, or until
    most of the heap is such: a deadline of next week must not keep a task alive that has long gone.
    """

    def __init__(self) -> None:
        self._when: dict[T, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._entered = 0

    def __len__(self) -> int:
        return len(self._when)

    def enter(self, thing: T, when: float) -> None:
        """Enter it, or move it to another time."""
        self._entered += 1
        self._when[thing] = (when, self._entered)
        heapq.heappush(self._heap, (when, self._entered, thing))
        self._tidy()

    def strike(self, thing: T) -> None:
        """It is not due any more; nothing happens where it never was."""
        self._when.pop(thing, None)
        self._tidy()

    def when(self, thing: T) -> float | None:
        """When it is due, None where it is not entered."""
        found = self._when.get(thing)
        return None if found is None else found[0]

    def first(self) -> float | None:
        """When the earliest is due."""
        while self._heap and not self._is_valid(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> T | None:
        """Take out the earliest one if it is due."""
        first = self.first()
        if first is None or first > now:
            return None
        thing = heapq.heappop(self._heap)[2]
        del self._when[thing]
        return thing

    def _is_valid(self, entry: tuple[float, int, T]) -> bool:
        return self._when.get(entry[2]) == entry[:2]

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._when) + 64:
            self._heap = [entry for entry in self._heap if self._is_valid(entry)]
            heapq.heapify(self._heap)
