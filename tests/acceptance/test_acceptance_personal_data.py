"""Everything personal dropped, three vendors asked, every table and every raw answer searched: nobody is found."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from collecting import MONTH, Command
from fapiao.invoices.model import Invoice
from fapiao.invoices.personal_data import CLASSES, FIELDS
from fapiao.rereading.personal_data import set_policy
from fapiao.store import Database
from fapiao.testing.scenario import TAXPAYERS
from fapiao_ekuaibao.simulator import EkuaibaoSimulator

Simulate = Callable[..., EkuaibaoSimulator]
Commands = Callable[..., Command]
TAXPAYER = TAXPAYERS[0]
TYPES = ("81", "82", "01", "04", "83", "61", "51", "17")
SHORTEST = 5
"""Characters of a canary: shorter texts are found in others by chance."""


def canaries(truth: Sequence[Invoice]) -> set[str]:
    """Every personal value of the truth."""
    found: set[str] = set()
    for invoice in truth:
        parts: list[Any] = [invoice, invoice.vehicle, *invoice.trips, *invoice.special_businesses]
        for part in parts:
            for name in FIELDS.get(type(part), {}):
                value = getattr(part, name)
                if isinstance(value, str):
                    found |= {value, *value.split()}
        if (invoice.buyer_name or "").endswith("(个人)"):
            found.add(str(invoice.buyer_name))
    kept = {text for invoice in truth for text in _kept(invoice)}
    return {text for text in found if len(text) >= SHORTEST and not any(text in other for other in kept)}


def _kept(invoice: Invoice) -> Iterator[str]:
    """Texts that tax needs: a remark may name the invoice that is taken back, or a project that a line names too."""
    yield from (line.item_name or "" for line in invoice.lines)
    if invoice.is_red and invoice.remark:
        yield invoice.remark
    for element in invoice.special_businesses:
        yield from (element.project_name or "", element.construction_place or "")


def texts(url: str) -> Iterator[tuple[str, str]]:
    """Every value of every table as text, with its column; transcripts decompressed."""
    engine = sa.create_engine(url)
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                for name, value in row.items():
                    if isinstance(value, bytes | memoryview):
                        raw = bytes(value)
                        value = zlib.decompress(raw).decode() if name == "transcript" and raw else raw.decode("latin-1")
                    yield f"{table.name}.{name}", str(value)
    engine.dispose()


def found(url: str, wanted: set[str]) -> dict[str, str]:
    """Column → one of the canaries in it."""
    return {
        column: next(canary for canary in wanted if canary in text)
        for column, text in texts(url)
        if any(canary in text for canary in wanted)
    }


def truth_of(simulator: EkuaibaoSimulator) -> list[Invoice]:
    return [
        invoice
        for part in simulator.truth(TAXPAYER, MONTH)
        if part.type in TYPES
        for invoice in simulator.invoices(TAXPAYER, MONTH, part.type, part.direction)
    ]


@pytest.mark.parametrize("action", ["drop", "hash"])
def test_nobody_is_found_in_any_table_or_raw_answer_of_a_collection(
    simulate: Simulate, command: Commands, into: str, action: str
) -> None:
    simulator = simulate(uniform=12)
    own = command(simulator)
    own.environment["FAPIAO_HASH_KEY"] = "a hash key of the tests, long enough for anybody"
    settings = [part for name in CLASSES for part in ("--set", f"{name}={action}")]
    assert own.run("personal-data", "--into", into, *settings).returncode == 0
    types = [part for code in TYPES for part in ("--type", code)]
    done = own.collect(TAXPAYER, into, *types)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "complete"
    wanted = canaries(truth_of(simulator))
    if action == "hash":
        wanted = {text for text in wanted if "*" not in text}  # what the vendor has masked stays so
    assert len(wanted) > 300
    assert found(into, wanted) == {}

    again = own.run("renormalize", "--into", into, "--json")
    assert json.loads(again.stdout)["changes"]["rows"] == 0


def test_the_search_finds_persons_where_they_are_kept(simulate: Simulate, command: Commands, into: str) -> None:
    simulator = simulate(uniform=12)
    types = [part for code in TYPES for part in ("--type", code)]
    assert command(simulator).collect(TAXPAYER, into, *types).returncode == 0
    where = found(into, canaries(truth_of(simulator))).keys()
    assert {
        "fapiao_page.transcript", "fapiao_observation.content", "fapiao_invoice.drawer", "fapiao_invoice.buyer_name",
        "fapiao_invoice.seller_bank_account", "fapiao_invoice.remark", "fapiao_trip.passenger_name", "fapiao_vehicle.vin",
    } <= where  # fmt: skip


def test_what_was_collected_under_the_default_is_brought_to_a_stricter_policy(
    simulate: Simulate, command: Commands, into: str
) -> None:
    simulator = simulate(uniform=12)
    own = command(simulator)
    types = [part for code in TYPES for part in ("--type", code)]
    assert own.collect(TAXPAYER, into, *types).returncode == 0
    wanted = canaries(truth_of(simulator))
    database = Database.connect(into)
    report = set_policy(database, [f"{name}=drop" for name in CLASSES])
    database.close()
    assert report.is_applied
    assert report.applied is not None
    assert report.applied.documents > 100
    assert found(into, wanted) == {}
    again = own.run("renormalize", "--into", into, "--json")
    assert msgspec.json.decode(again.stdout)["changes"]["rows"] == 0
