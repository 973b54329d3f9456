"""Tells observers what happened: each on its own, guarded, named in the log when it fails. A run never fails with one."""

from __future__ import annotations

import inspect
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec
import pluggy

from fapiao.events import HOOKS, Event, InvoiceObserver
from fapiao.redaction import redact
from fapiao.spec import PROJECT

__all__ = ["GROUP", "ObserverState", "Observers", "observers"]

log = logging.getLogger("fapiao.observers")

GROUP = "fapiao.observers"


class ObserverState(msgspec.Struct, frozen=True, kw_only=True):
    """An installed observer, as ``fapiao observers`` shows it."""

    name: str
    distribution: str
    version: str
    state: str
    """``active``, ``idle`` (it has nothing to do here, because nothing configures it) or ``broken``."""
    hooks: tuple[str, ...] = ()
    reason: str = ""


class _Seat:
    """One observer behind a manager of its own, and how often it failed."""

    def __init__(self, name: str, observer: object) -> None:
        self.name = name
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(InvoiceObserver)
        self._manager.register(observer, name=name)
        self._manager.check_pending()
        self.hooks = tuple(hook for hook in HOOKS.values() if self._implementations(hook))
        for hook in self.hooks:
            for implementation in self._implementations(hook):
                if inspect.isgeneratorfunction(implementation.function) or inspect.iscoroutinefunction(
                    implementation.function
                ):
                    raise TypeError(f"{hook} is not a plain function: nobody would run it")
        self._failures = 0

    def tell(self, hook: str, event: Event) -> None:
        try:
            getattr(self._manager.hook, hook)(event=event)
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - somebody else's code, which must not end the run
            self._failures += 1
            # The first, the tenth, the hundredth …: a full disk would fill the log as well.
            if str(self._failures).strip("0") == "1":
                log.warning(
                    "The observer %s failed in %s (%s: %s); the run goes on. It has failed %d times in this process.",
                    self.name,
                    hook,
                    type(problem).__name__,
                    redact(str(problem)),
                    self._failures,
                )

    def _implementations(self, hook: str) -> list[Any]:
        return list(getattr(self._manager.hook, hook).get_hookimpls())


class Observers:
    """The observers of one process; those of the entry points are made when the first event is at hand.

    :param points: instead of the installed entry points.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._given = None if points is None else list(points)
        self._lock = threading.Lock()
        self._installed: list[_Seat] | None = None
        self._added: list[_Seat] = []
        self._states: list[ObserverState] = []
        self._watching: dict[type[Event], tuple[_Seat, ...]] | None = None

    def wants(self, kind: type[Event]) -> bool:
        """Whether anybody watches events of this kind; whoever would have to make one asks first."""
        watching = self._watching
        return bool((self._load() if watching is None else watching)[kind])

    def tell(self, event: Event) -> None:
        """Tell everybody who watches. Raises nothing."""
        watching = self._watching
        for seat in (self._load() if watching is None else watching)[type(event)]:
            seat.tell(HOOKS[type(event)], event)

    @contextmanager
    def added(self, observer: object, name: str = "added") -> Iterator[None]:
        """An observer of this process alone, while the block runs.

        :raises pluggy.PluginValidationError: a hook that there is not, or parameters that there are not.
        """
        seat = _Seat(name, observer)
        with self._lock:
            self._added = [*self._added, seat]
            self._watching = None
        try:
            yield
        finally:
            with self._lock:
                self._added = [part for part in self._added if part is not seat]
                self._watching = None

    def states(self) -> list[ObserverState]:
        """Every installed observer: active, idle, or broken with the reason."""
        self._load()
        return list(self._states)

    def _load(self) -> dict[type[Event], tuple[_Seat, ...]]:
        with self._lock:
            if self._installed is None:
                self._installed = self._made()
            seats = [*self._installed, *self._added]
            self._watching = {kind: tuple(seat for seat in seats if hook in seat.hooks) for kind, hook in HOOKS.items()}
            return self._watching

    def _made(self) -> list[_Seat]:
        disabled = frozenset(filter(None, re.split(r"[,\s]+", os.environ.get("FAPIAO_DISABLE", ""))))
        points = self._given if self._given is not None else list(entry_points(group=GROUP))
        seats = []
        for point in sorted(points, key=lambda point: (point.name, point.value)):
            if point.name in disabled:
                continue
            seat, reason = None, ""
            try:
                seat = _seat(point.name, point.load())
            except Exception as problem:  # noqa: BLE001 - somebody else's code, which must not end the run
                reason = redact(f"{type(problem).__name__}: {problem}")
                log.warning("The observer %s of %s cannot be used: %s", point.name, " ".join(_owner(point)), reason)
            self._states.append(_state(point, seat, reason))
            if seat is not None:
                seats.append(seat)
        return seats


def _seat(name: str, make: Callable[[], object | None]) -> _Seat | None:
    if not callable(make):
        raise TypeError("the entry point must name a callable without arguments that returns the observer")
    observer = make()
    return None if observer is None else _Seat(name, observer)


def _state(point: EntryPoint, seat: _Seat | None, reason: str) -> ObserverState:
    distribution, version = _owner(point)
    return ObserverState(
        name=point.name,
        distribution=distribution,
        version=version,
        state="active" if seat is not None else "broken" if reason else "idle",
        hooks=() if seat is None else seat.hooks,
        reason=reason,
    )


def _owner(point: EntryPoint) -> tuple[str, str]:
    distribution = getattr(point, "dist", None)
    return (distribution.name, distribution.version) if distribution is not None else ("(not installed)", "")


observers = Observers()
"""The observers of this process."""
