"""Many triggers in one event loop: what they share, and what none of them can do to another."""

from __future__ import annotations

import asyncio
import gc
import json
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from counting import MONTH, CountingVendor, accounts
from fapiao.airflow.compat import BaseHook
from fapiao.airflow.events import Wake
from fapiao.airflow.triggers import CollectionTrigger
from fapiao.polling.poller import LANES
from fapiao.testing.numbering import tax_number
from fapiao.testing.scenario import Fault
from fapiao_ekuaibao.simulator import CodeAnswer

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:airflow"),
    pytest.mark.filterwarnings("ignore::airflow.exceptions.AirflowProviderDeprecationWarning"),
]

SLICES = [["01", "input"], ["81", "input"]]
INTERVAL = 0.4
PATIENCE = 60.0
"""Seconds after which a test is over whatever happens: far more than anything here takes."""


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[CountingVendor]]]:
    """Starts so many accounts with so many running jobs in all, and gives Airflow the connections."""
    running: list[CountingVendor] = []

    def start(number: int, jobs: int, rate: float = 0.0, **scenario: Any) -> list[CountingVendor]:
        for conn_id, vendor in accounts(number, jobs, SLICES, **scenario).items():
            running.append(vendor)
            connection = vendor.airflow_connection(requests_per_second=rate)
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return running

    yield start
    for vendor in running:
        vendor.stop()


def trigger(vendors: list[CountingVendor], account: int, job: int, **changes: Any) -> CollectionTrigger:
    now = time.time()
    taxpayers = vendors[account].scenario.taxpayers
    arguments: dict[str, Any] = {
        "conn_id": f"account_{account:03d}",
        "source": "ekuaibao",
        "invoice_month": MONTH,
        "slices": SLICES,
        "jobs": [{"taxpayer_no": taxpayers[job % len(taxpayers)], "not_before": now}],
        "deadline": now + PATIENCE,
        "poll_interval": INTERVAL,
    }
    return CollectionTrigger(**{**arguments, **changes})


async def woken(waiting: CollectionTrigger) -> Wake:
    [payload] = [event.payload async for event in waiting.run()]
    return Wake.read(payload)


async def asked(vendor: CountingVendor, looks: int) -> None:
    """Until the vendor has been asked so often."""
    while vendor.looks() < looks:  # noqa: ASYNC110 - the vendor is another thread, which tells nobody
        await asyncio.sleep(0.01)


class Pulse:
    """The longest time for which the loop's own thread was at work without giving anybody else a turn.

    Counted in its own CPU seconds: how long the other processes of a busy computer took in between is nobody's fault here.
    """

    def __enter__(self) -> Pulse:
        self.longest = 0.0
        self._task = asyncio.ensure_future(self._beat())
        return self

    def __exit__(self, *_: object) -> None:
        self._task.cancel()

    async def _beat(self) -> None:
        while True:
            used = time.thread_time()
            await asyncio.sleep(0.005)
            self.longest = max(self.longest, time.thread_time() - used)


def test_six_hundred_tasks_of_sixty_jobs_cost_one_request_a_job_and_interval(
    vendors: Callable[..., list[CountingVendor]],
) -> None:
    known = vendors(6, 60, rate=25.0, requests_per_second={"status": 25.0}, rate_tolerance=1.0)

    async def all_of_them() -> tuple[list[Wake], float, set[asyncio.Task[Any]]]:
        await woken(trigger(known, 0, 0, deadline=0.0))  # so that Airflow has imported what it imports at first
        gc.collect()
        gc.freeze()  # all that the other tests have left would be searched through again and again
        with Pulse() as pulse:
            tasks = []
            for number in range(600):
                tasks.append(asyncio.create_task(woken(trigger(known, number % 6, number // 6))))
                await asyncio.sleep(0)
            for vendor in known:
                await asked(vendor, 40)
            for vendor in known:
                vendor.settle()
            wakes = await asyncio.gather(*tasks)
        await asyncio.sleep(0)
        return wakes, pulse.longest, asyncio.all_tasks() - {asyncio.current_task()}

    try:
        wakes, longest, left = asyncio.run(all_of_them())
    finally:
        gc.unfreeze()
    assert [(wake.status, wake.failed, wake.later) for wake in wakes] == [("due", {}, {})] * 600
    assert min(gap for vendor in known for gap in vendor.gaps()) >= INTERVAL
    assert {len(vendor.asked) for vendor in known} == {10}
    assert [vendor.report().over_rate for vendor in known] == [0] * 6
    assert [vendor.report().logins for vendor in known] == [1] * 6
    assert [vendor.report().violations for vendor in known] == [()] * 6
    assert left == set()
    assert longest < 0.1


def test_tasks_that_come_one_after_another_share_the_looks_too(vendors: Callable[..., list[CountingVendor]]) -> None:
    [vendor] = vendors(1, 1)

    async def come() -> None:
        tasks = []
        before = time.time()
        for _ in range(12):
            job = {"taxpayer_no": vendor.scenario.taxpayers[0], "not_before": before}
            tasks.append(asyncio.create_task(woken(trigger([vendor], 0, 0, jobs=[job]))))
            await asyncio.sleep(INTERVAL / 4)
        vendor.settle()
        await asyncio.gather(*tasks)

    asyncio.run(come())
    assert min(vendor.gaps()) >= INTERVAL


def test_a_newcomer_is_told_a_fresh_answer_unless_it_is_older_than_its_own_time(
    vendors: Callable[..., list[CountingVendor]],
) -> None:
    [vendor] = vendors(1, 1)
    vendor.settle()
    long = 20.0

    async def come() -> tuple[int, int, Wake]:
        began = time.time()
        await woken(trigger([vendor], 0, 0, poll_interval=long))
        job = {"taxpayer_no": vendor.scenario.taxpayers[0], "not_before": began}
        await woken(trigger([vendor], 0, 0, jobs=[job], poll_interval=long))
        shared = vendor.looks()
        wake = await woken(trigger([vendor], 0, 0, poll_interval=long, deadline=time.time() + 0.5))
        return shared, vendor.looks(), wake

    shared, after, wake = asyncio.run(come())
    assert (shared, after) == (1, 1)
    assert (wake.status, len(wake.later)) == ("deadline", 0)


def test_a_slow_account_delays_no_other(vendors: Callable[..., list[CountingVendor]]) -> None:
    known = vendors(2, 12, faults=(Fault(kind="delay", operation="status", seconds=0.0),))
    slow, quick = known
    gate = threading.Event()
    slow._sleep = lambda _: bool(gate.wait(PATIENCE))  # type: ignore[assignment]  # an answer that comes when it is told to

    async def both() -> int:
        stuck = [asyncio.create_task(woken(trigger(known, 0, number))) for number in range(6)]
        passing = [asyncio.create_task(woken(trigger(known, 1, number))) for number in range(6)]
        await asked(quick, 30)
        quick.settle()
        await asyncio.gather(*passing)
        ended = sum(task.done() for task in stuck)
        gate.set()
        slow.settle()
        await asyncio.gather(*stuck)
        return ended

    assert asyncio.run(both()) == 0
    assert min(quick.gaps()) >= INTERVAL


def test_a_failing_account_uses_up_its_own_budget_and_nobody_elses(
    vendors: Callable[..., list[CountingVendor]],
) -> None:
    known = vendors(2, 4)
    failing, sound = known
    failing._faults = type(failing._faults)(type(failing.scenario)(faults=(Fault(kind="html", operation="status"),)))

    async def both() -> tuple[list[Wake], list[Wake]]:
        broken = [asyncio.create_task(woken(trigger(known, 0, number, error_budget=3))) for number in range(10)]
        good = [asyncio.create_task(woken(trigger(known, 1, number, error_budget=3))) for number in range(10)]
        given_up = await asyncio.gather(*broken)
        sound.settle()
        return given_up, await asyncio.gather(*good)

    given_up, good = asyncio.run(both())
    assert [(wake.status, wake.failed) for wake in given_up + good] == [("due", {})] * 20
    # Two jobs, five tasks each: three looks for each job, whoever waits.
    assert failing.report().faults == {"html": 6}
    assert sound.report().violations == ()


def test_a_refusal_reaches_everybody_who_waits_with_one_request(vendors: Callable[..., list[CountingVendor]]) -> None:
    [vendor] = vendors(1, 1, codes=(CodeAnswer(operation="status", code="4002"),))
    taxpayer = vendor.scenario.taxpayers[0]

    async def ten() -> list[Wake]:
        before = time.time()
        jobs = [{"taxpayer_no": taxpayer, "not_before": before}]
        return await asyncio.gather(*(woken(trigger([vendor], 0, 0, jobs=jobs)) for _ in range(10)))

    assert {wake.failed[taxpayer].kind for wake in asyncio.run(ten())} == {"TaxpayerRefused"}
    assert vendor.looks() == 1


def test_wrong_credentials_are_tried_once_for_all_jobs_of_the_account(
    vendors: Callable[..., list[CountingVendor]],
) -> None:
    [vendor] = vendors(1, 8, refuse_logins=True)

    async def all_of_them() -> list[Wake]:
        return await asyncio.gather(*(woken(trigger([vendor], 0, number)) for number in range(24)))

    wakes = asyncio.run(all_of_them())
    assert {(wake.status, wake.failure.kind if wake.failure else "") for wake in wakes} == {
        ("error", "CredentialError")
    }
    assert vendor.report().operations["login"] == 1


def test_a_deadline_ends_one_task_and_the_others_wait_on(vendors: Callable[..., list[CountingVendor]]) -> None:
    [vendor] = vendors(1, 1)

    async def two() -> tuple[Wake, bool, Wake]:
        patient = asyncio.create_task(woken(trigger([vendor], 0, 0)))
        hasty = await woken(trigger([vendor], 0, 0, deadline=time.time() + 0.3))
        waits_on = not patient.done()
        vendor.settle()
        return hasty, waits_on, await patient

    hasty, waits_on, patient = asyncio.run(two())
    assert (hasty.status, waits_on, patient.status) == ("deadline", True, "due")


def test_whoever_is_cancelled_takes_the_look_along_only_if_nobody_else_waits(
    vendors: Callable[..., list[CountingVendor]],
) -> None:
    [vendor] = vendors(1, 2)

    async def cancelled() -> tuple[Wake, int, int]:
        first, second, other = (asyncio.create_task(woken(trigger([vendor], 0, job))) for job in (0, 0, 1))
        await asked(vendor, 4)
        for task in (first, other):
            task.cancel()
        await asyncio.gather(first, other, return_exceptions=True)
        of_the_other = len(vendor.asked[vendor.scenario.taxpayers[1]])
        await asked(vendor, vendor.looks() + 3)
        vendor.settle()
        return await second, of_the_other, len(vendor.asked[vendor.scenario.taxpayers[1]])

    wake, before, after = asyncio.run(cancelled())
    assert wake.status == "due"
    assert after <= before + 1  # one may have been on its way


def test_when_all_are_cancelled_in_the_middle_of_an_answer_nothing_is_left(
    vendors: Callable[..., list[CountingVendor]],
) -> None:
    [vendor] = vendors(1, 6, faults=(Fault(kind="delay", operation="status", seconds=2.0),))

    async def cancelled() -> tuple[int, int]:
        tasks = [asyncio.create_task(woken(trigger([vendor], 0, number))) for number in range(24)]
        # All that are under way at once have arrived, or one would be counted later.
        while sum(vendor.report().faults.values()) < LANES:  # noqa: ASYNC110 - the vendor is another thread, which tells nobody
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(asyncio.all_tasks()), vendor.report().total

    left, total = asyncio.run(cancelled())
    assert left == 1
    assert vendor.report().total == total


def test_a_task_that_is_cleared_and_comes_again_waits_as_before(vendors: Callable[..., list[CountingVendor]]) -> None:
    [vendor] = vendors(1, 1)

    async def twice() -> Wake:
        for _ in range(3):
            task = asyncio.create_task(woken(trigger([vendor], 0, 0)))
            await asyncio.sleep(INTERVAL / 3)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        vendor.settle()
        return await woken(trigger([vendor], 0, 0))

    assert asyncio.run(twice()).status == "due"
    assert min(vendor.gaps(), default=INTERVAL) >= INTERVAL


def test_a_list_of_taxpayers_tells_when_the_unfinished_are_worth_a_look(
    vendors: Callable[..., list[CountingVendor]],
) -> None:
    # The refusal comes last: the vendor has said about the others by then that they run.
    refused = tax_number(1)
    [vendor] = vendors(1, 3, codes=(CodeAnswer(operation="status", code="4002", taxpayer_no=refused),))
    vendor.answered_last = refused
    _, *others = vendor.scenario.taxpayers
    began = time.time()
    jobs = [{"taxpayer_no": taxpayer, "not_before": began} for taxpayer in vendor.scenario.taxpayers]
    wake = asyncio.run(woken(trigger([vendor], 0, 0, jobs=jobs, poll_interval=30.0, linger=2.0)))
    assert set(wake.failed) == {refused}
    assert set(wake.later) == set(others)
    assert all(job.not_before >= began + 30.0 for job in wake.later.values())


def test_a_connection_is_looked_up_once_for_all_who_come_together(
    vendors: Callable[..., list[CountingVendor]], monkeypatch: pytest.MonkeyPatch
) -> None:
    [vendor] = vendors(1, 2)
    vendor.settle()
    lookups: list[str] = []
    name = "aget_connection" if hasattr(BaseHook, "aget_connection") else "get_connection"
    original = getattr(BaseHook, name)

    def counted(conn_id: str) -> Any:
        lookups.append(conn_id)
        return original(conn_id)

    monkeypatch.setattr(BaseHook, name, counted)

    async def together() -> None:
        await asyncio.gather(*(woken(trigger([vendor], 0, number)) for number in range(30)))

    asyncio.run(together())
    assert lookups == ["account_000"]


def test_nothing_is_imported_in_the_event_loop(
    vendors: Callable[..., list[CountingVendor]], run: Callable[..., Any]
) -> None:
    [vendor] = vendors(1, 1)
    vendor.settle()
    done = run(
        "-c",
        textwrap.dedent(
            f"""
            import asyncio, importlib, os, sys, threading, time
            os.environ["AIRFLOW_CONN_ACCOUNT_000"] = {json.dumps(vendor.airflow_connection())!r}
            importlib.import_module("airflow.jobs.triggerer_job_runner")
            from fapiao.airflow.triggers import CollectionTrigger

            class Noticing:
                def find_spec(self, name, path=None, target=None):
                    if threading.current_thread() is threading.main_thread():
                        print("IMPORTED", name)

            async def main():
                sys.meta_path.insert(0, Noticing())
                waiting = CollectionTrigger(
                    conn_id="account_000", source="ekuaibao", invoice_month="{MONTH}", slices={SLICES!r},
                    jobs=[{{"taxpayer_no": "{vendor.scenario.taxpayers[0]}", "not_before": 0.0}}],
                    deadline=time.time() + 30,
                )
                async for event in waiting.run():
                    print("ENDED", event.payload["status"])

            asyncio.run(main())
            """
        ),
    )
    assert "ENDED due" in done.stdout, done.stdout + done.stderr
    before_the_end = done.stdout.partition("ENDED")[0].splitlines()
    imported = {line.split()[1].partition(".")[0] for line in before_the_end if line.startswith("IMPORTED")}
    # How Airflow looks up its own connections, and Python starts its threads, is their own affair.
    assert imported <= {"airflow", "asgiref", "concurrent"}
