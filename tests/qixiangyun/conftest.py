"""The 企享云 plugin driven by hand, and against its simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao.connection import Connection
from fapiao.engine import BlockingDriver, DriverSettings
from fapiao.invoices.model import NormalizeContext
from fapiao.registry import Source
from fapiao.wire import Account, Claim, CollectionJob, Flow, Request, Response, Secret, SliceKey
from fapiao_qixiangyun import plugin
from fapiao_qixiangyun.simulator import QixiangyunScenario, QixiangyunSimulator

SAMPLES = Path(__file__).parent / "samples"
TAXPAYER = "91990000MA0000002E"
NUMBER = "24990112810000000001"

_encode = msgspec.json.Encoder(decimal_format="number").encode


def answer(document: Any, status: int = 200, **headers: str) -> Response:
    body = document if isinstance(document, bytes) else _encode(document)
    return Response(status=status, headers={"content-type": "application/json"} | headers, body=body)


def enveloped(data: Any, code: Any = "2000", success: Any = True, message: Any = "", **headers: str) -> Response:
    document = {"reqId": "r", "code": code, "success": success, "message": message, "data": data}
    return answer(document, 200, **headers)


def run(flow: Flow[Any], *answers: Response) -> tuple[Any, list[Request]]:
    requests: list[Request] = []
    left = list(answers)
    try:
        requests.append(next(flow))
        while True:
            requests.append(flow.send(left.pop(0)))
    except StopIteration as end:
        assert not left, "the flow ended before it was given every answer"
        return end.value, requests


@pytest.fixture
def respond() -> Callable[..., Response]:
    """A response with a JSON document (or bytes) as its body."""
    return answer


@pytest.fixture
def envelope() -> Callable[..., Response]:
    """A response in the vendor's envelope."""
    return enveloped


@pytest.fixture
def drive() -> Callable[..., tuple[Any, list[Request]]]:
    """Runs a flow over the given answers: (what it returned, what it asked)."""
    return run


@pytest.fixture
def sample() -> Callable[[str], Any]:
    """A sample file, decoded as the driver decodes it: floats as Decimal."""

    def load(case: str) -> Any:
        return Response(status=200, headers={}, body=(SAMPLES / f"{case}.json").read_bytes()).json()

    return load


@pytest.fixture
def account() -> Callable[..., Account]:
    def make(**settings: Any) -> Account:
        return Account(
            source="qixiangyun",
            name="19999999",
            base_url="https://api.qixiangyun.com",
            login="19999999",
            secret=Secret("demo-secret-0001"),
            settings=settings,
        )

    return make


@pytest.fixture
def claim() -> Callable[..., Claim]:
    def make(**changes: Any) -> Claim:
        values: dict[str, Any] = {
            "number": NUMBER,
            "issued_on": date(2024, 11, 5),
            "amount_incl_tax": Decimal("106.00"),
            "taxpayer_no": TAXPAYER,
        }
        return Claim(**(values | changes))

    return make


@pytest.fixture
def job() -> CollectionJob:
    return CollectionJob(
        taxpayer_no=TAXPAYER,
        invoice_month="202411",
        slices=(SliceKey("81", "input"), SliceKey("82", "input"), SliceKey("81", "output")),
    )


@pytest.fixture
def context() -> Callable[..., NormalizeContext]:
    """The question under which a record was read."""

    def make(type: str = "", direction: str = "", api: str = "collect") -> NormalizeContext:
        return NormalizeContext(
            source="qixiangyun", api=api, taxpayer_no=TAXPAYER, invoice_month="202411", type=type, direction=direction
        )

    return make


class Live:
    """The plugin connected to a running simulator."""

    def __init__(self, simulator: QixiangyunSimulator, **extra: Any) -> None:
        told = simulator.connection()
        connection = Connection(
            conn_id="test",
            host=told["host"],
            login=told["login"],
            password=Secret(extra.pop("password", told["password"])),
            extra={**told["extra"], **extra},
        )
        self.simulator = simulator
        self.source = Source.of(plugin)
        self.account = self.source.account(connection)
        self.driver = BlockingDriver(self.source, self.account, settings=DriverSettings(requests_per_second=0))

    def ask(self, flow: Flow[Any]) -> Any:
        return self.driver.run(flow).value


@pytest.fixture
def live() -> Callable[..., Any]:
    """``with live(codes=…) as it:`` runs a simulator with that scenario and connects the plugin to it."""

    @contextmanager
    def connect(extra: dict[str, Any] | None = None, clock: Any = None, **scenario: Any) -> Iterator[Live]:
        told = msgspec.convert(scenario, QixiangyunScenario)
        simulator = QixiangyunSimulator(told) if clock is None else QixiangyunSimulator(told, clock=clock)
        with simulator.running():
            it = Live(simulator, **(extra or {}))
            with it.driver:
                yield it

    return connect
