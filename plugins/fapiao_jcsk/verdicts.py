"""``classify``: what to do about one answer. Success is exactly the code "0000"; the vendor's other codes are not published.

An unknown refusal is final: the calls are billed, and a wrong signature does not become right by being sent again.
"""

from __future__ import annotations

from fapiao.answers import one_line
from fapiao.errors import FapiaoError, Fault, RequestRefused, VendorBroken, VendorRefused
from fapiao.wire import OK, Decision, Request, Response, Verdict
from fapiao_jcsk.envelope import OK_CODE, broken, outline

__all__ = ["classify"]

_SIGNATURE_WORDS = ("签名", "验签", "signature", "signtype", "appid", "appsecret")
_SIGNATURE_ADVICE = "Check login (appid), password (appsecret), group_tax_no and the settings sign_type and sign_prefix of the connection."
_UNKNOWN_ADVICE = (
    "Read the vendor's message: the codes are not published. Check the connection and the taxpayer's set-up at the vendor, "
    "and ask the vendor with the code if the message does not help."
)


def classify(request: Request, response: Response) -> Verdict:
    """The verdict on one answer; a code other than "0000" is never OK."""
    status = response.status
    if status == 429:
        return Verdict(decision=Decision.THROTTLED)
    if status >= 500 or status == 408:
        return Verdict(decision=Decision.RETRY)
    if 400 <= status < 500:
        return Verdict(decision=Decision.REFUSED, error=_unserved(request, response))
    if not 200 <= status < 300:
        error = VendorBroken(
            f"JCSK answered HTTP {status} instead of data (a redirect means another host).",
            code=str(status),
            advice="Check host and path of the connection.",
        )
        return Verdict(decision=Decision.BROKEN, error=error)
    try:
        answer = outline(response)
        if answer.code is None or answer.code == "":
            raise broken("code is missing")
    except VendorBroken as problem:
        return Verdict(decision=Decision.BROKEN, error=problem)
    if answer.code == OK_CODE:
        return OK
    code = str(answer.code)[:40] if isinstance(answer.code, str | int) else "unreadable"
    return Verdict(decision=Decision.REFUSED, error=_refusal(code, one_line(answer.msg)))


def _refusal(code: str, message: str) -> FapiaoError:
    about_signature = any(word in message.lower() for word in _SIGNATURE_WORDS)
    return VendorRefused(
        f"JCSK refused the request with the code {code}: {message or 'no message'}.",
        code=code,
        advice=_SIGNATURE_ADVICE if about_signature else _UNKNOWN_ADVICE,
        fault=Fault.USER if about_signature else None,
    )


def _unserved(request: Request, response: Response) -> FapiaoError:
    """HTTP 4xx comes from a gateway in front of the service; its body is not documented."""
    try:
        message = one_line(outline(response).msg)
    except VendorBroken:
        message = ""
    return RequestRefused(
        f"JCSK does not serve {request.path} at this host (HTTP {response.status}){f': {message}' if message else ''}.",
        code=str(response.status),
        advice="Check host and path of the connection, and whether the vendor lets this machine's address in.",
    )
