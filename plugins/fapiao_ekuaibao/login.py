"""The access token: logging in, and adding it to each request (获取授权).

The vendor signs nothing; the token travels in the query string, and so in every URL.
"""

from __future__ import annotations

from urllib.parse import quote

from fapiao.answers import kind_of, one_line
from fapiao.errors import CredentialError
from fapiao.wire import Account, Flow, Request, Response, Secret, Signed, Token
from fapiao_ekuaibao.envelope import broken
from fapiao_ekuaibao.paths import HOST_HELP, TOKEN_PATH

__all__ = ["log_in", "read_token", "sign"]

_LIFETIME = 7200.0
"""默认2小时后到期, in seconds."""
_RENEW_AFTER = 6600.0
"""A job may run into the last minutes of a token; a fresh one costs one request."""
_EARLIEST_MILLISECONDS = 100_000_000_000
"""Epoch milliseconds are larger than this since 1973; epoch seconds not before the year 5138."""

_LONGEST_INSTANT = 16


def log_in(account: Account) -> Flow[Token]:
    """``getAccessToken``. The refresh token is not used: an expired one cannot be refreshed, a new login always works."""
    response = yield Request(
        method="POST",
        path=TOKEN_PATH,
        json={"appKey": account.login, "appSecurity": account.secret},
        authorized=False,
    )
    return read_token(response)


def read_token(response: Response) -> Token:
    """The token in a login's answer.

    :raises CredentialError: the vendor gave a message instead of a token.
    :raises VendorBroken: neither, or ``expireTime`` is not a point in time.
    """
    document = response.json()
    if not isinstance(document, dict):
        raise broken(f"the answer to the login is {kind_of(document)} instead of an object")
    value = document.get("value")
    inner = value if isinstance(value, dict) else {}
    token = inner.get("accessToken")
    if not isinstance(token, str) or not token.strip():
        message = one_line(document.get("errorMessage") or document.get("message") or inner.get("message"))
        if message:
            raise CredentialError(
                f"ekuaibao refused the login: {message}.",
                advice=f"Check appKey and appSecurity of the connection, and its host. {HOST_HELP}",
            )
        raise broken("value.accessToken is missing from the answer to the login")
    return Token(
        value=Secret(token.strip()),
        expires_at=_instant(inner.get("expireTime")),
        lifetime=_LIFETIME,
        renew_after=_RENEW_AFTER,
    )


def sign(request: Request, token: Token | None) -> Signed:
    """The query parameter ``accessToken``. It holds ``:`` and ``$``, so it is masked as written and percent-encoded."""
    if token is None or not request.authorized:
        return Signed()
    value = token.value.reveal()
    return Signed(query=(("accessToken", value),), secrets=tuple(dict.fromkeys((value, quote(value, safe="")))))


def _instant(expires: object) -> float | None:
    """Epoch seconds of ``expireTime``; None where the vendor gives none: then the documented two hours hold."""
    if expires is None or expires == "":
        return None
    text = str(expires)
    if isinstance(expires, bool) or len(text) > _LONGEST_INSTANT or not (text.isascii() and text.isdigit()):
        raise broken(f"value.expireTime is {kind_of(expires)} instead of milliseconds since 1970")
    number = int(text)
    return number / 1000 if number >= _EARLIEST_MILLISECONDS else float(number)
