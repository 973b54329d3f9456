"""Steps through one plugin flow and holds it to the contract: it yields requests, and nothing else goes wrong unnamed."""

from __future__ import annotations

import logging
from types import GeneratorType
from typing import Any, Generic, TypeVar

import msgspec

from fapiao.errors import FapiaoError, PluginError
from fapiao.redaction import is_clean, redact
from fapiao.wire import CollectionStatus, Flow, Pending, Request, Response

__all__ = ["MOST_REQUESTS", "Steps", "discreet", "plugin_error", "sanitised"]

log = logging.getLogger("fapiao.engine")
T = TypeVar("T")

MOST_REQUESTS = 200
"""Requests one flow may yield. An operation is one page, one look, one login; more is a loop that does not end."""


class Steps(Generic[T]):
    """One flow on its way. After each step either ``request`` is to be answered, or ``finished`` with ``value``."""

    def __init__(self, flow: Flow[T], source: str) -> None:
        self._source = source
        if not isinstance(flow, GeneratorType):
            raise PluginError(
                f"An operation returned {type(flow).__name__} instead of a flow; "
                "it must be a generator: a function with 'yield' in it.",
                source=source,
            )
        self._flow = flow
        self.hook: str = flow.__name__
        """The hook the flow belongs to, for error texts."""
        self._count = 0
        self.finished = False
        self.value: T
        self.request: Request

    def start(self) -> None:
        self._step(self._flow.send, None)

    def send(self, response: Response) -> None:
        self._step(self._flow.send, response)

    def throw(self, error: FapiaoError) -> None:
        """Raise ``error`` at the flow's yield. The flow may turn it into a result; if not, it comes out again."""
        self._step(self._flow.throw, error)

    def close(self) -> None:
        """End a flow that is not finished."""
        try:
            self._flow.close()
        except Exception as problem:  # noqa: BLE001 - plugin code in a finally block; the operation is over, so only tell
            log.warning("Source %s: %s raised %s while it was closed.", self._source, self.hook, type(problem).__name__)

    def _step(self, move: Any, value: Any) -> None:
        try:
            request = move(value)
        except StopIteration as end:
            self.value = end.value
            self.finished = True
            return
        except FapiaoError as error:
            error.within(source=self._source)
            raise
        except Exception as problem:  # noqa: BLE001 - plugin code ran: name it and the hook
            failed = plugin_error(self._source, self.hook, problem)
        else:
            self._count += 1
            if self._count > MOST_REQUESTS:
                raise self._complaint(f"asked for more than {MOST_REQUESTS} requests; it does not end")
            if not isinstance(request, Request):
                raise self._complaint(self._odd(request))
            self.request = request
            return
        raise failed

    def _odd(self, thing: Any) -> str:
        if isinstance(thing, GeneratorType):
            return (
                f"yielded the generator {thing.__name__}(): write 'yield from {thing.__name__}(…)' instead of 'yield'"
            )
        return (
            f"yielded {type(thing).__name__} instead of a Request; a result is returned, "
            "and another flow is called with 'yield from'"
        )

    def _complaint(self, what: str) -> PluginError:
        self.close()
        return PluginError(f"The flow {self.hook} {what}.", source=self._source)


def plugin_error(source: str, hook: str, problem: BaseException) -> PluginError:
    """An exception of the plugin's own code as an error that names plugin, hook and line, with the exception as cause."""
    line = ""
    trace = problem.__traceback__
    while trace is not None:
        line = f" at {trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    error = PluginError(f"The hook {hook} raised {type(problem).__name__}: {problem}{line}.", source=source)
    error.__cause__ = problem
    return error


def sanitised(error: FapiaoError) -> FapiaoError:
    """The same error, its text redacted, and without causes that would print a secret."""
    _redact(error)
    link: BaseException = error
    seen = {id(error)}
    while True:
        follow = link.__cause__ if link.__cause__ is not None or link.__suppress_context__ else link.__context__
        if follow is None or id(follow) in seen:
            return error
        seen.add(id(follow))
        if isinstance(follow, FapiaoError):
            _redact(follow)
        elif not is_clean(f"{follow} {follow!r} {getattr(follow, '__notes__', '')}"):
            link.__cause__ = None
            link.__suppress_context__ = True
            return error
        link = follow


def discreet(value: Any) -> Any:
    """A flow's result with the vendor's own words redacted: they are printed and stored, and may quote the request."""
    if isinstance(value, Pending) and not is_clean(value.reason):
        return msgspec.structs.replace(value, reason=redact(value.reason))
    if isinstance(value, CollectionStatus):
        # Dozens of slices say one and the same.
        unclean = {text for text in {part.message for part in value.slices} if not is_clean(text)}
        parts = value.slices
        if unclean:
            parts = tuple(
                msgspec.structs.replace(part, message=redact(part.message)) if part.message in unclean else part
                for part in parts
            )
        return msgspec.structs.replace(value, slices=parts, message=redact(value.message))
    return value


def _redact(error: FapiaoError) -> None:
    error.what = redact(error.what)
    error.args = (error.what, *error.args[1:])
    error.advice = redact(error.advice)
    # The vendor's code comes out of its answer, which may repeat what it was sent.
    error.code = error.code and redact(error.code)
