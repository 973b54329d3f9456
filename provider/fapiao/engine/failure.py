"""An attempt that brought no answer, told without the transport's own words: those contain URLs, and URLs tokens."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from enum import Enum

import msgspec

from fapiao.engine.host_rules import Refused

__all__ = ["Failure", "Lost", "ca_bundle", "failure", "is_untrusted", "refused_failure"]


class Lost(str, Enum):
    """How an answer was lost."""

    CONNECT = "no connection"
    CERTIFICATE = "certificate not trusted"
    FORBIDDEN = "address not allowed"
    """A file lies where the connection does not let it be fetched; nothing was sent."""
    TIMEOUT = "no answer in time"
    BROKEN_OFF = "connection broken off"
    TRUNCATED = "answer cut short"
    ENCODING = "answer cannot be decompressed"
    TOO_LARGE = "answer too large"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """No answer. ``text`` is ours, safe to show; ``maybe_sent`` says whether the vendor may have carried it out."""

    kind: Lost
    maybe_sent: bool
    text: str


_TEXTS = {
    Lost.CONNECT: "no connection to {host} could be made",
    Lost.CERTIFICATE: "the TLS certificate of {host} is not trusted",
    Lost.FORBIDDEN: "files of {host} are not allowed",
    Lost.TIMEOUT: "{host} gave no answer in time",
    Lost.BROKEN_OFF: "{host} broke the connection off",
    Lost.TRUNCATED: "the answer of {host} was cut short",
    Lost.ENCODING: "the answer of {host} cannot be decompressed",
    Lost.TOO_LARGE: "the answer of {host} is larger than a driver accepts",
}


def failure(kind: Lost, host: str, problem: BaseException | None = None) -> Failure:
    """What a transport reports. Of the exception only the operating system's reason is used."""
    cause = "" if problem is None else _cause(problem)
    return Failure(
        kind=kind,
        maybe_sent=kind not in (Lost.CONNECT, Lost.CERTIFICATE, Lost.FORBIDDEN),
        text=_TEXTS[kind].format(host=host) + (f" ({cause})" if cause else ""),
    )


def refused_failure(refused: Refused) -> Failure:
    """A file's address that the connection does not allow, or whose name cannot be looked up now."""
    return Failure(kind=Lost.FORBIDDEN if refused.final else Lost.CONNECT, maybe_sent=False, text=refused.what)


def is_untrusted(problem: BaseException) -> bool:
    """Whether a certificate was refused: trying again does not help."""
    return any(isinstance(link, ssl.SSLCertVerificationError) for link in _chain(problem))


def ca_bundle() -> str | None:
    """File or directory of trusted certificates named by the environment; both transports obey the same variables."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        path = os.environ.get(name)
        if path:
            return path
    return None


def _cause(problem: BaseException) -> str:
    found = ""
    for link in _chain(problem):
        found = _words(link) or found
    return found


def _chain(problem: BaseException) -> list[BaseException]:
    """The exception, its causes, and those that urllib3 keeps in ``args`` and ``reason`` instead."""
    found: list[BaseException] = []
    waiting: list[object] = [problem]
    while waiting:
        link = waiting.pop(0)
        if isinstance(link, BaseException) and link not in found:
            found.append(link)
            waiting += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
    return found


def _words(problem: BaseException) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return str(problem.verify_message)
    if isinstance(problem, ssl.SSLError):
        return "TLS failed"
    if isinstance(problem, socket.gaierror):
        return "the name is not known"
    if isinstance(problem, OSError) and isinstance(problem.errno, int) and problem.errno in errno.errorcode:
        return os.strerror(problem.errno)
    if isinstance(problem, TimeoutError):
        return "timed out"
    return ""
