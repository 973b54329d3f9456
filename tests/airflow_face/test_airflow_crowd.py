"""The garbage collector of a triggerer in which very many wait."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fapiao.airflow.crowd import Crowd

pytestmark = pytest.mark.airflow


@pytest.fixture(autouse=True)
def _given_back() -> Iterator[None]:
    assert gc.get_freeze_count() == 0
    yield
    gc.unfreeze()


class Thing:
    """Something that can be watched."""


def test_what_waits_is_set_aside_and_given_back_when_nobody_waits() -> None:
    crowd = Crowd(step=3)
    with ExitStack() as waiting:
        for _ in range(2):
            waiting.enter_context(crowd)
        assert gc.get_freeze_count() == 0
        waiting.enter_context(crowd)
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_it_happens_once_for_each_step_that_the_crowd_grows() -> None:
    crowd = Crowd(step=2)
    with ExitStack() as waiting:
        counts = []
        for _ in range(4):
            waiting.enter_context(crowd)
            counts.append(gc.get_freeze_count())
        first, second = counts[1], counts[3]
        assert counts[0] == 0 < first < second
        assert counts[2] <= first
        with crowd:
            pass
        with crowd:  # as many as before: they come and go
            assert gc.get_freeze_count() <= second


def test_what_is_set_aside_is_freed_when_nothing_refers_to_it() -> None:
    crowd = Crowd(step=1)
    thing = Thing()
    seen = weakref.ref(thing)
    with crowd:
        del thing
        assert seen() is None


def test_the_environment_can_leave_the_collector_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAPIAO_GC_FREEZE", "0")
    with Crowd(step=1):
        assert gc.get_freeze_count() == 0
