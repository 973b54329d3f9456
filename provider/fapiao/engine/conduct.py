"""Conducts flows: all that both drivers have in common.

A :class:`Conductor` is sans-IO as the plugins are. It is a generator of *effects*; what needs a clock that passes, a lock
or a socket it yields to its driver and gets the outcome back. So both drivers send the same requests, wait the same
waits and raise the same errors because there is one place where these come from.
"""

from __future__ import annotations

import copy
import logging
import secrets
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import msgspec

import fapiao
from fapiao.engine.account_state import AccountState, StoredToken, new_holder
from fapiao.engine.attempt import Action, Attempt, Deliver, Fail, Renew, SendAgain, named, opening
from fapiao.engine.exchange import Completed, Exchange
from fapiao.engine.failure import Failure
from fapiao.engine.flow import Steps, discreet, plugin_error, sanitised
from fapiao.engine.prepared import Prepared, encode_body, prepare, prepare_file
from fapiao.engine.quota import LATE, Paces, Permit
from fapiao.engine.settings import DriverSettings
from fapiao.engine.tokens import CLAIM, POSTPONED, REFUSAL_KEPT, RENEWAL_POLL, received, usable
from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    FapiaoError,
    PluginError,
    VendorBroken,
    VendorError,
    VendorRefused,
)
from fapiao.events import AttemptFinished, Event
from fapiao.observing import observers
from fapiao.redaction import impersonal, redact, register
from fapiao.registry import Source
from fapiao.wire import Account, Decision, Flow, Request, Response, Signed, Stamp, Token, Verdict

__all__ = ["Conduct", "Conductor", "Effect", "Heard", "RenewToken", "Sleep", "TakePermit", "Tally", "Tell", "Transmit"]

log = logging.getLogger("fapiao.engine")
T = TypeVar("T")

HEAD_START = 0.02
"""Seconds before its slot at which a request asks for its permit; before that, others can use it."""


class Sleep(msgspec.Struct, frozen=True):
    """Wait. The answer is None."""

    seconds: float


class TakePermit(msgspec.Struct, frozen=True):
    """Wait for a permit. The answer is a :class:`Permit`."""


class Transmit(msgspec.Struct, frozen=True):
    """Send one attempt. The answer is a Response or a Failure; never an exception of the transport."""

    prepared: Prepared


class Tally:
    """Attempts sent for one flow, logins included."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        self.sent = 0


class RenewToken(msgspec.Struct, frozen=True):
    """Run :meth:`Conductor.renewal` with these two under the driver's login lock. The answer is a StoredToken."""

    failed_version: int | None
    tally: Tally


class Tell(msgspec.Struct, frozen=True):
    """Tell the observers; asked for only where somebody watches. The answer is None."""

    event: Event


Effect = Sleep | TakePermit | Transmit | RenewToken | Tell
Conduct = Generator[Effect, Any, T]
Heard = Callable[[str, Request, Response], None]
"""Is told each logical request, the hook whose flow asked it, and its final answer; logins too. For recordings."""


_OUTCOMES = {Deliver: "delivered", SendAgain: "again", Renew: "renew", Fail: "failed"}


class _Answer(msgspec.Struct, frozen=True):
    """How one logical request ended: an answer for the flow, or an error, perhaps with the answer it was made from."""

    response: Response | None
    error: FapiaoError | None = None


class Conductor:
    """One account's conversation with its vendor. Thread-safe where the state is.

    :param give_permit: takes a permit back; never waits for one.
    :param clock: epoch seconds.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        state: AccountState,
        settings: DriverSettings,
        *,
        give_permit: Callable[[Permit], None],
        clock: Callable[[], float] = time.time,
        random: Callable[[], float],
        holder: str | None = None,
        heard: Heard | None = None,
    ) -> None:
        self.source = source
        self.account = account
        self.settings = settings
        self.holder = holder or new_holder()
        self.sent = 0
        """Attempts sent so far, by all flows."""
        self._counting = threading.Lock()
        self._heard = heard
        self._state = state
        self._give_permit = give_permit
        self._clock = clock
        self._random = random
        self._paces = Paces(source.descriptor.quotas, settings.requests_per_second, state.reserve)
        self._logs_in = source.has("authorize")
        self._token: StoredToken | None = None
        self._renew_from = 0.0
        self._refused: tuple[CredentialError, float] | None = None
        self._agent = f"airflow-provider-fapiao/{fapiao.__version__}"
        if account.secret:
            register(account.secret.reveal())

    def run(self, flow: Flow[T], tally: Tally | None = None) -> Conduct[Completed[T]]:
        """Run one flow to its end.

        :param tally: where its attempts are counted besides, for a login within another flow.
        :raises FapiaoError: what the flow let through, its source filled in and free of secrets.
        """
        tally = tally if tally is not None else Tally()
        before = tally.sent
        steps = Steps(flow, self.source.name)
        exchanges: list[Exchange] = []
        try:
            steps.start()
            while not steps.finished:
                request = steps.request
                answer = yield from self._ask(request, tally, login=steps.hook == "authorize")
                if answer.response is not None and self._heard is not None:
                    self._heard(steps.hook, request, answer.response)
                if answer.response is not None and request.authorized:
                    exchanges.append(Exchange(request, answer.response))
                if answer.error is not None:
                    steps.throw(sanitised(answer.error))
                elif answer.response is not None:
                    try:
                        steps.send(answer.response)
                    except VendorBroken as error:
                        # The flow looks deeper than classify; its error has not seen the bytes.
                        error.what += opening(answer.response)
                        raise
        except FapiaoError as error:
            raise sanitised(error.within(source=self.source.name))
        finally:
            steps.close()
        if isinstance(steps.value, Token):
            register(steps.value.value.reveal())
        return Completed(value=discreet(steps.value), transcript=tuple(exchanges), requests=tally.sent - before)

    def renewal(self, failed_version: int | None, tally: Tally) -> Conduct[StoredToken]:
        """The account's token, by a login where nobody else has done it. One at a time in a process: the driver's lock.

        :param failed_version: of the token the vendor has just refused; None without one.
        """
        while True:
            now = self._clock()
            token = self._token
            if token is None or self._is_due(token, failed_version, now):
                token = self._state.load_token(now)
            if token is not None and usable(token, failed_version, now):
                register(token.value.reveal())
                self._token = token
                if self._is_due(token, failed_version, now):
                    return (yield from self._renew_early(token, tally))
                return token
            if self._state.claim_renewal(failed_version, self.holder, now + CLAIM, now):
                return (yield from self._log_in(failed_version, tally))
            yield Sleep(RENEWAL_POLL * (0.5 + self._random()))

    def _renew_early(self, token: StoredToken, tally: Tally) -> Conduct[StoredToken]:
        """The old token still works: whatever goes wrong, it is used on, and the renewal is tried again later."""
        now = self._clock()
        self._renew_from = now + POSTPONED
        if not self._state.claim_renewal(token.version, self.holder, now + CLAIM, now):
            return token
        try:
            return (yield from self._log_in(token.version, tally))
        except VendorError as error:
            log.warning("The token of %s could not be renewed early and is used on: %s", self.source.name, error)
            return token

    def _log_in(self, failed_version: int | None, tally: Tally) -> Conduct[StoredToken]:
        now = self._clock()
        if self._refused is not None and now < self._refused[1]:
            raise copy.copy(self._refused[0])
        try:
            done = yield from self.run(self.source.authorize(self.account), tally)
            if not isinstance(done.value, Token):
                raise PluginError(
                    f"The flow authorize returned {type(done.value).__name__} instead of a Token.",
                    source=self.source.name,
                )
        except CredentialError as error:
            # The claim is kept: other processes with the same wrong password wait too, before a vendor locks the account.
            self._refused = (error, self._clock() + REFUSAL_KEPT)
            raise
        except BaseException as error:
            if not isinstance(error, VendorRefused):
                now = self._clock()
                self._state.claim_renewal(failed_version, self.holder, now, now)
            raise
        now = self._clock()
        self._token = self._state.store_token(received(done.value, now), self.holder, now)
        self._renew_from = 0.0
        return self._token

    def _ask(self, request: Request, tally: Tally, *, login: bool) -> Conduct[_Answer]:
        """All attempts of one request. Errors the flow may turn into a result are returned, the plugin's own are raised."""
        body = encode_body(request)
        if request.authorized and login:
            raise PluginError(f"authorize yields {request.method} {request.path} without authorized=False.")
        attempt = Attempt(request, self.settings, can_renew=self._logs_in, random=self._random)
        failed_version: int | None = None
        number = 0
        pace = self._paces.of(request.path)
        while True:
            token: StoredToken | None = None
            if request.authorized and self._logs_in and request.file_url is None:
                try:
                    token = yield from self._valid_token(failed_version, tally)
                except (VendorError, ConfigurationError) as error:
                    return _Answer(None, error)
            outcome, began = yield from self._send(request, body, token, tally)
            now = self._clock()
            number += 1
            response: Response | None = None
            if isinstance(outcome, Failure):
                action = attempt.lost(outcome)
            else:
                response = outcome
                action = attempt.status(response, now) or attempt.answered(
                    response, self._classify(request, response), now
                )
            if observers.wants(AttemptFinished):
                yield Tell(self._finished(request, number, outcome, action, now - began, now))
            if isinstance(action, Deliver):
                return _Answer(response)
            if isinstance(action, Fail):
                return _Answer(response, action.error.within(source=self.source.name))
            if isinstance(action, Renew):
                log.info("%s: the token of %s is refused, logging in again.", self.source.name, self.account.name)
                failed_version = token.version if token is not None else None
                continue
            log.info(
                "%s: %s %s: %s; trying again in %.1f s.",
                self.source.name, request.method, named(request), action.why, action.after,
            )  # fmt: skip
            if action.throttled:
                pace.hold(now + action.after)
            yield Sleep(action.after)

    def _valid_token(self, failed_version: int | None, tally: Tally) -> Conduct[StoredToken]:
        now = self._clock()
        token = self._token
        if token is not None and not self._is_due(token, failed_version, now):
            return token
        renewed: StoredToken = yield RenewToken(failed_version, tally)
        return renewed

    def _is_due(self, token: StoredToken, failed_version: int | None, now: float) -> bool:
        """Whether another token is needed, or wanted."""
        return not usable(token, failed_version, now) or now >= max(token.renew_at, self._renew_from)

    def _send(
        self, request: Request, body: bytes, token: StoredToken | None, tally: Tally
    ) -> Conduct[tuple[Response | Failure, float]]:
        """One attempt, when quota and concurrency allow; signed at that moment, not before the wait. With it: when."""
        permit = yield from self._admitted(request.path)
        try:
            if request.file_url is None:
                prepared = prepare(request, self.account, body, self._sign(request, body, token), self._agent)
            else:
                register(request.file_url.reveal(), passing=True)
                prepared = prepare_file(request, self.account, self._agent)
            tally.sent += 1
            with self._counting:
                self.sent += 1
            began = self._clock()
            outcome: Response | Failure = yield Transmit(prepared)
        finally:
            self._give_permit(permit)
        if log.isEnabledFor(logging.DEBUG):
            told = f"HTTP {outcome.status}" if isinstance(outcome, Response) else outcome.kind.value
            log.debug("%s: %s %s: %s", self.source.name, request.method, named(request), told)
        return outcome, began

    def _finished(
        self, request: Request, number: int, outcome: Response | Failure, action: Action, seconds: float, now: float
    ) -> AttemptFinished:
        response = outcome if isinstance(outcome, Response) else None
        error = action.error if isinstance(action, Fail) else None
        return AttemptFinished(
            at=now,
            source=self.source.name,
            account=self.account.name,
            method=request.method,
            path=impersonal(named(request)),
            number=number,
            outcome=_OUTCOMES[type(action)],
            seconds=seconds,
            status=response.status if response is not None else None,
            bytes=len(response.body) if response is not None else 0,
            lost=outcome.kind.value if isinstance(outcome, Failure) else None,
            error=type(error).__name__ if error is not None else None,
            code=redact(error.code) if error is not None and error.code else None,
        )

    def _admitted(self, path: str) -> Conduct[Permit]:
        """A permit, at an instant the rate allows."""
        pace = self._paces.of(path)
        at = pace.book(self._clock())
        wait = at - self._clock()
        if wait > 2 * HEAD_START:
            yield Sleep(wait - HEAD_START)
        permit: Permit = yield TakePermit()
        try:
            now = self._clock()
            if now > at + LATE:
                # The permit came too late for the slot: used now, it would come too close to somebody else's.
                at = pace.book(now)
            if at > now:
                yield Sleep(at - now)
        except BaseException:
            self._give_permit(permit)
            raise
        return permit

    def _sign(self, request: Request, body: bytes, token: StoredToken | None) -> Signed:
        stamp = Stamp(epoch_ms=int(self._clock() * 1000), nonce=secrets.token_hex(16))
        given = None if token is None else Token(value=token.value, expires_at=token.expires_at)
        try:
            signed: Any = self.source.sign(request, self.account, given, stamp, body)
        except FapiaoError:
            raise
        except Exception as problem:  # noqa: BLE001 - plugin code ran: name it and the hook
            failed = plugin_error(self.source.name, "sign", problem)
        else:
            if isinstance(signed, Signed):
                for value in signed.secrets:
                    register(value, passing=True)
                return signed
            failed = PluginError(f"sign() returned {type(signed).__name__} instead of Signed.")
        raise failed

    def _classify(self, request: Request, response: Response) -> Verdict:
        try:
            verdict: Any = self.source.classify(request, response)
        except PluginError:
            raise
        except FapiaoError as error:
            broken = isinstance(error, VendorError) and not isinstance(error, VendorRefused)
            return Verdict(decision=Decision.BROKEN if broken else Decision.REFUSED, error=error)
        except Exception as problem:  # noqa: BLE001 - plugin code ran: name it and the hook
            failed = plugin_error(self.source.name, "classify", problem)
        else:
            if isinstance(verdict, Verdict):
                return verdict
            failed = PluginError(f"classify() returned {type(verdict).__name__} instead of a Verdict.")
        raise failed
