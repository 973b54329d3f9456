"""Plugins that misjudge answers, sign wrongly, or tell secrets (groups D, E and S)."""

from __future__ import annotations

import hashlib
import logging

import msgspec

from broken import broken
from fapiao import hookimpl
from fapiao.errors import CredentialError, VendorBroken
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
    Stamp,
    Token,
    Verdict,
)
from toy_source import Toy, text

__all__: list[str] = []
log = logging.getLogger("broken")


@broken("D1", "classify", "the code 1001 is judged retry, not refused")
class RepeatsRefusals(Toy):
    def judged(self, code: str) -> Verdict:
        return Verdict(decision=Decision.RETRY) if code == "1001" else super().judged(code)


@broken("D2", "classify", "unknown code '99987123' is judged ok")
class TrustsTheStatus(Toy):
    def judged(self, code: str) -> Verdict:
        verdict = super().judged(code)
        known = code in ("1001", "1002", "1004", "401")
        return verdict if known else OK


@broken("D3", "classify", "an expired token leads to")
class NeverLogsInAgain(Toy):
    def judged(self, code: str) -> Verdict:
        if code == "401":
            return Verdict(decision=Decision.REFUSED, error=CredentialError("Toy's token has expired.", code=code))
        return super().judged(code)


@broken("D4", "classify", "HTTP 302")
class FollowsNowhere(Toy):
    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        return OK if response.status == 302 else super().classify(request, response)


@broken("D5", "read_page", "taken for a result")
class TakesAWebPageForNothing(Toy):
    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        try:
            response.json()
        except VendorBroken:
            return OK
        return super().classify(request, response)

    def page(self, response: Response, number: int) -> Page:
        try:
            return super().page(response, number)
        except VendorBroken:
            return Page(records=[], total=0)


@broken("D6", "read_page", "KeyError")
class BelievesTheShape(Toy):
    def page(self, response: Response, number: int) -> Page:
        document = response.json()
        others = tuple(str(page) for page in range(2, -(-document["count"] // 10) + 1)) if number == 1 else ()
        return Page(records=document["rows"], total=document["count"], remaining=others)


@broken("D7", "start_collection", "was sent 5 times")
class StartsAgain(Toy):
    @hookimpl
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        flow = super().start_collection(account, job)
        response = yield msgspec.structs.replace(next(flow), idempotent=True)
        return CollectionStatus(slices=(), job_id=response.json()["job"])


@broken("E1", "sign", "X-Signature differ from the expected ones")
class SignsSomethingElse(Toy):
    @hookimpl
    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        return super().sign(request, account, token, stamp, body.upper())


@broken("E2", "sign", "the same signature")
class SignsOnce(Toy):
    @hookimpl
    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        return super().sign(request, account, token, Stamp(epoch_ms=0, nonce="0" * 32), body)


@broken("E3", "sign", "Chinese text")
class SpeaksAsciiOnly(Toy):
    @hookimpl
    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        "".join(name + value for name, value in request.query).encode("ascii")
        return super().sign(request, account, token, stamp, body)


@broken("E4", "sign", "is not in Signed.secrets")
class ShowsItsSignature(Toy):
    @hookimpl
    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        return msgspec.structs.replace(super().sign(request, account, token, stamp, body), secrets=())


@broken("S1", "authorize", "shows the setting password in the open")
class SendsTheSecretAsText(Toy):
    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        flow = super().authorize(account)
        request = next(flow)
        response = yield msgspec.structs.replace(request, json={**request.json, "secret": account.secret.reveal()})
        return Token(value=Secret(text(response, "token")), lifetime=7200.0)


@broken("S2", "authorize", "shows the setting password")
class QuotesTheSecret(Toy):
    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        try:
            return (yield from super().authorize(account))
        except CredentialError:
            md5 = hashlib.md5(account.secret.reveal().encode(), usedforsecurity=False).hexdigest()
            raise CredentialError(f"Toy does not accept {account.login} with {md5}.") from None


@broken("S3", "authorize", "it logs the setting password")
class LogsTheSecret(Toy):
    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        log.debug("logging in as %s with %s", account.login, account.secret.reveal())
        return (yield from super().authorize(account))


@broken("S1", "read_page", "carries the token itself")
class CarriesTheToken(Toy):
    token = ""

    @hookimpl
    def authorize(self, account: Account) -> Flow[Token]:
        token = yield from super().authorize(account)
        self.token = token.value.reveal()
        return token

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        number = int(cursor or 1)
        request = self.request(query, number)
        response = yield msgspec.structs.replace(request, headers=(("X-Own", self.token),))
        return self.page(response, number)
