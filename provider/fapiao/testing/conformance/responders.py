"""Who answers in the vendor's place while a plugin is examined: in this process, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable
from urllib.parse import urlsplit

from fapiao.engine.failure import Failure, Lost
from fapiao.engine.prepared import Prepared
from fapiao.testing.conformance.clock import SimulatedClock
from fapiao.testing.loopback import Call
from fapiao.testing.scenario import Scenario
from fapiao.testing.simulator import SimulatedVendor
from fapiao.wire import Request, Response

__all__ = ["Responder", "SimulatorResponder", "Vendor", "WireResponder", "answered_by", "simulated"]

S = TypeVar("S", bound=Scenario)
ADDRESS = "https://vendor.invalid"
"""The base URL of a vendor that answers in this process; the name never resolves."""


@runtime_checkable
class Responder(Protocol):
    """Answers logical requests: a function, a cassette. Logins (``authorized=False``) come here too."""

    def answer(self, request: Request) -> Response: ...


@runtime_checkable
class WireResponder(Protocol):
    """Answers attempts as they would go on the wire, so that signature and token are judged too: a simulator."""

    def deliver(self, prepared: Prepared) -> Response | Failure: ...

    def connection(self) -> Mapping[str, Any]: ...


Vendor = Callable[[SimulatedClock], "Responder | WireResponder"]
"""Makes a vendor that has not been asked anything yet; called once for every conversation."""


def answered_by(respond: Callable[[Request], Response]) -> Vendor:
    """A vendor whose answers come from one function of the request. It keeps no state, or states it itself."""
    return lambda clock: _Function(respond)


def simulated(kind: type[SimulatedVendor[S]], scenario: S | None = None) -> Vendor:
    """A vendor's simulator, asked without a server, on simulated time."""
    return lambda clock: SimulatorResponder(kind(scenario, clock=clock, sleep=clock.sleep))


class _Function:
    def __init__(self, respond: Callable[[Request], Response]) -> None:
        self._respond = respond

    def answer(self, request: Request) -> Response:
        return self._respond(request)


class SimulatorResponder:
    """A simulator without its server."""

    def __init__(self, simulator: SimulatedVendor[Any]) -> None:
        simulator.answer_at(ADDRESS)
        self.simulator = simulator

    def connection(self) -> Mapping[str, Any]:
        """The simulator's own: it knows its secrets, and knows no others."""
        return self.simulator.connection()

    def deliver(self, prepared: Prepared) -> Response | Failure:
        """One attempt."""
        url = urlsplit(prepared.url)
        headers = {name.lower(): value for name, value in prepared.headers}
        answer = self.simulator.respond(Call(prepared.method, url.path, url.query, headers, prepared.body))
        if answer.delivery != "whole":
            return Failure(kind=Lost.BROKEN_OFF, maybe_sent=True, text="the simulated vendor broke the connection off")
        told = {name.lower(): value for name, value in answer.headers} | {"content-type": answer.content_type}
        return Response(status=answer.status, headers=told, body=answer.body)
