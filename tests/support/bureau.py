"""A vendor that verifies invoices and makes layout files, small enough to be read: a plugin and what it talks to.

The vendor lives in the transport, without sockets. It counts what it was asked and what it answered, gives each finished
task's links once, and fails as it is told.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

import fapiao
from fapiao.connection import Connection
from fapiao.engine import BlockingDriver
from fapiao.engine.failure import Failure, Lost
from fapiao.engine.prepared import Prepared
from fapiao.errors import CredentialError, QuotaExhausted, RequestRefused, VendorBroken, VendorBusy
from fapiao.invoices.model import Invoice, Line, NormalizeContext, Rejected
from fapiao.registry import Source
from fapiao.spec import Capability, Descriptor, Field
from fapiao.store import Database, SharedAccountState
from fapiao.wire import (
    OK,
    Account,
    Claim,
    Decision,
    Flow,
    LayoutFiles,
    LayoutLink,
    LayoutTask,
    Outcome,
    Pending,
    Request,
    Response,
    Secret,
    Signed,
    Stamp,
    Token,
    Verdict,
    Verification,
)

__all__ = ["DAY", "PLUGIN", "TAXPAYER", "Bureau", "BureauPlugin", "claim", "claims", "digital_number"]

DAY = date(2024, 11, 5)
TAXPAYER = "91990000000000001X"
HOST = "files.bureau.test"


def digital_number(place: int) -> str:
    """The 20 digits of the invoice at a place."""
    return f"2499{place:016d}"


def amount_of(place: int) -> Decimal:
    """What it costs with tax."""
    return Decimal(113 + place % 7)


def claim(place: int, **changes: Any) -> Claim:
    """The claim that is right about the invoice at a place."""
    values: dict[str, Any] = {
        "number": digital_number(place), "issued_on": DAY, "amount_incl_tax": amount_of(place), "taxpayer_no": TAXPAYER,
    }  # fmt: skip
    return Claim(**(values | changes))


def claims(count: int, **changes: Any) -> list[Claim]:
    """The first invoices."""
    return [claim(place, **changes) for place in range(1, count + 1)]


class Bureau:
    """The vendor's side; also a transport for a driver.

    :param script: answers that come before the usual ones, by number: codes such as ``throttled``, ``fault``, ``NotExist``.
    """

    def __init__(self, script: Mapping[str, list[str]] | None = None) -> None:
        self.script = {number: list(codes) for number, codes in (script or {}).items()}
        self.answered: Counter[str] = Counter()
        """Successful, paid answers by number."""
        self.asked: Counter[str] = Counter()
        self.tasks: dict[str, str] = {}
        """Task id → number."""
        self.taken: set[str] = set()
        self.running: Counter[str] = Counter()
        """Task id → how many more looks find it running."""
        self.task_script: dict[str, list[str]] = {}
        self.plugin: BureauPlugin = BureauPlugin()
        """The version of it that asks."""
        self.logins = 0
        self.token_calls = 10**9
        """Calls after which a token is worth nothing."""
        self.on_call: Callable[[str, Mapping[str, Any]], None] | None = None
        self.state = "normal"
        self.more: dict[str, Any] = {}
        """What each record says beside that: ``buyer``, ``buyer_no``, ``seller_no``, ``drawer``."""
        self.url = f"https://{HOST}/{{number}}.{{kind}}?sign=canary-signature"
        self._lock = threading.Lock()
        self._calls_left = 0
        self._token = ""

    def send(self, prepared: Prepared) -> Response | Failure:
        path = prepared.url.removeprefix("https://bureau.test")
        body = json.loads(prepared.body)
        if self.on_call is not None:
            self.on_call(path, body)
        with self._lock:
            if path == "/login":
                self.logins += 1
                self._token, self._calls_left = f"token-{self.logins}-canary", self.token_calls
                return _said("ok", token=self._token)
            if dict(prepared.headers).get("token") != self._token or self._calls_left <= 0:
                return _said("expired")
            self._calls_left -= 1
            return self._verify(body) if path == "/verify" else self._files(body)

    def close(self) -> None:
        """Nothing is open."""

    def _verify(self, body: Mapping[str, Any]) -> Response | Failure:
        number = body["number"]
        self.asked[number] += 1
        queue = self.script.get(number)
        if queue:
            code = queue.pop(0)
            if code == "lost":
                return Failure(kind=Lost.BROKEN_OFF, maybe_sent=True, text="the connection broke off")
            if code != "ok":
                return _said(code)
        self.answered[number] += 1
        place = int(number[4:])
        record = {
            "number": number,
            "day": DAY.isoformat(),
            "total": str(amount_of(place)),
            "state": self.state,
        } | self.more
        extra: dict[str, Any] = {"record": record}
        if body["layouts"]:
            task_id = str(9_007_199_254_740_993_000 + place)  # 19 digits, beyond what a double holds
            self.tasks[task_id] = number
            extra["task"] = task_id
        return _said("ok", **extra)

    def _files(self, body: Mapping[str, Any]) -> Response | Failure:
        task_id = body["task"]
        queue = self.task_script.get(task_id)
        if queue:
            code = queue.pop(0)
            if code == "lost":
                self.taken.add(task_id)
                return Failure(kind=Lost.BROKEN_OFF, maybe_sent=True, text="the connection broke off")
            return _said(code)
        if task_id not in self.tasks or task_id in self.taken:
            return _said("ok", failed="taken")
        if self.running[task_id] > 0:
            self.running[task_id] -= 1
            return _said("ok", running=True)
        self.taken.add(task_id)
        number = self.tasks[task_id]
        return _said("ok", links={kind: self.url.format(number=number, kind=kind) for kind in ("pdf", "ofd", "xml")})

    # For tests.

    def source(self) -> Source:
        return Source.of(self.plugin)

    def account(self, **extra: Any) -> Account:
        given = {"login": "app-99", "password": "canary-secret-31", "extra": {"requests_per_second": 0, **extra}}
        return self.source().account(Connection.from_json(msgspec.json.encode(given), conn_id="the test"))

    @contextmanager
    def driver(self, database: Database, clock: Any, sleep: Callable[[float], None], **extra: Any) -> Any:
        account = self.account(**extra)
        state = SharedAccountState(database, account)
        with BlockingDriver(
            self.source(), account, state=state, transport=self, clock=clock, sleep=sleep, random=lambda: 0.5
        ) as driver:
            yield driver


class BureauPlugin:
    """The vendor's plugin."""

    @fapiao.hookimpl
    def describe(self) -> Descriptor:
        return Descriptor(
            name="bureau",
            title="A bureau of the tests",
            spec="1",
            capabilities=frozenset({Capability.VERIFY, Capability.FILES}),
            fields=(
                Field(name="app", title="App", place="login", required=True),
                Field(name="secret", title="Secret", kind="secret", place="password", required=True),
                Field(name="allowed_file_hosts", title="Hosts of files"),
                Field(name="allow_private_hosts", title="Private hosts", kind="boolean", default=False),
                Field(name="allow_http_files", title="Files over http", kind="boolean", default=False),
                Field(name="file_proxy", title="Proxy for files"),
            ),
            account_field="app",
            default_host="https://bureau.test",
            max_concurrency=4,
            poll_interval=30.0,
            personal=_PERSONAL,
        )

    @fapiao.hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        response = yield Request(method="POST", path="/login", json={"secret": account.secret}, authorized=False)
        return Token(value=Secret(response.json()["token"]), lifetime=7200)

    @fapiao.hookimpl
    def sign(self, token: Token | None, stamp: Stamp) -> Signed:
        if token is None:
            return Signed()
        return Signed(headers=(("token", token.value.reveal()),), secrets=(token.value.reveal(),))

    @fapiao.hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        code = response.json()["code"]
        if code in ("ok", "fault", "NotExist", "NotSame", "MoreThanToday"):
            return OK
        if code == "expired":
            return Verdict(decision=Decision.REAUTHORIZE, error=CredentialError("The token is refused."))
        if code == "throttled":
            return Verdict(decision=Decision.THROTTLED, after=0.5, error=VendorBusy("Too fast.", retry_after=60))
        if code == "quota":
            return Verdict(decision=Decision.REFUSED, error=QuotaExhausted("The quota is used up.", code=code))
        if code == "garbled":
            return Verdict(decision=Decision.BROKEN, error=VendorBroken("The answer is not whole.", code=code))
        return Verdict(decision=Decision.REFUSED, error=RequestRefused("The vendor does not take this.", code=code))

    @fapiao.hookimpl
    def verify(self, account: Account, claim: Claim) -> Flow[Verification | Pending]:
        response = yield Request(
            method="POST", path="/verify", json={"number": claim.number, "layouts": list(claim.layouts)}
        )
        said = response.json()
        if said["code"] == "fault":
            return Pending(reason="the bureau is out of order", code="fault", after=900.0)
        outcomes = {"NotExist": Outcome.NOT_FOUND, "NotSame": Outcome.DIFFERENT, "MoreThanToday": Outcome.NOT_YET}
        if said["code"] in outcomes:
            return Verification(outcome=outcomes[said["code"]], code=said["code"], message="as the bureau says")
        task = said.get("task")
        return Verification(
            outcome=Outcome.GENUINE,
            code="ok",
            record=said["record"],
            request_id="r-1",
            task=None if task is None else LayoutTask(task_id=task, taxpayer_no=TAXPAYER, number=claim.number),
        )

    @fapiao.hookimpl
    def layout_files(self, account: Account, task: LayoutTask) -> Flow[LayoutFiles | Pending]:
        response = yield Request(method="POST", path="/files", json={"task": task.task_id}, idempotent=False)
        said = response.json()
        if said.get("running"):
            return Pending(reason="the files are being made", after=60.0)
        if said.get("failed"):
            return LayoutFiles(failed=True, code="BusinessVerification", message=said["failed"])
        links = tuple(LayoutLink(kind=kind, url=Secret(url)) for kind, url in said["links"].items())
        return LayoutFiles(links=links)

    @fapiao.hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        total = Decimal(raw["total"]).quantize(Decimal("0.01"))
        on = date.fromisoformat(raw["day"])
        return Invoice(
            doc_type="digital_special",
            doc_type_raw="81",
            digital_number=raw["number"],
            issued_on=on,
            seller_tax_no=raw.get("seller_no", "91990000000000002X"),
            seller_name="甲乙丙测试有限公司",
            buyer_tax_no=raw.get("buyer_no", TAXPAYER),
            buyer_name=raw.get("buyer", "丁戊己测试有限公司"),
            drawer=raw.get("drawer"),
            amount_incl_tax=total,
            amount_excl_tax=total - 13,
            tax_amount=Decimal("13.00"),
            state=raw["state"],
            state_raw="0",
            lines=(
                Line(line_no=1, item_name="*软件*测试服务", amount_excl_tax=total - 13, tax_amount=Decimal("13.00")),
            ),
        )


_PERSONAL = {"buyer": "buyer_name", "buyer_no": "buyer_tax_no", "seller_no": "seller_tax_no", "drawer": "drawer"}
PLUGIN = BureauPlugin()


def _said(code: str, **more: Any) -> Response:
    return Response(status=200, headers={}, body=json.dumps({"code": code, **more}).encode())
