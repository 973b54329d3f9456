"""``requests`` as a transport: keep-alive connections of each thread, a streamed and limited read, errors in our words."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.response import BaseHTTPResponse

from fapiao.engine.failure import Failure, Lost, ca_bundle, failure, is_untrusted, refused_failure
from fapiao.engine.host_rules import Refused
from fapiao.engine.prepared import Prepared
from fapiao.engine.settings import DriverSettings
from fapiao.redaction import guard_loggers
from fapiao.wire import Response

__all__ = ["RequestsTransport"]

CHUNK = 256 * 1024
guard_loggers("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry", "requests")


class RequestsTransport:
    """A ``requests.Session`` per thread. Proxies come from the environment, read once; netrc and cookies are not used.

    Sends through the session's adapter: redirects are answers here, and what a session does around the adapter
    (environment, cookies, redirects) costs more than the rest of the driver.
    """

    def __init__(self, base_url: str, settings: DriverSettings) -> None:
        self._settings = settings
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc.rpartition("@")[2]
        self._verify: bool | str = (ca_bundle() or True) if settings.verify_tls else False
        self._proxies = dict(requests.utils.get_environ_proxies(base_url, no_proxy=None))
        self._timeout = (settings.connect_timeout, settings.timeout)
        self._mine = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def send(self, prepared: Prepared) -> Response | Failure:
        """One attempt."""
        host, proxies, session = self._host, self._proxies, self._session()
        if prepared.rules is not None:
            try:
                host = prepared.rules.judge(prepared.url).host
            except Refused as refused:
                return refused_failure(refused)
            # Sessions of their own: the vendor's connection stays open beside them.
            own = prepared.rules.proxy
            proxies = (
                {"http": own, "https": own}
                if own
                else dict(requests.utils.get_environ_proxies(prepared.url, no_proxy=None))
            )
            session = self._session(files=True)
        if prepared.fresh:
            session.close()
        request = requests.PreparedRequest()
        request.method = prepared.method
        request.url = prepared.url
        request.headers = CaseInsensitiveDict(prepared.headers)
        request.body = prepared.body or None
        try:
            answer = session.get_adapter(self._base_url if prepared.rules is None else prepared.url).send(
                request, stream=True, timeout=self._timeout, verify=self._verify, proxies=proxies
            )
        except (requests.RequestException, HTTPError, OSError) as problem:
            return failure(_kind(problem), host, problem)
        raw: BaseHTTPResponse = answer.raw
        try:
            body = self._read(raw)
        except (HTTPError, OSError) as problem:
            raw.close()
            return failure(_kind_while_reading(problem), host, problem)
        if isinstance(body, Lost):
            raw.close()
            return failure(body, host)
        raw.release_conn()
        headers = {name.lower(): value for name, value in raw.headers.itermerged()}
        return Response(status=answer.status_code, headers=headers, body=body)

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.close()

    def _session(self, files: bool = False) -> requests.Session:
        name = "files" if files else "session"
        session: requests.Session | None = getattr(self._mine, name, None)
        if session is None:
            session = requests.Session()
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
            setattr(self._mine, name, session)
            with self._lock:
                self._sessions.add(session)
        return session

    def _read(self, raw: BaseHTTPResponse) -> bytes | Lost:
        """The decompressed body; what is wrong with it when it is too large, too slow or shorter than announced."""
        limit = self._settings.max_response_bytes
        announced = raw.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            return Lost.TOO_LARGE
        ends = time.monotonic() + self._settings.total_timeout
        chunks: list[bytes] = []
        size = 0
        for chunk in _chunks(raw):
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                return Lost.TOO_LARGE
            if time.monotonic() > ends:
                return Lost.TIMEOUT
        if getattr(raw, "length_remaining", None):
            return Lost.TRUNCATED
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _chunks(raw: BaseHTTPResponse) -> Iterator[bytes]:
    read1 = getattr(raw, "read1", None)
    if read1 is None:  # urllib3 before 2.1
        yield from raw.stream(CHUNK, decode_content=True)
        return
    # Returns what has come, so that a dripping answer is seen to drip.
    while chunk := read1(CHUNK, decode_content=True):
        yield chunk


def _kind(problem: Exception) -> Lost:
    if is_untrusted(problem):
        return Lost.CERTIFICATE
    inner = problem.args[0] if problem.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(problem, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return Lost.CONNECT
    if isinstance(reason, NewConnectionError | ConnectTimeoutError):
        return Lost.CONNECT
    if isinstance(problem, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Lost.CONNECT
    if isinstance(problem, requests.Timeout) or isinstance(reason, ReadTimeoutError):
        return Lost.TIMEOUT
    return Lost.BROKEN_OFF


def _kind_while_reading(problem: Exception) -> Lost:
    if isinstance(problem, ReadTimeoutError | TimeoutError):
        return Lost.TIMEOUT
    if isinstance(problem, DecodeError):
        return Lost.ENCODING
    return Lost.TRUNCATED
