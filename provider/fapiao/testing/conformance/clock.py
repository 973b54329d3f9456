"""Time that passes only when somebody waits."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

__all__ = ["SimulatedClock"]

_CHINA = timezone(timedelta(hours=8))


class SimulatedClock:
    """Epoch seconds from an instant in China (``2024-12-10 12:00``) on. Calling it tells the time."""

    def __init__(self, start: str) -> None:
        self._now = datetime.fromisoformat(start).replace(tzinfo=_CHINA).timestamp()
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += max(0.0, seconds)

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)
