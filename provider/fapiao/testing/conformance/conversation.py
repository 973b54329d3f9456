"""One account talking to one vendor that has not been asked anything yet, through our own drivers, on simulated time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, TypeVar

import msgspec

from fapiao.connection import Connection
from fapiao.engine import AsyncDriver, BlockingDriver, Completed, DriverSettings
from fapiao.engine.failure import Failure
from fapiao.engine.prepared import Prepared
from fapiao.registry import Source
from fapiao.testing.conformance.clock import SimulatedClock
from fapiao.testing.conformance.kit import CANARY, Kit
from fapiao.testing.conformance.responders import ADDRESS, Responder, WireResponder
from fapiao.wire import Flow, Request, Response

__all__ = ["Conversation", "Meddle", "Sent", "connection_json", "planted"]

T = TypeVar("T")
Outcome = Response | Failure
Meddle = Callable[[Request, Callable[[], Outcome]], Outcome]
"""Comes between: is given the request and a way to have it answered, and says what arrives."""


class Sent(msgspec.Struct, frozen=True):
    """One attempt as it went out, and what came back."""

    request: Request
    prepared: Prepared
    outcome: Outcome
    at: float
    """Epoch seconds."""


class Conversation:
    """Everything that is sent goes through :meth:`deliver`, whichever driver sends it."""

    def __init__(self, kit: Kit, *, meddle: Meddle | None = None, vendor: Responder | None = None) -> None:
        self.clock = SimulatedClock(kit.now)
        self.responder = vendor if vendor is not None else kit.vendor(self.clock)
        self.source = Source(kit.name, kit.load())
        self.account = self.source.account(Connection.from_json(connection_json(kit), conn_id="the kit's example"))
        self.sent: list[Sent] = []
        self._meddle = meddle
        # The declared quotas count, also where the example connection switches them off.
        self._settings = msgspec.structs.replace(
            DriverSettings.from_account(self.account), requests_per_second=None, max_concurrency=None
        )
        self._driver: BlockingDriver | None = None

    def run(self, flow: Flow[T]) -> Completed[T]:
        """One flow by the blocking driver; its token and its quota last for the conversation."""
        if self._driver is None:
            self._driver = BlockingDriver(
                self.source,
                self.account,
                settings=self._settings,
                transport=_Line(self),
                clock=self.clock,
                sleep=self.clock.sleep,
                random=Random(7).random,
            )
        return self._driver.run(flow)

    async def arun(self, flow: Flow[T]) -> Completed[T]:
        """One flow by the asyncio driver."""
        async with AsyncDriver(
            self.source,
            self.account,
            settings=self._settings,
            transport=_AsyncLine(self),
            clock=self.clock,
            sleep=self.clock.asleep,
            random=Random(7).random,
        ) as driver:
            return await driver.run(flow)

    def deliver(self, prepared: Prepared) -> Outcome:
        """One attempt to the vendor, and its answer."""
        request = prepared.request
        outcome = (
            self._answer(prepared) if self._meddle is None else self._meddle(request, lambda: self._answer(prepared))
        )
        self.sent.append(Sent(request, prepared, outcome, self.clock()))
        return outcome

    def _answer(self, prepared: Prepared) -> Outcome:
        if isinstance(self.responder, WireResponder):
            return self.responder.deliver(prepared)
        return self.responder.answer(prepared.request)


class _Line:
    """The conversation as the blocking driver's transport."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def send(self, prepared: Prepared) -> Outcome:
        return self._conversation.deliver(prepared)

    def close(self) -> None:
        """Nothing is open."""


class _AsyncLine:
    """The conversation as the asyncio driver's transport."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    async def send(self, prepared: Prepared) -> Outcome:
        return self._conversation.deliver(prepared)

    async def aclose(self) -> None:
        """Nothing is open."""


def connection_json(kit: Kit) -> bytes:
    """The example connection, its secrets planted."""
    if kit.connection is None:
        responder = kit.vendor(SimulatedClock(kit.now))
        own = responder.connection() if isinstance(responder, WireResponder) else {}
        return msgspec.json.encode({**own, "extra": {**own.get("extra", {}), **kit.settings}})
    given: dict[str, Any] = {"host": ADDRESS, **kit.connection}
    given["extra"] = {**(given.get("extra") or {}), **kit.settings}
    for field in kit.descriptor.fields:
        if field.kind == "secret":
            place = given["extra"] if field.place == "extra" else given
            place[field.name if field.place == "extra" else field.place] = CANARY
    return msgspec.json.encode(given)


def planted(kit: Kit) -> dict[str, str]:
    """Values that must not be seen: name of the secret field → its value in the example connection."""
    given: Mapping[str, Any] = msgspec.json.decode(connection_json(kit))
    found: dict[str, str] = {}
    for field in kit.descriptor.fields:
        if field.kind == "secret":
            value = given.get("extra", {}).get(field.name) if field.place == "extra" else given.get(field.place)
            if value:
                found[field.name] = str(value)
    return found
