"""A vendor that does not exist, its plugin, and its answers: as small as a whole one can be."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

from fapiao import hookimpl
from fapiao.errors import CredentialError, FapiaoError, RequestRefused, VendorBroken, VendorRefused
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.invoices.problems import finding
from fapiao.invoices.values import Problems, identifier, moment, money, name, tax_number, unknown_fields
from fapiao.spec import SPEC_VERSION, Capability, Descriptor, Field, InvoiceType, Quota
from fapiao.wire import (
    OK,
    Account,
    CollectionJob,
    CollectionStatus,
    Decision,
    Flow,
    Page,
    Pending,
    Request,
    Response,
    Secret,
    Signed,
    SliceQuery,
    SliceState,
    SliceStatus,
    Stamp,
    Token,
    Verdict,
)

__all__ = ["DESCRIPTOR", "KNOWN", "ROWS", "Toy", "answer", "plugin", "reply", "rows_of"]

ROWS = 35
SIZE = 10
KNOWN = frozenset({"no", "issued", "net", "tax", "gross", "seller", "seller_no", "buyer_no"})
DESCRIPTOR = Descriptor(
    name="toy",
    title="Toy",
    spec=SPEC_VERSION,
    capabilities=frozenset({Capability.COLLECT}),
    fields=(
        Field(name="login", title="App key", place="login", required=True, help="The key of the application."),
        Field(
            name="password", title="App secret", kind="secret", place="password", help="The secret of the application."
        ),
    ),
    account_field="login",
    default_host="https://vendor.invalid",
    quotas=(Quota(path="/pages", requests_per_second=5.0), Quota(path="/jobs", requests_per_second=1.0)),
    types=(InvoiceType(code="A", title="甲", doc_type="digital_special"),),
    personal={"seller": "seller_name", "seller_no": "seller_tax_no", "buyer_no": "buyer_tax_no"},
)


class Toy:
    """A good plugin. Broken ones derive from it and change one hook."""

    @hookimpl
    def describe(self) -> Descriptor:
        return DESCRIPTOR

    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        response = yield Request(
            method="POST", path="/login", json={"key": account.login, "secret": account.secret}, authorized=False
        )
        return Token(value=Secret(text(response, "token")), lifetime=7200.0)

    @hookimpl
    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        if token is None:
            return Signed()
        said = f"{request.path}\n{request.query}\n{stamp.epoch_ms}\n{stamp.nonce}\n{token.value.reveal()}\n"
        signature = hmac.digest(account.secret.reveal().encode(), said.encode() + body, hashlib.sha256).hex()
        headers = (("X-Token", token.value.reveal()), ("X-Time", f"{stamp.epoch_ms}"), ("X-Signature", signature))
        return Signed(headers=(*headers, ("X-Nonce", stamp.nonce)), secrets=(signature, token.value.reveal()))

    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        if response.status >= 500:
            return Verdict(decision=Decision.RETRY)
        if response.status != 200:
            return Verdict(decision=Decision.REFUSED, error=VendorRefused(f"Toy answered HTTP {response.status}."))
        try:
            code = text(response, "code")
        except VendorBroken as problem:
            return Verdict(decision=Decision.BROKEN, error=problem)
        return self.judged(code)

    def judged(self, code: str) -> Verdict:
        if code in ("0", "7"):
            return OK
        if code == "401":
            return Verdict(decision=Decision.REAUTHORIZE, error=CredentialError("Toy's token has expired.", code=code))
        error: FapiaoError = VendorRefused(f"Toy answered the code {code}.", code=code)
        if code == "1001":
            error = RequestRefused("Toy finds the request wrong.", code=code)
        return Verdict(decision=Decision.REFUSED, error=error)

    @hookimpl
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        body = {"month": job.invoice_month, "taxpayer": job.taxpayer_no}
        response = yield Request(method="POST", path="/jobs", json=body, idempotent=False)
        if text(response, "code") == "7":
            return Pending(reason="Toy is busy", after=60.0)
        return CollectionStatus(slices=(), job_id=text(response, "job"))

    @hookimpl
    def collection_status(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        response = yield Request(method="POST", path="/jobs/state", json={"job": job.job_id})
        state = SliceState.READY if text(response, "state") == "done" else SliceState.RUNNING
        slices = tuple(SliceStatus(key=key, state=state) for key in job.slices)
        return CollectionStatus(slices=slices, job_id=job.job_id)

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        number = int(cursor or 1)
        response = yield self.request(query, number)
        return self.page(response, number)

    def request(self, query: SliceQuery, number: int) -> Request:
        body = {"month": query.invoice_month, "type": query.key.type, "job": query.job_id, "page": number, "size": SIZE}
        return Request(method="POST", path="/pages", json=body)

    def page(self, response: Response, number: int) -> Page:
        rows, count = part(response, "rows"), part(response, "count")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise VendorBroken("Toy's rows are no list of objects.")
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < 10**6:
            raise VendorBroken("Toy's count is none.")
        pages = -(-count // SIZE)
        others = tuple(str(page) for page in range(2, pages + 1)) if number == 1 else ()
        return Page(records=rows, total=count, remaining=others)

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        if not isinstance(raw, dict):
            return Rejected(reasons=(finding("V3", ""),))
        problems = Problems()
        issued_at, issued_on = moment(raw.get("issued"), problems, "issued_at")
        invoice = Invoice(
            doc_type="digital_special",
            doc_type_raw=context.type,
            digital_number=identifier(raw.get("no"), problems, "digital_number"),
            issued_at=issued_at,
            issued_on=issued_on,
            amount_excl_tax=money(raw.get("net"), problems, "amount_excl_tax"),
            tax_amount=money(raw.get("tax"), problems, "tax_amount"),
            amount_incl_tax=money(raw.get("gross"), problems, "amount_incl_tax"),
            seller_name=name(raw.get("seller"), problems, "seller_name"),
            seller_tax_no=tax_number(raw.get("seller_no"), problems, "seller_tax_no"),
            buyer_tax_no=tax_number(raw.get("buyer_no"), problems, "buyer_tax_no"),
            state="normal",
            extra=unknown_fields(raw, KNOWN),
        )
        return msgspec.structs.replace(invoice, findings=problems.found())


def part(response: Response, name: str) -> Any:
    document = response.json()
    if not isinstance(document, dict) or name not in document:
        raise VendorBroken(f"Toy's answer has no {name}.")
    return document[name]


def text(response: Response, name: str) -> str:
    value = part(response, name)
    if not isinstance(value, str) or not value:
        raise VendorBroken(f"Toy's {name} is no text.")
    return value


def reply(status: int = 200, **document: Any) -> Response:
    body = msgspec.json.encode(document)
    return Response(status=status, headers={"content-type": "application/json"}, body=body)


def rows_of(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {
            "no": f"24990112810000{number:06d}",
            "issued": f"2024-11-{1 + number % 28:02d} 10:00:00",
            "net": "100.00",
            "tax": "13.00",
            "gross": "113.00",
            "seller": "甲乙丙测试有限公司",
            "seller_no": "91990000MA0000001G",
            "buyer_no": "919900000000000192",
        }
        for number in range(first + 1, last + 1)
    ]


def answer(request: Request) -> Response:
    """The vendor. It has 35 invoices of the type A in every month that has begun."""
    asked = request.json or {}
    if request.path == "/login":
        return reply(code="0", token="toy-token-4711-abcdef")
    if request.path == "/jobs":
        return reply(code="1004") if asked["month"] > "202412" else reply(code="0", job=f"job-{asked['month']}")
    if request.path == "/jobs/state":
        return reply(code="0", state="done")
    if request.path == "/pages":
        count = ROWS if asked["type"] == "A" else 0
        first = (asked["page"] - 1) * asked["size"]
        return reply(code="0", count=count, rows=rows_of(first, min(count, first + asked["size"])))
    return reply(404, code="1000")


plugin = Toy()
