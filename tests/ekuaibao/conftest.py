"""The plugin driven by hand: a flow, the answers it gets, what it asked and what it returned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao.invoices.model import NormalizeContext
from fapiao.wire import Account, CollectionJob, Flow, Request, Response, Secret, SliceKey, SliceQuery

SAMPLES = Path(__file__).parent / "samples"
TAXPAYER = "91990000MA0000002E"


_encode = msgspec.json.Encoder(decimal_format="number").encode


def answer(document: Any, status: int = 200) -> Response:
    body = document if isinstance(document, bytes) else _encode(document)
    return Response(status=status, headers={"content-type": "application/json"}, body=body)


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
def account() -> Account:
    return Account(
        source="ekuaibao",
        name="TESTCORP0001",
        base_url="https://app.ekuaibao.com",
        login="test-app-key",
        secret=Secret("test-app-security"),
        settings={"corp_id": "TESTCORP0001", "page_size": 100},
    )


@pytest.fixture
def job() -> CollectionJob:
    return CollectionJob(
        taxpayer_no=TAXPAYER,
        invoice_month="202411",
        slices=(SliceKey("01", "input"), SliceKey("01", "output"), SliceKey("03", "input"), SliceKey("03", "output")),
    )


@pytest.fixture
def query() -> SliceQuery:
    return SliceQuery(taxpayer_no=TAXPAYER, invoice_month="202411", key=SliceKey("01", "input"))


@pytest.fixture
def context() -> Callable[..., NormalizeContext]:
    """The question under which a record was read, for a vendor type code."""

    def make(type: str, direction: str = "input") -> NormalizeContext:
        return NormalizeContext(
            source="ekuaibao",
            api="collect",
            taxpayer_no=TAXPAYER,
            invoice_month="202411",
            type=type,
            direction=direction,
        )

    return make
