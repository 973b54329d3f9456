"""The views for people say the same on every kind of database: labels, rare names, nothing, exact amounts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from dictating import BUYER, SELLER, Golden, certified, digital, listed, page
from fapiao.invoices.codes import DOC_TYPES, SPECIAL_BUSINESS, STATES, UNKNOWN, USAGES
from fapiao.store import Database
from fapiao.store.access.migrating import configuration
from fapiao.store.reports.datasets import held_invoices
from fapiao.store.tables.columns import EpochTime, exact_sum, money
from fapiao.store.tables.deductions import CURRENT_VIEW, deductions
from fapiao.store.tables.invoices import holdings, invoices
from fapiao.store.tables.schema import HEAD
from fapiao.store.tables.views import VIEWS, links

D = Decimal
NAMES = ("𠮷野家𡃁测试有限公司", "䶮㛃（测试）有限公司")
INPUT = ("81", "input")
BLUE, RED, PAPER = "24990000000000000001", "24990000000000000002", "24990000000000000003"

MADE_BY = {
    ("invoice_link", "c8383f5acbfcf1f9"),  # r0007
    ("v_invoice", "95cbcc91a3c65752"),  # r0013
    ("v_coverage", "92be792245730f02"),  # r0007
}
"""What each view's SELECT was when the revision was written that makes it: a title of a code is part of it."""

_COVERAGE: dict[str, Any] = {
    "source": sa.Text(), "account": sa.Text(), "taxpayer_no": sa.Text(), "invoice_month": sa.Text(), "kind": sa.Text(),
    "query": sa.Text(), "type": sa.Text(), "direction": sa.Text(), "generation": sa.Integer(), "state": sa.Text(),
    "collection_state": sa.Text(), "expected": sa.Integer(), "loaded": sa.Integer(), "rejected": sa.Integer(),
    "amount_excl_tax": money(), "tax_amount": money(), "closed_at": EpochTime(),
}  # fmt: skip
coverage = sa.table("fapiao_v_coverage", *[sa.column(name, kind) for name, kind in _COVERAGE.items()])
current = sa.table(CURRENT_VIEW, *[sa.column(column.name, column.type) for column in deductions.columns])


@pytest.fixture
def golden(database: Database, database_url: str) -> Iterator[Golden]:
    """A migrated database of every kind, filled by the vendors' own plugins."""
    made = Golden(database_url)
    yield made
    made.close()


def read(golden: Golden, query: Any) -> list[Any]:
    return golden.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])


def test_the_view_of_held_invoices_has_every_column_of_every_row(golden: Golden) -> None:
    """A blue invoice with its red letter and its deduction, seen by the buyer; and by the seller, without a deduction."""
    began = golden.now
    blue = digital(
        1, xfmc=NAMES[0], gfmc=NAMES[1], fpztDm="8", tdywlx="03", je=D("99.99"), se=D("0.01"), jshj=D("100.00")
    )
    amounts = {"je": D("-99.99"), "se": D("-0.01"), "jshj": D("-100.00"), "lines": []}
    red = digital(2, xfmc=NAMES[0], bz=f"被红冲蓝字数电票号码：{BLUE}", gfsbh="", gfmc="", slv=None, **amounts)
    assert golden.collect({INPUT: [page([blue, red])]}) is None
    assert golden.collect({("81", "output"): [page([blue])]}, taxpayer_no=SELLER) is None
    row = certified(1, deductibleMode="4", salesTaxName="", purchaserName="", totalAmount="", totalTax="", state="8")
    assert golden.sync({"11": [listed([row])]}) is None

    view = held_invoices.c
    rows = read(golden, sa.select(*view).order_by(view.number, view.direction))
    names = [column.name for column in view]
    seen = [{name: value for name, value in zip(names, row, strict=True) if name != "invoice_key"} for row in rows]
    common = {
        "number": BLUE, "invoice_code": None, "doc_type": "digital_special", "doc_type_label": "电子发票（增值税专用发票）",
        "issued_on": date(2024, 11, 5), "invoice_month": "202411", "seller_tax_no": SELLER, "seller_name": NAMES[0],
        "buyer_tax_no": BUYER, "buyer_name": NAMES[1], "amount_excl_tax": D("99.99"), "tax_amount": D("0.01"),
        "amount_incl_tax": D("100.00"), "state": "red_full", "state_label": "已全额红冲", "is_red": False,
        "blue_number": None, "red_letters": 1, "special_business": "construction", "special_business_label": "建筑服务",
        "level": "full", "line_count": 1, "sources": "ekuaibao,jcsk",
    }  # fmt: skip
    nothing = dict.fromkeys(("is_checked", "is_certified", "tax_period", "deduction_usage", "deduction_usage_label"))
    assert seen == [
        common | {
            "taxpayer_no": BUYER, "direction": "input", "direction_label": "进项", "is_checked": True, "is_certified": True,
            "tax_period": "202411", "deduction_usage": "not_deduct", "deduction_usage_label": "不抵扣",
            "first_seen_at": began + 60, "last_seen_at": began + 180,
        },
        common | nothing | {
            "taxpayer_no": SELLER, "direction": "output", "direction_label": "销项", "first_seen_at": began + 120,
            "last_seen_at": began + 120,
        },
        common | nothing | {
            "taxpayer_no": BUYER, "direction": "input", "direction_label": "进项", "number": RED, "buyer_tax_no": None,
            "buyer_name": None, "amount_excl_tax": D("-99.99"), "tax_amount": D("-0.01"), "amount_incl_tax": D("-100.00"),
            "state": "normal", "state_label": "正常", "is_red": True, "blue_number": BLUE, "red_letters": 0,
            "special_business": None, "special_business_label": None, "level": "head", "line_count": 0,
            "sources": "ekuaibao", "first_seen_at": began + 60, "last_seen_at": began + 60,
        },
    ]  # fmt: skip


def _insert(golden: Golden, rows: list[dict[str, Any]]) -> None:
    """Held documents as the loader writes them, one for each row of changes."""
    made = [
        {
            "invoice_key": key, "doc_type": "digital_special", "doc_type_raw": "81", "is_red": False, "state": "normal",
            "level": "list", "line_count": 0, "sources": "ekuaibao", "first_seen_at": 0.0, "changed_at": 0.0,
        } | changes
        for key, changes in enumerate(rows, 1)
    ]  # fmt: skip
    held = [
        {
            "invoice_key": row["invoice_key"], "taxpayer_no": BUYER, "direction": "input", "invoice_month": "202411",
            "first_seen_at": 0.0, "last_seen_at": 0.0,
        }
        for row in made
    ]  # fmt: skip

    def write(connection: sa.engine.Connection) -> None:
        for row in made:  # one by one: they name different columns
            connection.execute(invoices.insert(), row)
        connection.execute(holdings.insert(), held)

    golden.database.transact(write)


LABELS: dict[str, tuple[str, str, dict[str, str]]] = {
    "document types": ("doc_type", "doc_type_label", {name: kind.title for name, kind in DOC_TYPES.items()}),
    "states": ("state", "state_label", dict(STATES)),
    "specific businesses": (
        "special_business", "special_business_label", {name: kind.title for name, kind in SPECIAL_BUSINESS.items()},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", LABELS)
def test_every_code_has_its_label_and_labels_can_be_asked_for(golden: Golden, what: str) -> None:
    column, label, titles = LABELS[what]
    _insert(golden, [{column: name} for name in titles])
    view = held_invoices.c
    assert dict(read(golden, sa.select(view[column], view[label]))) == titles
    wanted = list(titles.values())[1]
    by_label = sa.select(view[column]).where(view[label] == wanted)
    assert read(golden, by_label) == [(name,) for name, title in titles.items() if title == wanted]
    grouped = sa.select(view[label], sa.func.count()).group_by(view[label])
    assert dict(read(golden, grouped)) == dict.fromkeys(titles.values(), 1)


def test_every_use_of_input_tax_has_its_label_and_one_that_is_unknown_too(golden: Golden) -> None:
    said = {"deduct": "1", "refund": "2", "not_deduct": "4", UNKNOWN: "77", None: ""}
    rows = [certified(number, deductibleMode=code) for number, code in enumerate(said.values(), 1)]
    assert golden.sync({"11": [listed(rows)]}) is None
    view = held_invoices.c
    query = sa.select(view.deduction_usage, view.deduction_usage_label).order_by(view.number)
    assert read(golden, query) == [(name, None if name is None else USAGES[name]) for name in said]


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_that_says_something_else_has_a_revision_that_makes_it_anew(name: str) -> None:
    digest = hashlib.sha256(VIEWS[name](str).encode()).hexdigest()[:16]
    assert (name, digest) in MADE_BY, (
        f"fapiao_{name} is not what revision {HEAD} made: databases that exist keep the old one. Add a revision that makes it anew, "
        "as r0013 does, let the earlier revisions make what they made, and enter the digest here."
    )


def test_an_older_database_gets_the_label_and_keeps_what_stands_on_the_view(database_url: str) -> None:
    golden = Golden(database_url)
    label = f"WHEN '{UNKNOWN}' THEN '{USAGES[UNKNOWN]}' END AS deduction_usage_label"
    select = VIEWS["v_invoice"](lambda name: f"fapiao_{name}")
    assert label in select
    with golden.database._engine.connect() as connection, connection.begin():
        command.upgrade(configuration(schema=None, connection=connection), "0012")
        connection.execute(sa.text("DROP VIEW fapiao_v_invoice"))
        without = select.replace(label, "END AS deduction_usage_label")
        connection.execute(sa.text(f"CREATE VIEW fapiao_v_invoice AS {without}"))
        connection.execute(sa.text("CREATE VIEW report AS SELECT number, deduction_usage_label FROM fapiao_v_invoice"))
    golden.database.migrate()
    assert golden.sync({"11": [listed([certified(1, deductibleMode="77")])]}) is None
    assert read(golden, sa.text("SELECT number, deduction_usage_label FROM report")) == [(BLUE, "未知")]
    golden.close()


def test_a_number_is_the_strongest_that_there_is_and_nothing_stays_nothing(golden: Golden) -> None:
    _insert(
        golden,
        [
            {"digital_number": BLUE, "invoice_number": "00000001", "invoice_code": "099002400104"},
            {"invoice_number": "00000002", "invoice_code": "099002400104"},
            {"customs_no": "990120241000000001-L01"},
            {"certificate_no": "399000241100000001"},
            {},
        ],
    )
    view = held_invoices.c
    nothing = (view.issued_on, view.seller_name, view.amount_excl_tax, view.special_business_label, view.blue_number)
    assert read(golden, sa.select(view.number, view.invoice_code, *nothing).order_by(view.invoice_key)) == [
        (BLUE, "099002400104", *(None,) * 5),
        ("00000002", "099002400104", *(None,) * 5),
        ("990120241000000001-L01", None, *(None,) * 5),
        ("399000241100000001", None, *(None,) * 5),
        (None, None, *(None,) * 5),
    ]


def test_amounts_and_their_sums_are_exact_to_the_cent(golden: Golden) -> None:
    amounts = ["0.10", "0.20", "-0.01", "9999999999999.99", "-9999999999999.98", "12345678901.23", "0.00"]
    _insert(golden, [{"amount_excl_tax": D(amount), "tax_amount": D("0.01")} for amount in amounts])
    view = held_invoices.c
    assert [str(row[0]) for row in read(golden, sa.select(view.amount_excl_tax).order_by(view.invoice_key))] == amounts
    assert read(golden, sa.select(exact_sum(view.amount_excl_tax), exact_sum(view.tax_amount))) == [
        (D("12345678901.53"), D("0.07"))
    ]
    text = "SELECT amount_excl_tax FROM fapiao_v_invoice ORDER BY invoice_key"
    assert [str(row[0]) for row in read(golden, sa.text(text))] == amounts, "also for who reads without this package"


def test_the_current_deduction_is_the_newest_snapshot_of_each_holding(golden: Golden) -> None:
    began = golden.now
    unknown = dict.fromkeys(
        ("deductible", "deductibleDate", "deductiblePeriod", "deductibleType", "deductibleMode", "checkStatus", "checkDate",
         "managementStatus", "validTax"), "",
    )  # fmt: skip
    assert golden.sync({"11": [listed([certified(1, **unknown), certified(2)])]}) is None
    assert golden.sync({"11": [listed([certified(1, validTax=D("12.99"), ylzd3="转内销𠮷1"), certified(2)])]}) is None
    shown = (
        "taxpayer_no", "source", "observed_at", "state", "is_checked", "checked_at", "is_certified", "certified_at",
        "tax_period", "usage", "valid_tax", "management", "domestic_conversion_no", "has_mismatch",
    )  # fmt: skip
    query = sa.select(*[current.c[name] for name in shown]).order_by(current.c.invoice_key)
    said = (
        True, datetime(2024, 12, 2), True, datetime(2024, 12, 3), "202411", "deduct",  # noqa: DTZ001 -- China time as stated
    )  # fmt: skip
    assert read(golden, query) == [
        (BUYER, "jcsk", began + 120, "normal", *said, D("12.99"), "clean", "转内销𠮷1", None),
        (BUYER, "jcsk", began + 60, "normal", *said, D("13.00"), "clean", None, None),
    ]
    assert len(golden.rows("deduction", "deduction_id")) == 3, "what was said before is kept"


def test_coverage_has_the_newest_closed_generation_of_each_slice_and_the_open_one(golden: Golden) -> None:
    began = golden.now
    assert golden.collect({INPUT: [page([digital(1), digital(2, je=D("0.10"), se=D("0.02"), jshj=D("0.12"))])]}) is None
    assert golden.collect({INPUT: [page([digital(1)], 2), page([], 2)], ("81", "output"): [page([])]}) is not None
    assert golden.collect({INPUT: [b"<html>"]}) is not None
    columns = [column for column in coverage.c if column.name not in ("source", "account", "taxpayer_no", "query")]
    query = sa.select(*columns).order_by(coverage.c.direction, coverage.c.generation)
    assert read(golden, query) == [
        (
            "202411",
            "collect",
            "81",
            "input",
            2,
            "incomplete",
            "incomplete",
            2,
            1,
            0,
            D("100.00"),
            D("13.00"),
            began + 120,
        ),
        ("202411", "collect", "81", "input", 3, "ready", "started", None, 0, 0, None, None, None),
        ("202411", "collect", "81", "output", 2, "empty", "incomplete", 0, 0, 0, D("0.00"), D("0.00"), began + 120),
    ]
    assert read(golden, sa.select(coverage.c.source, coverage.c.account, coverage.c.taxpayer_no, coverage.c.query)) == [
        ("ekuaibao", "TESTCORP0001", BUYER, "")
    ] * 3  # fmt: skip


def test_links_have_a_kind_and_say_whether_they_are_certain(golden: Golden) -> None:
    bare = f"退货 {PAPER}"
    rows = [digital(1), digital(3), *(
        digital(number, bz=remark, je=D("-1.00"), se=D("-0.13"), jshj=D("-1.13"), lines=[])
        for number, remark in ((2, f"被红冲蓝字数电票号码：{BLUE}"), (4, bare))
    )]  # fmt: skip
    assert golden.collect({INPUT: [page(rows)]}) is None
    numbers = dict(golden.rows("invoice", "invoice_key", "digital_number"))
    query = sa.select(links.c.from_key, links.c.to_key, links.c.link_type, links.c.is_certain)
    assert sorted((numbers[start], numbers[end], kind, certain) for start, end, kind, certain in read(golden, query)) == [
        (RED, BLUE, "red_of", True), ("24990000000000000004", PAPER, "red_of", False),
    ]  # fmt: skip
