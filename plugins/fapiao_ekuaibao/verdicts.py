"""``classify``: what to do about one answer. The vendor answers HTTP 200 to most refusals, so the envelope decides.

Documented are HTTP 403 for a wrong key or host when logging in (获取授权, 失败响应), and the job codes; the bodies of
401, 403, 400 and 412 are not documented, so they are not relied upon.
"""

from __future__ import annotations

from typing import Any

from fapiao.answers import one_line
from fapiao.errors import CredentialError, FapiaoError, RequestRefused, VendorBroken, VendorRefused
from fapiao.wire import OK as FINE
from fapiao.wire import Decision, Request, Response, Verdict
from fapiao_ekuaibao.codes import OK, refusal
from fapiao_ekuaibao.envelope import broken, outline
from fapiao_ekuaibao.login import read_token
from fapiao_ekuaibao.paths import HOST_HELP, TOKEN_PATH

__all__ = ["classify"]


def classify(request: Request, response: Response) -> Verdict:
    """The verdict on one answer; a code that is not documented is never OK."""
    status = response.status
    if status == 429:
        return Verdict(decision=Decision.THROTTLED)
    if status >= 500 or status == 408:
        return Verdict(decision=Decision.RETRY)
    if not 200 <= status < 300:
        return _unsuccessful(request, response)
    try:
        if request.path == TOKEN_PATH:
            read_token(response)
            return FINE
        return _judged(response)
    except VendorBroken as problem:
        return Verdict(decision=Decision.BROKEN, error=problem)
    except CredentialError as problem:
        return Verdict(decision=Decision.REFUSED, error=problem)


def _judged(response: Response) -> Verdict:
    answer = outline(response)
    if not answer.code and answer.success is not False:
        raise broken("value.code is missing")
    error: FapiaoError | None = refusal(answer.code, answer.message)
    if error is None and answer.code == OK and answer.success is False:
        # The two halves contradict each other; a success needs both.
        error = VendorRefused(
            f"ekuaibao answered success=false with the code {OK}: {answer.message or 'no message'}.",
            code=OK,
            advice="It is not taken for a success. Run again later; if it stays, ask the vendor.",
        )
    return FINE if error is None else Verdict(decision=Decision.REFUSED, error=error)


def _unsuccessful(request: Request, response: Response) -> Verdict:
    status = response.status
    logging_in = request.path == TOKEN_PATH
    message = _message(response)
    tail = f": {message}" if message else ""
    if status in (401, 403) or (logging_in and status in (400, 412)):
        if logging_in:
            error: FapiaoError = CredentialError(
                f"ekuaibao refused the login (HTTP {status}){tail}.",
                code=str(status),
                advice=f"Check appKey and appSecurity of the connection, and its host. {HOST_HELP}",
            )
            return Verdict(decision=Decision.REFUSED, error=error)
        error = CredentialError(
            f"ekuaibao refused a fresh access token (HTTP {status}){tail}.",
            code=str(status),
            advice=f"Check that the connection's host is the one of your platform and that corp_id belongs to it. {HOST_HELP}",
        )
        return Verdict(decision=Decision.REAUTHORIZE, error=error)
    if status in (400, 412):
        error = RequestRefused(f"ekuaibao refused the request's parameters (HTTP {status}){tail}.", code=str(status))
        return Verdict(decision=Decision.REFUSED, error=error)
    if 400 <= status < 500:
        error = RequestRefused(
            f"ekuaibao does not serve {request.path} at this host (HTTP {status}){tail}.",
            code=str(status),
            advice=f"Check the connection's host. {HOST_HELP}",
        )
        return Verdict(decision=Decision.REFUSED, error=error)
    error = VendorBroken(
        f"ekuaibao answered HTTP {status} instead of the data (a redirect means another host).",
        code=str(status),
        advice=f"Check the connection's host. {HOST_HELP}",
    )
    return Verdict(decision=Decision.BROKEN, error=error)


def _message(response: Response) -> str:
    """The message of an undocumented error body, where it is JSON and has one; never an excerpt of anything else."""
    try:
        document: Any = response.json()
    except VendorBroken:
        return ""
    if not isinstance(document, dict):
        return ""
    value = document.get("value")
    inner: Any = value.get("message") if isinstance(value, dict) else None
    return one_line(document.get("errorMessage") or document.get("message") or inner)
