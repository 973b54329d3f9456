"""Which fault happens to which request. Counts under a lock, so that a rule hits as often as it says."""

from __future__ import annotations

import threading

from fapiao.testing.draws import uniform
from fapiao.testing.scenario import Fault, Scenario

__all__ = ["FaultBox"]


class FaultBox:
    """The faults of one scenario with the number of requests each has matched."""

    def __init__(self, scenario: Scenario) -> None:
        self._seed = scenario.seed
        self._faults = scenario.faults
        self._matched = [0] * len(scenario.faults)
        self._lock = threading.Lock()

    def draw(
        self, operation: str, taxpayer_no: str, invoice_month: str, type: str, direction: str, page: int
    ) -> Fault | None:
        """The fault that happens to this request. Every rule that matches counts it, the first that hits is taken."""
        chosen = None
        with self._lock:
            for place, fault in enumerate(self._faults):
                if fault.operation not in ("", operation) or fault.page not in (0, page):
                    continue
                if not fault.covers(taxpayer_no, invoice_month, type, direction):
                    continue
                self._matched[place] += 1
                if chosen is None and self._hits(place, fault):
                    chosen = fault
        return chosen

    def _hits(self, place: int, fault: Fault) -> bool:
        ordinal = self._matched[place]
        if not (fault.nth or fault.first or fault.every or fault.probability):
            return True
        return (
            ordinal in fault.nth
            or ordinal <= fault.first
            or bool(fault.every and ordinal % fault.every == 0)
            or bool(fault.probability and uniform(self._seed, "fault", place, ordinal) < fault.probability)
        )
