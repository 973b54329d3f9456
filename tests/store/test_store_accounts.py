"""What the processes of an account share: reservations, permits, the encrypted token."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading

import pytest

from fapiao.engine.account_state import AccountState, FreshToken
from fapiao.errors import ConfigurationError
from fapiao.store import Database, SharedAccountState
from fapiao.store.tables.ledger import accounts
from fapiao.wire import Account, Secret

NOW = 1_731_900_000.0


def account(name: str = "corp-99", secret: str = "canary-secret") -> Account:
    return Account(source="ekuaibao", name=name, base_url="https://x", login="app", secret=Secret(secret))


def token(value: str = "canary-token", expires_at: float = NOW + 100) -> FreshToken:
    return FreshToken(value=Secret(value), expires_at=expires_at, renew_at=expires_at - 10)


@pytest.fixture
def state(database: Database) -> AccountState:
    return SharedAccountState(database, account())


def test_slots_follow_each_other(state: AccountState) -> None:
    assert state.reserve("/data", 0.25, 2, NOW) == NOW
    assert state.reserve("/data", 0.25, 1, NOW) == pytest.approx(NOW + 0.5)
    assert state.reserve("/data", 0.25, 1, NOW + 0.1) == pytest.approx(NOW + 0.75)


def test_time_that_nobody_used_is_not_saved_up(state: AccountState) -> None:
    state.reserve("/data", 0.25, 4, NOW)
    assert state.reserve("/data", 0.25, 1, NOW + 60) == NOW + 60


def test_buckets_and_accounts_do_not_share(database: Database) -> None:
    one, other = SharedAccountState(database, account()), SharedAccountState(database, account("corp-98"))
    one.reserve("/data", 10, 1, NOW)
    assert one.reserve("/token", 10, 1, NOW) == NOW
    assert other.reserve("/data", 10, 1, NOW) == NOW


def test_rivals_never_book_the_same_slot(database: Database) -> None:
    booked: list[float] = []

    def book() -> None:
        state = SharedAccountState(database, account())
        for _ in range(10):
            booked.append(state.reserve("/data", 1.0, 1, NOW))

    _at_once(book, 4)
    assert sorted(round(at - NOW) for at in booked) == list(range(40))


def test_permits_are_limited_and_come_back(state: AccountState) -> None:
    assert [state.take_permit(2, "elsewhere/1/a", 60, NOW) for _ in range(3)] == [0, 1, None]
    state.give_permit(0, "elsewhere/1/a")
    assert state.take_permit(2, "elsewhere/2/b", 60, NOW) == 0


def test_only_the_holder_gives_a_permit_back(state: AccountState) -> None:
    state.take_permit(1, "elsewhere/1/a", 60, NOW)
    state.give_permit(0, "elsewhere/2/b")
    assert state.take_permit(1, "elsewhere/2/b", 60, NOW) is None


def test_a_lease_that_ran_out_frees_its_permit(state: AccountState) -> None:
    state.take_permit(1, "elsewhere/1/a", 60, NOW)
    assert state.take_permit(1, "elsewhere/2/b", 60, NOW + 59) is None
    assert state.take_permit(1, "elsewhere/2/b", 60, NOW + 60) == 0


def test_a_dead_process_of_this_host_frees_its_permit(state: AccountState) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    assert state.take_permit(2, f"{socket.gethostname()}/{os.getpid()}/b", 600, NOW) == 0
    assert state.take_permit(2, f"{socket.gethostname()}/{dead.pid}/a", 600, NOW) == 1

    assert [state.take_permit(2, "elsewhere/2/c", 600, NOW) for _ in range(2)] == [1, None]


def test_a_smaller_limit_counts_what_is_held_already(state: AccountState) -> None:
    for _ in range(3):
        state.take_permit(3, "elsewhere/1/a", 60, NOW)
    state.give_permit(0, "elsewhere/1/a")
    assert state.take_permit(2, "elsewhere/2/b", 60, NOW) is None


def test_rivals_never_hold_the_same_permit(database: Database) -> None:
    held: list[int | None] = []
    _at_once(lambda: held.append(SharedAccountState(database, account()).take_permit(3, "elsewhere/1/a", 60, NOW)), 6)
    assert sorted(slot for slot in held if slot is not None) == [0, 1, 2]


def test_a_token_is_shared_until_it_expires(database: Database, state: AccountState) -> None:
    assert state.load_token(NOW) is None
    stored = state.store_token(token(), "elsewhere/1/a", NOW)
    assert stored.version == 1
    other = SharedAccountState(database, account())
    assert other.load_token(NOW + 99) == stored
    assert other.load_token(NOW + 100) is None
    assert other.store_token(token("next", NOW + 500), "elsewhere/2/b", NOW).version == 2


def test_the_token_is_encrypted_with_the_accounts_secret(database: Database, state: AccountState) -> None:
    state.store_token(token(), "elsewhere/1/a", NOW)

    row = database.read(lambda connection: connection.execute(accounts.select()).mappings().one())
    assert "canary" not in str(dict(row))
    assert SharedAccountState(database, account(secret="another")).load_token(NOW) is None


def test_an_account_without_a_secret_keeps_no_token(database: Database) -> None:
    state = SharedAccountState(database, account(secret=""))
    with pytest.raises(ConfigurationError, match="no secret"):
        state.store_token(token(), "elsewhere/1/a", NOW)


def test_one_process_logs_in_at_a_time(state: AccountState) -> None:
    assert state.claim_renewal(None, "elsewhere/1/a", NOW + 30, NOW)
    assert state.claim_renewal(None, "elsewhere/1/a", NOW + 40, NOW)
    assert not state.claim_renewal(None, "elsewhere/2/b", NOW + 30, NOW)
    assert state.claim_renewal(None, "elsewhere/2/b", NOW + 80, NOW + 40)


def test_rivals_that_find_no_token_log_in_once(database: Database) -> None:
    won: list[bool] = []
    lock = threading.Lock()
    names = iter(range(6))

    def claim() -> None:
        with lock:
            holder = f"elsewhere/{next(names)}/a"
        won.append(SharedAccountState(database, account()).claim_renewal(None, holder, NOW + 30, NOW))

    _at_once(claim, 6)
    assert sorted(won) == [False] * 5 + [True]


def test_a_claim_given_up_or_of_a_dead_process_is_free(state: AccountState) -> None:
    state.claim_renewal(None, "elsewhere/1/a", NOW + 30, NOW)
    state.claim_renewal(None, "elsewhere/1/a", NOW, NOW)
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    assert state.claim_renewal(None, f"{socket.gethostname()}/{dead.pid}/a", NOW + 30, NOW)
    assert state.claim_renewal(None, "elsewhere/2/b", NOW + 30, NOW)


def test_a_token_that_failed_is_renewed_once(state: AccountState) -> None:
    first = state.store_token(token(), "elsewhere/1/a", NOW)
    assert not state.claim_renewal(None, "elsewhere/2/b", NOW + 30, NOW)
    assert state.claim_renewal(first.version, "elsewhere/2/b", NOW + 30, NOW)
    state.store_token(token("next"), "elsewhere/2/b", NOW)
    assert not state.claim_renewal(first.version, "elsewhere/1/a", NOW + 30, NOW)
    assert state.claim_renewal(2, "elsewhere/1/a", NOW + 30, NOW)


def _at_once(work: object, count: int) -> None:
    gate = threading.Barrier(count)
    errors: list[Exception] = []

    def run() -> None:
        gate.wait()
        try:
            work()  # type: ignore[operator]  # a function of the test
        except Exception as error:  # noqa: BLE001 -- whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
