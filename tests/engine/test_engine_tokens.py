"""One login serves all threads and processes of an account; a refused one is not repeated."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fapiao import hookimpl
from fapiao.engine import AsyncDriver, BlockingDriver, Completed, FreshToken, LocalAccountState
from fapiao.engine.tokens import received
from fapiao.errors import CredentialError, PluginError, VendorUnreachable
from fapiao.registry import Source
from fapiao.wire import Account, Flow, Request, Secret, Token

START = 1_736_121_600.0


def one_request() -> Flow[Any]:
    answer = yield Request(method="GET", path="/data")
    return answer.json()["value"]


def test_twenty_threads_log_in_once(vendor: Any, source: Source, account: Account) -> None:
    start = threading.Barrier(20)

    def work() -> Any:
        start.wait()
        return driver.run(one_request()).value

    with BlockingDriver(source, account) as driver, ThreadPoolExecutor(20) as pool:
        values = [future.result() for future in [pool.submit(work) for _ in range(20)]]
    assert values == [1] * 20
    assert vendor.logins == 1
    assert driver.requests == 21


def test_threads_whose_token_is_refused_at_the_same_time_renew_it_once(
    vendor: Any, source: Source, account: Account
) -> None:
    with BlockingDriver(source, account) as driver, ThreadPoolExecutor(8) as pool:
        driver.run(one_request())
        vendor.refused.add(vendor.seen[-1].target)
        together = threading.Barrier(8)

        def hold(target: str) -> None:
            if target in vendor.refused:
                together.wait(20)  # all of them have sent the old token before one hears that it has expired

        vendor.hold = hold
        values = [future.result().value for future in [pool.submit(driver.run, one_request()) for _ in range(8)]]
    assert values == [1] * 8
    assert vendor.logins == 2
    assert driver.requests == 2 + 8 + 1 + 8


def test_drivers_that_share_a_state_log_in_once(vendor: Any, source: Source, account: Account) -> None:
    state = LocalAccountState()
    start = threading.Barrier(4)

    def work() -> Any:
        with BlockingDriver(source, account, state=state) as driver:
            start.wait()
            return driver.run(one_request()).value

    with ThreadPoolExecutor(4) as pool:
        assert [future.result() for future in [pool.submit(work) for _ in range(4)]] == [1] * 4
    assert vendor.logins == 1


def test_tasks_of_an_event_loop_log_in_once(vendor: Any, source: Source, account: Account) -> None:
    async def main() -> int:
        async with AsyncDriver(source, account) as driver:
            await asyncio.gather(*(driver.run(one_request()) for _ in range(20)))
            return driver.requests

    assert asyncio.run(main()) == 21
    assert vendor.logins == 1


def test_a_login_counts_as_a_request_of_the_flow_that_caused_it(run: Any, source: Source) -> None:
    done = run(source, one_request()).outcome
    assert isinstance(done, Completed)
    assert done.requests == 2
    assert [exchange.request.path for exchange in done.transcript] == ["/data"]


def test_a_refused_login_is_not_tried_again_by_any_thread(
    vendor: Any, answer: Any, source: Source, account: Account
) -> None:
    vendor.reset(login=[answer(body=b'{"code":"password"}') for _ in range(30)])
    errors: list[BaseException] = []

    def work() -> None:
        with pytest.raises(CredentialError) as caught:
            driver.run(one_request())
        errors.append(caught.value)

    with BlockingDriver(source, account) as driver, ThreadPoolExecutor(20) as pool:
        for future in [pool.submit(work) for _ in range(20)]:
            future.result()
    assert len(vendor.seen) == 1
    assert len({id(error) for error in errors}) == 20
    assert {str(error) for error in errors} == {str(errors[0])}
    assert errors[0].source == "toy"  # type: ignore[attr-defined] # a CredentialError, see above


def test_a_process_that_dies_while_it_logs_in_blocks_the_others_for_the_claim_only(
    vendor: Any, source: Source, account: Account, clock: Any
) -> None:
    state = LocalAccountState()
    assert state.claim_renewal(None, "host/1/dead", clock.now + 30, clock.now)
    begun = clock.now
    with BlockingDriver(source, account, state=state, clock=clock, sleep=clock.sleep) as driver:
        assert driver.run(one_request()).value == 1
    assert 30 <= clock.now - begun < 31
    assert vendor.logins == 1


def test_a_login_that_failed_on_the_way_leaves_the_claim_to_others(
    vendor: Any, answer: Any, source: Source, account: Account, clock: Any
) -> None:
    state = LocalAccountState()
    vendor.reset(login=[answer(cut=0) for _ in range(5)])
    with (
        BlockingDriver(source, account, state=state, clock=clock, sleep=clock.sleep) as driver,
        pytest.raises(VendorUnreachable, match="/login"),
    ):
        driver.run(one_request())
    assert state.claim_renewal(None, "host/2/b", clock.now + 60, clock.now)


def test_a_token_of_another_process_is_used_without_a_login(
    vendor: Any, source: Source, account: Account, clock: Any
) -> None:
    state = LocalAccountState()
    state.store_token(
        FreshToken(value=Secret("theirs-1"), expires_at=clock.now + 100, renew_at=clock.now + 100),
        "host/2/b",
        clock.now,
    )
    with BlockingDriver(source, account, state=state, clock=clock, sleep=clock.sleep) as driver:
        driver.run(one_request())
        assert vendor.seen[-1].target == "/data?accessToken=theirs-1"
        state.store_token(
            FreshToken(value=Secret("theirs-2"), expires_at=clock.now + 900, renew_at=clock.now + 900),
            "host/2/b",
            clock.now,
        )
        clock.now += 101
        driver.run(one_request())
        assert vendor.seen[-1].target == "/data?accessToken=theirs-2"
    assert vendor.logins == 0


def test_a_token_is_renewed_early_by_one_while_the_others_use_the_old_one(
    vendor: Any, answer: Any, source: Source, account: Account, clock: Any
) -> None:
    state = LocalAccountState()
    early = b'{"code":"ok","token":"token-early","life":7200,"renew":600}'
    vendor.reset(login=[answer(body=early)])
    with BlockingDriver(source, account, state=state, clock=clock, sleep=clock.sleep) as driver:
        driver.run(one_request())
        clock.now += 601
        assert state.claim_renewal(1, "host/2/b", clock.now + 60, clock.now)
        driver.run(one_request())
        assert vendor.seen[-1].target == "/data?accessToken=token-early"
        assert vendor.logins == 0
        clock.now += 61
        driver.run(one_request())
        assert vendor.seen[-1].target.startswith("/data?accessToken=canary")
    assert vendor.logins == 1


def test_an_early_renewal_that_fails_leaves_the_old_token_in_use(
    vendor: Any, answer: Any, source: Source, account: Account, clock: Any
) -> None:
    early = b'{"code":"ok","token":"token-early","life":7200,"renew":600}'
    vendor.reset(login=[answer(body=early)] + [answer(cut=0) for _ in range(5)])
    with BlockingDriver(source, account, clock=clock, sleep=clock.sleep) as driver:
        driver.run(one_request())
        clock.now += 601
        assert driver.run(one_request()).value == 1
        assert driver.run(one_request()).value == 1
    assert [seen.target for seen in vendor.seen].count("/login") == 6
    assert vendor.seen[-1].target == "/data?accessToken=token-early"


@pytest.mark.parametrize(
    ("token", "life"),
    [
        ({"lifetime": 7200.0}, 7140.0),
        ({"expires_at": START + 7200}, 7140.0),
        ({"expires_at": START + 7200, "lifetime": 1000.0}, 940.0),
        ({"lifetime": 300.0}, 270.0),
        ({}, 86340.0),
        ({"expires_at": START - 3600}, 60.0),
    ],
)
def test_a_token_is_used_until_shortly_before_its_end(token: dict[str, float], life: float) -> None:
    fresh = received(Token(value=Secret("a-token-value"), **token), START)
    assert fresh.expires_at == START + life
    assert fresh.renew_at == fresh.expires_at


def test_authorize_must_not_ask_for_a_token_itself(toy_with_login: Any, account: Account) -> None:
    class Circular(toy_with_login):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def authorize(self, account: Account) -> Flow[Token]:
            yield Request(method="POST", path="/login")
            return Token(value=Secret("never"))

    with BlockingDriver(Source.of(Circular()), account) as driver, pytest.raises(PluginError, match="authorized=False"):
        driver.run(one_request())


def test_authorize_must_return_a_token(toy_with_login: Any, account: Account) -> None:
    class Forgetful(toy_with_login):  # type: ignore[misc] # the base comes from a fixture
        @hookimpl
        def authorize(self, account: Account) -> Flow[Any]:
            answer = yield Request(method="POST", path="/login", authorized=False)
            return answer.json()["token"]

    with (
        BlockingDriver(Source.of(Forgetful()), account) as driver,
        pytest.raises(PluginError, match="authorize returned str instead of a Token"),
    ):
        driver.run(one_request())
