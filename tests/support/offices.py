"""Where invoices are verified and layout files archived: a database, a vendor and a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bureau import Bureau
from einvoices import einvoice, ofd, pdf
from fapiao.collecting.verification import Verifier
from fapiao.engine.host_rules import HostRules
from fapiao.layouts.archiver import LayoutArchiver
from fapiao.layouts.downloads import Downloader
from fapiao.layouts.places import FolderPlace
from fapiao.store import Database
from fapiao.store.tables.schema import metadata
from fapiao.testing.loopback import Answer, Call, LoopbackServer
from fapiao.wire import Claim
from trying import FakeClock, china

__all__ = ["KINDS", "FileHost", "Office", "serving"]

KINDS = ("pdf", "ofd", "xml")


class FileHost:
    """Serves each invoice's three files; ``spoil`` replaces answers."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.spoil: dict[str, Answer] = {}

    def __call__(self, call: Call) -> Answer:
        name = call.path.rpartition("/")[2]
        self.calls.append(name)
        if name in self.spoil:
            return self.spoil.pop(name)
        number, _, kind = name.partition(".")
        content = {"pdf": pdf(number), "ofd": ofd(), "xml": einvoice(number)}[kind]
        return Answer(body=content, content_type="application/octet-stream")


@contextmanager
def serving(host: FileHost) -> Iterator[str]:
    """The addresses of its files, with places for ``number`` and ``kind``."""
    server = LoopbackServer(host)
    server.start()
    try:
        yield server.base_url + "/{number}.{kind}?sign=canary-signature"
    finally:
        server.stop()


class Office:
    """A database, a vendor and a clock; :meth:`verify` is one run."""

    def __init__(self, database: Database, bureau: Bureau) -> None:
        self.database = database
        self.bureau = bureau
        self.clock = FakeClock(china("2024-11-20 12:00"))
        self.settings: dict[str, Any] = {}

    @contextmanager
    def verifier(self, claims: list[Claim], **options: Any) -> Iterator[Verifier]:
        account = self.bureau.account(**self.settings)
        with (
            self.bureau.driver(self.database, self.clock, self.clock.sleep, **self.settings) as driver,
            Verifier(
                self.bureau.source(), account, self.database, claims, driver=driver, clock=self.clock, **options
            ) as made,
        ):
            yield made

    def verify(self, claims: list[Claim], *, patience: float = 7200.0, **options: Any) -> Verifier:
        """One run that waits as a command would."""
        deadline = self.clock() + patience
        with self.verifier(claims, **options) as verifier:
            while (waiting := verifier.advance()) is not None and waiting.not_before <= deadline:
                self.clock.sleep(waiting.not_before - self.clock())
            return verifier

    def rows(self, name: str) -> list[dict[str, Any]]:
        table = metadata.tables[name]
        query = sa.select(table).order_by(*table.primary_key.columns)
        return self.database.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])

    @contextmanager
    def archiver(self, folder: Path | None) -> Iterator[LayoutArchiver]:
        rules = HostRules(hosts=frozenset({"127.0.0.1"}), allow_private=True, allow_http=True)
        with self.bureau.driver(self.database, self.clock, self.clock.sleep, **self.settings) as driver:
            yield LayoutArchiver(
                self.bureau.source(), self.bureau.account(**self.settings), self.database,
                FolderPlace(folder) if folder else None, driver=driver, downloader=Downloader(rules, timeout=5),
                clock=self.clock,
            )  # fmt: skip

    def archive(self, folder: Path) -> LayoutArchiver:
        """One run of the archiving that waits as a command would."""
        with self.archiver(folder) as made:
            while (waiting := made.advance()) is not None:
                self.clock.sleep(waiting.not_before - self.clock())
            return made
