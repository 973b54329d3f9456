"""What counts as reaching outside, and what merely happens meanwhile."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from fapiao.testing.conformance.purity import Impure, forbidden


def test_reaching_for_the_clock_is_stopped_and_named() -> None:
    with pytest.raises(Impure, match=r"clock \(time.time\) at test_conformance_purity.py"), forbidden():
        time.time()


def test_what_others_do_when_the_garbage_collector_runs_is_not_the_plugins_doing() -> None:
    heard: list[float] = []

    def tell(phase: str, info: dict[str, Any]) -> None:
        heard.append(time.perf_counter())

    threshold = gc.get_threshold()
    gc.callbacks.append(tell)
    gc.set_threshold(1)
    try:
        with forbidden():
            kept = [[] for _ in range(1000)]  # type: ignore[var-annotated]  # what is in them does not matter
        assert gc.isenabled()
        kept = [[] for _ in range(1000)]
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(tell)
    assert len(kept) == 1000
    assert heard, "the collector runs again afterwards"
