"""A whole month by the use case: from the start of the task to tables that equal the truth, and what goes wrong on the way."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fapiao.arguments import collect_request
from fapiao.collecting.collection import Collector
from fapiao.errors import FapiaoError, IncompleteError, TaxpayerRefused
from fapiao.invoices.personal_data import CLASSES, DEFAULT
from fapiao.rereading.personal_data import set_policy
from fapiao.rereading.renormalizing import renormalize
from fapiao.store import Database
from fapiao.store.tables.invoices import customs, holdings, invoices, lines, special_businesses, trips, vehicles
from fapiao.store.tables.ledger import pages
from fapiao.testing.comparison import differences

MONTH = "202411"
QUICK = {"queued_seconds": 0.01, "processing_seconds": 0.05}
TYPES = ("01", "81", "17", "51")
Collected = tuple[Any, FapiaoError | None]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'month.db'}"


@pytest.fixture
def collect(url: str) -> Callable[..., Collected]:
    """Collects the first taxpayer's month, waiting where it must: (manifest, what the run ends with)."""

    def run(it: Any, types: tuple[str, ...] = TYPES, *, one_process: bool = True, hurried: bool = False) -> Collected:
        # Some waits are minutes by the vendor's advice; a clock that runs ahead makes them none.
        ahead = 0.0

        def clock() -> float:
            return time.time() + ahead

        request = collect_request(
            it.source.descriptor,
            taxpayer_no=it.simulator.scenario.taxpayers[0],
            invoice_month=MONTH,
            now=time.time(),
            types=types,
            poll_interval=0.05,
        )

        def collector_() -> Collector:
            return Collector(it.source, it.account, Database.connect(url), request, driver=it.driver, clock=clock)

        with collector_() as collector:
            while (waiting := collector.advance()) is not None:
                left = max(0.0, waiting.not_before - clock())
                time.sleep(min(0.1, left))
                if hurried and left > 1:
                    ahead += left
                if not one_process:
                    collector = collector_()  # as a killed run that is started again
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
        found = differences(truth, rows(invoices), children, policy=DEFAULT)
    engine.dispose()
    return found


def truth_of(it: Any, types: tuple[str, ...]) -> dict[Any, Any]:
    return {
        (part.type, part.direction): (part.state, part.expected, part.loaded, f"{part.amount_excl_tax:.2f}")
        for part in it.simulator.truth(it.simulator.scenario.taxpayers[0], MONTH)
        if part.type in types
    }


def proof(manifest: Any) -> dict[Any, Any]:
    return {
        (part.type, part.direction): (part.state, part.expected, part.loaded, part.amount_excl_tax)
        for part in manifest.slices
    }


@pytest.mark.parametrize("action", ["mask", "drop"])
def test_a_month_in_files_is_stored_without_persons_and_can_be_interpreted_again(
    live: Any, collect: Any, url: str, action: str
) -> None:
    """The rows lie in files that the pages name; what a policy does not keep is taken out of these."""
    database = Database.connect(url)
    set_policy(database, [f"{name}={action}" for name in CLASSES])
    types = ("01", "83", "51")
    with live(uniform=12, page_size_cap=30, file_over_bytes=1_000, **QUICK) as it:
        _, error = collect(it, types)
        assert error is None
    raw = b"".join(
        zlib.decompress(bytes(row[0]))
        for row in database.read(lambda connection: connection.execute(sa.select(pages.c.transcript)).all())
        if row[0]
    ).decode()
    assert '"kpr":' in raw
    assert not any(person in raw for person in ("测试人员", "测试旅客0", "样例银行", "测试路"))
    assert renormalize(database).changes.rows == 0
    database.close()


def test_a_month_of_mixed_slices_equals_the_truth(live: Any, collect: Any, url: str) -> None:
    types = ("01", "84", "81", "83", "17", "51", "8208")
    with live(uniform=12, page_size_cap=30, file_over_bytes=20_000, **QUICK) as it:
        manifest, error = collect(it, types)
        assert error is None
        assert manifest.state == "complete"
        assert proof(manifest) == truth_of(it, types)
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


@pytest.mark.parametrize("refused_at", ["task", "start"])
def test_too_many_invoices_are_collected_in_parts(live: Any, collect: Any, url: str, refused_at: str) -> None:
    types = ("01", "81", "84", "17")
    with live(uniform=9, range_limit=20, range_refused_at=refused_at, **QUICK) as it:
        manifest, error = collect(it, types)
        assert (manifest.state, error) == ("complete", None)
        assert proof(manifest) == truth_of(it, types)
        assert wrong_with(url, it, types) == []
        report = it.simulator.report()
    # All eight slices, four and three of one direction, and then what fits.
    assert sum(report.starts.values()) == (7 if refused_at == "task" else 4)
    assert report.violations == ()


def test_a_month_in_parts_goes_on_after_a_kill_at_every_step(live: Any, collect: Any, url: str) -> None:
    types = ("01", "81", "84", "17")
    with live(uniform=9, range_limit=20, **QUICK) as it:
        manifest, error = collect(it, types, one_process=False)
        assert (manifest.state, error, manifest.generation) == ("complete", None, 1)
        assert proof(manifest) == truth_of(it, types)
        assert wrong_with(url, it, types) == []
        assert sum(it.simulator.report().starts.values()) == 7


def test_a_part_whose_start_is_lost_is_started_again_after_the_grace(live: Any, collect: Any, url: str) -> None:
    lost = [{"kind": "reset", "operation": "start", "nth": [3]}]
    with live({"start_grace": 0.3}, uniform=9, range_limit=20, faults=lost, **QUICK) as it:
        manifest, error = collect(it, one_process=False)
        assert (manifest.state, error) == ("complete", None)
        assert wrong_with(url, it, TYPES) == []
        report = it.simulator.report()
    assert report.operations["start"] == sum(report.starts.values()) + 1


def test_what_the_parts_before_brought_is_kept_when_the_taxpayer_is_refused(live: Any, collect: Any) -> None:
    refusal = [{"operation": "status", "code": "4001", "message": "密码错误", "in_task": True, "skip": 4}]
    with live(uniform=9, range_limit=20, codes=refusal, **QUICK) as it:
        manifest, error = collect(it, ("01", "81", "84", "17"))
        assert isinstance(error, TaxpayerRefused)
        assert manifest.state == "incomplete"
        assert Counter(part.state for part in manifest.slices) == {"complete": 2, "failed": 6}


def test_a_slice_that_is_too_large_fails_alone_and_says_why(live: Any, collect: Any) -> None:
    counts = [{"type": "81", "direction": "input", "count": 21}]
    with live(uniform=2, counts=counts, range_limit=20, **QUICK) as it:
        manifest, error = collect(it)
        assert isinstance(error, IncompleteError)
        assert "4888" in str(error)
        assert "whole months" in str(error)
        assert [(part.type, part.direction) for part in manifest.slices if part.state == "failed"] == [("81", "input")]
        assert all(part.state in ("complete", "empty") for part in manifest.slices if part.type != "81")


def test_a_restart_that_the_vendor_puts_off_is_made_later(live: Any, collect: Any) -> None:
    codes = [
        {"operation": "status", "code": "5002", "message": "税局异常", "in_task": True, "first": 1},
        {"operation": "start", "code": "50001", "message": "任务正在执行中", "skip": 1, "first": 1},
    ]
    with live(uniform=2, codes=codes, **QUICK) as it:
        manifest, error = collect(it, hurried=True)
        assert (manifest.state, error) == ("complete", None)
        report = it.simulator.report()
    assert (report.operations["start"], sum(report.starts.values())) == (3, 2)


def test_a_bureau_login_error_refuses_the_taxpayer_without_another_try(live: Any, collect: Any) -> None:
    codes = [{"operation": "status", "code": "4001", "message": "密码错误", "in_task": True}]
    with live(uniform=1, codes=codes, **QUICK) as it:
        _, error = collect(it)
        assert isinstance(error, TaxpayerRefused)
        assert error.code == "4001"
        report = it.simulator.report()
    assert (report.logins, sum(report.starts.values())) == (1, 1)
