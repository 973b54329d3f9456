"""Logging in, and the signature of every request.

The vendor restricts logins and answers a wrong secret with HTTP 200, code 2000, success true and ``data.error_msg``: only a
token is a success.
"""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from typing import Any

from fapiao.answers import kind_of, one_line
from fapiao.errors import CredentialError
from fapiao.wire import Account, Flow, Request, Response, Secret, Signed, Stamp, Token
from fapiao_qixiangyun.envelope import Envelope, broken, read
from fapiao_qixiangyun.paths import LOGIN_PATH

__all__ = ["has_token", "log_in", "read_token", "sign"]

_DAY = 86_400.0
_LONGEST = 15 * _DAY
_RENEW_AFTER = 7 * _DAY
_UNSTATED = 7200.0
"""The shorter of the two lives the vendor documents, where an answer names none."""
_MILLISECONDS = 10_000_000
"""``expires_in`` is documented as 1296000000 and as 7200: above this number it counts milliseconds."""


def log_in(account: Account) -> Flow[Token]:
    """获取access_token by ``client_credentials``; the refresh token is not used, for a login works where it has expired."""
    response = yield Request(
        method="POST",
        path=LOGIN_PATH,
        json={
            "grant_type": "client_credentials",
            "client_appkey": account.login,
            "client_secret": Secret(_md5(account.secret.reveal().encode())),
        },
        authorized=False,
    )
    return read_token(response)


def has_token(answer: Envelope) -> bool:
    data = answer.data
    token = data.get("access_token") if isinstance(data, dict) else None
    return isinstance(token, str) and bool(token.strip())


def read_token(response: Response) -> Token:
    """The token in a login's answer.

    :raises CredentialError: a message instead of a token.
    :raises VendorBroken: neither, or ``expires_in`` is no duration.
    """
    answer = read(response)
    data = answer.data if isinstance(answer.data, dict) else {}
    if not has_token(answer):
        message = one_line(data.get("error_msg")) or answer.message
        if message or answer.success is False:
            raise CredentialError(
                f"qixiangyun refused the login: {message or 'no message'}.",
                code=answer.code or None,
                advice="Check login (app key) and password (app secret) of the connection. Logins are restricted: do not "
                "repeat them before that.",
            )
        raise broken("data.access_token is missing from the answer to the login")
    lifetime = _lifetime(data.get("expires_in"))
    return Token(
        value=Secret(data["access_token"].strip()),
        lifetime=lifetime,
        renew_after=_RENEW_AFTER if lifetime > _RENEW_AFTER else 0.9 * lifetime,
    )


def sign(request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
    """接口调用, 签名算法: over the MD5 of exactly the bytes that are sent, the time and the token.

    ``API-SV1:{app key}:`` and Base64 of the 32 *characters* of the MD5, not of its 16 bytes.
    """
    if token is None or not request.authorized:
        return Signed()
    value, date = token.value.reveal(), str(stamp.epoch_ms)
    text = f"POST_{_md5(body)}_{date}_{value}_{account.secret.reveal()}"
    signature = base64.b64encode(_md5(text.encode()).encode("ascii")).decode("ascii")
    return Signed(
        headers=(
            ("access_token", value),
            ("req_date", date),
            ("req_sign", f"API-SV1:{account.login}:{signature}"),
        ),
        secrets=(value, signature),
    )


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _lifetime(stated: Any) -> float:
    """Seconds."""
    if stated is None or stated == "":
        return _UNSTATED
    text = str(stated).strip()
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
    if isinstance(stated, Decimal) and stated == stated.to_integral_value() and 0 < stated < 10**15:
        number = int(stated)
    if isinstance(stated, bool) or not number:
        raise broken(f"data.expires_in is {kind_of(stated)} that is no duration")
    seconds = number / 1000 if number > _MILLISECONDS else float(number)
    return min(seconds, _LONGEST)
