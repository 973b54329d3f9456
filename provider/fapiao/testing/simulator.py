"""The part of a vendor's simulator that every vendor shares: scenario, faults, caps, observation, control.

A vendor's simulator derives from :class:`SimulatedVendor` and says which operation a request is, what it is about, and
carries it out. In process::

    with EkuaibaoSimulator(scenario).running() as simulator:
        collect_from(simulator.base_url)
        assert simulator.report().violations == ()

Over HTTP the same is at ``/__simulator__/report``, ``/__simulator__/truth?taxpayer_no=…&invoice_month=…`` and
``/__simulator__/scenario`` (GET shows it, PUT begins again with another one); POST
``/__simulator__/prepare?taxpayer_no=…&invoice_month=…&type=…&direction=…`` renders a slice's pages ahead. The server
listens on loopback only.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, parse_qsl

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.faults import FaultBox
from fapiao.testing.loopback import Answer, Call, LoopbackServer
from fapiao.testing.observation import Observer, Report
from fapiao.testing.scenario import Fault, Scenario
from fapiao.testing.serving import serve
from fapiao.testing.slice_truth import SliceTruth

__all__ = ["Answer", "Call", "Report", "SimulatedVendor", "SliceTruth", "Subject", "serve"]

CONTROL = "/__simulator__/"
S = TypeVar("S", bound=Scenario)
V = TypeVar("V", bound="SimulatedVendor[Any]")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is about, as far as it can be told from it; unknown parts are empty."""

    operation: str = ""
    """``login``, ``start``, ``status``, ``read`` …; empty for a path the vendor does not know."""
    account: str = ""
    taxpayer_no: str = ""
    invoice_month: str = ""
    type: str = ""
    direction: str = ""
    page: int = 0


class SimulatedVendor(ABC, Generic[S]):
    """One simulated vendor.

    :param scenario: what it is told to do; the vendor's default one if not given.
    :param clock: epoch seconds; decides about jobs, tokens, rates and today's month.
    :param sleep: waits for latency and delays.
    """

    scenario_type: type[S]

    def __init__(
        self,
        scenario: S | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.clock = clock
        self._sleep = sleep
        self._server: LoopbackServer | None = None
        self._assumed_address = ""
        self.configure(scenario if scenario is not None else self.scenario_type())

    # What a vendor's simulator implements.

    @abstractmethod
    def begin(self) -> None:
        """(Re)build the state from ``self.scenario``; called before the first request and for another scenario."""

    @abstractmethod
    def subject(self, call: Call) -> Subject:
        """What the request is about. Never raises: a malformed request has an empty subject."""

    @abstractmethod
    def carry_out(self, call: Call, subject: Subject) -> Answer:
        """The vendor's answer. Violations of its document are recorded with ``self.observer.violation``."""

    @abstractmethod
    def deform(self, answer: Answer, kind: str) -> Answer:
        """The answer with ``success`` as text (``success_text``) or without content (``null_data``)."""

    @abstractmethod
    def throttled(self) -> bytes:
        """The body of HTTP 429."""

    @abstractmethod
    def truth(self, taxpayer_no: str, invoice_month: str) -> list[SliceTruth]:
        """What a perfect collector has stored once it has collected the month; for every slice that there can be."""

    @abstractmethod
    def invoices(self, taxpayer_no: str, invoice_month: str, type: str, direction: str) -> Iterator[Invoice]:
        """The invoices of one slice as a perfect collector stores them, in the vendor's order."""

    @abstractmethod
    def connection(self) -> Mapping[str, Any]:
        """The connection to use, as its JSON is written: host, login, password, extra."""

    def prepare(self, taxpayer_no: str, invoice_month: str, type: str, direction: str, page_size: int = 100) -> int:
        """Render the pages of a slice ahead, as many as the cache has room for, so that a benchmark does not wait for
        them; returns their number."""
        return 0

    # Running.

    @contextmanager
    def running(self: V, port: int = 0) -> Iterator[V]:  # noqa: PYI019 - typing has no Self on Python 3.10
        """Serves on loopback while the block runs."""
        self.start(port)
        try:
            yield self
        finally:
            self.stop()

    def start(self, port: int = 0) -> None:
        self._server = LoopbackServer(self.respond, port)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def answer_at(self, base_url: str) -> None:
        """Take ``base_url`` for its address although there is no server: for whoever calls :meth:`respond` itself."""
        self._assumed_address = base_url

    @property
    def base_url(self) -> str:
        if self._server is not None:
            return self._server.base_url
        if self._assumed_address:
            return self._assumed_address
        raise RuntimeError("the simulator is not running: enter `with simulator.running():` first")

    def configure(self, scenario: S) -> None:
        """Begin again: with another scenario, nothing observed, no job."""
        self.scenario: S = scenario
        self.observer = Observer()
        self._faults = FaultBox(scenario)
        self.begin()

    def report(self) -> Report:
        return self.observer.report()

    # Answering.

    def respond(self, call: Call) -> Answer:
        """One request from arrival to answer. Called by the server's threads."""
        if call.path.startswith(CONTROL):
            return self._control(call)
        observer, scenario = self.observer, self.scenario
        subject = self.subject(call)
        name = subject.operation or "unknown"
        ordinal, at_once = observer.arrived(call.path, name, subject.account, self.clock())
        try:
            answer = self._answer(call, subject, name, ordinal, at_once, scenario)
        finally:
            observer.leaving(subject.account)
        observer.answered("lost" if answer.delivery != "whole" else str(answer.status), len(answer.body))
        return answer

    def _answer(self, call: Call, subject: Subject, name: str, ordinal: int, at_once: int, scenario: S) -> Answer:
        observer = self.observer
        if 0 < scenario.max_concurrency < at_once:
            observer.over_concurrency()
            observer.violation(f"{name}: {at_once} requests at once, the account may have {scenario.max_concurrency}")
            return Answer(status=429, body=self.throttled())
        for bucket in (name, call.path):
            rate = scenario.requests_per_second.get(bucket)
            if rate and observer.too_fast(subject.account, bucket, rate, scenario.rate_tolerance, self.clock()):
                observer.violation(f"{bucket}: faster than the {rate:g} requests per second the account may have")
                return Answer(status=429, body=self.throttled(), headers=(("Retry-After", "1"),))
        delay = scenario.delay(ordinal)
        if delay:
            self._sleep(delay)
        fault = self._faults.draw(
            name, subject.taxpayer_no, subject.invoice_month, subject.type, subject.direction, subject.page
        )
        if fault is None:
            return self.carry_out(call, subject)
        observer.fault(fault.kind)
        return self._faulty(fault, call, subject)

    def _faulty(self, fault: Fault, call: Call, subject: Subject) -> Answer:
        kind = fault.kind
        if kind in ("cut", "truncated", "gbk", "success_text", "null_data", "delay"):
            if kind == "delay":
                self._sleep(fault.seconds)
            return self._deformed(self.carry_out(call, subject), kind)
        if fault.carried_out:
            self.carry_out(call, subject)
        if kind == "reset":
            return Answer(delivery="reset")
        if kind == "html":
            return Answer(body=_WEB_PAGE, content_type="text/html; charset=utf-8")
        if kind == "empty":
            return Answer()
        retry: tuple[tuple[str, str], ...] = ()
        if fault.retry_after is not None:
            retry = (("Retry-After", f"{fault.retry_after:g}"),)
        if kind == "throttled":
            return Answer(status=429, body=self.throttled(), headers=retry)
        status = 503 if kind == "unavailable" else fault.status
        return Answer(status=status, body=b"Service Unavailable", content_type="text/plain", headers=retry)

    def _deformed(self, answer: Answer, kind: str) -> Answer:
        if kind == "cut":
            return msgspec.structs.replace(answer, delivery="cut")
        if kind == "truncated":
            return msgspec.structs.replace(answer, body=answer.body[: len(answer.body) // 2])
        if kind == "gbk":
            return msgspec.structs.replace(answer, body=_in_gbk(answer.body))
        return answer if kind == "delay" else self.deform(answer, kind)

    # Control.

    def _control(self, call: Call) -> Answer:
        name = call.path[len(CONTROL) :]
        try:
            if name == "report":
                return Answer(body=msgspec.json.encode(self.report()))
            if name == "truth":
                return Answer(body=msgspec.json.encode(self._truth(parse_qs(call.query))))
            if name == "prepare" and call.method == "POST":
                query = dict(parse_qsl(call.query))
                cell = (query["taxpayer_no"], query["invoice_month"], query["type"], query["direction"])
                pages = self.prepare(*cell, page_size=int(query.get("page_size", 100)))
                return Answer(body=msgspec.json.encode({"pages": pages}))
            if name == "scenario" and call.method == "PUT":
                self.configure(msgspec.json.decode(call.body, type=self.scenario_type))
                return Answer(body=b"{}")
            if name == "scenario":
                return Answer(body=msgspec.json.encode(self.scenario))
        except (msgspec.DecodeError, ValueError, LookupError) as problem:
            return Answer(status=400, body=msgspec.json.encode({"problem": str(problem)}))
        return Answer(status=404, body=b'{"problem":"report, truth, scenario or prepare"}')

    def _truth(self, query: Mapping[str, Sequence[str]]) -> Any:
        taxpayer_no, invoice_month = query["taxpayer_no"][0], query["invoice_month"][0]
        if "type" not in query:
            return self.truth(taxpayer_no, invoice_month)
        return list(self.invoices(taxpayer_no, invoice_month, query["type"][0], query["direction"][0]))


_WEB_PAGE = "<!DOCTYPE html><html><body><h1>系统维护中</h1></body></html>".encode()


def _in_gbk(body: bytes) -> bytes:
    """The answer as an old server writes it. One without Chinese text gets some, else nothing would be wrong with it."""
    text = body.decode()
    if text.isascii():
        text = text.replace('"message":""', '"message":"成功"')
    return text.encode("gb18030")
