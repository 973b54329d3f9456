"""A whole month by the use case: from the start of the task to tables that equal the truth, and what goes wrong on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fapiao.arguments import collect_request
from fapiao.collection import Collector
from fapiao.errors import FapiaoError, IncompleteError, TaxpayerRefused
from fapiao.store import Database
from fapiao.store.invoice_tables import customs, holdings, invoices, lines, special_businesses, trips, vehicles
from fapiao.testing.comparison import differences

MONTH = "202411"
QUICK = {"queued_seconds": 0.01, "processing_seconds": 0.05}
Collected = tuple[Any, FapiaoError | None]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'month.db'}"


@pytest.fixture
def collect(url: str) -> Callable[..., Collected]:
    """Collects the first taxpayer's month, waiting where it must: (manifest, what the run ends with)."""

    def run(it: Any, types: tuple[str, ...] = ("01", "81", "17", "51")) -> Collected:
        request = collect_request(
            it.source.descriptor,
            taxpayer_no=it.simulator.scenario.taxpayers[0],
            invoice_month=MONTH,
            now=time.time(),
            types=types,
            poll_interval=0.05,
        )
        with Collector(it.source, it.account, Database.connect(url), request, driver=it.driver) as collector:
            while (waiting := collector.advance()) is not None:
                time.sleep(min(0.1, max(0.0, waiting.not_before - time.time())))
            try:
                collector.verdict()
            except FapiaoError as error:
                return collector.manifest(), error
            return collector.manifest(), None

    return run


def wrong_with(url: str, it: Any, types: tuple[str, ...]) -> list[str]:
    taxpayer_no = it.simulator.scenario.taxpayers[0]
    truth = [
        invoice
        for part in it.simulator.truth(taxpayer_no, MONTH)
        for invoice in it.simulator.invoices(taxpayer_no, MONTH, part.type, part.direction)
        if part.type in types
    ]
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        held = sa.select(holdings.c.invoice_key).where(holdings.c.taxpayer_no == taxpayer_no)

        def rows(table: sa.Table) -> list[Any]:
            return [
                dict(row)
                for row in connection.execute(sa.select(table).where(table.c.invoice_key.in_(held))).mappings()
            ]

        children = {
            "lines": rows(lines), "trips": rows(trips), "special_businesses": rows(special_businesses),
            "vehicle": rows(vehicles), "customs": rows(customs),
        }  # fmt: skip
        found = differences(truth, rows(invoices), children)
    engine.dispose()
    return found


def test_a_month_of_mixed_slices_equals_the_truth(live: Any, collect: Any, url: str) -> None:
    types = ("01", "84", "81", "83", "17", "51", "8208")
    with live(uniform=12, page_size_cap=30, file_over_bytes=20_000, **QUICK) as it:
        manifest, error = collect(it, types)
        assert error is None
        assert manifest.state == "complete"
        truth = {
            (part.type, part.direction): (part.state, part.expected, part.loaded, f"{part.amount_excl_tax:.2f}")
            for part in it.simulator.truth(manifest.taxpayer_no, MONTH)
            if part.type in types
        }
        said = {
            (part.type, part.direction): (part.state, part.expected, part.loaded, part.amount_excl_tax)
            for part in manifest.slices
        }
        assert said == truth
        assert wrong_with(url, it, types) == []
        report = it.simulator.report()
    assert sum(report.starts.values()) == 1
    assert report.violations == ()


def test_a_task_that_fails_by_chance_is_started_once_more(live: Any, collect: Any) -> None:
    codes = [{"operation": "status", "code": "5002", "message": "税局异常", "in_task": True, "first": 1}]
    with live(uniform=2, codes=codes, **QUICK) as it:
        manifest, error = collect(it)
        assert error is None
        assert manifest.state == "complete"
        assert sum(it.simulator.report().starts.values()) == 2


def test_a_task_that_keeps_failing_ends_with_the_vendors_words(live: Any, collect: Any) -> None:
    codes = [{"operation": "status", "code": "5002", "message": "税局异常", "in_task": True}]
    with live(uniform=2, codes=codes, **QUICK) as it:
        manifest, error = collect(it)
        assert isinstance(error, IncompleteError)
        assert "税局异常" in str(error)
        assert {part.state for part in manifest.slices} == {"failed"}
        assert sum(it.simulator.report().starts.values()) == 2


def test_too_many_invoices_name_the_way_out(live: Any, collect: Any) -> None:
    with live(uniform=9, range_limit=20, **QUICK) as it:
        _, error = collect(it)
        assert "4888" in str(error)
        assert "fewer types" in str(error)
        manifest, error = collect(it, ("81",))
        assert (manifest.state, error) == ("complete", None)


def test_a_bureau_login_error_refuses_the_taxpayer_without_another_try(live: Any, collect: Any) -> None:
    codes = [{"operation": "status", "code": "4001", "message": "密码错误", "in_task": True}]
    with live(uniform=1, codes=codes, **QUICK) as it:
        _, error = collect(it)
        assert isinstance(error, TaxpayerRefused)
        assert error.code == "4001"
        report = it.simulator.report()
    assert (report.logins, sum(report.starts.values())) == (1, 1)
