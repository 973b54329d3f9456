"""What a task works with while it runs: the vendor's plugin, the account, the database, one driver for all taxpayers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fapiao.airflow.databases import database
from fapiao.airflow.hooks import InvoiceSourceHook
from fapiao.airflow.runs import task_reference

if TYPE_CHECKING:
    from fapiao.arguments import CollectRequest, StartedJob
    from fapiao.collecting.collection import Collector

__all__ = ["Bench"]


class Bench:
    """:raises ConfigurationError: the connection or ``into`` cannot be used; nothing was sent to the vendor."""

    def __init__(self, conn_id: str, into: str, context: Mapping[str, Any]) -> None:
        from fapiao.engine import BlockingDriver
        from fapiao.store import Ledger, SharedAccountState

        hook = InvoiceSourceHook(conn_id)
        self.source = hook.source
        self.account = hook.account
        self.database = database(into)
        self.task = task_reference(context)
        """Who works: noted in the ledger, beside what is worked on."""
        self.ledger = Ledger(self.database)
        self.driver = BlockingDriver(self.source, self.account, state=SharedAccountState(self.database, self.account))

    def close(self) -> None:
        """Give back what the account shares with other processes."""
        self.driver.close()

    def collector(
        self, request: CollectRequest, collection_id: int | None = None, continues: StartedJob | None = None
    ) -> Collector:
        """The collection that ``request`` asks for; with an id, that generation and no other."""
        from fapiao.collecting.collection import Collector

        return Collector(
            self.source,
            self.account,
            self.database,
            request,
            driver=self.driver,
            collection_id=collection_id,
            task=self.task,
            continues=continues,
        )
