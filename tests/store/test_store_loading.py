"""Loading pages: everything arrives, once, or not at all."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from fapiao.errors import StoreError
from fapiao.invoices.model import Invoice
from fapiao.invoices.personal_data import DEFAULT
from fapiao.invoices.withholding import Withholding
from fapiao.store import Database, LoadReport
from fapiao.store.tables.schema import metadata
from storing import HOLDER, INPUT, NOON, OUTPUT, Shelf, examined, finding, full_invoice, invoice, line, refused


def test_every_field_of_an_invoice_arrives_in_its_column(shelf: Shelf) -> None:
    shelf.load(full_invoice())
    stated = Withholding(DEFAULT).invoice(full_invoice())

    (head,) = shelf.rows("fapiao_invoice")
    assert _differences(stated, head, but={"amounts_derived", "level"}) == {}
    assert head["amounts_derived"] == "tax_amount,amount_incl_tax"
    assert (head["level"], head["line_count"], head["sources"], head["first_seen_at"]) == ("file", 1, "ekuaibao", NOON)
    for name, part in (
        ("fapiao_invoice_line", stated.lines[0]),
        ("fapiao_vehicle", stated.vehicle),
        ("fapiao_customs", stated.customs),
        ("fapiao_trip", stated.trips[0]),
        ("fapiao_special_business", stated.special_businesses[0]),
    ):
        (row,) = shelf.rows(name)
        assert _differences(part, row) == {}
        assert row["invoice_key"] == head["invoice_key"]


def _differences(stated: Any, row: dict[str, Any], but: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    wrong = {}
    for name in stated.__struct_fields__:
        if name not in row or name in but:
            continue
        value = getattr(stated, name)
        found = json.loads(row[name]) if name == "extra" and row[name] else row[name]
        if value != found or type(found) is float:
            wrong[name] = (value, found)
    return wrong


def test_an_invoice_with_nothing_but_its_number_is_loaded(shelf: Shelf) -> None:
    shelf.load(Invoice(doc_type="digital_special", doc_type_raw="81", digital_number="24990000000000000001"))

    (head,) = shelf.rows("fapiao_invoice")
    assert (head["state"], head["is_red"], head["level"], head["line_count"]) == ("unknown", False, "full", 0)
    assert head["amount_excl_tax"] is None


def test_a_page_is_loaded_with_its_transcript_counts_and_sums(shelf: Shelf) -> None:
    report = shelf.load(invoice(1), invoice(2), refused(2), total=7, remaining=("2", "3"))

    assert report == LoadReport(pages=1, records=3, rejected=1, new=2)
    (page,) = shelf.rows("fapiao_page", "page_id", "slice_id")
    assert page == {
        "read_no": 1, "cursor": "", "api": "collect", "total": 7, "remaining": '["2","3"]', "record_count": 3,
        "loaded": 2, "rejected": 1, "amount_excl_tax": Decimal("400.00"), "tax_amount": Decimal("52.00"),
        "transcript": b"compressed", "transcript_sha256": "0" * 64, "raw_page_id": None, "fetched_at": NOON, "billed": None,
    }  # fmt: skip


def test_each_record_is_traced_to_its_document(shelf: Shelf) -> None:
    shelf.load(invoice(1), refused(1), invoice(2))

    first, second = (row["invoice_key"] for row in shelf.rows("fapiao_invoice"))
    traced = [(row["ordinal"], row["invoice_key"]) for row in shelf.rows("fapiao_slice_record")]
    assert traced == [(0, first), (1, None), (2, second)]


def test_a_rejected_record_is_quarantined_with_its_raw_form_and_all_reasons(shelf: Shelf) -> None:
    shelf.load(refused(0, raw={"je": Decimal("1.10"), "mc": "测试\x00\n"}))

    (row,) = shelf.rows("fapiao_rejected")
    assert json.loads(row["raw"], parse_float=Decimal) == {"je": Decimal("1.10"), "mc": "测试\x00\n"}
    assert [reason["rule"] for reason in json.loads(row["reasons"])] == ["N0"]
    assert shelf.rows("fapiao_invoice") == []


def test_findings_point_at_document_and_record(shelf: Shelf) -> None:
    shelf.load(invoice(1), examined(invoice(2), 1, (finding("A1"), finding("L2"))))

    found = shelf.rows("fapiao_finding")
    key = shelf.rows("fapiao_invoice")[1]["invoice_key"]
    page_id = shelf.rows("fapiao_page")[0]["page_id"]
    assert [(row["rule"], row["invoice_key"], row["page_id"], row["ordinal"]) for row in found] == [
        ("A1", key, page_id, 1), ("L2", key, page_id, 1),
    ]  # fmt: skip


def test_a_page_that_is_committed_is_skipped(shelf: Shelf) -> None:
    page = shelf.page(invoice(1), refused(1))
    shelf.loader.load([page])
    before = shelf.everything()

    report = shelf.loader.load([page])

    assert report == LoadReport(skipped=1)
    assert shelf.everything() == before


def test_a_batch_may_hold_committed_pages_beside_new_ones(shelf: Shelf) -> None:
    first, second = shelf.page(invoice(1)), shelf.page(invoice(2), cursor="2")
    shelf.loader.load([first])

    report = shelf.loader.load([second, first])

    assert (report.pages, report.skipped, report.new) == (1, 1, 1)


def test_the_same_page_twice_in_one_batch_is_one_page(shelf: Shelf) -> None:
    page = shelf.page(invoice(1))
    shelf.loader.load([page, page])
    assert len(shelf.rows("fapiao_page")) == len(shelf.rows("fapiao_slice_record")) == 1


def test_the_same_invoice_in_two_pages_is_one_document_and_two_records(shelf: Shelf) -> None:
    shelf.loader.load([shelf.page(invoice(1), invoice(2)), shelf.page(invoice(2), cursor="2")])

    assert len(shelf.rows("fapiao_invoice")) == 2
    tally = shelf.ledger.tally(shelf.slice().slice_id)
    assert (tally.records, tally.loaded, tally.duplicates) == (3, 2, 1)


def test_the_same_invoice_twice_in_one_page_is_one_document_and_two_records(shelf: Shelf) -> None:
    shelf.load(invoice(1), invoice(1))

    assert len(shelf.rows("fapiao_observation")) == 1
    assert len(shelf.rows("fapiao_slice_record")) == 2


def test_an_invoice_between_two_of_our_taxpayers_is_one_document_with_two_holdings(shelf: Shelf) -> None:
    shelf.load(invoice(1))
    shelf.load(invoice(1), key=OUTPUT, taxpayer_no="91990000000000002X", fetched_at=NOON + 5)

    assert len(shelf.rows("fapiao_invoice")) == 1
    held = [(row["taxpayer_no"], row["direction"]) for row in shelf.rows("fapiao_invoice_holding")]
    assert held == [(HOLDER, "input"), ("91990000000000002X", "output")]


def test_both_directions_in_one_batch_are_two_holdings(shelf: Shelf) -> None:
    shelf.loader.load([shelf.page(invoice(1)), shelf.page(invoice(1), key=OUTPUT, taxpayer_no="91990000000000002X")])
    assert len(shelf.rows("fapiao_invoice_holding")) == 2


def test_an_invoice_seen_again_is_only_dated(shelf: Shelf) -> None:
    shelf.load(invoice(1))
    before = shelf.everything()

    report = shelf.load(invoice(1), cursor="2", fetched_at=NOON + 100)

    assert (report.new, report.changed, report.same) == (0, 0, 1)
    after = shelf.everything()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"fapiao_page", "fapiao_slice_record", "fapiao_invoice_holding", "fapiao_observation"}
    for name in ("fapiao_invoice_holding", "fapiao_observation"):
        assert [(row["first_seen_at"], row["last_seen_at"]) for row in after[name]] == [(NOON, NOON + 100)]


def test_text_of_any_kind_comes_back_as_it_was(shelf: Shelf) -> None:
    texts = [
        "𠮷野家𡈽😀",
        "tab\tnewline\nreturn\rbackslash\\n \\N \\.",
        "unit\x1frecord\x1egroup\x1d",
        "'quoted' \"%s\" ?",
        "  ",
    ]
    shelf.load(*(invoice(place, seller_name=text, remark=text) for place, text in enumerate(texts)))

    rows = shelf.rows("fapiao_invoice")
    assert [(row["seller_name"], row["remark"]) for row in rows] == [(text, text) for text in texts]


def test_a_nul_character_hurts_nothing(shelf: Shelf) -> None:
    shelf.load(invoice(1, remark="a\x00b", lines=(line(1, item_name="c\x00", extra={"k": ["\x00"]}),)), invoice(2))

    assert shelf.rows("fapiao_invoice")[0]["remark"] == "a\ufffdb"
    assert shelf.rows("fapiao_invoice_line")[0]["item_name"] == "c\ufffd"


@pytest.mark.parametrize(
    "misfit",
    [
        invoice(2, amount_excl_tax=Decimal("NaN")),
        invoice(2, lines=(line(1), line(1))),
        invoice(2, issued_at="2024-11-03"),
        invoice(2, seller_name="\ud800"),
    ],
    ids=["nan", "line-twice", "text-as-time", "surrogate"],
)
def test_a_record_the_tables_cannot_hold_is_quarantined_alone(shelf: Shelf, misfit: Invoice) -> None:
    _is_quarantined_alone(shelf, misfit)


@pytest.mark.parametrize(
    "misfit",
    [
        invoice(2, amount_excl_tax=Decimal("1e17")),
        invoice(2, invoice_code="9" * 40),
        invoice(2, declared_line_count=2**40),
        invoice(2, lines=(line(1, quantity=Decimal("1e21")),)),
    ],
    ids=["amount", "code", "count", "quantity"],
)
def test_a_value_beyond_its_column_is_quarantined_where_columns_have_limits(shelf: Shelf, misfit: Invoice) -> None:
    if shelf.database.dialect != "sqlite":
        _is_quarantined_alone(shelf, misfit)
        return
    shelf.load(misfit)
    (head,) = shelf.rows("fapiao_invoice")
    (first, *_) = shelf.rows("fapiao_invoice_line")
    assert _differences(misfit, head, but={"amounts_derived", "level"}) == {}
    assert first["quantity"] == misfit.lines[0].quantity


def _is_quarantined_alone(shelf: Shelf, misfit: Invoice) -> None:
    report = shelf.load(invoice(1), misfit, invoice(3))

    assert (report.new, report.rejected, len(shelf.rows("fapiao_invoice"))) == (2, 1, 2)
    (row,) = shelf.rows("fapiao_rejected")
    assert row["ordinal"] == 1
    assert json.loads(row["reasons"])[0]["rule"] == "V8"
    tally = shelf.ledger.tally(shelf.slice().slice_id)
    assert (tally.loaded, tally.rejected) == (2, 1)


def test_a_crash_in_the_middle_leaves_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.load(invoice(1))
    before = shelf.everything()
    written: list[str] = []

    class Killed(BaseException):
        pass

    from fapiao.store.access import bulk

    insert = bulk.Writer.insert

    def killed_after_lines(self: bulk.Writer, table: sa.Table, rows: list[bulk.Row]) -> None:
        insert(self, table, rows)
        written.append(table.name)
        if table.name == "fapiao_invoice_line":
            raise Killed

    monkeypatch.setattr(bulk.Writer, "insert", killed_after_lines)
    with pytest.raises(Killed):
        shelf.load(invoice(1, state="red_flushed"), invoice(2), cursor="2")

    assert "fapiao_invoice" in written
    assert shelf.everything() == before


def test_a_database_that_fails_says_so_without_data(shelf: Shelf) -> None:
    with shelf.database._engine.connect() as connection, connection.begin():
        connection.execute(sa.text("DROP TABLE fapiao_trip"))

    with pytest.raises(StoreError) as caught:
        shelf.load(full_invoice())

    assert "init-db" in str(caught.value)
    assert caught.value.__cause__ is None
    assert "24990000000000000077" not in str(caught.value)
    assert shelf.rows("fapiao_page") == []


def test_unused_keys_are_kept_for_the_next_batch(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(invoice(1))
    sqlite_shelf.load(invoice(1), cursor="2")
    sqlite_shelf.load(invoice(2), cursor="3")
    assert [row["invoice_key"] for row in sqlite_shelf.rows("fapiao_invoice")] == [1, 2]


@pytest.mark.postgres
def test_both_postgresql_drivers_load_equally(postgres_database: Database) -> None:
    shelf = Shelf(postgres_database, INPUT)
    shelf.load(full_invoice(), invoice(2, remark="tab\t\\N"))
    shelf.load(invoice(2, remark="tab\t\\N", state="red_flushed"), cursor="2", fetched_at=NOON + 9)

    rows = shelf.rows("fapiao_invoice")
    assert [(row["remark"], row["state"]) for row in rows][1] == ("tab\t\\N", "red_flushed")
    assert _differences(full_invoice(), rows[0], but={"amounts_derived", "level"}) == {}


def test_every_field_of_the_model_has_a_column() -> None:
    from fapiao.invoices import model

    for kind, table, apart in (
        (model.Invoice, "fapiao_invoice", {"lines", "vehicle", "customs", "trips", "special_businesses", "deduction", "findings"}),
        (model.Line, "fapiao_invoice_line", set()),
        (model.Vehicle, "fapiao_vehicle", set()),
        (model.Customs, "fapiao_customs", set()),
        (model.Trip, "fapiao_trip", set()),
        (model.SpecialBusiness, "fapiao_special_business", set()),
    ):  # fmt: skip
        fields = {field.name for field in msgspec.structs.fields(kind)}
        assert fields - apart - set(metadata.tables[table].columns.keys()) == set()
