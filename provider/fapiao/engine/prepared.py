"""From a logical request to the bytes of one attempt. The only place where a ``Secret`` is revealed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import GeneratorType
from typing import Any
from urllib.parse import quote

import msgspec

from fapiao.engine.host_rules import HostRules
from fapiao.errors import PluginError
from fapiao.wire import Account, Request, Secret, Signed

__all__ = ["Prepared", "encode_body", "prepare", "prepare_file"]

_PATH = re.compile(r"/(?!/)[^?#\s\x00-\x1f]*\Z")
_METHOD = re.compile(r"[A-Z]+\Z")
_LINE_BREAKS = re.compile(r"[\r\n\x00]")


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as it goes on the wire. Never printed: URL and body may carry credentials."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fresh: bool
    """Send over a new connection: a kept one may be dead, and the loss of this request could not be told from its success."""
    request: Request
    """What it is an attempt of: for transports that answer from a recording."""
    rules: HostRules | None = None
    """A file at an address that an answer named: sent only if these rules allow the address and where its name leads."""

    def __repr__(self) -> str:
        return f"Prepared({self.method} …)"

    __str__ = __repr__


def encode_body(request: Request) -> bytes:
    """The body, serialised once for all attempts: what is signed is what is sent.

    JSON is compact UTF-8; ``Decimal`` is written as the number it is; ``Secret`` is revealed here.

    :raises PluginError: both or neither fit, or something in it is no JSON value.
    """
    if request.json is not None:
        if request.form:
            raise PluginError("A request has both a JSON body and a form.")
        try:
            return _JSON.encode(request.json)
        except PluginError:
            raise
        except (TypeError, ValueError, RecursionError, OverflowError, UnicodeEncodeError):
            pass
        raise PluginError(f"The body of {request.method} {request.path} is not JSON.")
    return _pairs(request.form).encode()


def prepare(request: Request, account: Account, body: bytes, signed: Signed, agent: str) -> Prepared:
    """Host, query, headers and signature put together.

    Every reserved character of a value is percent-encoded, ``:`` and ``$`` too (ekuaibao's token has them), and ``+``,
    ``/``, ``=`` of base64 in forms.

    :raises PluginError: the path leaves the vendor's host, or a method or header is not one.
    """
    if not _PATH.match(request.path) or not _METHOD.match(request.method):
        raise PluginError(f"{request.method!r} {request.path!r} is not a method and a path on the vendor's host.")
    pairs = request.query + signed.query
    url = account.base_url + (request.path if request.path.isascii() else quote(request.path, safe="/%:@!$&'()*+,;=~"))
    if pairs:
        url = f"{url}?{_pairs(pairs)}"
    if signed.form:
        if request.json is not None:
            raise PluginError("sign() added form fields to a request with a JSON body.")
        body = _pairs(request.form + signed.form).encode()
    headers = {
        "accept": ("Accept", "application/json, */*;q=0.1"),
        "accept-encoding": ("Accept-Encoding", "gzip, deflate"),
        "user-agent": ("User-Agent", agent),
    }
    if request.json is not None:
        headers["content-type"] = ("Content-Type", "application/json;charset=UTF-8")
    elif request.form or signed.form:
        headers["content-type"] = ("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
    for name, value in (*request.headers, *signed.headers):
        if _LINE_BREAKS.search(name) or _LINE_BREAKS.search(value):
            raise PluginError(f"The header {name!r} has a line break.")
        headers[name.lower()] = (name, value)
    if body or request.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = ("Content-Length", str(len(body)))
    return Prepared(
        method=request.method,
        url=url,
        headers=tuple(headers.values()),
        body=body,
        fresh=not request.idempotent,
        request=request,
    )


def prepare_file(request: Request, account: Account, agent: str) -> Prepared:
    """A file that an answer named: as it is addressed, without token and signature. Its address is judged by the transport.

    :raises PluginError: the request is more than a GET of an address.
    """
    url = request.file_url
    if (
        url is None
        or request.method != "GET"
        or request.path
        or request.query
        or request.json is not None
        or request.form
    ):
        raise PluginError("A request for a file is a GET with file_url and nothing else.")
    headers = (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"), ("User-Agent", agent))
    return Prepared(
        method="GET",
        url=url.reveal().partition("#")[0],
        headers=headers,
        body=b"",
        fresh=not request.idempotent,
        request=request,
        rules=HostRules.of(account),
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, GeneratorType):
        raise PluginError(
            f"A request holds the generator {value.__name__}() instead of its result: a 'yield from' is missing before it."
        )
    raise PluginError(f"A request holds a {type(value).__name__}, which is no JSON value.")


_JSON = msgspec.json.Encoder(enc_hook=_revealed, decimal_format="number")
