"""A task's pages hold all its slices: they are read once, kept once, and each slice is interpreted again from them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from fapiao.arguments import collect_request
from fapiao.collecting.collection import Collector
from fapiao.errors import FapiaoError
from fapiao.rereading.purging import purge
from fapiao.rereading.renormalizing import renormalize
from fapiao.store import Database
from fapiao.store.tables.ledger import pages

MONTH = "202411"
TYPES = ("01", "81", "17", "51")
QUICK: dict[str, Any] = {"queued_seconds": 0.01, "processing_seconds": 0.02}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path / 'one.db'}"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
        Database.migrate_url(url)
    opened = Database.connect(url)
    yield opened
    opened.close()


@pytest.fixture
def collect(database: Database) -> Callable[..., Any]:
    def run(it: Any) -> Any:
        request = collect_request(
            it.source.descriptor,
            taxpayer_no=it.simulator.scenario.taxpayers[0],
            invoice_month=MONTH,
            now=time.time(),
            types=TYPES,
            poll_interval=0.05,
        )
        with Collector(it.source, it.account, database, request, driver=it.driver) as collector:
            while collector.advance() is not None:
                time.sleep(0.02)
            return collector.manifest()

    return run


def raw_sizes(database: Database) -> list[int]:
    query = sa.select(sa.func.length(pages.c.transcript)).order_by(pages.c.page_id)
    return database.read(lambda connection: [int(size) for (size,) in connection.execute(query)])


def test_the_pages_of_a_task_are_read_once_for_all_its_slices(live: Any, collect: Any, database: Database) -> None:
    with live(uniform=12, page_size_cap=30, **QUICK) as it:
        manifest = collect(it)
        total = sum(part.expected for part in manifest.slices)
        assert (manifest.state, total) == ("complete", sum(part.loaded for part in manifest.slices))
        assert it.simulator.report().operations["read"] == -(-total // 30)
    sizes = raw_sizes(database)
    assert len(sizes) == 8
    assert len([size for size in sizes if size]) == 1


def test_a_read_that_fails_costs_its_slice_one_of_its_own(live: Any, collect: Any, database: Database) -> None:
    broken = [{"kind": "null_data", "operation": "read", "nth": [2]}]
    with live(uniform=12, page_size_cap=30, faults=broken, **QUICK) as it:
        with pytest.raises(FapiaoError, match="data is missing"):
            collect(it)
        manifest = collect(it)
        assert (manifest.state, manifest.generation) == ("complete", 1)
        pages_of_the_task = -(-sum(part.expected for part in manifest.slices) // 30)
        assert it.simulator.report().operations["read"] == 2 + 2 * pages_of_the_task
    assert len([size for size in raw_sizes(database) if size]) == 2


def test_every_slice_is_interpreted_again_from_the_one_raw(live: Any, collect: Any, database: Database) -> None:
    with live(uniform=12, page_size_cap=30, **QUICK) as it:
        manifest = collect(it)
    done = renormalize(database)
    assert done.changes.records == sum(part.loaded for part in manifest.slices)
    assert (done.changes.rows, done.purged, done.failed) == (0, 0, 0)


def test_the_one_raw_is_purged_for_all_slices(live: Any, collect: Any, database: Database) -> None:
    with live(uniform=3, **QUICK) as it:
        collect(it)
    stored = sum(raw_sizes(database))
    done = purge(database, "2099-01-01", 5e9)
    assert (done.pages, done.stored_bytes) == (1, stored)
    assert set(raw_sizes(database)) == {0}
    assert renormalize(database).purged == 8
