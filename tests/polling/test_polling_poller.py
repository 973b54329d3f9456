"""One account's poller in an event loop, against the simulated vendor."""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from counting import MONTH, CountingVendor, accounts
from fapiao.connection import Connection
from fapiao.polling import AccountPoller, Vigil, Why, polling
from fapiao.registry import Source
from fapiao.wire import Account, CollectionJob, SliceKey
from fapiao_ekuaibao import plugin

SLICES = [["01", "input"], ["81", "input"]]
KEYS = tuple(SliceKey(*part) for part in SLICES)
SOURCE = Source.of(plugin)


@pytest.fixture
def vendor() -> Iterator[CountingVendor]:
    """A vendor with four running jobs."""
    [started] = accounts(1, 4, SLICES).values()
    yield started
    started.stop()


@pytest.fixture
def account(vendor: CountingVendor) -> Account:
    """The account there."""
    document = json.dumps(vendor.airflow_connection(requests_per_second=0))
    return SOURCE.account(Connection.from_json(document, conn_id="test"))


def job(vendor: CountingVendor, number: int = 0, slices: tuple[SliceKey, ...] = KEYS) -> CollectionJob:
    return CollectionJob(taxpayer_no=vendor.scenario.taxpayers[number], invoice_month=MONTH, slices=slices)


def vigil(**changes: Any) -> Vigil:
    arguments: dict[str, Any] = {"not_before": 0.0, "deadline": time.time() + 60, "interval": 0.2}
    return Vigil(**{**arguments, **changes})


def with_poller(account: Account, use: Callable[[AccountPoller], Coroutine[Any, Any, Any]]) -> Any:
    async def run() -> Any:
        async with polling(SOURCE, account) as poller:
            return await use(poller)

    return asyncio.run(run())


def test_the_order_of_the_slices_makes_no_other_job(vendor: CountingVendor, account: Account) -> None:
    vendor.settle()

    async def use(poller: AccountPoller) -> list[Why]:
        both = [vigil(), vigil()]
        poller.join(job(vendor), both[0])
        poller.join(job(vendor, slices=KEYS[::-1]), both[1])
        return [(await one.ended).why for one in both]

    assert with_poller(account, use) == [Why.SETTLED, Why.SETTLED]
    assert vendor.looks() == 1


def test_news_are_told_in_the_context_of_each_who_waits(vendor: CountingVendor, account: Account) -> None:
    task_id = contextvars.ContextVar("task_id", default="nobody's")
    heard: list[tuple[str, str]] = []

    async def use(poller: AccountPoller) -> None:
        async def wait(name: str) -> None:
            task_id.set(name)
            one = vigil(on_news=lambda _, state: heard.append((task_id.get(), state)))
            poller.join(job(vendor), one)
            await one.ended

        waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
        while len(heard) < 2:  # noqa: ASYNC110 - the vendor is another thread, which tells nobody
            await asyncio.sleep(0.01)
        vendor.settle()
        await asyncio.gather(*waiting)

    with_poller(account, use)
    assert heard == [
        ("first", "2 running"),
        ("second", "2 running"),
        ("first", "every slice is settled."),
        ("second", "every slice is settled."),
    ]


def test_one_event_loop_has_one_poller_for_an_account(account: Account) -> None:
    async def use(poller: AccountPoller) -> bool:
        async with polling(SOURCE, account) as other:
            return other is poller

    assert with_poller(account, use)


def test_a_vigil_that_is_over_but_has_not_heard_of_it_is_due_at_once(vendor: CountingVendor, account: Account) -> None:
    vendor.settle()

    async def use(poller: AccountPoller) -> tuple[float, bool]:
        first, late = vigil(), vigil(interval=30.0)
        poller.join(job(vendor), first)
        await first.ended
        poller.join(job(vendor), late)
        return poller.due_at(late), late.ended.done()

    assert with_poller(account, use) == (0.0, False)


def test_looks_that_are_dropped_have_come_to_their_end_when_the_client_is_closed(
    vendor: CountingVendor, account: Account
) -> None:
    async def run() -> set[asyncio.Task[Any]]:
        async with polling(SOURCE, account) as poller:
            waiting = [vigil() for _ in range(4)]
            for number, one in enumerate(waiting):
                poller.join(job(vendor, number), one)
            while len(asyncio.all_tasks()) < 3:  # noqa: ASYNC110 - the poller tells nobody that it looks
                await asyncio.sleep(0)
            for one in waiting:
                poller.leave(one)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(run()) == set()
