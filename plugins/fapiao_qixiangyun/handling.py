"""What a code of the vendor means for the caller, and the errors that say so."""

from __future__ import annotations

from enum import Enum

import msgspec

from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    FapiaoError,
    Fault,
    QuotaExhausted,
    RequestRefused,
    TaxpayerRefused,
    VendorBusy,
    VendorRefused,
    VendorUnreachable,
)
from fapiao.wire import OK, Decision, Outcome, Verdict

__all__ = ["Code", "Handling", "refusal", "verdict"]

BACK_OFF = 60.0
"""Seconds after which a caller may come back whom the driver's own waits did not help."""


class Handling(str, Enum):
    """What is done about a code."""

    OK = "ok"
    RESULT = "result"
    """An answer to a claim that is kept, not an error."""
    THROTTLED = "throttled"
    """Back off: the driver's growing pause, or ``after``; longer ones are the caller's."""
    RETRY = "retry"
    """A passing fault: sent again, bounded."""
    LATER = "later"
    """Nothing is wrong with the request; a flow returns ``Pending`` for ``after`` seconds."""
    TOMORROW = "tomorrow"
    """As LATER, until the next day in China."""
    REAUTHORIZE = "reauthorize"
    CONNECTION = "connection"
    """The connection or its surroundings: clock, signature, IP address."""
    QUOTA = "quota"
    """Every further call of the account would fail."""
    REQUEST = "request"
    """This request is wrong; others can go on."""
    RANGE = "range"
    """The job covers more than the vendor makes in one; narrower ones can be made."""
    TAXPAYER = "taxpayer"
    """This taxpayer cannot be served until somebody acts."""


class Code(msgspec.Struct, frozen=True):
    """One row of a code table."""

    text: str
    """The vendor's own text."""
    handling: Handling
    advice: str = ""
    after: float | None = None
    """Seconds to wait (THROTTLED, LATER)."""
    outcome: Outcome | None = None
    """RESULT only."""


_ERRORS: dict[Handling, type[FapiaoError]] = {
    Handling.CONNECTION: ConfigurationError,
    Handling.QUOTA: QuotaExhausted,
    Handling.REQUEST: RequestRefused,
    Handling.RANGE: RequestRefused,
    Handling.TAXPAYER: TaxpayerRefused,
}


def refusal(code: str, row: Code | None, message: str) -> FapiaoError | None:
    """The error of a final refusal; None for codes that mean success, a result or waiting.

    :param row: None for a code that no table lists: never taken for a success.
    """
    if row is None:
        return VendorRefused(
            f"qixiangyun answered the code {code or '(none)'}, which its documents do not list: {message or 'no message'}.",
            code=code or None,
            advice="It is not taken for a success. Ask the vendor what the code means, then run again.",
        )
    kind = _ERRORS.get(row.handling)
    if kind is None:
        return None
    return kind(f"qixiangyun refused the request, {code} {_told(row, message)}.", code=code, advice=row.advice or None)


def verdict(code: str, row: Code | None, message: str, *, idempotent: bool) -> Verdict:
    """What to do about an answer with this code.

    A fault of a request that must not be sent twice is left without an error of its own: the driver then says that the
    outcome is unknown, which is the truth.
    """
    error = refusal(code, row, message)
    if error is not None or row is None:
        return Verdict(decision=Decision.REFUSED, error=error)
    told = _told(row, message)
    if row.handling is Handling.THROTTLED:
        busy = VendorBusy(
            f"qixiangyun throttles the account, {code} {told}.",
            retry_after=row.after or BACK_OFF,
            code=code,
            advice=row.advice or None,
        )
        return Verdict(decision=Decision.THROTTLED, after=row.after, error=busy)
    if row.handling is Handling.RETRY:
        fault = VendorUnreachable(f"qixiangyun could not answer, {code} {told}.", code=code, fault=Fault.VENDOR)
        return Verdict(decision=Decision.RETRY, after=row.after, error=fault if idempotent else None)
    if row.handling is Handling.REAUTHORIZE:
        denied = CredentialError(
            f"qixiangyun does not accept the access token, {code} {told}.", code=code, advice=row.advice or None
        )
        return Verdict(decision=Decision.REAUTHORIZE, error=denied)
    return OK


def _told(row: Code, message: str) -> str:
    return row.text if message in ("", row.text) else f"{row.text}: {message}"
