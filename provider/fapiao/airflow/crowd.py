"""Keeps Python's garbage collector from stopping a triggerer while thousands of tasks wait in it.

A full collection looks through every object of the process, and holds the event loop meanwhile: with 10,000 waiting tasks 0.3
seconds, again and again while they are made. What waits is no garbage. So each time that a thousand more wait than ever before, what
the process holds then is set aside (:func:`gc.freeze`), and when nobody waits any more all of it is given back. Objects that are set
aside are freed as always when nothing refers to them; only garbage that refers to itself stays until the crowd has gone, and of
that there is little, because the young generations are collected before.
"""

from __future__ import annotations

import gc
import os

__all__ = ["Crowd", "crowd"]

STEP = 1_000
"""A triggerer with fewer waiting tasks is left as it is."""


class Crowd:
    """Those who wait in this process. Used in the event loop's thread only.

    ``FAPIAO_GC_FREEZE=0`` in the triggerer's environment leaves the collector alone.
    """

    def __init__(self, step: int = STEP) -> None:
        self._step = step
        self._present = 0
        self._set_aside_for = 0
        self._is_wanted = os.environ.get("FAPIAO_GC_FREEZE", "1") != "0"

    def __enter__(self) -> None:
        self._present += 1
        if self._is_wanted and self._present >= self._set_aside_for + self._step:
            self._set_aside_for = self._present
            gc.collect(1)
            gc.freeze()

    def __exit__(self, *_: object) -> None:
        self._present -= 1
        if not self._present and self._set_aside_for:
            self._set_aside_for = 0
            gc.unfreeze()


crowd = Crowd()
"""Of this process."""
