"""What observers are told agrees with the ledger, whatever the vendor does, and whoever of them fails."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pluggy
import pytest
import sqlalchemy as sa

from collecting import APP_SECURITY, MONTH
from fapiao import hookimpl
from fapiao.engine import AsyncDriver, BlockingDriver, DriverSettings
from fapiao.errors import CredentialError
from fapiao.events import AttemptFinished, Event, PageCommitted, RecordRejected, SliceClosed
from fapiao.observing import observers
from fapiao.registry import registry
from fapiao.store.tables.ledger import pages, rejections, slices
from fapiao.testing.scenario import Fault
from fapiao.wire import Account, Secret
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator, Malformed
from trying import Trial

Trying = Callable[..., Trial]


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.threads: set[str] = set()
        self._lock = threading.Lock()

    def _keep(self, event: Event) -> None:
        with self._lock:
            self.events.append(event)
            self.threads.add(threading.current_thread().name)

    @hookimpl
    def attempt_finished(self, event: AttemptFinished) -> None:
        self._keep(event)

    @hookimpl
    def page_committed(self, event: PageCommitted) -> None:
        self._keep(event)

    @hookimpl
    def record_rejected(self, event: RecordRejected) -> None:
        self._keep(event)

    @hookimpl
    def slice_closed(self, event: SliceClosed) -> None:
        self._keep(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Failing:
    """Fails at everything."""

    @hookimpl
    def attempt_finished(self) -> None:
        raise RuntimeError("no place left")

    @hookimpl
    def page_committed(self) -> None:
        raise SystemExit(3)

    @hookimpl
    def slice_closed(self) -> None:
        raise KeyError("state")


def rows(url: str, table: sa.Table) -> list[Any]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = list(connection.execute(sa.select(table)))
    engine.dispose()
    return found


def test_the_events_of_a_month_are_its_ledger(trying: Trying) -> None:
    attempt = trying({"malformed": (Malformed(kind="missing_number", type="81", positions=(3, 4)),)})
    watcher = Watcher()
    with observers.added(watcher):
        ended = attempt.run(on_rejected="accept")
    assert ended.error is None, ended.text
    told = {
        (event.page_id, event.slice_id, event.read_no, event.loaded, event.rejected, event.transcript_sha256)
        for event in watcher.of(PageCommitted)
    }
    assert told == {
        (row.page_id, row.slice_id, row.read_no, row.loaded, row.rejected, row.transcript_sha256)
        for row in rows(attempt.url, pages)
    }
    assert len(watcher.of(PageCommitted)) == len(told)
    refused = watcher.of(RecordRejected)
    assert {(event.page_id, event.ordinal) for event in refused} == {
        (row.page_id, row.ordinal) for row in rows(attempt.url, rejections)
    }
    assert refused
    assert all(event.rules and len(event.rules) == len(event.fields) for event in refused)
    assert {(event.slice_id, event.state, event.expected, event.loaded) for event in watcher.of(SliceClosed)} == {
        (row.slice_id, row.state, row.expected, row.loaded) for row in rows(attempt.url, slices)
    }
    closed = watcher.of(SliceClosed)[0]
    assert (closed.source, closed.kind, closed.invoice_month) == ("ekuaibao", "collect", MONTH)
    assert closed.taxpayer_no == attempt.taxpayer


def test_every_attempt_is_told_with_what_became_of_it(trying: Trying) -> None:
    attempt = trying(
        {
            "token_requests": 9,
            "faults": (
                Fault(kind="reset", operation="read", nth=(1,)),
                Fault(kind="throttled", operation="read", nth=(3,), retry_after=1.0),
            ),
        },
        max_concurrency=1,
    )
    watcher = Watcher()
    with observers.added(watcher):
        ended = attempt.run()
    assert ended.error is None, ended.text
    told = watcher.of(AttemptFinished)
    assert len(told) == attempt.report().total
    assert {event.outcome for event in told} == {"delivered", "again", "renew"}
    assert [event.lost for event in told if event.lost] == ["connection broken off"]
    assert [event.number for event in told if event.status == 429] == [1]
    assert sum(event.bytes for event in told if event.status == 200) > 10_000
    assert all(event.seconds >= 0 for event in told)


def test_an_observer_that_fails_changes_nothing_and_is_named_once_in_ten(
    trying: Trying, caplog: pytest.LogCaptureFixture
) -> None:
    attempt = trying()
    watcher = Watcher()
    with (
        caplog.at_level(logging.WARNING, "fapiao.observers"),
        observers.added(Failing(), "clumsy"),
        observers.added(watcher, "watcher"),
    ):
        ended = attempt.run()
    assert ended.error is None, ended.text
    assert attempt.untrue(ended) == []
    assert watcher.of(SliceClosed), "the others are told all the same"
    said = [record.getMessage() for record in caplog.records if record.name == "fapiao.observers"]
    assert said[0] == (
        "The observer clumsy failed in attempt_finished (RuntimeError: no place left); the run goes on. "
        "It has failed 1 times in this process."
    )
    assert [text.rpartition("has failed ")[2] for text in said] == [
        "1 times in this process.",
        "10 times in this process.",
    ]


def test_no_event_holds_a_secret_a_person_or_an_invoice(trying: Trying) -> None:
    attempt = trying({"malformed": (Malformed(kind="masked_number", type="81"),), "refuse_logins": False})
    watcher = Watcher()
    with observers.added(watcher):
        attempt.run(on_rejected="accept")
    text = repr(watcher.events)
    truth = [
        invoice
        for type, direction in (("81", "input"), ("04", "output"))
        for invoice in attempt.simulator.invoices(attempt.taxpayer, MONTH, type, direction)
    ]
    canaries = {APP_SECURITY, "测试人员", "测试旅客"}
    for invoice in truth:
        canaries |= {invoice.invoice_number or "", invoice.digital_number or "", invoice.seller_name or ""}
        canaries |= {invoice.drawer or "", invoice.check_code or ""}
    canaries.discard("")
    assert len(canaries) > 50
    assert [canary for canary in canaries if canary in text] == []


def test_a_refused_login_is_told_as_failed_with_the_error_and_the_code() -> None:
    source = registry.get("ekuaibao")
    watcher = Watcher()
    with (
        EkuaibaoSimulator(EkuaibaoScenario(refuse_logins=True)).running() as simulator,
        observers.added(watcher),
    ):
        account = an_account(simulator)
        with BlockingDriver(source, account) as driver, pytest.raises(CredentialError):
            driver.run(source.authorize(account))
    [event] = watcher.of(AttemptFinished)
    assert (event.outcome, event.error, event.status) == ("failed", "CredentialError", 403)
    assert event.code


def test_both_drivers_tell_the_same_and_asyncio_beside_its_loop() -> None:
    source = registry.get("ekuaibao")
    told = []
    for name in ("blocking", "asyncio"):
        watcher = Watcher()
        scenario = EkuaibaoScenario(faults=(Fault(kind="html", operation="login", first=1),))
        with EkuaibaoSimulator(scenario).running() as simulator, observers.added(watcher):
            account = an_account(simulator)
            settings = DriverSettings(requests_per_second=0)
            if name == "blocking":
                with BlockingDriver(source, account, settings=settings, sleep=lambda seconds: None) as driver:
                    driver.run(source.authorize(account))
                assert watcher.threads == {threading.current_thread().name}
            else:

                async def drive(account: Account = account, settings: DriverSettings = settings) -> None:
                    async with AsyncDriver(
                        source, account, settings=settings, sleep=lambda seconds: asyncio.sleep(0)
                    ) as driver:
                        await driver.run(source.authorize(account))

                asyncio.run(drive())
                assert threading.current_thread().name not in watcher.threads
        told.append([(event.path, event.number, event.outcome, event.status) for event in watcher.of(AttemptFinished)])
    assert told[0] == told[1]
    assert [outcome for _, _, outcome, _ in told[0]] == ["again", "delivered"]


def an_account(simulator: EkuaibaoSimulator) -> Account:
    given = simulator.connection()
    return Account(
        source="ekuaibao",
        name=given["extra"]["corp_id"],
        base_url=simulator.base_url,
        login=given["login"],
        secret=Secret(given["password"]),
        settings=given["extra"],
    )


def test_a_hook_that_there_is_not_is_refused() -> None:
    class Misspelt:
        @hookimpl
        def page_commited(self) -> None:
            """Not a hook."""

    with pytest.raises(pluggy.PluginValidationError, match="page_commited"), observers.added(Misspelt()):
        pass


@pytest.mark.parametrize("kind", ["generator", "coroutine"])
def test_an_observer_that_nobody_would_run_is_refused(kind: str) -> None:
    class Generating:
        @hookimpl
        def page_committed(self, event: PageCommitted) -> Any:
            yield event

    class Awaited:
        @hookimpl
        async def page_committed(self, event: PageCommitted) -> None:
            """Nobody awaits it."""

    observer = Generating() if kind == "generator" else Awaited()
    with pytest.raises(TypeError, match="nobody would run it"), observers.added(observer):
        pass


def test_without_observers_nothing_is_wanted() -> None:
    assert [
        kind for kind in (AttemptFinished, PageCommitted, RecordRejected, SliceClosed) if observers.wants(kind)
    ] == []
