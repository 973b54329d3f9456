"""A collected month is an asset event with counts, on both versions; what was there already is no news."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from fapiao.airflow.assets import ALIAS, invoice_months, month_asset
from fapiao.airflow.compat import AIRFLOW_3
from fapiao.airflow.databases import url_of
from fapiao.cli import cli
from fapiao.errors import ConfigurationError

pytestmark = pytest.mark.airflow

Vendor = Callable[..., Any]
TAXPAYERS = ["919900000000000192", "91990000000000027W"]


def told_about(*taxpayers: str, month: str) -> dict[str, list[dict[str, Any]]]:
    """The events of the taxpayers' assets, as Airflow has stored them."""
    from airflow.utils.session import create_session

    if AIRFLOW_3:
        models = importlib.import_module("airflow.models.asset")
        event, asset, key = models.AssetEvent, models.AssetModel, models.AssetEvent.asset_id
    else:
        models = importlib.import_module("airflow.models.dataset")
        event, asset, key = models.DatasetEvent, models.DatasetModel, models.DatasetEvent.dataset_id
    found = {}
    with create_session() as session:
        for taxpayer in taxpayers:
            uri = month_asset("ekuaibao", taxpayer, month).uri
            rows = session.query(event).join(asset, asset.id == key).filter(asset.uri == uri).all()
            found[taxpayer] = [dict(row.extra) for row in rows]
    return found


@pytest.fixture
def scheduled(face: Any) -> None:
    """The alias in Airflow's database, as its DAG processor writes it; ``dag.test()`` of 2.11 does not."""
    if AIRFLOW_3:
        return
    from airflow.utils.session import create_session

    alias = importlib.import_module("airflow.models.dataset").DatasetAliasModel
    with create_session() as session:
        if not session.query(alias).filter_by(name=ALIAS).count():
            session.add(alias(name=ALIAS))


@pytest.mark.usefixtures("scheduled")
@pytest.mark.parametrize(("way", "month"), [("blocking", "202409"), ("deferred", "202408")])
def test_each_month_is_told_once_with_its_counts(way: str, month: str, face: Any, vendor: Vendor, into: str) -> None:
    vendor()
    assert face.run(f"telling_{way}", into=into, taxpayers=TAXPAYERS, invoice_month=month).state == "success"
    expected = {
        "source": "ekuaibao",
        "invoice_month": month,
        "generation": 1,
        "invoices": 6,
        "rejected": 0,
        "slices": 2,
    }
    assert told_about(*TAXPAYERS, month=month) == {
        taxpayer: [{**expected, "taxpayer_no": taxpayer}] for taxpayer in TAXPAYERS
    }
    again = face.run(f"telling_{way}", into=into, taxpayers=TAXPAYERS, invoice_month=month, refresh="never")
    assert again.state == "success"
    assert [len(events) for events in told_about(*TAXPAYERS, month=month).values()] == [1, 1]


@pytest.mark.usefixtures("scheduled")
def test_the_example_collects_and_tells(face: Any, vendor: Vendor, into: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vendor(uniform=1)
    monkeypatch.setenv("AIRFLOW_VAR_FAPIAO_INTO", into)
    assert face.run("collect_and_tell", invoice_month="202406", poll_interval=0.2).state == "success"
    assert [len(events) for events in told_about(*TAXPAYERS, month="202406").values()] == [1, 1]


def test_without_the_outlet_nothing_is_told(face: Any, vendor: Vendor, into: str) -> None:
    vendor()
    assert face.run("one_blocking", into=into, invoice_month="202407").state == "success"
    assert told_about(TAXPAYERS[0], month="202407") == {TAXPAYERS[0]: []}


def test_an_alias_that_no_operator_would_know_is_refused() -> None:
    with pytest.raises(ValueError, match="fapiao_"):
        invoice_months("months")


@pytest.mark.parametrize(
    ("record", "url"),
    [
        ({"conn_type": "sqlite", "host": "/data/fapiao.db"}, "sqlite:////data/fapiao.db"),
        ({"conn_type": "postgres", "host": "db", "port": 5433, "login": "u", "password": "p@ss", "schema": "tax"},
         "postgresql://u:p%40ss@db:5433/tax"),
        ({"conn_type": "mysql", "host": "db", "login": "u", "schema": "tax"}, "mysql://u@db/tax"),
    ],
)  # fmt: skip
def test_a_database_connection_becomes_a_url(record: dict[str, Any], url: str) -> None:
    empty = {"conn_id": "fapiao_database", "login": None, "password": None, "port": None, "schema": None}
    assert url_of(SimpleNamespace(**empty | record)).render_as_string(hide_password=False) == url


def test_a_connection_of_another_kind_is_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match="is of the type http"):
        url_of(SimpleNamespace(conn_id="web", conn_type="http"))


class Memory:
    """The state that Airflow 3.3 keeps for an asset."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def aget(self, key: str, default: Any = None) -> Any:
        return json.loads(json.dumps(self.kept.get(key, default)))

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = value


@pytest.mark.skipif(not AIRFLOW_3, reason="Airflow 2.11 has no event triggers")
class TestWatching:
    """:class:`fapiao.airflow.month_trigger.MonthClosedTrigger`."""

    @staticmethod
    def collect(into: str, connection: str, month: str) -> None:
        arguments = [
            "collect",
            "ekuaibao",
            "--taxpayer",
            TAXPAYERS[0],
            "--month",
            month,
            "--type",
            "81",
            "--into",
            into,
        ]
        told = CliRunner().invoke(cli, [*arguments, "--poll-interval", "0.2"], env={"FAPIAO_CONN_EKUAIBAO": connection})
        assert told.exit_code == 0, told.output

    @staticmethod
    def watch(into: str, memory: Memory, doing: Callable[[], None], count: int, **given: Any) -> list[Any]:
        """The payloads of ``count`` events that a watcher tells while something is done."""
        from fapiao.airflow.month_trigger import MonthClosedTrigger

        async def run() -> list[Any]:
            trigger = MonthClosedTrigger(into, poll_interval=0.1, **given)
            trigger.asset_state_store = memory  # type: ignore[assignment]  # what the triggerer puts there
            payloads: list[Any] = []

            async def listen() -> None:
                async for event in trigger.run():
                    payloads.append(event.payload)

            listening = asyncio.create_task(listen())
            while not memory.kept and not listening.done():  # noqa: ASYNC110 - the trigger has no event to wait for
                await asyncio.sleep(0.05)
            await asyncio.to_thread(doing)
            while len(payloads) < count and not listening.done():  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            return payloads

        return asyncio.run(asyncio.wait_for(run(), 120))

    def test_a_month_that_the_command_line_collects_is_told_once(
        self, vendor: Vendor, into: str, connection_text: Callable[[], str]
    ) -> None:
        vendor()
        memory = Memory()
        self.collect(into, connection_text(), "202410")
        [told] = self.watch(into, memory, lambda: self.collect(into, connection_text(), "202411"), 1)
        assert (told["taxpayer_no"], told["invoice_month"], told["generation"]) == (TAXPAYERS[0], "202411", 1)
        assert (told["invoices"], told["rejected"], told["slices"]) == (6, 0, 2)

    def test_what_was_closed_while_the_triggerer_was_down_is_told_after_it(
        self, vendor: Vendor, into: str, connection_text: Callable[[], str]
    ) -> None:
        vendor()
        memory = Memory()
        assert self.watch(into, memory, lambda: None, 0) == []
        self.collect(into, connection_text(), "202411")
        assert [told["invoice_month"] for told in self.watch(into, memory, lambda: None, 1)] == ["202411"]
        assert self.watch(into, memory, lambda: None, 0, source="another") == []

    def test_it_survives_the_way_through_the_database(self) -> None:
        from fapiao.airflow.month_trigger import MonthClosedTrigger

        path, given = MonthClosedTrigger("fapiao_database", "ekuaibao", TAXPAYERS[0], 5.0).serialize()
        module, _, name = path.rpartition(".")
        assert getattr(importlib.import_module(module), name)(**given).serialize() == (path, given)
