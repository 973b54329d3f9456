"""The trigger: asks the vendor politely, never blocks the loop, always ends with one event."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fapiao.airflow.events import Wake
from fapiao.airflow.triggers import CollectionTrigger
from fapiao.testing.scenario import Fault
from fapiao_ekuaibao.simulator import CodeAnswer, Slow

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:airflow"),
    pytest.mark.filterwarnings("ignore::airflow.exceptions.AirflowProviderDeprecationWarning"),
]

Vendor = Callable[..., Any]
ONE, TWO, THREE = "919900000000000192", "91990000000000027W", "91990000000000035P"
SLICES = [["01", "input"], ["81", "input"]]


def trigger(*taxpayers: str, **changes: Any) -> CollectionTrigger:
    now = time.time()
    jobs = [{"taxpayer_no": taxpayer, "not_before": now} for taxpayer in taxpayers or (ONE,)]
    arguments: dict[str, Any] = {
        "conn_id": "ekuaibao_default",
        "source": "ekuaibao",
        "invoice_month": "202411",
        "slices": SLICES,
        "jobs": jobs,
        "deadline": now + 60,
        "poll_interval": 0.1,
        "linger": 5.0,
    }
    return CollectionTrigger(**{**arguments, **changes})


async def events_of(waiting: CollectionTrigger) -> list[Any]:
    return [event.payload async for event in waiting.run()]


def woken(waiting: CollectionTrigger) -> Wake:
    [payload] = asyncio.run(events_of(waiting))
    return Wake.read(json.loads(json.dumps(payload)))


def test_the_arguments_are_plain_json_and_make_the_same_trigger_again() -> None:
    path, arguments = trigger(ONE, TWO).serialize()
    again = CollectionTrigger(**json.loads(json.dumps(arguments)))
    assert path == "fapiao.airflow.triggers.CollectionTrigger"
    assert again.serialize() == (path, arguments)


def test_the_arguments_hold_no_secret(vendor: Vendor) -> None:
    vendor(app_security="canary-security-0001", app_key="canary-key-0001")
    assert "canary" not in json.dumps(trigger().serialize())


def test_it_ends_when_every_slice_is_settled(started: Callable[..., Any]) -> None:
    simulator = started(processing_seconds=0.5)
    wake = woken(trigger())
    assert (wake.status, wake.later, wake.failed) == ("due", {}, {})
    assert simulator.report().violations == ()
    assert "read" not in simulator.report().operations


def test_a_finished_job_is_asked_about_once(started: Callable[..., Any]) -> None:
    simulator = started(queued_seconds=0.0, processing_seconds=0.0)
    before = simulator.report().operations.get("status", 0)
    woken(trigger())
    assert simulator.report().operations["status"] == before + 1


def test_it_does_not_ask_before_the_time_it_was_given(started: Callable[..., Any]) -> None:
    simulator = started()
    asked = simulator.report().total
    wake = woken(trigger(jobs=[{"taxpayer_no": ONE, "not_before": time.time() + 3600}], deadline=time.time() + 0.3))
    assert wake.status == "deadline"
    assert simulator.report().total == asked


def test_a_job_that_is_not_started_yet_is_only_waited_for(vendor: Vendor) -> None:
    simulator = vendor()
    wake = woken(trigger(jobs=[{"taxpayer_no": ONE, "not_before": time.time() + 0.1, "watch": False}]))
    assert wake.status == "due"
    assert simulator.report().total == 0


def test_it_ends_at_the_deadline_although_the_job_runs(started: Callable[..., Any]) -> None:
    started(slow=(Slow(seconds=60.0),))
    assert woken(trigger(deadline=time.time() + 0.5)).status == "deadline"


def test_jobs_that_still_run_are_named_for_the_next_wait(started: Callable[..., Any]) -> None:
    started(ONE, TWO, slow=(Slow(taxpayer_no=TWO, seconds=60.0),))
    wake = woken(trigger(ONE, TWO, linger=0.2))
    assert wake.status == "due"
    assert set(wake.later) == {TWO}


def test_a_refused_taxpayer_is_named_and_the_others_go_on(started: Callable[..., Any]) -> None:
    started(ONE, TWO, codes=(CodeAnswer(operation="status", code="4002", taxpayer_no=TWO),))
    wake = woken(trigger(ONE, TWO))
    assert set(wake.failed) == {TWO}
    assert wake.failed[TWO].kind == "TaxpayerRefused"
    assert wake.later == {}


def test_wrong_credentials_end_the_wait_with_an_error(vendor: Vendor) -> None:
    vendor(secret="not-the-password")
    wake = woken(trigger())
    assert wake.status == "error"
    assert wake.failure is not None
    assert wake.failure.kind == "CredentialError"
    assert "not-the-password" not in json.dumps(wake.payload())


def test_a_connection_that_is_not_there_ends_the_wait_with_an_error(vendor: Vendor) -> None:
    wake = woken(trigger(conn_id="no_such_connection"))
    assert wake.status == "error"
    assert wake.failure is not None
    assert "no_such_connection" in wake.failure.what


def test_looks_that_fail_now_and_then_are_forgiven(started: Callable[..., Any]) -> None:
    simulator = started(processing_seconds=0.3, faults=(Fault(kind="html", operation="status", first=2),))
    assert woken(trigger()).status == "due"
    assert simulator.report().operations["status"] >= 3


def test_after_too_many_failed_looks_a_worker_is_asked_to_look_itself(started: Callable[..., Any]) -> None:
    simulator = started(faults=(Fault(kind="html", operation="status"),))
    wake = woken(trigger(error_budget=2, poll_interval=0.02))
    assert (wake.status, wake.failed) == ("due", {})
    assert simulator.report().operations["status"] == simulator.report().faults["html"]


def test_triggers_of_one_account_share_one_login(started: Callable[..., Any]) -> None:
    simulator = started(ONE, TWO, THREE, processing_seconds=0.5)
    logins = simulator.report().logins

    async def together() -> None:
        await asyncio.gather(*(events_of(trigger(taxpayer)) for taxpayer in (ONE, TWO, THREE)))

    asyncio.run(together())
    assert simulator.report().logins <= logins + 1


def test_the_event_carries_references_only(started: Callable[..., Any]) -> None:
    started()
    [payload] = asyncio.run(events_of(trigger()))
    assert set(payload) <= {"status", "deadline", "began", "later", "failed", "failure"}


def test_nothing_blocks_the_event_loop(started: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    started(processing_seconds=0.5)
    loop_thread: list[int] = []
    blocked: list[str] = []

    def guarded(name: str, original: Any, harmless: Callable[[Any], bool]) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if [threading.get_ident()] == loop_thread and not harmless(arguments):
                blocked.append(name)
            return original(*arguments, **named)

        return call

    class Watched(socket.socket):
        """A socket that tells when it is used blockingly."""

        connect = guarded("connect", socket.socket.connect, lambda given: given[0].gettimeout() == 0.0)
        recv = guarded("recv", socket.socket.recv, lambda given: given[0].gettimeout() == 0.0)
        sendall = guarded("sendall", socket.socket.sendall, lambda given: given[0].gettimeout() == 0.0)

    monkeypatch.setattr(socket, "socket", Watched)
    monkeypatch.setattr(time, "sleep", guarded("sleep", time.sleep, lambda _: False))
    monkeypatch.setattr(sqlite3, "connect", guarded("sqlite3", sqlite3.connect, lambda _: False))

    async def run() -> list[Any]:
        loop_thread.append(threading.get_ident())
        return await events_of(trigger())

    [payload] = asyncio.run(run())
    assert payload["status"] == "due"
    assert blocked == []


def test_a_cancelled_trigger_leaves_nothing_running(started: Callable[..., Any]) -> None:
    started(slow=(Slow(seconds=60.0),))

    async def cancelled() -> set[str]:
        task = asyncio.create_task(events_of(trigger()), name="trigger")
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return {other.get_name() for other in asyncio.all_tasks()} - {asyncio.current_task().get_name()}  # type: ignore[union-attr]  # a coroutine has a task

    assert asyncio.run(cancelled()) == set()
