"""Red letters (红字): which blue invoice each one takes back, in whatever order they come, and what that says about its state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from fapiao.invoices.model import Invoice
from fapiao.store import Database
from fapiao.store.access.migrating import configuration
from storing import HOLDER, NOON, OUTPUT, Shelf, documents, invoice, line, paper

BLUE = "24990000000000000001"
CONFIRMATION = "99001124111000000001"


def red(number: int = 2, *, of: str = BLUE, share: str = "1", **changes: Any) -> Invoice:
    """A red letter over a share of a blue invoice of two lines."""
    part = -Decimal(share)
    values: dict[str, Any] = {
        "is_red": True, "amount_excl_tax": 200 * part, "tax_amount": 26 * part, "amount_incl_tax": 226 * part,
        "lines": (line(1, amount_excl_tax=200 * part, tax_amount=26 * part),),
        "remark": f"被红冲蓝字数电票号码：{of} 红字发票信息确认单编号：{CONFIRMATION}",
    }  # fmt: skip
    return invoice(number, **(values | changes))


def key_of(shelf: Shelf, number: str) -> int:
    """The document a number leads to."""
    owners: dict[str, int] = {row["value"]: row["invoice_key"] for row in shelf.rows("fapiao_invoice_number")}
    return owners[number]


def red_links(shelf: Shelf) -> list[tuple[int, int]]:
    return [(start, end) for start, end, kind in shelf.links() if kind == "red_of"]


@pytest.mark.parametrize("order", ["blue first", "red first", "at once"])
def test_e3_a_red_letter_leads_to_its_blue_invoice_whichever_comes_first(shelf: Shelf, order: str) -> None:
    if order == "at once":
        shelf.load(red(2), invoice(1))
    else:
        first, second = (invoice(1), red(2)) if order == "blue first" else (red(2), invoice(1))
        shelf.load(first)
        shelf.load(second, cursor="2", key=OUTPUT, fetched_at=NOON + 9_000_000)

    assert red_links(shelf) == [(key_of(shelf, "24990000000000000002"), key_of(shelf, BLUE))]


def test_e3_a_blue_invoice_that_is_not_known_is_kept_as_text(shelf: Shelf) -> None:
    shelf.load(red(2))

    assert red_links(shelf) == []
    assert [(row["scheme"], row["value"], row["is_certain"]) for row in shelf.rows("fapiao_invoice_reference")] == [
        ("confirmation", CONFIRMATION, True),
        ("digital20", BLUE, True),
    ]


def test_e3_a_blue_invoice_is_found_by_code_and_number(shelf: Shelf) -> None:
    shelf.load(paper(1), red(2, remark="对应正数发票代码:099002400111号码:00000001"))
    assert red_links(shelf) == [(key_of(shelf, "24990000000000000002"), key_of(shelf, "099002400111:00000001"))]


def test_e3_a_bare_number_in_a_red_remark_counts_where_it_is_an_invoice(shelf: Shelf) -> None:
    shelf.load(invoice(1), red(2, remark=f"退货 {BLUE}"), red(3, remark="退货 24990000000000000099"))

    assert red_links(shelf) == [(key_of(shelf, "24990000000000000002"), key_of(shelf, BLUE))]
    assert {row["is_certain"] for row in shelf.rows("fapiao_invoice_reference")} == {False}


def test_loading_again_changes_no_link(shelf: Shelf) -> None:
    shelf.load(red(2), invoice(1))
    links, references = shelf.links(), shelf.rows("fapiao_invoice_reference")

    shelf.load(red(2), invoice(1), cursor="2", fetched_at=NOON + 60)
    shelf.load(red(2, drawer="测试员001"), cursor="3", fetched_at=NOON + 120)

    assert (shelf.links(), shelf.rows("fapiao_invoice_reference")) == (links, references)


def test_a_remark_that_another_source_supplies_later_makes_the_link(shelf: Shelf) -> None:
    shelf.load(invoice(1), red(2, remark=None, lines=(), amounts_derived=()), source="jcsk", api="sync")
    assert red_links(shelf) == []

    shelf.load(red(2), cursor="2")

    assert len(red_links(shelf)) == 1


def test_links_move_with_documents_that_become_one(shelf: Shelf) -> None:
    """The blue invoice was known by its paper face and by its digital number; so was the red one."""
    digital = "24990000000000000005"
    shelf.load(paper(5), red(2, of=digital), red(3, remark="对应正数发票代码:099002400111号码:00000005"))
    shelf.load(invoice(5), cursor="2")
    assert len({end for _, end in red_links(shelf)}) == 2

    shelf.load(paper(5, digital_number=digital), cursor="3", fetched_at=NOON + 1)

    blue = key_of(shelf, digital)
    assert red_links(shelf) == [
        (key_of(shelf, "24990000000000000002"), blue),
        (key_of(shelf, "24990000000000000003"), blue),
    ]


def test_links_move_when_the_red_letters_become_one(shelf: Shelf) -> None:
    face: dict[str, Any] = {"digital_number": None, "invoice_code": "099002400111", "invoice_number": "00000002"}
    shelf.load(invoice(1), red(2), red(2, **face))
    assert len(red_links(shelf)) == 2

    shelf.load(red(2, **face | {"digital_number": "24990000000000000002"}), cursor="2", fetched_at=NOON + 1)

    assert red_links(shelf) == [(key_of(shelf, "24990000000000000002"), key_of(shelf, BLUE))]


def test_a_red_letter_leaves_the_state_of_its_blue_invoice_to_the_sources(shelf: Shelf) -> None:
    shelf.load(invoice(1), red(2))
    states = {row["invoice_key"]: row["state"] for row in shelf.rows("fapiao_invoice")}
    assert states[key_of(shelf, BLUE)] == "normal"


def closed_rules(shelf: Shelf) -> list[tuple[str, int]]:
    """Findings of closed generations: rule and document."""
    return [
        (row["rule"], row["invoice_key"])
        for row in shelf.rows("fapiao_finding")
        if row["slice_id"] is not None and row["page_id"] is None
    ]


def test_e3_a_stale_state_is_found_when_the_generation_closes(shelf: Shelf) -> None:
    shelf.load(invoice(1), red(2))
    shelf.close()
    assert closed_rules(shelf) == [("S5", key_of(shelf, BLUE))]


def test_e3_a_red_letter_of_a_later_month_shows_that_the_old_state_is_stale(shelf: Shelf) -> None:
    shelf.load(invoice(1))
    shelf.close()
    assert closed_rules(shelf) == []

    shelf.open(NOON + 100)
    shelf.load(red(2), fetched_at=NOON + 100, key=OUTPUT)
    shelf.close(now=NOON + 200)

    assert ("S5", key_of(shelf, BLUE)) in closed_rules(shelf)


@pytest.mark.parametrize(
    ("state", "shares", "rules"),
    [
        ("red_partial", ["0.25"], []),
        ("red_full", ["0.25", "0.75"], []),
        ("red_partial", ["0.25", "0.75"], ["S5"]),
        ("red_full", ["0.25"], ["S5"]),
        ("red_full", ["0.75", "0.75"], ["S3"]),
        ("out_of_control", ["1"], []),
    ],
)
def test_e3_partial_red_letters_are_summed(
    sqlite_shelf: Shelf, state: str, shares: list[str], rules: list[str]
) -> None:
    sqlite_shelf.load(invoice(1, state=state), *(red(2 + place, share=share) for place, share in enumerate(shares)))
    sqlite_shelf.close()
    assert closed_rules(sqlite_shelf) == [(rule, key_of(sqlite_shelf, BLUE)) for rule in rules]


def test_e3_a_red_letter_of_a_red_letter_is_reported(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(red(2), red(3, of="24990000000000000002"))
    sqlite_shelf.close()
    assert closed_rules(sqlite_shelf) == [("S4", key_of(sqlite_shelf, "24990000000000000002"))]


def test_a_voided_red_letter_takes_nothing_back(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(paper(1), red(2, remark="对应正数发票代码:099002400111号码:00000001", state="voided"))
    sqlite_shelf.close()
    assert closed_rules(sqlite_shelf) == []


@pytest.mark.parametrize("last", [0, 1, 2, 3])
def test_the_order_of_arrival_does_not_matter_to_links(
    database: Database, tmp_path_factory: pytest.TempPathFactory, last: int
) -> None:
    def pages(shelf: Shelf) -> list[Any]:
        said = [[red(2, share="0.5")], [invoice(1)], [paper(1, digital_number=BLUE)], [red(3, share="0.5"), paper(1)]]
        return [
            shelf.page(*part, cursor=str(place), fetched_at=NOON + place) for place, part in enumerate(said)
        ]  # fmt: skip

    def named(shelf: Shelf) -> list[Any]:
        names = {row["invoice_key"]: row["digital_number"] for row in shelf.rows("fapiao_invoice")}
        return sorted((names[start], names[end]) for start, end in red_links(shelf))

    at_once = Shelf(Database.connect(f"sqlite:///{tmp_path_factory.mktemp('other') / 'fapiao.db'}"))
    at_once.loader.load(pages(at_once))
    one_by_one = Shelf(database)
    queue = pages(one_by_one)
    for page in [*queue[:last], *queue[last + 1 :], queue[last]]:
        one_by_one.loader.load([page])

    assert documents(one_by_one) == documents(at_once)
    assert named(one_by_one) == named(at_once) == [("24990000000000000002", BLUE), ("24990000000000000003", BLUE)]
    at_once.database.close()


def look(shelf: Shelf, columns: str) -> list[tuple[Any, ...]]:
    query = sa.text(f"SELECT {columns} FROM fapiao_v_invoice ORDER BY number, direction")
    return shelf.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])


def test_the_view_of_held_invoices_has_labels_and_the_counterpart(shelf: Shelf) -> None:
    shelf.load(invoice(1, state="red_full"), red(2))
    shelf.load(invoice(1, state="red_full"), key=OUTPUT, taxpayer_no="91990000000000009X")

    assert look(
        shelf, "number, taxpayer_no, direction_label, doc_type_label, state_label, blue_number, red_letters"
    ) == [
        (BLUE, HOLDER, "进项", "电子发票（增值税专用发票）", "已全额红冲", None, 1),
        (BLUE, "91990000000000009X", "销项", "电子发票（增值税专用发票）", "已全额红冲", None, 1),
        ("24990000000000000002", HOLDER, "进项", "电子发票（增值税专用发票）", "正常", BLUE, 0),
    ]


def test_an_older_database_gets_the_references_of_its_red_letters(database_url: str) -> None:
    """Rows as they were before red letters were linked; the migration reads their remarks."""
    database = Database.connect(database_url)
    with database._engine.connect() as connection, connection.begin():
        command.upgrade(configuration(schema=None, connection=connection), "0006")
        _insert_before(connection, 1, "", is_red=False)
        _insert_before(connection, 2, red().remark or "", is_red=True)
        connection.execute(sa.text("INSERT INTO fapiao_invoice_link VALUES (7, 1, 'paper_of_digital', :at)"), {
            "at": "2024-11-05 00:00:00"
        })  # fmt: skip
    database.migrate()

    assert Shelf(database).links() == [(2, 1, "red_of"), (7, 1, "paper_of_digital")]
    database.close()


def _insert_before(connection: Any, key: int, remark: str, *, is_red: bool) -> None:
    values = {
        "invoice_key": key, "doc_type": "digital_special", "doc_type_raw": "81", "is_red": is_red, "state": "normal",
        "level": "full", "line_count": 0, "sources": "ekuaibao", "first_seen_at": "2024-11-05 00:00:00",
        "changed_at": "2024-11-05 00:00:00", "remark": remark,
    }  # fmt: skip
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f"INSERT INTO fapiao_invoice ({names}) VALUES ({marks})"), values)
    connection.execute(
        sa.text("INSERT INTO fapiao_invoice_number (scheme, value, invoice_key) VALUES ('digital20', :value, :key)"),
        {"value": f"2499{key:016d}", "key": key},
    )
