"""How long an event loop kept everybody waiting, what it cost, and how much memory the process has."""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

TICK = 0.01
"""Seconds between two looks of the probe."""


class Probe:
    """Asks for a turn every hundredth of a second.

    ``lag`` is by how much the worst turn came late. Other processes of the computer count in it; ``busy`` is the longest time
    for which the loop's own thread was at work between two turns, which is the loop's own fault alone. ``collector`` is the
    longest run of Python's garbage collector among that: it looks through every object of the process, whosever it is.
    """

    def __enter__(self) -> Self:
        self._begin()
        gc.callbacks.append(self._collecting)
        self._task = asyncio.create_task(self._watch())
        return self

    def __exit__(self, *_: object) -> None:
        self._task.cancel()
        gc.callbacks.remove(self._collecting)

    def phase(self) -> dict[str, float]:
        """What was seen since the last phase; begins another one."""
        seen = {
            "lag": self._lag,
            "busy": self._busy,
            "collector": self._collector,
            "cpu": time.process_time() - self._cpu,
            "seconds": time.monotonic() - self._since,
        }
        self._begin()
        return seen

    def _begin(self) -> None:
        self._lag = self._busy = self._collector = self._collection = 0.0
        self._cpu, self._since = time.process_time(), time.monotonic()

    def _collecting(self, when: str, _: object) -> None:
        if when == "start":
            self._collection = time.thread_time()
        else:
            self._collector = max(self._collector, time.thread_time() - self._collection)

    async def _watch(self) -> None:
        while True:
            asked, used = time.monotonic(), time.thread_time()
            await asyncio.sleep(TICK)
            self._lag = max(self._lag, time.monotonic() - asked - TICK)
            self._busy = max(self._busy, time.thread_time() - used)


def resident_megabytes() -> float:
    """Memory of the process now (Linux)."""
    return _status("VmRSS")


def peak_megabytes() -> float:
    """Most memory the process ever had (Linux)."""
    return _status("VmHWM")


def _status(name: str) -> float:
    with suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
    return float("nan")
