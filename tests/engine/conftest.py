"""A tiny vendor on loopback that follows a script, a plugin for it, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fapiao import hookimpl, redaction
from fapiao.engine import Completed, DriverSettings
from fapiao.errors import CredentialError, TaxpayerRefused, VendorBroken
from fapiao.registry import Source
from fapiao.spec import Descriptor, Field, Quota
from fapiao.wire import OK, Account, Decision, Flow, Request, Response, Secret, Signed, Stamp, Token, Verdict

SECRET = "canary:pass$word/1+"
TOKEN = "canary:token$%d/x+y"


@dataclass
class Answer:
    """One scripted answer. ``cut``: the connection is reset after so many bytes of the body; 0 = before the head."""

    status: int = 200
    body: bytes = b'{"code":"ok","value":1}'
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    content_type: str = "application/json"


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    body: bytes
    headers: dict[str, str]
    client: Any
    """Address and port of the connection it came over."""


class Vendor:
    """The script per path; a path without one (left) answers OK. ``/login`` gives token after token."""

    def __init__(self) -> None:
        self.script: dict[str, list[Answer]] = {}
        self.seen: list[Seen] = []
        self.refused: set[str] = set()
        """Targets (path and query) that are answered as if their token had expired."""
        self.logins = 0
        self.lock = threading.Lock()
        self.hold: Callable[[str], None] = lambda path: None
        self.url = ""
        self.arrived = threading.Event()
        self.handler: Any = None

    def reset(self, **script: list[Answer]) -> None:
        self.script = {f"/{path}": list(answers) for path, answers in script.items()}
        self.seen = []
        self.logins = 0

    def next(self, seen: Seen) -> Answer:
        path = seen.target.partition("?")[0]
        with self.lock:
            self.seen.append(seen)
            if seen.target in self.refused:
                return Answer(body=b'{"code":"expired"}')
            answers = self.script.get(path)
            if answers:
                return answers.pop(0)
            if path == "/login":
                self.logins += 1
                token = {"code": "ok", "token": TOKEN % self.logins, "life": 7200}
                return Answer(body=json.dumps(token).encode())
        return Answer()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vendor: Vendor

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Mon, 06 Jan 2025 00:00:00 GMT"

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        seen = Seen(
            self.command,
            self.path,
            body,
            {name.lower(): value for name, value in self.headers.items()},
            self.client_address,
        )
        self.vendor.arrived.set()
        self.vendor.hold(self.path)
        answer = self.vendor.next(seen)
        if answer.cut == 0:
            self._break_off()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.cut is not None:
            self.wfile.write(answer.body[: answer.cut])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
        else:
            self.wfile.write(answer.body)

    do_GET = do_POST

    def _break_off(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no certificates of the machine the tests run on."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def forgotten_secrets() -> Iterator[None]:
    """What a test registers masks nothing in the next."""
    yield
    redaction._lasting.clear()
    redaction._passing.clear()
    redaction._forms = ()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()
    handler = type("BoundHandler", (Handler,), {"vendor": vendor})
    vendor.handler = handler
    server = Server(("127.0.0.1", 0), handler)
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield vendor
    server.shutdown()
    thread.join()
    server.server_close()


class Toy:
    """A vendor whose token travels in the query string and whose answers say everything with HTTP 200."""

    quotas: tuple[Quota, ...] = ()

    @hookimpl
    def describe(self) -> Descriptor:
        return Descriptor(
            name="toy",
            title="Toy",
            spec="1",
            capabilities=frozenset(),
            fields=(Field(name="login", title="Login", place="login"),),
            account_field="login",
            default_host="https://toy.invalid",
            quotas=self.quotas,
        )

    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        try:
            answer = response.json()
        except VendorBroken as broken:
            return Verdict(decision=Decision.BROKEN, error=broken)
        code = answer.get("code")
        if code == "ok":
            return OK
        if code == "expired":
            return Verdict(decision=Decision.REAUTHORIZE)
        if code == "slow down":
            return Verdict(decision=Decision.THROTTLED, after=answer.get("after"))
        if code == "again":
            return Verdict(decision=Decision.RETRY, after=answer.get("after"))
        if code == "password":
            return Verdict(decision=Decision.REFUSED, error=CredentialError("The vendor refuses the password."))
        return Verdict(decision=Decision.REFUSED, error=TaxpayerRefused("The vendor refuses the taxpayer.", code=code))


class ToyWithLogin(Toy):
    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        answer = yield Request(
            method="POST", path="/login", json={"user": account.login, "secret": account.secret}, authorized=False
        )
        value = answer.json()
        return Token(value=Secret(value["token"]), lifetime=value["life"], renew_after=value.get("renew"))

    @hookimpl
    def sign(self, request: Request, token: Token | None, stamp: Stamp) -> Signed:
        if token is None:
            return Signed()
        value = token.value.reveal()
        return Signed(query=(("accessToken", value),), headers=(("X-Epoch", str(stamp.epoch_ms)),), secrets=(value,))


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def toy() -> type[Toy]:
    return Toy


@pytest.fixture
def toy_with_login() -> type[ToyWithLogin]:
    return ToyWithLogin


@pytest.fixture
def source() -> Source:
    return Source.of(ToyWithLogin())


@pytest.fixture
def plain_source() -> Source:
    """Without login and signature."""
    return Source.of(Toy())


@pytest.fixture
def account(vendor: Vendor) -> Account:
    return Account(source="toy", name="toy-account", base_url=vendor.url, login="tester", secret=Secret(SECRET))


class FakeClock:
    """Time passes by sleeping only. ``waits`` are the sleeps, rounded to the microsecond."""

    def __init__(self) -> None:
        self.now = 1_736_121_600.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(round(seconds, 6))
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@dataclass
class Run:
    """What one driver did with one flow."""

    outcome: Completed[Any] | BaseException
    waits: list[float]
    seen: list[Seen]
    requests: int


Runner = Callable[..., Run]


@pytest.fixture
def run_blocking(vendor: Vendor, account: Account) -> Runner:
    from fapiao.engine import BlockingDriver

    def run(source: Source, flow: Flow[Any], settings: DriverSettings | None = None, to: Account | None = None) -> Run:
        clock = FakeClock()
        settings = settings or DriverSettings()
        with BlockingDriver(
            source, to or account, settings=settings, clock=clock, sleep=clock.sleep, random=lambda: 0.5
        ) as driver:
            outcome: Completed[Any] | BaseException
            try:
                outcome = driver.run(flow)
            except Exception as problem:  # noqa: BLE001 - whatever comes out is what the tests compare
                outcome = problem
            return Run(outcome, clock.waits, list(vendor.seen), driver.requests)

    return run


@pytest.fixture
def run_async(vendor: Vendor, account: Account) -> Runner:
    from fapiao.engine import AsyncDriver

    def run(source: Source, flow: Flow[Any], settings: DriverSettings | None = None, to: Account | None = None) -> Run:
        clock = FakeClock()
        settings = settings or DriverSettings()

        async def drive() -> Run:
            async with AsyncDriver(
                source, to or account, settings=settings, clock=clock, sleep=clock.asleep, random=lambda: 0.5
            ) as driver:
                outcome: Completed[Any] | BaseException
                try:
                    outcome = await driver.run(flow)
                except Exception as problem:  # noqa: BLE001 - whatever comes out is what the tests compare
                    outcome = problem
                return Run(outcome, clock.waits, list(vendor.seen), driver.requests)

        return asyncio.run(drive())

    return run


@pytest.fixture(params=("blocking", "asyncio"))
def run(request: pytest.FixtureRequest) -> Runner:
    """Each driver in turn."""
    runner: Runner = request.getfixturevalue("run_blocking" if request.param == "blocking" else "run_async")
    return runner
