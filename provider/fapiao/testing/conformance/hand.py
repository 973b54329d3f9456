"""A flow moved by hand, one answer at a time, with everything that may go wrong kept instead of raised."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from fapiao.engine.flow import plugin_error
from fapiao.errors import FapiaoError, VendorRefused
from fapiao.registry import Source
from fapiao.testing.conformance.tour import Errand, Visit
from fapiao.wire import Account, Decision, Request, Response

__all__ = ["Hand", "play"]


class Hand:
    """One flow on its way. ``end`` is ``""`` while it waits for an answer.

    :param guard: entered around every step of the plugin's code.
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        errand: Errand,
        guard: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.source = source
        self.hook = errand.hook
        self.requests: list[Any] = []
        self.end = ""
        """``result``, ``error`` (of fapiao's tree) or ``crash`` (anything else)."""
        self.value: Any = None
        self.error: FapiaoError | None = None
        self.crash = ""
        self._guard = guard
        with guard():
            self.flow = errand.flow(source, account)
        self._step(lambda: next(self.flow))

    @property
    def request(self) -> Request:
        """What it waits for an answer to."""
        request: Request = self.requests[-1]
        return request

    def answer(self, response: Response) -> None:
        """As a driver does: what ``classify`` finds fine is sent, anything else is thrown."""
        error = self.judged(response)
        if self.end:
            return
        if error is None:
            self._step(lambda: self.flow.send(response))
        else:
            self.throw(error)

    def judged(self, response: Response) -> FapiaoError | None:
        """The error the flow would get for this answer; None where it gets the answer."""
        try:
            with self._guard():
                verdict = self.source.classify(self.request, response)
        except FapiaoError as error:
            if error.__cause__ is None:
                return error
            self.end, self.crash = "crash", f"classify: {error.what}"
            return None
        if verdict.decision is Decision.OK:
            return None
        return verdict.error or VendorRefused(f"The answer is judged {verdict.decision.value}.")

    def throw(self, error: FapiaoError) -> None:
        self._step(lambda: self.flow.throw(error))

    def _step(self, move: Callable[[], Any]) -> None:
        try:
            with self._guard():
                self.requests.append(move())
        except StopIteration as stop:
            self.end, self.value = "result", stop.value
        except FapiaoError as error:
            self.end, self.error = "error", error
        except Exception as problem:  # noqa: BLE001 - plugin code ran: whatever it raised is what is looked for
            self.end, self.crash = "crash", plugin_error(self.source.name, self.hook, problem).what


def play(
    source: Source,
    account: Account,
    visit: Visit,
    *,
    upto: int | None = None,
    guard: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Hand:
    """A recorded visit again; ``upto``: only so many of its answers."""
    hand = Hand(source, account, visit.errand, guard)
    for answer in visit.answers[:upto]:
        if hand.end:
            break
        hand.answer(answer)
    return hand
