"""Downloads one layout file (版式文件) into a temporary file, every hop judged, every limit kept.

The connection goes to the address that :class:`~fapiao.engine.host_rules.HostRules` has judged, so no library is asked
to resolve the name again; certificate and ``Host`` header are those of the name. For the same reason the environment's
proxies are not used: through one, the proxy and not we would look up the name. ``HostRules.proxy`` is the one that somebody
who has no other way out has chosen knowing that.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import msgspec
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from fapiao.engine.failure import ca_bundle, is_untrusted
from fapiao.engine.host_rules import HostRules, Refused, Resolve, Target, resolve
from fapiao.layouts.layout_formats import MEDIA_TYPES, check_file

__all__ = ["Downloader", "Fetched"]

_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file of its kind, on this machine until the ``with`` block ends."""

    path: Path
    sha256: str
    size: int
    host: str
    """The host that gave it, after redirects."""


class Downloader:
    """Fetches files for one account. Thread-safe: it holds nothing between two files.

    :param most_bytes: limit of one file.
    :param timeout: seconds of silence after which a host is given up; a file may take ten times as long in all.
    """

    def __init__(
        self,
        rules: HostRules,
        *,
        most_bytes: int = 32 * 1024 * 1024,
        timeout: float = 60.0,
        most_redirects: int = 5,
        verify_tls: bool = True,
        look_up: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._most_bytes = most_bytes
        self._timeout = timeout
        self._most_redirects = most_redirects
        self._look_up = look_up
        self._clock = clock
        self._tls = _tls(verify_tls)

    @contextmanager
    def fetch(self, url: str, kind: str) -> Iterator[Fetched]:
        """The file, checked; it is removed when the block ends.

        :raises Refused: not allowed, not there, too large, or not of its kind. The text carries neither path nor query of
            the address.
        """
        handle, name = tempfile.mkstemp(prefix="fapiao-", suffix=f".{kind}")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                host, sha256, size = self._follow(url, kind, file.write)
            check_file(kind, path)
            yield Fetched(path=path, sha256=sha256, size=size, host=host)
        finally:
            path.unlink(missing_ok=True)

    def _follow(self, url: str, kind: str, write: Callable[[bytes], object]) -> tuple[str, str, int]:
        ends = self._clock() + 10 * self._timeout
        for _ in range(self._most_redirects + 1):
            target = self._rules.judge(url, self._look_up)
            try:
                with self._open(target) as connection:
                    connection.request(
                        "GET",
                        _asked(target) if self._rules.proxy else target.path,
                        headers={"Accept": MEDIA_TYPES.get(kind, "*/*"), "Accept-Encoding": "identity"},
                    )
                    answer = connection.getresponse()
                    if answer.status in _REDIRECTS:
                        url = urljoin(url, answer.headers.get("Location") or "")
                        continue
                    _check_status(answer.status, target.host)
                    sha256, size = self._read(answer, target.host, write, ends)
                    return target.host, sha256, size
            except (OSError, http.client.HTTPException, ValueError) as problem:
                if is_untrusted(problem):
                    raise Refused(f"the TLS certificate of {target.host} is not trusted") from None
                way = " through file_proxy" if self._rules.proxy else ""
                raise Refused(
                    f"{target.host} gave no whole file{way} ({type(problem).__name__})", final=False
                ) from None
        raise Refused(f"the address leads on more than {self._most_redirects} times")

    def _read(
        self, answer: http.client.HTTPResponse, host: str, write: Callable[[bytes], object], ends: float
    ) -> tuple[str, int]:
        limit = self._most_bytes
        too_large = f"the file of {host} is larger than {limit} bytes"
        announced = answer.length
        if announced is not None and announced > limit:
            raise Refused(too_large)
        digest = hashlib.sha256()
        size = 0
        while chunk := answer.read1(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise Refused(too_large)
            if self._clock() > ends:
                raise Refused(f"{host} sends the file too slowly", final=False)
            digest.update(chunk)
            write(chunk)
        if announced is not None and size != announced:
            raise Refused(f"{host} broke the file off after {size} of {announced} bytes", final=False)
        return digest.hexdigest(), size

    @contextmanager
    def _open(self, target: Target) -> Iterator[http.client.HTTPConnection]:
        connection: http.client.HTTPConnection
        if self._rules.proxy:
            connection = _Proxied(self._rules.proxy, target, self._timeout, self._tls)
        else:
            kind = _Secure if target.scheme == "https" else _Plain
            connection = kind(target, self._timeout, self._tls)
        try:
            yield connection
        finally:
            connection.close()


class _Plain(http.client.HTTPConnection):
    """Names one host, connects to one address."""

    def __init__(self, target: Target, timeout: float, tls: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self.default_port = 443 if target.scheme == "https" else 80  # what the Host header leaves out
        self._target = target
        self._patience = timeout
        self._tls = tls

    def connect(self) -> None:
        self.sock = socket.create_connection((self._target.address, self._target.port), self._patience)


class _Secure(_Plain):
    def connect(self) -> None:
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._target.host)


class _Proxied(http.client.HTTPConnection):
    """Through a proxy: CONNECT and then TLS with the host itself, or the whole address in the request line of plain HTTP."""

    def __init__(self, proxy: str, target: Target, timeout: float, tls: ssl.SSLContext) -> None:
        parts = urlsplit(proxy)
        super().__init__(parts.hostname or "", parts.port, timeout=timeout)
        self._target = target
        self._tls = tls
        if target.scheme == "https":
            self.default_port = 443
            self.set_tunnel(target.host, target.port)

    def connect(self) -> None:
        super().connect()
        if self._target.scheme == "https":
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._target.host)


def _asked(target: Target) -> str:
    """The request line's address where a proxy is asked."""
    if target.scheme == "https":
        return target.path
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"http://{host}:{target.port}{target.path}"


def _check_status(status: int, host: str) -> None:
    if status == 200:
        return
    if status in (401, 403, 404, 410):
        raise Refused(f"{host} answers HTTP {status}: the link has run out, or was never good")
    raise Refused(f"{host} answers HTTP {status}", final=status not in _PASSING)


def _tls(verify: bool) -> ssl.SSLContext:
    bundle = ca_bundle() or DEFAULT_CA_BUNDLE_PATH
    context = ssl.create_default_context(
        cafile=bundle if Path(bundle).is_file() else None, capath=bundle if Path(bundle).is_dir() else None
    )
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
