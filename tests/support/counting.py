"""A simulated vendor that notes when each job was asked about, and whose jobs run until they are told to settle."""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import msgspec

from fapiao.testing.numbering import tax_number
from fapiao.testing.simulator import Answer, Call, Subject
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator, Slow
from fapiao_ekuaibao.simulator.document import APPLY_PATH

__all__ = ["MONTH", "CountingVendor", "accounts"]

MONTH = "202411"
FOR_EVER = 1e9
_WORDS = {"input": "jx", "output": "xx"}


class CountingVendor(EkuaibaoSimulator):
    """One account of the vendor."""

    def __init__(self, scenario: EkuaibaoScenario) -> None:
        self._ahead = 0.0
        self.asked: dict[str, list[float]] = {}
        """Taxpayer → when its job was asked about (epoch seconds, before the answer was sent)."""
        self.answered_last: str | None = None
        """A taxpayer who gets no answer before all the others have got theirs."""
        self._answers = threading.Condition()
        self._answered: set[str] = set()
        running = msgspec.structs.replace(scenario, slow=(Slow(seconds=FOR_EVER),), token_seconds=10 * FOR_EVER)
        super().__init__(running, clock=lambda: time.time() + self._ahead)

    def carry_out(self, call: Call, subject: Subject) -> Answer:
        if subject.operation == "status":
            self.asked.setdefault(subject.taxpayer_no, []).append(time.time())
            self._keep_order(subject.taxpayer_no)
        return super().carry_out(call, subject)

    def _keep_order(self, taxpayer_no: str) -> None:
        with self._answers:
            if taxpayer_no == self.answered_last:
                others = {*self.scenario.taxpayers} - {taxpayer_no}
                self._answers.wait_for(lambda: others <= self._answered, timeout=30.0)
            self._answered.add(taxpayer_no)
            self._answers.notify_all()

    def begin_jobs(self, slices: Iterable[Sequence[str]]) -> None:
        """A job of these slices for every taxpayer."""
        types = list(dict.fromkeys(kind for kind, _ in slices))
        directions = list(dict.fromkeys(_WORDS[direction] for _, direction in slices))
        query = f"accessToken={quote(self.tokens.issue()[0], safe='')}"
        for taxpayer in self.scenario.taxpayers:
            body = {"corpId": self.scenario.corp_id, "nsrsbh": taxpayer, "kpyf": MONTH, "addJob": True}
            body |= {"fplxs": types, "jxxbzs": directions}
            headers = {"content-type": "application/json"}
            answer = self.respond(Call("POST", APPLY_PATH, query, headers, json.dumps(body).encode()))
            assert b'"2000"' in answer.body, answer.body

    def settle(self) -> None:
        """Every job has come to its end."""
        self._ahead = 2 * FOR_EVER

    def looks(self) -> int:
        """How often jobs were asked about."""
        return sum(map(len, self.asked.values()))

    def gaps(self) -> list[float]:
        """Seconds between two questions about one job: from before an answer until after the next question."""
        return [later - earlier for times in self.asked.values() for earlier, later in pairwise(times)]

    def most_within(self, seconds: float) -> int:
        """Most questions that came within any so many seconds."""
        times = sorted(when for asked in self.asked.values() for when in asked)
        return max((bisect_right(times, when + seconds) - place for place, when in enumerate(times)), default=0)

    def airflow_connection(self, **extra: Any) -> dict[str, Any]:
        """As the JSON of an Airflow connection."""
        connection = dict(self.connection())
        return {**connection, "conn_type": "ekuaibao", "extra": {**connection["extra"], **extra}}


def accounts(number: int, jobs: int, slices: Sequence[Sequence[str]], **scenario: Any) -> dict[str, CountingVendor]:
    """Connection id → a vendor that serves, with its share of the jobs running. To be stopped by the caller."""
    share = -(-jobs // number)
    vendors: dict[str, CountingVendor] = {}
    for ordinal in range(number):
        taxpayers = tuple(tax_number(1 + job) for job in range(ordinal * share, min(jobs, (ordinal + 1) * share)))
        settings = {"corp_id": f"COUNTED{ordinal:04d}", "taxpayers": taxpayers, "quirks": False, "uniform": 0}
        vendor = vendors[f"account_{ordinal:03d}"] = CountingVendor(EkuaibaoScenario(**{**settings, **scenario}))
        vendor.start()
        vendor.begin_jobs(slices)
    return vendors
