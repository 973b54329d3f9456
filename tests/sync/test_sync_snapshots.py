"""Snapshots of deduction states: one for each thing that is newly said, in the order of time, whoever writes when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fapiao.invoices.model import Deduction, Invoice, Level
from fapiao.store import CollectionKey, Database, PageLoad
from fapiao.store.tables.deductions import CURRENT_VIEW, deductions
from fapiao.store.tables.ledger import rejections
from fapiao.wire import SliceKey
from storing import HOLDER, NOON, Shelf, examined, invoice, paper
from syncing import rows

OPEN = Deduction(is_checked=False, is_certified=False, valid_tax=Decimal("26.00"), management="clean")
CHECKED = msgspec.structs.replace(OPEN, is_checked=True, checked_at=datetime(2024, 12, 3))  # noqa: DTZ001 - as printed
CERTIFIED = msgspec.structs.replace(CHECKED, is_certified=True, certified_at=datetime(2024, 12, 5), tax_period="202411")  # noqa: DTZ001 - as printed

Load = Callable[..., None]


@pytest.fixture
def load(into: str) -> Load:
    """Load one record at a time (seconds after noon), each as a page of its own."""
    database = Database.connect(into)
    shelf = Shelf(database)
    run = shelf.ledger.open(CollectionKey("jcsk", "a", HOLDER, "", "sync", "11"), [SliceKey("11", "input")], NOON)
    [part] = shelf.ledger.slices(run.collection_id)
    count = iter(range(1000))

    def one(at: float, deduction: Deduction | None, stated: Invoice | None = None, **page: Any) -> None:
        document = msgspec.structs.replace(stated or invoice(1), deduction=deduction, level=Level.LIST)
        given: dict[str, Any] = {
            "slice_id": part.slice_id, "collection_id": run.collection_id, "read_no": 1, "cursor": str(next(count)),
            "source": "jcsk", "api": "sync", "fetched_at": NOON + at, "total": None, "remaining": (), "record_count": 1,
            "transcript": b"x", "transcript_sha256": "0" * 64, "taxpayer_no": HOLDER, "direction": "input",
            "invoice_month": "", "type": "11", "records": [examined(document, 0)],
        }  # fmt: skip
        shelf.loader.load([PageLoad(**given | page)])

    return one


def history(url: str) -> list[tuple[float, bool | None, bool | None]]:
    found = sorted(rows(url, deductions), key=lambda row: (row["observed_at"], row["deduction_id"]))
    return [(row["observed_at"] - NOON, row["is_checked"], row["is_certified"]) for row in found]


def test_only_what_is_new_is_added(load: Load, into: str) -> None:
    for at, said in ((0, OPEN), (10, OPEN), (20, CHECKED), (30, CHECKED), (40, CERTIFIED), (50, OPEN)):
        load(at, said)
    assert history(into) == [(0, False, False), (20, True, False), (40, True, True), (50, False, False)]


def test_the_view_has_the_newest_of_each_holding(load: Load, into: str) -> None:
    load(0, OPEN)
    load(20, CERTIFIED)
    load(5, OPEN, invoice(2))
    load(30, CHECKED, taxpayer_no="91990000000000002X")
    found = sorted(
        (row["taxpayer_no"], row["observed_at"] - NOON, row["is_certified"]) for row in rows(into, CURRENT_VIEW)
    )
    assert found == [(HOLDER, 5, False), (HOLDER, 20, True), ("91990000000000002X", 30, False)]


def test_an_older_page_that_is_written_later_takes_its_place_in_time(load: Load, into: str) -> None:
    load(40, CERTIFIED)
    load(0, OPEN)
    load(20, OPEN)
    assert history(into) == [(0, False, False), (40, True, True)]
    [current] = rows(into, CURRENT_VIEW)
    assert current["is_certified"] is True


def test_a_document_that_turns_red_is_news_of_its_own(load: Load, into: str) -> None:
    load(0, OPEN)
    load(10, OPEN, invoice(1, state="red_full", state_raw="8"))
    assert [row["state"] for row in rows(into, deductions)] == ["normal", "red_full"]


def test_a_record_without_deduction_leaves_none(load: Load, into: str) -> None:
    load(0, None)
    assert rows(into, deductions) == []


def test_every_field_arrives_in_its_column(load: Load, into: str) -> None:
    said = Deduction(
        is_checked=True, checked_at=datetime(2024, 12, 3, 9, 30, 1), is_certified=True,  # noqa: DTZ001 - as printed
        certified_at=datetime(2024, 12, 5), tax_period="202411", usage="deduct", usage_raw="1", method_raw="1",  # noqa: DTZ001 - as printed
        valid_tax=Decimal("12.34"), management="abnormal", management_raw="2", abnormal_raw="0", risk_raw="02",
        has_mismatch=False, non_deduct_reason_raw="5", domestic_conversion_no="ZNX1", info_source_raw="1",
        extract_flag_raw="0", modified_at=datetime(2024, 12, 6, 1, 2, 3), vendor_row_id="77",  # noqa: DTZ001 - as printed
    )  # fmt: skip
    load(0, said)
    [row] = rows(into, deductions)
    assert {name: row[name] for name in Deduction.__struct_fields__} == msgspec.structs.asdict(said)


def test_a_nul_character_and_a_value_too_long_hurt_nothing_else(load: Load, into: str) -> None:
    load(0, msgspec.structs.replace(OPEN, vendor_row_id="a\x00b"))
    [row] = rows(into, deductions)
    assert row["vendor_row_id"] == "a\ufffdb"
    load(1, msgspec.structs.replace(OPEN, vendor_row_id="x" * 200), invoice(2))
    refused = rows(into, rejections)
    if into.startswith("sqlite"):
        assert refused == [], "its columns have no limits"
    else:
        assert "vendor_row_id" in refused[0]["reasons"]


def test_two_documents_that_are_one_keep_both_histories(load: Load, into: str) -> None:
    load(0, OPEN, paper(7))
    load(10, CHECKED, invoice(7, doc_type="digital_paper_special"))
    face = paper(7)
    load(20, CERTIFIED, msgspec.structs.replace(face, digital_number=invoice(7).digital_number))
    assert len({row["invoice_key"] for row in rows(into, deductions)}) == 1
    assert history(into) == [(0, False, False), (10, True, False), (20, True, True)]
    [current] = rows(into, CURRENT_VIEW)
    assert current["is_certified"] is True
