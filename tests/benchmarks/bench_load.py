"""Invoices per second into each kind of database, beside plain ``executemany`` of the same rows, in one run.

    python tests/benchmarks/bench_load.py [--invoices N] [--repeat K]

Ours: records that were examined before, loaded with everything that belongs to it (numbers claimed, documents grouped,
observations, proof), in batches of ten pages. The rival: the very rows that this left behind, inserted table by table with
the driver's ``executemany`` into empty tables of the same kind, a transaction per thousand invoices, without a look at what
is there. Then the raw answers of a collected month interpreted again, beside collecting it. The servers are those of
``FAPIAO_TEST_POSTGRES_URL`` and ``FAPIAO_TEST_MYSQL_URL``; without one, its part is left out. The rivals alternate.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import make_url

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "provider"), str(ROOT / "plugins")]

from fapiao.store import Database, PageLoad  # noqa: E402 -- the path has to be set first
from fapiao.store.tables.schema import metadata  # noqa: E402
from storing import Shelf  # noqa: E402
from vendors import said  # noqa: E402

PAGE, BATCH = 100, 10
TABLES = (
    "fapiao_invoice", "fapiao_invoice_line", "fapiao_invoice_number", "fapiao_invoice_holding", "fapiao_observation",
    "fapiao_invoice_state", "fapiao_finding", "fapiao_invoice_reference", "fapiao_slice_record", "fapiao_special_business",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    records = said(("ekuaibao", "collect"), "81", "input", arguments.invoices)
    lines = sum(len(record.invoice.lines) for record in records if record.invoice is not None)
    print(f"{len(records):,} invoices, {lines / len(records):.1f} lines each")
    for name, server in _servers():
        ours: list[float] = []
        plain: list[float] = []
        for _ in range(arguments.repeat):
            with _database(server) as url, _database(server) as other:
                ours.append(len(records) / _load(url, records))
                plain.append(len(records) / _executemany(url, other))
        ratios = ", ".join(f"{a / b:.2f}" for a, b in zip(ours, plain, strict=True))
        print(
            f"{name:22s} loaded {statistics.median(ours):7,.0f}/s, executemany {statistics.median(plain):7,.0f}/s, "
            f"ratio {statistics.median(ours) / statistics.median(plain):.2f} (runs: {ratios})",
            flush=True,
        )
        with _database(server) as url:
            collected, again = _interpret_again(url, arguments.invoices)
        print(
            f"{'':22s} collected {collected:7,.0f}/s, interpreted again {again:7,.0f}/s, ratio {again / collected:.2f}"
        )
    print(
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, the records themselves included"
    )


def _servers() -> Iterator[tuple[str, str | None]]:
    yield "SQLite", None
    postgres = os.environ.get("FAPIAO_TEST_POSTGRES_URL")
    if postgres:
        for driver in ("psycopg2", "psycopg"):
            yield f"PostgreSQL {driver}", str(make_url(postgres).set(drivername=f"postgresql+{driver}"))
    mysql = os.environ.get("FAPIAO_TEST_MYSQL_URL")
    if mysql:
        yield "MariaDB or MySQL", mysql


@contextmanager
def _database(server: str | None) -> Iterator[str]:
    """URL of an empty, migrated database."""
    if server is None:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/fapiao.db"
            Database.migrate_url(url)
            yield url
        return
    name = f"fapiao_bench_{uuid4().hex[:8]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        Database.migrate_url(url)
        yield url
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name}"))
        engine.dispose()


def _load(url: str, records: Any) -> float:
    database = Database.connect(url)
    shelf = Shelf(database)
    pages: list[PageLoad] = [
        shelf.page(*records[start : start + PAGE], cursor=str(start)) for start in range(0, len(records), PAGE)
    ]
    began = time.perf_counter()
    for start in range(0, len(pages), BATCH):
        shelf.loader.load(pages[start : start + BATCH])
    seconds = time.perf_counter() - began
    database.close()
    return seconds


def _executemany(url: str, other: str) -> float:
    """Insert the rows of one database into the other, its foreign keys being none of these tables' matter."""
    source, target = sa.create_engine(url), sa.create_engine(other)
    mark = "?" if source.dialect.paramstyle == "qmark" else "%s"
    work: list[tuple[str, list[tuple[Any, ...]]]] = []
    with source.connect() as connection:
        for name in TABLES:
            columns = ", ".join(f"{column.name}" for column in metadata.tables[name].columns)
            statement = (
                f"INSERT INTO {name} ({columns}) VALUES ({', '.join([mark] * len(metadata.tables[name].columns))})"
            )
            rows = [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM {name}")]
            work.append((statement, rows))
    invoices = len(work[0][1])
    portions = -(-invoices // (PAGE * BATCH))
    raw = target.raw_connection()
    cursor = raw.cursor()
    began = time.perf_counter()
    for portion in range(portions):
        for statement, rows in work:
            first, last = (len(rows) * place // portions for place in (portion, portion + 1))
            if last > first:
                cursor.executemany(statement, rows[first:last])
        raw.commit()
    seconds = time.perf_counter() - began
    cursor.close()
    raw.close()
    source.dispose()
    target.dispose()
    return seconds


def _interpret_again(url: str, invoices: int) -> tuple[float, float]:
    """Rates of collecting a month from the simulator, and of interpreting its raw answers again, which changes nothing."""
    from fapiao.arguments import collect_request
    from fapiao.collecting.collection import Collector
    from fapiao.connection import Connection
    from fapiao.registry import registry
    from fapiao.rereading.renormalizing import renormalize
    from fapiao.testing.scenario import TAXPAYERS
    from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

    simulator = EkuaibaoSimulator(EkuaibaoScenario(uniform=invoices, queued_seconds=0, processing_seconds=0))
    source = registry.get("ekuaibao")
    database = Database.connect(url)
    with simulator.running():
        given: dict[str, Any] = dict(simulator.connection())
        given["extra"] = {**given["extra"], "requests_per_second": 0, "minimum_job_age": 0}
        account = source.account(Connection.from_json(json.dumps(given), conn_id="benchmark"))
        request = collect_request(
            source.descriptor, taxpayer_no=TAXPAYERS[0], invoice_month="202411", now=time.time(), types=("81",),
            directions=("input",), poll_interval=0.05,
        )  # fmt: skip
        collected = _timed(lambda: _collect(Collector(source, account, database, request)))
    again = _timed(lambda: renormalize(database))
    database.close()
    return invoices / collected, invoices / again


def _collect(collector: Any) -> None:
    with collector:
        while collector.advance() is not None:
            pass
        collector.verdict()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
