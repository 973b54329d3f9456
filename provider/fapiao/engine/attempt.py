"""What to do after an outcome: the one decision both drivers share. No clock, no socket, no sleep.

::

    outcome                          idempotent request            idempotent=False
    ───────────────────────────────  ────────────────────────────  ─────────────────────────────
    nothing was sent                 send again                    send again
    answer lost after sending        send again                    OutcomeUnknown
    HTTP 429, THROTTLED              send again (not carried out)  send again (not carried out)
    HTTP 503                         send again                    OutcomeUnknown (a gateway may answer for it)
    other 5xx without JSON           send again                    OutcomeUnknown
    RETRY                            send again                    its error, else OutcomeUnknown
    BROKEN                           a few times                   OutcomeUnknown
    REAUTHORIZE                      log in, send once more        log in, send once more
    REFUSED                          its error                     its error

A pause the vendor asks for is obeyed up to ``longest_wait``; a longer one is ``VendorBusy``: waiting is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

import msgspec

from fapiao.engine.failure import Failure, Lost
from fapiao.engine.settings import DriverSettings
from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    FapiaoError,
    Fault,
    OutcomeUnknown,
    VendorBroken,
    VendorBusy,
    VendorRefused,
    VendorUnreachable,
)
from fapiao.redaction import excerpt, redact
from fapiao.wire import Decision, Request, Response, Verdict

__all__ = ["Action", "Attempt", "Deliver", "Fail", "Renew", "SendAgain", "named", "opening", "retry_after"]

FIRST_BACKOFF = 0.5
"""Seconds before the second try; doubled for every further one."""
LONGEST_BACKOFF = 20.0
BROKEN_TRIES = 3
"""How often an unreadable answer is believed to be a passing fault (a maintenance page, a proxy that hung up)."""
TOO_MANY_REQUESTS = 429
UNAVAILABLE = 503
SERVER_ERROR = 500


class SendAgain(msgspec.Struct, frozen=True):
    """Sign and send it again."""

    after: float
    """Seconds from now."""
    why: str
    throttled: bool = False
    """The pause holds for the whole account, not for this request alone."""


class Renew(msgspec.Struct, frozen=True):
    """Replace the token that was just used, then sign and send again at once."""


class Deliver(msgspec.Struct, frozen=True):
    """The flow gets this answer."""

    response: Response


class Fail(msgspec.Struct, frozen=True):
    """This error is thrown into the flow at its yield."""

    error: FapiaoError


Action = SendAgain | Renew | Deliver | Fail


class Attempt:
    """All tries of one logical request.

    Tell it the outcome of every try; it answers with what to do next.

    :param can_renew: the source has a login, and the request uses its token.
    :param random: numbers in [0, 1), for jitter.
    """

    __slots__ = ("_broken", "_can_renew", "_random", "_renewed", "_request", "_settings", "tries")

    def __init__(
        self, request: Request, settings: DriverSettings, *, can_renew: bool, random: Callable[[], float]
    ) -> None:
        self._request = request
        self._settings = settings
        self._can_renew = can_renew and request.authorized and request.file_url is None
        self._random = random
        self._renewed = False
        self._broken = 0
        self.tries = 0
        """Tries made so far; the resend after a renewal is not one."""

    def status(self, response: Response, now: float) -> Action | None:
        """Judge what needs no plugin: HTTP 429, 503, and 5xx pages that are not JSON. None: ask ``classify``."""
        if response.status < SERVER_ERROR and response.status != TOO_MANY_REQUESTS:
            return None
        after = retry_after(response, now)
        if response.status == TOO_MANY_REQUESTS:
            return self._throttled(after, None, "HTTP 429 (too many requests)")
        if response.status == UNAVAILABLE:
            why = "HTTP 503 (service unavailable)"
            if not self._request.idempotent:
                return Fail(self._unknown(why))
            return self._again(after, VendorUnreachable(f"{self._named} got {why}{opening(response)}."), why)
        if _is_json(response.body):
            return None
        why = f"HTTP {response.status} without a readable body"
        if not self._request.idempotent:
            return Fail(self._unknown(why))
        kind = VendorBroken if response.status == SERVER_ERROR else VendorUnreachable
        return self._again(after, kind(f"{self._named} got {why}{opening(response)}."), why)

    def answered(self, response: Response, verdict: Verdict, now: float) -> Action:
        """Act on the plugin's verdict about an answer."""
        decision, error = verdict.decision, verdict.error
        if decision is Decision.OK:
            return Deliver(response)
        if decision is Decision.REFUSED:
            return Fail(error or VendorRefused(f"{self._named} was refused (HTTP {response.status}) without a reason."))
        if decision is Decision.REAUTHORIZE:
            return self._reauthorize(error)
        after = retry_after(response, now) if verdict.after is None else verdict.after
        why = redact(error.what) if error is not None else decision.value
        if decision is Decision.THROTTLED:
            return self._throttled(after, error, why)
        if decision is Decision.RETRY:
            if not self._request.idempotent:
                return Fail(error or self._unknown("the vendor asks to try again"))
            return self._again(
                after, error or VendorUnreachable(f"{self._named}: the vendor asks to try again, still."), why
            )
        self._broken += 1
        broken = error or VendorBroken(f"{self._named} got an answer that cannot be read.")
        if isinstance(broken, VendorBroken):
            broken.what += opening(response)
        if not self._request.idempotent:
            return Fail(self._unknown(f"its answer cannot be read ({redact(broken.what)})"))
        if self._broken >= BROKEN_TRIES:
            return Fail(broken)
        return self._again(after, broken, why)

    def lost(self, failure: Failure) -> Action:
        """Act on a try that brought no answer."""
        error: FapiaoError
        if failure.kind is Lost.TOO_LARGE:
            error = VendorBroken(f"{self._named} failed: {failure.text}.")
        else:
            error = VendorUnreachable(f"{self._named} failed: {failure.text}.")
        if failure.kind is Lost.FORBIDDEN:
            return Fail(ConfigurationError(f"{self._named} is not sent: {failure.text}.", fault=Fault.VENDOR))
        if failure.maybe_sent and not self._request.idempotent:
            return Fail(self._unknown(failure.text))
        if failure.kind is Lost.TOO_LARGE:
            return Fail(error)
        if failure.kind is Lost.CERTIFICATE:
            error.advice = "Name the right certificates in REQUESTS_CA_BUNDLE, or check the host of the connection."
            return Fail(error)
        return self._again(None, error, failure.text)

    def _reauthorize(self, error: FapiaoError | None) -> Action:
        if self._can_renew and not self._renewed:
            self._renewed = True
            return Renew()
        if isinstance(error, CredentialError):
            return Fail(error)
        told = f": {redact(error.what)}" if error is not None else "."
        if self._renewed:
            return Fail(CredentialError(f"{self._named} was refused with a token that had just been renewed{told}"))
        return Fail(CredentialError(f"{self._named}: the vendor does not accept the credentials{told}"))

    def _throttled(self, after: float | None, error: FapiaoError | None, why: str) -> Action:
        pause = self._settings.longest_wait if after is None else after
        busy = error or VendorBusy(f"{self._named} is throttled: {why}.", retry_after=pause)
        action = self._again(after, busy, why)
        if isinstance(action, SendAgain):
            return SendAgain(action.after, action.why, throttled=True)
        return action

    def _again(self, after: float | None, error: FapiaoError, why: str) -> Action:
        self.tries += 1
        if after is not None and after > self._settings.longest_wait:
            if isinstance(error, VendorBusy):
                error.retry_after = after
                return Fail(error)
            return Fail(
                VendorBusy(
                    f"{self._named}: the vendor asks for a pause of {after:.0f} s ({why}).",
                    retry_after=after,
                    code=error.code,
                )
            )
        if self.tries >= self._settings.max_attempts:
            error.what += f" Tried {self.tries} times." if self.tries > 1 else ""
            return Fail(error)
        if after is None:
            backoff = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** (self.tries - 1))
            return SendAgain(min(self._settings.longest_wait, backoff * (0.5 + self._random() / 2)), why)
        # Never earlier than told; the jitter keeps waiting processes from coming back as one.
        return SendAgain(max(0.0, after) + self._random() * min(1.0, FIRST_BACKOFF * max(0.0, after)), why)

    def _unknown(self, why: str) -> OutcomeUnknown:
        return OutcomeUnknown(f"{self._named} may have been carried out: {why}.")

    @property
    def _named(self) -> str:
        return f"{self._request.method} {named(self._request)}"


def named(request: Request) -> str:
    """What a request asks for, to be shown: the address of a file is a secret."""
    return "of a file" if request.file_url is not None else redact(request.path)


def opening(response: Response) -> str:
    """How an answer that nobody can read begins, redacted, for the end of an error's text."""
    beginning = excerpt(response.body)
    return f" The answer begins: {beginning}" if beginning else " The answer is empty."


def retry_after(response: Response, now: float) -> float | None:
    """Seconds the ``Retry-After`` header asks for (RFC 9110, 10.2.3: seconds or an HTTP date), None without a valid one."""
    value = response.headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return None


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
