"""Processes that do the same at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

__all__ = ["race"]


def race(run: Callable[[str, int, Any], None], url: str, count: int, *, seconds: float) -> None:
    """Start ``run(url, number, gate)`` in so many fresh processes, which meet at the gate, and see all of them end well."""
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(count)
    rivals = [context.Process(target=run, args=(url, number, gate)) for number in range(count)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join(seconds)
    assert [rival.exitcode for rival in rivals] == [0] * count
