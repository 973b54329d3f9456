"""The same truth through three vendors, in any order, in any portions, said twice: one set of documents, the true one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fapiao.invoices.personal_data import CLASSES, DEFAULT, Policy
from fapiao.store import Database, PageLoad
from fapiao.store.documents.policies import change_policy
from fapiao.testing.comparison import differences
from fapiao.wire import SliceKey
from storing import NOON, Shelf, documents
from vendors import MONTH, SLICES, SPEAKERS, TAXPAYER, said, truth

COUNT = 6
FACTS = {
    "fapiao_invoice": (
        "doc_type", "invoice_code", "invoice_number", "digital_number", "customs_no", "certificate_no", "issued_on",
        "seller_tax_no", "seller_name", "buyer_tax_no", "buyer_name", "amount_excl_tax", "tax_amount", "amount_incl_tax",
        "is_red", "state", "remark", "line_count",
    ),
    "fapiao_invoice_line": ("line_no", "amount_excl_tax", "tax_amount", "quantity", "unit_price", "tax_rate"),
    "fapiao_trip": ("trip_no", "origin", "destination", "passenger_name", "digital_number", "departs_on"),
    "fapiao_vehicle": ("brand_model", "vin", "engine_no", "buyer_id_no"),
    "fapiao_customs": ("payer1_tax_no", "payer2_tax_no", "declaration_no"),
}  # fmt: skip
"""What is true of a document whoever speaks; codes and texts as printed are a vendor's own."""
PARTS = {
    "lines": "fapiao_invoice_line", "trips": "fapiao_trip", "vehicle": "fapiao_vehicle", "customs": "fapiao_customs"
}  # fmt: skip
ORDERS = list(itertools.permutations(SPEAKERS))
QUICK_OR_SLOW = [
    pytest.param(order, marks=[] if place % 5 == 0 else [pytest.mark.slow]) for place, order in enumerate(ORDERS)
]
"""Every interface is the first one in one of the quick orders."""
Open = Callable[[], Shelf]


def pages(
    shelf: Shelf, speaker: tuple[str, str], slices: Sequence[tuple[str, str]] = SLICES, tag: str = ""
) -> list[PageLoad]:
    """Everything one interface says, a page for each slice. Each interface was asked at a time of its own."""
    source, api = speaker
    at = NOON + 100 * SPEAKERS.index(speaker)
    return [
        shelf.page(
            *said(speaker, type_, direction, COUNT), key=SliceKey(type_, direction), cursor=f"{source} {api} {tag}",
            source=source, api=api, fetched_at=at, taxpayer_no=TAXPAYER, direction="" if api == "verify" else direction,
            invoice_month=MONTH if api == "collect" else "",
        )
        for type_, direction in slices
    ]  # fmt: skip


def facts(shelf: Shelf, table: str) -> list[dict[str, Any]]:
    names = ("invoice_key", *FACTS[table])
    return [{name: row[name] for name in names} for row in shelf.rows(table)]


def untrue(shelf: Shelf) -> list[str]:
    """How the database differs from the truth.

    The collections state nothing about customs certificates; the list of one vendor does: they are normal. And where the
    newest word is the code for red-flushed that does not say how far, no more is known.
    """
    true = [
        msgspec.structs.replace(invoice, state="normal") if invoice.state == "unknown" and type_ == "17" else invoice
        for type_, direction in SLICES
        for invoice in truth(type_, direction, COUNT)
    ]
    parts = {part: facts(shelf, name) for part, name in PARTS.items()}
    found = differences(true, facts(shelf, "fapiao_invoice"), parts, policy=DEFAULT)
    return [sentence for sentence in found if "state is 'red_unspecified' instead of 'red_" not in sentence]


@pytest.fixture
def open_shelf(template: Path, tmp_path: Path) -> Iterator[Open]:
    """Empty SQLite databases."""
    opened: list[Database] = []

    def make() -> Shelf:
        path = tmp_path / f"{len(opened)}.db"
        path.write_bytes(template.read_bytes())
        opened.append(Database.connect(f"sqlite:///{path}"))
        return Shelf(opened[-1], *(SliceKey(*part) for part in SLICES))

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def reference(open_shelf: Open) -> Shelf:
    """Everything in one batch."""
    shelf = open_shelf()
    shelf.loader.load([page for speaker in SPEAKERS for page in pages(shelf, speaker)])
    return shelf


def test_three_vendors_at_once_are_the_truth(reference: Shelf) -> None:
    assert untrue(reference) == []


def test_every_interface_contributes(reference: Shelf) -> None:
    spoken = {(row["source"], row["api"]) for row in reference.rows("fapiao_observation")}
    assert spoken == set(SPEAKERS)
    heads = reference.rows("fapiao_invoice")
    assert sum(row["sources"] == "ekuaibao,jcsk,qixiangyun" for row in heads) > len(heads) / 4


def test_the_vendors_contradict_each_other_in_nothing(reference: Shelf) -> None:
    assert [row["field"] for row in reference.rows("fapiao_finding") if row["rule"] == "M1"] == []


@pytest.mark.parametrize("order", QUICK_OR_SLOW, ids=lambda order: ">".join(f"{source}-{api}" for source, api in order))
def test_any_order_of_the_vendors_gives_the_same_documents(
    open_shelf: Open, reference: Shelf, order: Sequence[tuple[str, str]]
) -> None:
    shelf = open_shelf()
    for speaker in order:
        shelf.loader.load(pages(shelf, speaker))
    assert documents(shelf) == documents(reference)


@pytest.mark.parametrize("action", ["mask", "hash", "drop"])
def test_any_order_of_the_vendors_gives_the_same_documents_under_a_policy(
    open_shelf: Open, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.setenv("FAPIAO_HASH_KEY", "a hash key of the tests, long enough for anybody")
    made = []
    for order in (ORDERS[0], ORDERS[-1]):
        shelf = open_shelf()
        change_policy(shelf.database, Policy(**dict.fromkeys(CLASSES, action)), NOON)
        for speaker in order:
            shelf.loader.load(pages(shelf, speaker))
            shelf.loader.load(pages(shelf, speaker, tag="again"))
        assert [row["field"] for row in shelf.rows("fapiao_finding") if row["rule"] == "M1"] == []
        made.append(documents(shelf))
    assert made[0] == made[1]


@settings(
    max_examples=25, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_any_cut_any_order_and_any_repetition_give_the_same_documents(
    open_shelf: Open, reference: Shelf, data: st.DataObject
) -> None:
    shelf = open_shelf()
    every = [(speaker, part, "") for speaker in SPEAKERS for part in SLICES]
    again = data.draw(st.lists(st.sampled_from(every), max_size=20, unique=True))
    queue: list[Any] = data.draw(st.permutations([*every, *((speaker, part, "again") for speaker, part, _ in again)]))
    while queue:
        size = data.draw(st.integers(1, 40))
        batch, queue = queue[:size], queue[size:]
        shelf.loader.load([page for speaker, part, tag in batch for page in pages(shelf, speaker, [part], tag)])
    assert documents(shelf) == documents(reference)


@pytest.mark.slow
@pytest.mark.parametrize("order", [ORDERS[0], ORDERS[9], ORDERS[-1]], ids=["first", "mixed", "last"])
@pytest.mark.parametrize(
    "server",
    [pytest.param("postgres_url", marks=pytest.mark.postgres), pytest.param("mysql_url", marks=pytest.mark.mysql)],
)
def test_on_servers_too(
    request: pytest.FixtureRequest, reference: Shelf, server: str, order: Sequence[tuple[str, str]]
) -> None:
    url = str(request.getfixturevalue(server))
    Database.migrate_url(url)
    shelf = Shelf(Database.connect(url), *(SliceKey(*part) for part in SLICES))
    for speaker in order:
        shelf.loader.load(pages(shelf, speaker))
    assert untrue(shelf) == []
    assert documents(shelf) == documents(reference)
    shelf.database.close()
