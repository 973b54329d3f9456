"""A raw client of the simulated vendor: nothing of the project's own engine or plugin is between a test and the bytes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from fapiao.testing.loopback import Answer, Call
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

TOKEN = "/api/openapi/v1/auth/getAccessToken"
APPLY = "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask"
DATA = "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"
MONTH = "202411"
JSON = (("content-type", "application/json"),)


class Clock:
    """Stands still until told to advance; sleeping advances it."""

    def __init__(self) -> None:
        self.now = 1_735_700_000.0  # 2025-01-01 in China

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Vendor:
    """A simulated ekuaibao asked directly, without sockets, on a clock that the test moves."""

    def __init__(self, scenario: EkuaibaoScenario) -> None:
        self.clock = Clock()
        self.simulator = EkuaibaoSimulator(scenario, clock=self.clock, sleep=self.clock.sleep)
        self.scenario = scenario
        self.taxpayer = scenario.taxpayers[0]
        self.token = ""

    def send(self, path: str, body: Any, *, token: str | None = None, method: str = "POST") -> Answer:
        query = f"accessToken={quote(self.token if token is None else token, safe='')}" if path != TOKEN else ""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.simulator.respond(Call(method, path, query, dict(JSON), raw))

    def ask(self, path: str, body: Any) -> Any:
        """``value`` of the answer."""
        answer = self.send(path, body)
        assert answer.status == 200
        return json.loads(answer.body)["value"]

    def log_in(self) -> Any:
        value = self.ask(TOKEN, {"appKey": self.scenario.app_key, "appSecurity": self.scenario.app_security})
        self.token = value["accessToken"]
        return value

    def job(
        self, *, add: bool, types: tuple[str, ...] = ("81",), directions: tuple[str, ...] = ("jx",), **other: Any
    ) -> Any:
        return {
            "corpId": self.scenario.corp_id,
            "nsrsbh": self.taxpayer,
            "fplxs": list(types),
            "kpyf": MONTH,
            "jxxbzs": list(directions),
            "addJob": add,
            **other,
        }

    def page(self, number: int = 1, size: int = 100, **other: Any) -> Any:
        return {
            "corpId": self.scenario.corp_id,
            "nsrsbh": self.taxpayer,
            "fplx": "81",
            "kpyf": MONTH,
            "jxxbz": "jx",
            "page": {"pageSize": size, "currentPage": number},
            **other,
        }

    def start(self, **job: Any) -> Any:
        return self.ask(APPLY, self.job(add=True, **job))

    def status(self, **job: Any) -> dict[str, str]:
        """Status per type, in the direction asked for."""
        rows = self.ask(APPLY, self.job(add=False, **job))["data"]
        return {row["fplx"]: row["status"] for row in rows}

    def read(self, number: int = 1, size: int = 100, **other: Any) -> Any:
        return self.ask(DATA, self.page(number, size, **other))

    def collected(self, **job: Any) -> Vendor:
        """Started, and its job over."""
        self.start(**job)
        self.clock.now += 300
        return self

    @property
    def violations(self) -> tuple[str, ...]:
        return self.simulator.report().violations


@pytest.fixture
def vendor() -> Callable[..., Vendor]:
    """``vendor(uniform=3, …)`` is a simulated vendor with that scenario, logged in."""

    def make(**scenario: Any) -> Vendor:
        made = Vendor(EkuaibaoScenario(**{"uniform": 3, **scenario}))
        made.log_in()
        return made

    return make


class Line:
    """One kept connection to a running simulator."""

    def __init__(self, vendor: Vendor) -> None:
        host = vendor.simulator.base_url.removeprefix("http://")
        self.connection = http.client.HTTPConnection(host, timeout=20)
        self.vendor = vendor

    def post(self, path: str, body: Any) -> tuple[http.client.HTTPResponse, bytes]:
        query = "" if path == TOKEN else f"?accessToken={quote(self.vendor.token, safe='')}"
        self.connection.request("POST", path + query, json.dumps(body), dict(JSON))
        response = self.connection.getresponse()
        return response, response.read()

    def get(self, path: str) -> Any:
        self.connection.request("GET", path)
        return json.loads(self.connection.getresponse().read())

    def put(self, path: str, body: bytes) -> int:
        self.connection.request("PUT", path, body)
        response = self.connection.getresponse()
        response.read()
        return response.status


@pytest.fixture
def line(vendor: Callable[..., Vendor]) -> Iterator[Callable[..., Line]]:
    """``line(uniform=3, …)`` is a connection to a simulator that runs with that scenario, logged in, job processed."""
    with ExitStack() as running:

        def connect(**scenario: Any) -> Line:
            made = vendor(**scenario)
            running.enter_context(made.simulator.running())
            made.collected()
            opened = Line(made)
            running.callback(opened.connection.close)
            return opened

        yield connect
