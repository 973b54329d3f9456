"""What the tests of syncs work with: one sync in process on a clock of the test's own, the command, the truth about lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import sqlalchemy as sa

from collecting import ROOT
from fapiao.collecting.sync import Syncer
from fapiao.connection import Connection
from fapiao.engine import BlockingDriver
from fapiao.errors import FapiaoError
from fapiao.invoices.model import Deduction, Invoice
from fapiao.manifest import SyncManifest, SyncSliceManifest
from fapiao.registry import registry
from fapiao.store import Database, DeductionChange, SharedAccountState, deduction_changes
from fapiao.store.tables.deductions import CURRENT_VIEW, deductions
from fapiao.store.tables.invoices import invoices, lines
from fapiao.store.tables.ledger import pages, slice_records
from fapiao.sync_arguments import sync_request
from fapiao.testing.comparison import differences
from fapiao_jcsk.simulator import JcskReport, JcskScenario, JcskSimulator
from trying import FakeClock, china

__all__ = ["APP_SECRET", "Desk", "JcskCommand", "Synced", "desk", "rows", "settings_of"]

APP_SECRET = "canary-app-secret-5b1d"
"""Planted as the account's secret: the tests look for it wherever something is written."""


class Synced(msgspec.Struct, frozen=True, kw_only=True):
    """How a sync ended."""

    error: FapiaoError | None
    manifest: SyncManifest | None

    @property
    def told(self) -> SyncManifest:
        assert self.manifest is not None, self.error
        return self.manifest

    @property
    def lists(self) -> list[SyncSliceManifest]:
        return [part for part in self.told.slices if isinstance(part, SyncSliceManifest)]

    @property
    def states(self) -> dict[str, str]:
        """State by list."""
        return {part.type: part.state for part in self.told.slices}


class Desk:
    """A simulated vendor, a database and a taxpayer; :meth:`sync` is one run of a sync."""

    def __init__(self, simulator: JcskSimulator, clock: FakeClock, url: str, settings: Mapping[str, Any]) -> None:
        self.simulator = simulator
        self.clock = clock
        self.url = url
        self.taxpayer = simulator.scenario.taxpayers[0]
        self._settings = settings

    def turn(self, **scenario: Any) -> None:
        """Change what the vendor does from now on; what it saw is forgotten."""
        self.simulator.configure(msgspec.structs.replace(self.simulator.scenario, **scenario))

    def sync(self, *codes: str, on_rejected: str = "fail", secret: str = APP_SECRET, **wish: Any) -> Synced:
        source = registry.get("jcsk")
        given = settings_of(self.simulator, self._settings) | {"password": secret}
        account = source.account(Connection.from_json(json.dumps(given), conn_id="the test"))
        filters = wish.pop("filters", {}).items()
        request = sync_request(
            source,
            account,
            taxpayer_no=self.taxpayer,
            queries=codes,
            filters=filters,
            on_rejected=on_rejected,
            **wish,
        )
        database = Database.connect(self.url)
        state = SharedAccountState(database, account)
        self.clock.sleep(60.0)  # no two syncs at the same instant
        error: FapiaoError | None = None
        with (
            BlockingDriver(
                source, account, state=state, clock=self.clock, sleep=self.clock.sleep, random=Random(7).random
            ) as driver,
            Syncer(source, account, database, request, driver=driver, clock=self.clock) as syncer,
        ):
            try:
                while (waiting := syncer.advance()) is not None:
                    self.clock.sleep(waiting.not_before - self.clock())
                syncer.verdict()
            except FapiaoError as problem:
                error = problem
            manifest = syncer.manifest() if syncer.has_begun() else None
        database.close()
        return Synced(error=error, manifest=manifest)

    def report(self) -> JcskReport:
        return self.simulator.report()

    def changes(self, synced: Synced) -> list[DeductionChange]:
        return deduction_changes(Database.connect(self.url), synced.told.run)

    def untrue(self, *codes: str, **fields: Any) -> list[str]:
        """How documents and deduction states differ from what a perfect reader of these lists has now."""
        truth = [invoice for code in codes for invoice in self.simulator.listed(self.taxpayer, code, **fields)]
        found = differences(truth, rows(self.url, invoices), ignore=("extra",))
        stored = {row["invoice_key"]: row for row in rows(self.url, CURRENT_VIEW)}
        by_number = {_name(row): stored.pop(row["invoice_key"]) for row in rows(self.url, invoices)}
        for invoice in truth:
            row = by_number.pop(_name(msgspec.structs.asdict(invoice)), None)
            if row is None:
                found.append("a document has no deduction state")
                continue
            found += _wrong(invoice, row)
        if stored or by_number:
            found.append(f"{len(stored) + len(by_number)} deduction states too many")
        return found

    def improper(self) -> list[str]:
        """What the run did against the vendor's document, and pages it paid twice."""
        report = self.report()
        again = report.pages_read_again()
        return [*report.violations, *([f"{again} pages were read again"] if again else [])]

    def is_empty(self) -> bool:
        """Nothing at all was loaded."""
        return not any(rows(self.url, table) for table in (invoices, lines, deductions, pages, slice_records))


@contextmanager
def desk(url: str, *, settings: Mapping[str, Any] | None = None, **scenario: Any) -> Iterator[Desk]:
    """A desk at which it is noon of 5 December 2024."""
    clock = FakeClock(china("2024-12-05 12:00"))
    given: dict[str, Any] = {"uniform": 25, "app_secret": APP_SECRET} | scenario
    simulator = JcskSimulator(JcskScenario(**given), clock=clock, sleep=clock.sleep)
    with simulator.running():
        yield Desk(simulator, clock, url, settings or {})


class JcskCommand:
    """``fapiao …`` in a process of its own, as a user runs it, with the simulated vendor as jcsk."""

    def __init__(self, simulator: JcskSimulator, folder: Path, **settings: Any) -> None:
        self.connection = settings_of(simulator, settings)
        self.folder = folder
        self.taxpayer = simulator.scenario.taxpayers[0]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO_CONN"))
        }
        environment |= {
            "PYTHONPATH": os.pathsep.join((str(ROOT / "provider"), str(ROOT / "plugins"))),
            "FAPIAO_CONN_JCSK": json.dumps(self.connection),
            "NO_PROXY": "127.0.0.1",
        }
        command = [sys.executable, "-c", "from fapiao.cli import main; main()", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=self.folder)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def syncing(self, into: str, codes: Sequence[str], *more: str) -> list[str]:
        """The arguments of ``fapiao sync``."""
        lists = [text for code in codes for text in ("--query", code)]
        return ["-v", "sync", "jcsk", "--taxpayer", self.taxpayer, *lists, "--into", into, "--json", *more]

    def sync(self, into: str, codes: Sequence[str], *more: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self.syncing(into, codes, *more))


def settings_of(simulator: JcskSimulator, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The connection to a simulated vendor as JSON values."""
    connection = dict(simulator.connection())
    connection["extra"] = {**connection["extra"], "requests_per_second": 0, **settings}
    return connection


def rows(url: str, table: sa.Table | str) -> list[dict[str, Any]]:
    """All rows of a table, or of the view with the columns of the deductions."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            if isinstance(table, str):
                view = sa.table(table, *(sa.column(column.name, column.type) for column in deductions.columns))
                found = connection.execute(sa.select(view)).mappings().all()
            else:
                found = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings().all()
            return [dict(row) for row in found]
    finally:
        engine.dispose()


def _name(values: Mapping[str, Any]) -> tuple[Any, ...]:
    fields = ("digital_number", "invoice_code", "invoice_number", "customs_no", "certificate_no")
    return tuple(values[field] for field in fields)


def _wrong(invoice: Invoice, row: Mapping[str, Any]) -> list[str]:
    true = invoice.deduction
    assert true is not None
    pairs = [(name, row[name], getattr(true, name)) for name in Deduction.__struct_fields__]
    pairs += [("state", row["state"], invoice.state), ("state_raw", row["state_raw"], invoice.state_raw)]
    return [f"{name} is {ours} instead of {theirs}" for name, ours, theirs in pairs if ours != theirs]
