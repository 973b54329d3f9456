"""``classify``: what to do about one answer. The vendor answers HTTP 200 to most refusals, so the code decides."""

from __future__ import annotations

from fapiao.errors import CredentialError, FapiaoError, RequestRefused, VendorBroken, VendorRefused
from fapiao.wire import OK as FINE
from fapiao.wire import Decision, Request, Response, Verdict
from fapiao_qixiangyun.codes import OK, look_up
from fapiao_qixiangyun.envelope import broken, outline, read
from fapiao_qixiangyun.handling import Handling, verdict
from fapiao_qixiangyun.login import has_token, read_token
from fapiao_qixiangyun.paths import LOGIN_PATH, START_PATH

__all__ = ["classify"]


def classify(request: Request, response: Response) -> Verdict:
    """The verdict on one answer."""
    status = response.status
    if status == 429:
        return Verdict(decision=Decision.THROTTLED)
    if request.file_url is not None:
        return _file(status)
    if not 200 <= status < 300:
        return _unsuccessful(request, response)
    try:
        if request.path == LOGIN_PATH:
            return _login(request, response)
        return _judged(request, response)
    except VendorBroken as problem:
        return Verdict(decision=Decision.BROKEN, error=problem)
    except CredentialError as problem:
        return Verdict(decision=Decision.REFUSED, error=problem)


def _login(request: Request, response: Response) -> Verdict:
    answer = read(response)
    if not has_token(answer) and answer.code not in ("", OK):
        row = look_up(LOGIN_PATH, answer.code)
        if row is not None:
            judged = verdict(answer.code, row, answer.message, idempotent=request.idempotent)
            if judged.decision is not Decision.REAUTHORIZE:
                return judged
    read_token(response)
    return FINE


def _judged(request: Request, response: Response) -> Verdict:
    answer = outline(response)
    if not answer.code:
        # customizedCheck's documented example has only data and success.
        if answer.success:
            return FINE
        raise broken("code is missing")
    if answer.code == OK and answer.success is False:
        # The two halves contradict each other; a success needs both.
        error = VendorRefused(
            f"qixiangyun answered success=false with the code {OK}: {answer.message or 'no message'}.",
            code=OK,
            advice="It is not taken for a success. Run again later; if it stays, ask the vendor.",
        )
        return Verdict(decision=Decision.REFUSED, error=error)
    row = look_up(request.path, answer.code)
    if row is not None and row.handling is Handling.RANGE and request.path == START_PATH:
        return FINE  # the flow names smaller jobs
    return verdict(answer.code, row, answer.message, idempotent=request.idempotent)


def _unsuccessful(request: Request, response: Response) -> Verdict:
    """An HTTP status is undocumented here; where the body has a code, it is the code that speaks."""
    status = response.status
    try:
        answer = outline(response)
    except VendorBroken:
        answer = None
    row = look_up(request.path, answer.code) if answer is not None and answer.code != OK else None
    if answer is not None and row is not None:
        return verdict(answer.code, row, answer.message, idempotent=request.idempotent)
    if status >= 500 or status == 408:
        return Verdict(decision=Decision.RETRY)
    tail = f": {answer.message}" if answer is not None and answer.message else ""
    error: FapiaoError
    if status in (401, 403):
        error = CredentialError(
            f"qixiangyun refused the {'login' if request.path == LOGIN_PATH else 'token'} (HTTP {status}){tail}.",
            code=str(status),
            advice="Check host, login and password of the connection, and whether this machine's address is on the white list.",
        )
        again = request.authorized and status == 401
        return Verdict(decision=Decision.REAUTHORIZE if again else Decision.REFUSED, error=error)
    if 400 <= status < 500:
        error = RequestRefused(
            f"qixiangyun does not serve {request.path} at this host (HTTP {status}){tail}.",
            code=str(status),
            advice="Check the connection's host, and result_path where the path is that of the layout files.",
        )
        return Verdict(decision=Decision.REFUSED, error=error)
    error = VendorBroken(
        f"qixiangyun answered HTTP {status} instead of the data (a redirect means another host).",
        code=str(status),
        advice="Check the connection's host.",
    )
    return Verdict(decision=Decision.BROKEN, error=error)


def _file(status: int) -> Verdict:
    """A file that an answer named. A redirect is not followed: the address was checked, what it leads to was not."""
    if 200 <= status < 300:
        return FINE
    if status >= 500 or status == 408:
        return Verdict(decision=Decision.RETRY)
    if status < 400:
        error: FapiaoError = VendorRefused(
            f"A file that qixiangyun named is a redirect (HTTP {status}), which is not followed.",
            code=str(status),
            advice="Ask the vendor for addresses without redirects.",
        )
    else:
        error = VendorBroken(
            f"A file that qixiangyun named cannot be fetched (HTTP {status}): its address may have expired.",
            code=str(status),
            advice="Run again: a new address is asked for.",
        )
    return Verdict(decision=Decision.REFUSED, error=error)
