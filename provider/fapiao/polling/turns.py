"""Small pieces of work spread over the turns of an event loop, so that everybody else in the loop gets on in between."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

__all__ = ["Lane", "Turns", "turns_of_loop"]

AT_ONCE = 4
"""Pieces done in one turn."""


class Turns:
    """What is to be done soon in one event loop, from any number of lanes in rotation."""

    def __init__(self) -> None:
        self._busy: deque[Lane] = deque()
        self._is_called = False

    def lane(self) -> Lane:
        """A place to ask for turns. A long queue in one lane does not delay another lane."""
        return Lane(self)

    def enter(self, lane: Lane) -> None:
        """A lane has something to do."""
        self._busy.append(lane)
        self._call()

    def _call(self) -> None:
        if self._busy and not self._is_called:
            self._is_called = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        self._is_called = False
        acts: list[Callable[[], None]] = []
        while self._busy and len(acts) < AT_ONCE:
            lane = self._busy.popleft()
            acts.append(lane.acts.popleft())
            if lane.acts:
                self._busy.append(lane)
        self._call()
        for act in acts:
            act()


class Lane:
    """First come, first served."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.acts: deque[Callable[[], None]] = deque()

    def ask(self, act: Callable[[], None]) -> None:
        """Have ``act`` called soon, in the running loop."""
        self.acts.append(act)
        if len(self.acts) == 1:
            self._turns.enter(self)


_turns: dict[asyncio.AbstractEventLoop, Turns] = {}


def turns_of_loop() -> Turns:
    """The turns of the running loop, shared by all in it."""
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        for over in [other for other in _turns if other.is_closed()]:
            _turns.pop(over, None)
    return _turns.setdefault(loop, Turns())
