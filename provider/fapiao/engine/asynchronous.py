"""The driver for the triggerer: asyncio and ``httpx``. No blocking call anywhere; the account's state is in memory."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx

from fapiao.engine.account_state import LocalAccountState
from fapiao.engine.conduct import Conduct, Conductor, Effect, RenewToken, Sleep, TakePermit, Tell, Transmit
from fapiao.engine.exchange import Completed
from fapiao.engine.failure import Failure, Lost, ca_bundle, failure, is_untrusted, refused_failure
from fapiao.engine.host_rules import Refused
from fapiao.engine.prepared import Prepared
from fapiao.engine.quota import Permit
from fapiao.engine.settings import DriverSettings
from fapiao.observing import observers
from fapiao.redaction import guard_loggers
from fapiao.registry import Source
from fapiao.wire import Account, Flow, Response

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AsyncDriver", "AsyncTransport"]

T = TypeVar("T")
guard_loggers("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.proxy")


class AsyncTransport(Protocol):
    """Sends one attempt and returns its answer, or what became of it. Raises nothing but cancellation."""

    async def send(self, prepared: Prepared) -> Response | Failure: ...

    async def aclose(self) -> None: ...


class AsyncDriver:
    """Runs flows of one account, any number at once, in one event loop.

    :param state: share one among all drivers of an account in the process: then they share its quota, its token and, in
        the order of asking, its permits.
    :param settings: default: those of the connection.
    :param transport: anything with ``async send(Prepared) -> Response | Failure`` and ``async aclose()``.
    :param clock: epoch seconds.
    :param random: numbers in [0, 1) for jitter.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        *,
        state: LocalAccountState | None = None,
        settings: DriverSettings | None = None,
        transport: AsyncTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings or DriverSettings.from_account(account)
        self.max_concurrency: int = self.settings.max_concurrency or source.descriptor.max_concurrency
        self._state = state if state is not None else LocalAccountState()
        self._conductor = Conductor(
            source, account, self._state, self.settings, give_permit=self._give_permit, clock=clock, random=random
        )
        self._sleep = sleep
        self._transport = transport or HttpxTransport(account.base_url, self.settings)
        self._queue: _Queue | None = None
        self._login: asyncio.Lock | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def requests(self) -> int:
        """Attempts sent so far, by all flows, retries and logins included."""
        return self._conductor.sent

    async def run(self, flow: Flow[T]) -> Completed[T]:
        """Run one flow to its end, waiting where it must.

        :raises FapiaoError: the vendor's, the network's or the plugin's failure.
        """
        if isinstance(self._transport, HttpxTransport):
            # Before a request has its turn in the quota: several that waited for this afterwards would leave at once.
            await self._transport.open()
        return await self._perform(self._conductor.run(flow))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _perform(self, conduct: Conduct[T]) -> T:
        """The loop: do what is asked for, give back the outcome."""
        try:
            effect = next(conduct)
            while True:
                try:
                    outcome = await self._do(effect)
                except Exception as problem:  # noqa: BLE001 - it belongs to the one who asked, and is raised there
                    effect = conduct.throw(problem)
                else:
                    effect = conduct.send(outcome)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            conduct.close()

    async def _do(self, effect: Effect) -> Any:
        if isinstance(effect, Transmit):
            return await self._transport.send(effect.prepared)
        if isinstance(effect, TakePermit):
            self._queue = self._queue or _Queue.of(self._state)
            await self._queue.take(self.max_concurrency)
            return Permit(0, 0.0)
        if isinstance(effect, Sleep):
            return await self._sleep(effect.seconds)
        if isinstance(effect, Tell):
            # Somebody else's code, which may write a file.
            return await asyncio.to_thread(observers.tell, effect.event)
        assert isinstance(effect, RenewToken)
        # Made here, inside the loop it belongs to.
        self._login = self._login or asyncio.Lock()
        async with self._login:
            return await self._perform(self._conductor.renewal(effect.failed_version, effect.tally))

    def _give_permit(self, permit: Permit) -> None:
        assert self._queue is not None
        self._queue.give()


class _Queue:
    """First come, first served: the permits of one account in one event loop."""

    def __init__(self) -> None:
        self._in_use = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @classmethod
    def of(cls, state: LocalAccountState) -> _Queue:
        loop = asyncio.get_running_loop()
        queues = _QUEUES.setdefault(state, weakref.WeakKeyDictionary())
        return queues.setdefault(loop, cls())

    async def take(self, limit: int) -> None:
        if self._in_use < limit and not self._waiting:
            self._in_use += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((limit, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The permit came in the same moment: pass it on.
                self.give()
            raise

    def give(self) -> None:
        self._in_use -= 1
        while self._waiting:
            limit, turn = self._waiting[0]
            if turn.done():
                self._waiting.popleft()
            elif self._in_use < limit:
                self._waiting.popleft()
                self._in_use += 1
                turn.set_result(None)
            else:
                break


_QUEUES: weakref.WeakKeyDictionary[LocalAccountState, weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue]] = (
    weakref.WeakKeyDictionary()
)


class HttpxTransport:
    """``httpx`` as a transport. Proxies come from the environment; redirects are answers; cookies are not kept."""

    def __init__(self, base_url: str, settings: DriverSettings) -> None:
        self._settings = settings
        self._host = urlsplit(base_url).netloc.rpartition("@")[2]
        self._clients: dict[tuple[bool, str], httpx.AsyncClient] = {}
        self._opening: asyncio.Lock | None = None

    async def send(self, prepared: Prepared) -> Response | Failure:
        """One attempt."""
        host, proxy = self._host, ""
        if prepared.rules is not None:
            proxy = prepared.rules.proxy
            try:
                # Looking up a name blocks.
                host = (await asyncio.to_thread(prepared.rules.judge, prepared.url)).host
            except Refused as refused:
                return refused_failure(refused)
        client = self._clients.get((prepared.fresh, proxy)) or await self._open(prepared.fresh, proxy)
        try:
            # asyncio's own wait_for would make a task of every request.
            with anyio.fail_after(self._settings.total_timeout):
                return await self._exchange(client, prepared, host)
        except TimeoutError as problem:
            return failure(Lost.TIMEOUT, host, problem)

    async def open(self) -> None:
        """Make the client that repeatable requests use."""
        if (False, "") not in self._clients:
            await self._open(False, "")

    async def aclose(self) -> None:
        """Close all connections."""
        while self._clients:
            await self._clients.popitem()[1].aclose()

    async def _open(self, fresh: bool, proxy: str) -> httpx.AsyncClient:
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            if (fresh, proxy) not in self._clients:
                self._clients[fresh, proxy] = await asyncio.to_thread(self._client, fresh, proxy)
            return self._clients[fresh, proxy]

    def _client(self, fresh: bool, proxy: str) -> httpx.AsyncClient:
        """Made in a thread: reading the trusted certificates, and the HTTP stack that httpx and anyio import when they are
        first used, take long enough to be felt by everybody else in the loop.
        """
        anyio.run(anyio.sleep, 0)
        trust = self._trust()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0 if fresh else 32)
        client = httpx.AsyncClient(
            verify=trust,
            timeout=httpx.Timeout(self._settings.timeout, connect=self._settings.connect_timeout, pool=None),
            limits=limits,
            follow_redirects=False,
            transport=httpx.AsyncHTTPTransport(verify=trust, limits=limits, proxy=httpx.Proxy(proxy))
            if proxy
            else None,
        )
        client.headers.clear()
        return client

    def _trust(self) -> ssl.SSLContext:
        if not self._settings.verify_tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        bundle = ca_bundle()
        if bundle is None:
            return httpx.create_ssl_context(trust_env=False)
        is_directory = Path(bundle).is_dir()
        return ssl.create_default_context(
            cafile=None if is_directory else bundle, capath=bundle if is_directory else None
        )

    async def _exchange(self, client: httpx.AsyncClient, prepared: Prepared, host: str) -> Response | Failure:
        request = httpx.Request(prepared.method, prepared.url, headers=list(prepared.headers), content=prepared.body)
        try:
            answer = await client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
            return failure(_kind(problem), host, problem)
        client.cookies.clear()
        try:
            body = await self._read(answer)
        except (httpx.HTTPError, httpx.StreamError, OSError) as problem:
            return failure(_kind_while_reading(problem), host, problem)
        finally:
            await answer.aclose()
        if body is None:
            return failure(Lost.TOO_LARGE, host)
        return Response(status=answer.status_code, headers=dict(answer.headers.items()), body=body)

    async def _read(self, answer: httpx.Response) -> bytes | None:
        limit = self._settings.max_response_bytes
        announced = answer.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            return None
        chunks: list[bytes] = []
        size = 0
        async for chunk in answer.aiter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > limit:
                return None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _kind(problem: Exception) -> Lost:
    if is_untrusted(problem):
        return Lost.CERTIFICATE
    if isinstance(problem, httpx.ConnectTimeout | httpx.ProxyError | httpx.InvalidURL | httpx.UnsupportedProtocol):
        return Lost.CONNECT
    if isinstance(problem, httpx.ConnectError):
        return Lost.CONNECT
    return Lost.TIMEOUT if isinstance(problem, httpx.TimeoutException) else Lost.BROKEN_OFF


def _kind_while_reading(problem: Exception) -> Lost:
    if isinstance(problem, httpx.TimeoutException):
        return Lost.TIMEOUT
    return Lost.ENCODING if isinstance(problem, httpx.DecodingError) else Lost.TRUNCATED
