"""Finds I/O in plugin code while it runs: every call into C or into the few Python doors to the outside is looked at.

A profile function sees ``time.time`` also where a module has taken it with ``from time import time``, which a patched
attribute does not. What is forbidden is stopped before it happens.
"""

from __future__ import annotations

import _random
import _socket
import datetime as dt
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Impure", "forbidden", "reach"]

_CLOCK = frozenset({
    "ctime", "gmtime", "localtime", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time",
    "process_time_ns", "sleep", "thread_time", "thread_time_ns", "time", "time_ns",
})  # fmt: skip
_TODAY = frozenset({"now", "utcnow", "today"})
_FILES = frozenset({"open", "open_code", "FileIO"})
_HARMLESS_POSIX = frozenset({"fspath"})
_DOORS: dict[Any, str] = {
    socket.socket.__init__.__code__: "network (socket)",
    subprocess.Popen.__init__.__code__: "another process (subprocess)",
    threading.Thread.start.__code__: "a thread (threading.Thread)",
    type(os.environ).__getitem__.__code__: "environment (os.environ)",
    type(os.environ).__setitem__.__code__: "environment (os.environ)",
    type(os.environ).__iter__.__code__: "environment (os.environ)",
}
_LIBRARY = str(Path(os.__file__).parent)
_OURS = str(Path(__file__).parent)
# Importing inside a function reads files, and logging tells the time: neither is the plugin's doing.
_ALLOWED = ("<frozen importlib", f"{_LIBRARY}{os.sep}importlib{os.sep}", f"{_LIBRARY}{os.sep}logging{os.sep}")


class Impure(BaseException):
    """Plugin code reached outside. Not an Exception, so that the plugin cannot swallow it."""


def reach(function: Any) -> str:
    """What a C function reaches for, empty where it is harmless."""
    name, module, owner = function.__name__, function.__module__ or "", getattr(function, "__self__", None)
    if module == "time" and name in _CLOCK:
        return f"clock (time.{name})"
    if name in _TODAY and isinstance(owner, type) and issubclass(owner, dt.date):
        return f"clock ({owner.__name__}.{name})"
    if isinstance(owner, _random.Random):
        return f"randomness (random.{name})"
    if isinstance(owner, _socket.socket) or module == "_socket":
        return f"network (socket.{name})"
    if module in ("io", "_io") and name in _FILES:
        return f"files ({name})"
    if module == "_thread" and name.startswith("start_"):
        return f"a thread ({name})"
    if module in ("posix", "nt") and name not in _HARMLESS_POSIX:
        return "randomness (os.urandom)" if "random" in name else f"the operating system (os.{name})"
    return ""


@contextmanager
def forbidden() -> Iterator[None]:
    """While it is entered, reaching outside raises :class:`Impure`, which says what was reached from which line."""

    def look(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            found = reach(function)
        elif event == "call":
            found = _DOORS.get(frame.f_code, "")
        else:
            return
        if found and not _allowed(frame):
            raise Impure(f"{found} at {_line(frame)}")

    before, collects = sys.getprofile(), gc.isenabled()
    # A collection comes whenever it comes, and runs what others have asked to be told of it: that is not the plugin's doing.
    gc.disable()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()


def _allowed(frame: FrameType | None) -> bool:
    while frame is not None and not frame.f_code.co_filename.startswith(_OURS):
        if frame.f_code.co_filename.startswith(_ALLOWED):
            return True
        frame = frame.f_back
    return False


def _line(frame: FrameType) -> str:
    """The line outside the standard library that it came from."""
    at: FrameType | None = frame
    while at is not None and _of_the_library(at.f_code.co_filename):
        at = at.f_back
    at = at or frame
    return f"{Path(at.f_code.co_filename).name}:{at.f_lineno}"


def _of_the_library(name: str) -> bool:
    return name.startswith((_LIBRARY, "<frozen")) and "-packages" not in name
