"""The account's rate and concurrency hold over threads, drivers and processes, on a clock of our own."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapiao.engine import AsyncDriver, BlockingDriver, DriverSettings, LocalAccountState
from fapiao.engine.conduct import Conductor, Sleep, TakePermit, Transmit
from fapiao.engine.quota import OFFER, POLL, TURN, Pace, Paces, Permit, Permits
from fapiao.registry import Source
from fapiao.spec import Quota
from fapiao.wire import Account, Flow, Request, Response, Secret

START = 1_736_121_600.0
ACCOUNT = Account(source="toy", name="a", base_url="https://toy.invalid", login="l", secret=Secret("a-secret-value"))


def one_request(path: str = "/data") -> Flow[Any]:
    answer = yield Request(method="GET", path=path)
    return answer.json()


@given(
    rate=st.sampled_from((0.5, 1.0, 4.0, 10.0, 37.0, 200.0)),
    moves=st.lists(st.tuples(st.integers(0, 2), st.floats(0, 2)), max_size=60),
)
def test_requests_of_several_processes_never_leave_closer_than_the_rate_allows(
    rate: float, moves: list[tuple[int, float]]
) -> None:
    state = LocalAccountState()
    processes = [Pace("", 1 / rate, state.reserve) for _ in range(3)]
    now = START
    left = []
    for process, pause in moves:
        at = processes[process].book(now)
        assert at >= now
        left.append(at)
        now += pause if pause < 1 else 0  # a process that does not wait for its slot books on
    left.sort()
    assert all(later - earlier >= 1 / rate - 1e-6 for earlier, later in itertools.pairwise(left))


def test_a_fast_reader_books_blocks_and_uses_the_whole_rate() -> None:
    booked: list[int] = []
    state = LocalAccountState()

    def reserve(bucket: str, interval: float, count: int, now: float) -> float:
        booked.append(count)
        return state.reserve(bucket, interval, count, now)

    pace = Pace("", 0.01, reserve)
    now = START
    for _ in range(1000):
        now = pace.book(now)
    assert now == pytest.approx(START + 999 * 0.01)
    assert max(booked) == 25
    assert len(booked) < 60


def test_a_slow_reader_books_what_it_uses() -> None:
    booked: list[int] = []
    state = LocalAccountState()

    def reserve(bucket: str, interval: float, count: int, now: float) -> float:
        booked.append(count)
        return state.reserve(bucket, interval, count, now)

    pace = Pace("", 0.01, reserve)
    for second in range(50):
        assert pace.book(START + second) == START + second
    assert booked == [1] * 50


def test_the_longest_declared_prefix_is_the_bucket_of_a_path() -> None:
    asked: list[str] = []

    def reserve(bucket: str, interval: float, count: int, now: float) -> float:
        asked.append(f"{bucket} {interval:g}")
        return now

    quotas = (
        Quota(path="/api", requests_per_second=2),
        Quota(path="/api/data", requests_per_second=5),
        Quota(path="", requests_per_second=1),
    )
    paces = Paces(quotas, None, reserve)
    for path in ("/api/data/page", "/api/status", "/other"):
        paces.of(path).book(START)
    assert asked == ["/api/data 0.2", "/api 0.5", " 1"]


def test_an_undeclared_path_is_unlimited_and_an_override_is_one_bucket_for_all() -> None:
    asked: list[str] = []

    def reserve(bucket: str, interval: float, count: int, now: float) -> float:
        asked.append(f"{bucket} {interval:g}")
        return now

    quotas = (Quota(path="/api", requests_per_second=2),)
    assert Paces(quotas, None, reserve).of("/other").book(START) == START
    assert Paces(quotas, 0.0, reserve).of("/api").book(START) == START
    assert asked == []
    Paces(quotas, 4.0, reserve).of("/api").book(START)
    assert asked == [" 0.25"]


def test_a_throttled_bucket_lets_nobody_out_before_the_pause_is_over() -> None:
    state = LocalAccountState()
    for interval in (0.0, 0.5):
        pace = Pace(f"{interval}", interval, state.reserve)
        pace.book(START)
        pace.hold(START + 7)
        assert pace.book(START + 1) == START + 7


def conductor(source: Source, state: LocalAccountState, clock: Any, given: list[Permit]) -> Conductor:
    return Conductor(
        source, ACCOUNT, state, DriverSettings(), give_permit=given.append, clock=clock, random=lambda: 0.5
    )


def test_a_permit_that_comes_too_late_for_its_slot_waits_for_another_slot(toy: Any, clock: Any) -> None:
    class Limited(toy):  # type: ignore[misc] # the base comes from a fixture
        quotas = (Quota(path="", requests_per_second=1),)

    state = LocalAccountState()
    given: list[Permit] = []
    conduct = conductor(Source.of(Limited()), state, clock, given).run(one_request())
    assert next(conduct) == TakePermit()
    clock.now += 3.0
    state.reserve("", 1.0, 1, clock.now)  # another process sends now
    assert conduct.send(Permit(0, 0.0)) == Sleep(1.0)
    clock.now += 1.0
    assert isinstance(conduct.send(None), Transmit)
    conduct.close()
    assert len(given) == 1


def test_a_long_wait_for_a_slot_is_spent_without_a_permit(toy: Any, clock: Any) -> None:
    class Limited(toy):  # type: ignore[misc] # the base comes from a fixture
        quotas = (Quota(path="", requests_per_second=1),)

    state = LocalAccountState()
    state.reserve("", 1.0, 10, clock.now)
    conduct = conductor(Source.of(Limited()), state, clock, []).run(one_request())
    first = next(conduct)
    assert isinstance(first, Sleep)
    assert 9.5 < first.seconds < 10
    clock.now += first.seconds
    assert conduct.send(None) == TakePermit()
    rest = conduct.send(Permit(0, 0.0))
    assert isinstance(rest, Sleep)
    assert first.seconds + rest.seconds == pytest.approx(10)
    conduct.close()


class Counting(LocalAccountState):
    """Counts what would be transactions, and the most permits held at once."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.most = 0

    def take_permit(self, limit: int, holder: str, lease: float, now: float) -> int | None:
        self.calls += 1
        slot = super().take_permit(limit, holder, lease, now)
        self.most = max(self.most, len(self._permits))
        return slot

    def give_permit(self, slot: int, holder: str) -> None:
        self.calls += 1
        super().give_permit(slot, holder)


def test_permits_are_kept_within_a_turn_and_offered_to_others_after_it() -> None:
    state = Counting()
    mine = Permits(state, 1, "host/1/a", lease=60)
    now = START
    for _ in range(100):
        permit = mine.try_take(now)
        assert permit is not None
        mine.give(permit, now)
        now += TURN / 100 - 1e-6
    assert state.calls == 1
    now = START + TURN + 0.001
    assert mine.try_take(now) is None, "its turn is over: it is the others' turn to ask"
    assert mine.patience(now) == pytest.approx(OFFER)
    others = Permits(state, 1, "host/2/b", lease=60)
    assert others.try_take(now) is not None
    assert mine.try_take(now + OFFER) is None


def test_a_process_without_a_permit_asks_now_and_then_whatever_its_threads_do() -> None:
    state = Counting()
    assert state.take_permit(1, "host/2/b", 600, START) == 0
    mine = Permits(state, 1, "host/1/a", lease=60)
    for millisecond in range(1000):
        assert mine.try_take(START + millisecond / 1000) is None
    assert state.calls == 1 + 1 / POLL


def test_an_idle_process_keeps_no_permit() -> None:
    state = Counting()
    mine = Permits(state, 2, "host/1/a", lease=60)
    permit = mine.try_take(START)
    assert permit is not None
    mine.give(permit, START + 0.1)
    assert mine.tidy(START + 0.2) == START + TURN
    assert mine.tidy(START + TURN) is None
    assert state.take_permit(1, "host/2/b", 60, START + TURN) == 0


def test_a_permit_whose_lease_is_over_is_free_and_cannot_be_given_back_by_its_late_holder() -> None:
    state = LocalAccountState()
    assert state.take_permit(1, "host/1/a", 10, START) == 0
    assert state.take_permit(1, "host/2/b", 10, START + 9) is None
    assert state.take_permit(1, "host/2/b", 10, START + 10) == 0
    state.give_permit(0, "host/1/a")
    assert state.take_permit(1, "host/3/c", 10, START + 11) is None


def test_threads_of_two_drivers_never_exceed_the_concurrency_of_their_account(plain_source: Source) -> None:
    state = Counting()
    lock = threading.Lock()
    under_way = most = 0

    class Transport:
        def send(self, prepared: Any) -> Response:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            threading.Event().wait(0.001)
            with lock:
                under_way -= 1
            return Response(status=200, headers={}, body=b'{"code":"ok"}')

        def close(self) -> None:
            pass

    settings = DriverSettings(max_concurrency=3)
    drivers = [
        BlockingDriver(plain_source, ACCOUNT, state=state, settings=settings, transport=Transport()) for _ in range(2)
    ]
    threads = [
        threading.Thread(target=lambda driver=driver: [driver.run(one_request()) for _ in range(20)])
        for driver in drivers
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for driver in drivers:
        driver.close()
    assert most == state.most == 3
    assert [driver.requests for driver in drivers] == [100, 100]


def test_waiters_in_an_event_loop_are_served_in_the_order_of_asking(plain_source: Source) -> None:
    import asyncio

    served: list[str] = []

    class Transport:
        async def send(self, prepared: Any) -> Response:
            served.append(prepared.url.rpartition("/")[2])
            await asyncio.sleep(0)
            return Response(status=200, headers={}, body=b'{"code":"ok"}')

        async def aclose(self) -> None:
            pass

    async def main() -> None:
        state = LocalAccountState()
        settings = DriverSettings(max_concurrency=2)
        drivers = [
            AsyncDriver(plain_source, ACCOUNT, state=state, settings=settings, transport=Transport()) for _ in range(3)
        ]
        await asyncio.gather(*(drivers[number % 3].run(one_request(f"/{number}")) for number in range(30)))

    asyncio.run(main())
    assert served == [str(number) for number in range(30)]


def test_a_waiter_that_is_cancelled_passes_its_permit_on(plain_source: Source) -> None:
    import asyncio

    async def main() -> None:
        gate = asyncio.Event()

        class Transport:
            async def send(self, prepared: Any) -> Response:
                await gate.wait()
                return Response(status=200, headers={}, body=b'{"code":"ok"}')

            async def aclose(self) -> None:
                pass

        driver = AsyncDriver(plain_source, ACCOUNT, settings=DriverSettings(max_concurrency=1), transport=Transport())
        tasks = [asyncio.ensure_future(driver.run(one_request())) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[0].cancel()  # under way
        tasks[1].cancel()  # waiting
        gate.set()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert [type(result).__name__ for result in done] == [
            "CancelledError", "CancelledError", "Completed", "Completed",
        ]  # fmt: skip

    asyncio.run(main())


def test_the_connection_overrides_what_the_plugin_declares(plain_source: Source) -> None:
    account = msgspec.structs.replace(ACCOUNT, settings={"max_concurrency": "2", "requests_per_second": "0.5"})
    with BlockingDriver(plain_source, account) as driver:
        assert driver.max_concurrency == 2
        assert driver.settings.requests_per_second == 0.5
    with BlockingDriver(plain_source, ACCOUNT) as driver:
        assert driver.max_concurrency == plain_source.descriptor.max_concurrency


@pytest.mark.parametrize("rate", [2.0, 40.0])
def test_a_driver_sends_no_faster_than_the_rate_even_when_it_has_to_try_again(
    rate: float, plain_source: Source, clock: Any
) -> None:
    left: list[float] = []

    class Transport:
        def send(self, prepared: Any) -> Response:
            left.append(clock.now)
            return Response(status=503 if len(left) % 3 == 0 else 200, headers={}, body=b'{"code":"ok"}')

        def close(self) -> None:
            pass

    settings = DriverSettings(requests_per_second=rate)
    with BlockingDriver(
        plain_source, ACCOUNT, settings=settings, transport=Transport(), clock=clock, sleep=clock.sleep
    ) as driver:
        for _ in range(30):
            driver.run(one_request())
    assert len(left) > 30
    assert all(later - earlier >= 1 / rate - 1e-6 for earlier, later in itertools.pairwise(left))


class Remote:
    """A state that is not known to be in memory: permits are kept for a turn."""

    def __init__(self) -> None:
        self.memory = Counting()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.memory, name)


def test_a_driver_keeps_its_permit_within_the_turn_and_gives_it_back_when_told_or_closed(
    plain_source: Source, clock: Any
) -> None:
    class Transport:
        def send(self, prepared: Any) -> Response:
            return Response(status=200, headers={}, body=b'{"code":"ok"}')

        def close(self) -> None:
            pass

    state = Remote()
    driver = BlockingDriver(plain_source, ACCOUNT, state=state, transport=Transport(), clock=clock, sleep=clock.sleep)
    for _ in range(10):
        driver.run(one_request())
    assert state.memory.calls == 1
    driver.tidy()
    assert state.memory.calls == 2
    driver.run(one_request())
    driver.close()
    assert state.memory.calls == 4
    assert state.memory.take_permit(1, "host/2/b", 1, clock.now) == 0
