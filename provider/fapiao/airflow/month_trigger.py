"""An event trigger for an ``AssetWatcher`` (Airflow 3.x): a month was proven in the ledger, by whomever.

For collections that run outside this Airflow (the command line, another cluster); its own tasks tell their months
themselves, see :mod:`fapiao.airflow.assets`::

    from airflow.sdk import Asset, AssetWatcher

    arrived = Asset("fapiao_months", watchers=[
        AssetWatcher(name="ledger", trigger=MonthClosedTrigger(into="fapiao_database", source="ekuaibao"))
    ])
    with DAG(dag_id="book", schedule=[arrived]): …
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from typing_extensions import override

from fapiao.errors import ConfigurationError, FapiaoError

if TYPE_CHECKING:
    from fapiao.store import Database
    from fapiao.store.ledger.arrivals import Arrival

__all__ = ["MonthClosedTrigger"]

OVERLAP = 300.0
"""Seconds that are looked at again: clocks differ, and who closed first may have committed last."""
CURSOR = "fapiao_months_told"


class MonthClosedTrigger(BaseEventTrigger):
    """An event for each month that is closed as complete; its payload is the month with counts.

    From Airflow 3.3 on what was told is kept in the asset's state, so a restart of the triggerer loses and repeats nothing;
    before, months that were closed while it was down are not told.

    :param into: id of the database connection of the ledger, or a database URL without a password: the arguments of a
        trigger are part of the DAG.
    :param source: only this vendor plugin's months.
    :param taxpayer_no: only this taxpayer's months.
    :param poll_interval: seconds between two looks at the ledger; one small query each.
    """

    def __init__(
        self, into: str, source: str | None = None, taxpayer_no: str | None = None, poll_interval: float = 60.0
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own lacks types
        self.into = into
        self.source = source
        self.taxpayer_no = taxpayer_no
        self.poll_interval = poll_interval

    @override
    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        names = ("into", "source", "taxpayer_no", "poll_interval")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    @override
    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Never ends. A database that does not answer is asked again later."""
        after, told, is_new = await self._remembered()
        ledger: Database | None = None
        failed = False
        while True:
            try:
                ledger = ledger or await self._connect()
                found = await asyncio.to_thread(self._look, ledger, after - OVERLAP)
                failed = False
            except ConfigurationError:
                raise
            except FapiaoError as error:
                if not failed:
                    self.log.warning("The ledger cannot be read, it is tried again: %s", error)
                failed, found = True, []
            if is_new and not failed:  # what was there before the watcher is no news
                told, is_new = {arrival.collection_id: arrival.closed_at for arrival in found}, False
                await self._remember(after, told)
            news = [arrival for arrival in found if arrival.collection_id not in told]
            for arrival in news:
                told[arrival.collection_id] = arrival.closed_at
                after = max(after, arrival.closed_at)
                yield TriggerEvent(msgspec.to_builtins(arrival))  # type: ignore[no-untyped-call]  # Airflow's own lacks types
            if news:
                told = {key: closed for key, closed in told.items() if closed > after - OVERLAP}
                await self._remember(after, told)
            await asyncio.sleep(self.poll_interval)

    def _look(self, ledger: Database, after: float) -> list[Arrival]:
        from fapiao.store.ledger.arrivals import arrivals

        return arrivals(ledger, after, source=self.source, taxpayer_no=self.taxpayer_no)

    async def _connect(self) -> Database:
        from fapiao.airflow.compat import aget_connection
        from fapiao.airflow.databases import url_of
        from fapiao.store import Database

        url = self.into if "://" in self.into else url_of(await aget_connection(self.into))
        return await asyncio.to_thread(Database.connect, url)

    async def _remembered(self) -> tuple[float, dict[int, float], bool]:
        store = getattr(self, "asset_state_store", None)
        kept = None if store is None else await store.aget(CURSOR)
        if not isinstance(kept, dict):
            return time.time(), {}, True
        return float(kept["after"]), {int(key): float(closed) for key, closed in kept["told"].items()}, False

    async def _remember(self, after: float, told: dict[int, float]) -> None:
        store = getattr(self, "asset_state_store", None)
        if store is not None:
            await store.aset(CURSOR, {"after": after, "told": {str(key): closed for key, closed in told.items()}})
