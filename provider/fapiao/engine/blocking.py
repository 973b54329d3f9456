"""The driver for workers and the command line: threads, ``requests``, one session per thread."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from fapiao.engine.account_state import AccountState, LocalAccountState
from fapiao.engine.conduct import Conduct, Conductor, Effect, Heard, RenewToken, Sleep, TakePermit, Tell, Transmit
from fapiao.engine.exchange import Completed
from fapiao.engine.failure import Failure
from fapiao.engine.prepared import Prepared
from fapiao.engine.quota import TURN, Permit, Permits
from fapiao.engine.requests_transport import RequestsTransport
from fapiao.engine.settings import DriverSettings
from fapiao.errors import FapiaoError
from fapiao.observing import observers
from fapiao.registry import Source
from fapiao.wire import Account, Flow, Response

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BlockingDriver", "BlockingTransport"]

log = logging.getLogger("fapiao.engine")
T = TypeVar("T")


class BlockingTransport(Protocol):
    """Sends one attempt and returns its answer, or what became of it. Raises nothing."""

    def send(self, prepared: Prepared) -> Response | Failure: ...

    def close(self) -> None: ...


class BlockingDriver:
    """Runs flows of one account, from any number of threads.

    :param state: what the account shares with other processes; its own memory without one.
    :param settings: default: those of the connection.
    :param transport: anything with ``send(Prepared) -> Response | Failure`` and ``close()``.
    :param clock: epoch seconds.
    :param sleep: default: a sleep that :meth:`close` ends.
    :param random: numbers in [0, 1) for jitter.
    :param heard: is told every logical request and its final answer, from several threads.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        *,
        state: AccountState | None = None,
        settings: DriverSettings | None = None,
        transport: BlockingTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] | None = None,
        random: Callable[[], float] = random.random,
        heard: Heard | None = None,
    ) -> None:
        self.settings = settings or DriverSettings.from_account(account)
        self.max_concurrency: int = self.settings.max_concurrency or source.descriptor.max_concurrency
        state = state if state is not None else LocalAccountState()
        self._conductor = Conductor(
            source,
            account,
            state,
            self.settings,
            give_permit=self._give_permit,
            clock=clock,
            random=random,
            heard=heard,
        )
        self._clock = clock
        self._sleep = sleep or self._interruptible_sleep
        self._transport = transport or RequestsTransport(account.base_url, self.settings)
        self._closed = threading.Event()
        self._login = threading.Lock()
        self._freed = threading.Condition()
        # Memory is not worth a turn: there is no transaction to be saved.
        turn = 0.0 if isinstance(state, LocalAccountState) else TURN
        self._permits = Permits(
            state, self.max_concurrency, self._conductor.holder, lease=self.settings.total_timeout, turn=turn
        )
        self._tidying: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def requests(self) -> int:
        """Attempts sent so far, by all flows, retries and logins included."""
        return self._conductor.sent

    def run(self, flow: Flow[T]) -> Completed[T]:
        """Run one flow to its end, waiting where it must. Thread-safe.

        :raises FapiaoError: the vendor's, the network's or the plugin's failure.
        :raises CancelledError: the driver was closed meanwhile.
        """
        if self._closed.is_set():
            raise CancelledError("the driver is closed")
        return self._perform(self._conductor.run(flow))

    def tidy(self) -> None:
        """Give back the permits this process keeps but does not use."""
        self._permits.give_all()

    def close(self) -> None:
        """Wake whoever sleeps, give back the permits, close the connections."""
        self._closed.set()
        with self._freed:
            if self._tidying is not None:
                self._tidying.cancel()
            self._freed.notify_all()
        self._permits.give_all()
        self._transport.close()

    def _perform(self, conduct: Conduct[T]) -> T:
        """The loop: do what is asked for, give back the outcome."""
        try:
            effect = next(conduct)
            while True:
                try:
                    outcome = self._do(effect)
                except Exception as problem:  # noqa: BLE001 - it belongs to the one who asked, and is raised there
                    effect = conduct.throw(problem)
                else:
                    effect = conduct.send(outcome)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            conduct.close()

    def _do(self, effect: Effect) -> Any:
        if isinstance(effect, Transmit):
            return self._transport.send(effect.prepared)
        if isinstance(effect, TakePermit):
            return self._take_permit()
        if isinstance(effect, Sleep):
            return self._sleep(effect.seconds)
        if isinstance(effect, Tell):
            return observers.tell(effect.event)
        assert isinstance(effect, RenewToken)
        with self._login:
            return self._perform(self._conductor.renewal(effect.failed_version, effect.tally))

    def _take_permit(self) -> Permit:
        while True:
            given = self._permits.given
            permit = self._permits.try_take(self._clock())
            if permit is not None:
                return permit
            with self._freed:
                if self._permits.given == given:
                    self._freed.wait(self._permits.patience(self._clock()))
            if self._closed.is_set():
                raise CancelledError("the driver was closed while a request waited for its turn")

    def _give_permit(self, permit: Permit) -> None:
        self._permits.give(permit, self._clock())
        with self._freed:
            self._freed.notify()
        self._tidy_later()

    def _tidy_later(self) -> None:
        """A process that falls idle gives its permits back by itself."""
        if self._permits.tidy(self._clock()) is None:
            return
        with self._freed:
            if self._tidying is None and not self._closed.is_set():
                self._tidying = threading.Timer(TURN, self._tidy_now)
                self._tidying.daemon = True
                self._tidying.start()

    def _tidy_now(self) -> None:
        self._tidying = None
        try:
            self._tidy_later()
        except FapiaoError as error:
            # Nobody waits for this thread; leases end by themselves.
            log.warning("Permits could not be given back: %s", error)

    def _interruptible_sleep(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise CancelledError("the driver was closed while a request waited for its next try")
