"""Which of the scenario's codes and file troubles a request meets. Safe for many threads."""

from __future__ import annotations

import threading
from collections import Counter

from fapiao.testing.draws import uniform
from fapiao_qixiangyun.simulator.scenario import CodeAnswer, FileTrouble, QixiangyunScenario

__all__ = ["Rules"]

_ONLY = {"entities": "xml", "traversal": "ofd"}
"""The kind of file that a trouble is about."""


class Rules:
    """Counts what each rule has met since the scenario began."""

    def __init__(self, scenario: QixiangyunScenario) -> None:
        self._scenario = scenario
        self._lock = threading.Lock()
        self._hits: Counter[int] = Counter()

    def code(self, operation: str, number: str, taxpayer_no: str, *, in_task: bool = False) -> CodeAnswer | None:
        """The code that this call is answered with instead."""
        for place, rule in enumerate(self._scenario.codes):
            if rule.operation != operation or rule.taxpayer_no not in ("", taxpayer_no):
                continue
            if rule.in_task is not in_task or (rule.numbers and number not in rule.numbers):
                continue
            hits = self._hit(place) - rule.skip
            if hits < 1 or (rule.first and hits > rule.first):
                continue
            if rule.probability and uniform(self._scenario.seed, "code", place, hits) >= rule.probability:
                continue
            return rule
        return None

    def trouble(self, kind: str, number: str) -> FileTrouble | None:
        """What comes instead of this file."""
        for place, rule in enumerate(self._scenario.file_troubles):
            if (rule.files and kind not in rule.files) or (rule.numbers and number not in rule.numbers):
                continue
            if _ONLY.get(rule.kind, kind) != kind:
                continue
            hits = self._hit(-1 - place)
            if not rule.first or hits <= rule.first:
                return rule
        return None

    def _hit(self, place: int) -> int:
        with self._lock:
            self._hits[place] += 1
            return self._hits[place]
