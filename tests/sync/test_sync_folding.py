"""A document known from a list is completed by a collection, whichever of the two comes first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fapiao.arguments import collect_request
from fapiao.collecting.collection import Collector
from fapiao.connection import Connection
from fapiao.registry import registry
from fapiao.store import Database
from fapiao.store.tables.deductions import CURRENT_VIEW
from fapiao.store.tables.invoices import findings, invoices, lines, numbers, observations
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator
from syncing import Desk, rows

AtDesk = Callable[..., Desk]
MONTH = "202410"
MOVING = {"invoice_key", "first_seen_at", "changed_at", "state_raw"}
"""What depends on the order: keys, times of the pipeline, and the code of who spoke last."""


def collect(url: str, taxpayer_no: str) -> None:
    """The month at the other vendor, whose documents are the same ones."""
    simulator = EkuaibaoSimulator(EkuaibaoScenario(uniform=12, queued_seconds=0, processing_seconds=0))
    source = registry.get("ekuaibao")
    with simulator.running():
        given = dict(simulator.connection())
        given["extra"] = {**given["extra"], "requests_per_second": 0, "minimum_job_age": 0}
        account = source.account(Connection.from_json(json.dumps(given), conn_id="the test"))
        request = collect_request(
            source.descriptor,
            taxpayer_no=taxpayer_no,
            invoice_month=MONTH,
            now=2e9,
            directions=("input",),
            poll_interval=0.05,
        )
        with Collector(source, account, Database.connect(url), request) as collector:
            while collector.advance() is not None:
                pass
            collector.verdict()


def known(url: str) -> dict[str, dict[str, Any]]:
    """Every document by its first number, with its lines, but for what depends on the order."""
    heads = {row["invoice_key"]: row for row in rows(url, invoices)}
    first = {row["invoice_key"]: row["value"] for row in reversed(rows(url, numbers))}
    of_it: dict[int, list[dict[str, Any]]] = {key: [] for key in heads}
    for line in rows(url, lines):
        of_it[line["invoice_key"]].append(line | {"invoice_key": None})
    return {
        first[key]: {name: value for name, value in head.items() if name not in MOVING} | {"lines": of_it[key]}
        for key, head in heads.items()
    }


@pytest.fixture
def both_orders(at_desk: AtDesk, template: Path, tmp_path: Path) -> tuple[str, str]:
    """A database where the list came first, and one where the collection did."""
    urls = []
    for order in ("list-first", "collection-first"):
        path = tmp_path / f"{order}.db"
        path.write_bytes(template.read_bytes())
        url = f"sqlite:///{path}"
        desk = at_desk(url, uniform=20)
        if order == "collection-first":
            collect(url, desk.taxpayer)
        assert desk.sync("10").error is None
        if order == "list-first":
            collect(url, desk.taxpayer)
        urls.append(url)
    return urls[0], urls[1]


def test_the_order_of_arrival_makes_no_difference(both_orders: tuple[str, str]) -> None:
    one, other = map(known, both_orders)
    assert one.keys() == other.keys()
    assert [number for number in one if one[number] != other[number]] == []


def test_what_both_know_is_completed_and_keeps_its_deduction(both_orders: tuple[str, str]) -> None:
    for url in both_orders:
        said_by: dict[int, set[str]] = {}
        for row in rows(url, observations):
            said_by.setdefault(row["invoice_key"], set()).add(row["source"])
        both = {key for key, sources in said_by.items() if sources == {"ekuaibao", "jcsk"}}
        only_listed = {key for key, sources in said_by.items() if sources == {"jcsk"}}
        heads = {row["invoice_key"]: row for row in rows(url, invoices)}
        assert len(both) >= 12, "the list's documents of the month, whatever their type"
        assert {heads[key]["level"] for key in both} == {"full"}
        assert {heads[key]["level"] for key in only_listed} <= {"list"}
        with_lines = {row["invoice_key"] for row in rows(url, lines)}
        assert {key for key in both if heads[key]["doc_type"] == "digital_special"} <= with_lines
        assert {row["invoice_key"] for row in rows(url, CURRENT_VIEW)} == both | only_listed


def test_the_two_vendors_contradict_each_other_in_nothing(both_orders: tuple[str, str]) -> None:
    for url in both_orders:
        assert [(row["rule"], row["field"]) for row in rows(url, findings) if row["rule"] == "M1"] == []
