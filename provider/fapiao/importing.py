"""A plugin is imported in a thread of its own, so that one that never comes back holds nobody for ever, and no lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["PATIENCE", "Failed", "Import", "NotBack"]

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that a plugin may take to be imported and to describe itself; a cold network file system takes a few."""


class NotBack(Exception):
    """It has not come back in time. It may still do so."""


class Failed(Exception):
    """The plugin has raised ``problem``. Never that itself: it may be what ends a program."""

    def __init__(self, problem: BaseException) -> None:
        super().__init__(f"{type(problem).__name__}: {problem}")
        self.problem = problem


class Import(Generic[T]):
    """One import under way, and what it has brought. Begins at once.

    The thread is a daemon: a process can end although it never does. What a plugin raises, whatever it is, ends with it.

    :param work: imports the plugin; called with this import, so that it can say how far it is.
    :param name: of the thread.
    """

    def __init__(self, work: Callable[[Import[T]], T], name: str) -> None:
        self.stage = "import"
        """What is being done, for people."""
        self._work = work
        self._began = time.monotonic()
        self._done = threading.Event()
        self._results: list[T] = []
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def result(self, patience: float) -> T:
        """What it has brought, waited for until it is so many seconds old: who comes later does not wait again.

        :raises NotBack: nothing yet.
        :raises Failed: the plugin has raised something.
        """
        if not self._done.wait(max(0.0, self._began + patience - time.monotonic())):
            raise NotBack(f"it did not come back within {patience:g} seconds")
        if self._error is not None:
            raise Failed(self._error)
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work(self))
        except BaseException as problem:  # noqa: BLE001 - a plugin may even call exit(); whoever waits is told
            self._error = problem
        finally:
            self._done.set()
