"""What the acceptance tests work with: the real command as a process, and the truth to hold tables and manifests against."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from fapiao.invoices.personal_data import DEFAULT
from fapiao.store.tables.invoices import customs, holdings, invoices, lines, special_businesses, trips, vehicles
from fapiao.testing.comparison import differences
from fapiao_ekuaibao.simulator import EkuaibaoSimulator

ROOT = Path(__file__).resolve().parents[2]
MONTH = "202411"
APP_SECURITY = "canary-app-security-7f3a9c"
"""Planted as the account's secret: the tests look for it wherever something is written."""


class Command:
    """``fapiao …`` in a process of its own, as a user runs it."""

    def __init__(self, simulator: EkuaibaoSimulator, extra: Mapping[str, Any], folder: Path) -> None:
        connection = dict(simulator.connection())
        connection["extra"] = {**connection["extra"], "requests_per_second": 0, "start_grace": 2, **extra}
        self.connection = connection
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO_CONN"))},
            "PYTHONPATH": os.pathsep.join((str(ROOT / "provider"), str(ROOT / "plugins"))),
            "FAPIAO_CONN_EKUAIBAO": json.dumps(connection),
            "NO_PROXY": "127.0.0.1",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "from fapiao.cli import main; main()", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.folder,
        )

    def run(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def collect(self, taxpayer_no: str, into: str, *more: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self.collecting(taxpayer_no, into, *more))

    def collecting(self, taxpayer_no: str, into: str, *more: str) -> Sequence[str]:
        given = ("--poll-interval", "0.2", "--json", "--into", into)
        return ("-v", "collect", "ekuaibao", "--taxpayer", taxpayer_no, "--month", MONTH, *given, *more)


def wrong_with(
    url: str,
    simulator: EkuaibaoSimulator,
    taxpayer_no: str,
    types: Sequence[str] = (),
    month: str = MONTH,
    generation: int = 1,
) -> list[str]:
    """How the tables differ from the truth about one taxpayer's month: every field of every invoice and line."""
    truth = [
        invoice
        for part in simulator.truth(taxpayer_no, month, generation)
        for invoice in simulator.invoices(taxpayer_no, month, part.type, part.direction, generation)
        if part.loaded and (not types or part.type in types)
    ]
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        held = sa.select(holdings.c.invoice_key).where(holdings.c.taxpayer_no == taxpayer_no)

        def rows(table: sa.Table) -> list[Mapping[str, Any]]:
            return [
                dict(row)
                for row in connection.execute(sa.select(table).where(table.c.invoice_key.in_(held))).mappings()
            ]

        found = differences(
            truth,
            rows(invoices),
            {
                "lines": rows(lines),
                "trips": rows(trips),
                "special_businesses": rows(special_businesses),
                "vehicle": rows(vehicles),
                "customs": rows(customs),
            },
            policy=DEFAULT,
        )
        holding_count = connection.execute(
            sa.select(sa.func.count()).select_from(holdings).where(holdings.c.taxpayer_no == taxpayer_no)
        ).scalar_one()
    engine.dispose()
    if holding_count != len(truth):
        found.append(f"{holding_count} holdings instead of {len(truth)}.")
    return found


def unproven(manifest: Mapping[str, Any], simulator: EkuaibaoSimulator, generation: int = 1) -> list[str]:
    """How a manifest differs from the truth: every slice with its state, counts and sums."""
    found = []
    said = {(part["type"], part["direction"]): part for part in manifest["slices"]}
    for part in simulator.truth(manifest["taxpayer_no"], manifest["invoice_month"], generation):
        ours = said.pop((part.type, part.direction), None)
        if ours is None:
            continue
        theirs = (
            part.state,
            part.expected,
            part.loaded,
            part.rejected,
            f"{part.amount_excl_tax:.2f}",
            f"{part.tax_amount:.2f}",
        )
        names = ("state", "expected", "loaded", "rejected", "amount_excl_tax", "tax_amount")
        mine = tuple((ours[name] or 0) if name == "expected" else ours[name] for name in names)
        if mine != theirs:
            found.append(f"{part.type} {part.direction}: {mine} instead of {theirs}")
    return found + [f"{key} is not in the truth" for key in said]
