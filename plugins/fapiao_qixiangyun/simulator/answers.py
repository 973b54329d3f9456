"""The envelope around the simulated vendor's answers, and what is written down about each."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from email.utils import formatdate
from typing import Any

import msgspec

from fapiao.testing.observation import Observer
from fapiao.testing.simulator import Answer
from fapiao_qixiangyun.simulator import document
from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario

__all__ = ["Answers", "encode"]

encode = msgspec.json.Encoder(decimal_format="number").encode
_CHINA = timezone(timedelta(hours=8))


class Answers:
    """Makes answers in the vendor's envelope, dated by the scenario's day."""

    def __init__(self, scenario: QixiangyunScenario, observer: Observer, clock: Callable[[], float]) -> None:
        self._scenario = scenario
        self._observer = observer
        self._clock = clock

    def now(self) -> datetime:
        """The time in China."""
        now = datetime.fromtimestamp(self._clock(), _CHINA)
        if not self._scenario.today:
            return now
        return datetime.combine(date.fromisoformat(self._scenario.today), now.timetz())

    def envelope(self, code: str, data: Any, message: str = "") -> Answer:
        self._observer.code(code)
        body = {"reqId": secrets.token_hex(16), "code": code, "success": code == "2000"}
        return Answer(body=encode(body | {"message": message, "data": data}), headers=self._date())

    def bare(self, data: Any) -> Answer:
        """A success as the document's example shows it: ``{data, success}`` only."""
        self._observer.code("2000")
        return Answer(body=encode({"data": data, "success": True}), headers=self._date())

    def refused(self, code: str, message: str = "") -> Answer:
        return self.envelope(code, None, message or document.TEXTS.get(code, "测试拒绝"))

    def wrong(self, operation: str, code: str, sentence: str) -> Answer:
        """A refusal of a request that no careful client sends."""
        if sentence:
            self._observer.violation(f"{operation}: {sentence}")
        return self.refused(code)

    def _date(self) -> tuple[tuple[str, str], ...]:
        return (("Date", formatdate(self.now().timestamp(), usegmt=True)),)
