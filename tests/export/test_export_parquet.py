"""``fapiao export``: what is in the files is what is in the tables, and a failing run leaves what was there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from fapiao.errors import ConfigurationError, StoreError
from fapiao.invoices.model import Deduction
from fapiao.reports.exporting import MARK, export
from fapiao.store import Database
from fapiao.store.reports.control_totals import DEDUCTION, INVOICES, ControlTotal, store_totals
from fapiao.store.reports.datasets import DATASETS, held_invoices
from fapiao.store.tables.verifications import verifications
from storing import HOLDER, INPUT, NOON, OUTPUT, Shelf, invoice, line


@pytest.fixture(
    params=[
        pytest.param("sqlite"),
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ]
)
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A database with four held invoices, once per kind."""
    kind = request.param
    url = f"sqlite:///{tmp_path / 'fapiao.db'}" if kind == "sqlite" else request.getfixturevalue(f"{kind}_url")
    Database.migrate_url(url)
    database = Database.connect(url)
    made = filled(database)
    yield made
    database.close()


@pytest.fixture
def small(tmp_path: Path) -> Any:
    """The same on SQLite."""
    database = Database.connect(f"sqlite:///{tmp_path / 'fapiao.db'}")
    yield filled(database)
    database.close()


def filled(database: Database) -> Shelf:
    shelf = Shelf(database)
    deduction = Deduction(is_checked=True, tax_period="202411", valid_tax=Decimal("25.99"))
    odd = line(
        1, unit_price=Decimal("0.123456789012345678"), quantity=Decimal("12345678901234567890.000000000000000001")
    )
    shelf.load(invoice(1, deduction=deduction), invoice(2, lines=(odd,)), invoice(3, amount_excl_tax=Decimal("-0.01")))
    shelf.load(invoice(4, seller_name="𠮷测试有限公司"), key=OUTPUT)
    shelf.close()
    values = {
        "source": "qixiangyun", "account": "a", "claim_hash": "0" * 32, "check_no": 1, "number": "00000000000000000001",
        "issued_on": date(2024, 12, 31), "layouts": "", "state": "answered", "opened_at": NOON, "taxpayer_no": HOLDER,
    }  # fmt: skip
    database.transact(lambda connection: connection.execute(sa.insert(verifications).values(values)))
    about: dict[str, Any] = {"taxpayer_no": HOLDER, "direction": "input", "tax_amount": Decimal("-0.01")}
    totals = [
        ControlTotal(kind=INVOICES, period="202411", origin="books", **about),
        ControlTotal(kind=DEDUCTION, period="202411", **about),
    ]
    store_totals(database, totals, NOON)
    return shelf


def read(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in sorted(folder.glob("invoice_month=*/*.parquet")):
        month = file.parent.name.partition("=")[2]
        rows += [row | {"invoice_month": month} for row in pq.ParquetFile(file).read().to_pylist()]
    return rows


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def instant(value: float) -> datetime:
    return datetime.fromtimestamp(value, timezone.utc)


def test_the_files_say_exactly_what_the_tables_say(shelf: Shelf, tmp_path: Path) -> None:
    done = export(shelf.database, tmp_path / "out", batch=2)
    assert done.rows == {
        "invoices": 4,
        "lines": 7,
        "deductions": 1,
        "verifications": 1,
        "slices": 2,
        "control_totals": 2,
    }
    lines = read(tmp_path / "out/lines")
    stored = shelf.rows("fapiao_invoice_line")
    told = [{name: row[name] for name in stored[0]} for row in lines]
    assert sorted(told, key=lambda row: (row["invoice_key"], row["line_no"])) == stored
    query = sa.select(*held_invoices.c).order_by(held_invoices.c.invoice_key)
    held = shelf.database.read(lambda connection: [dict(row) for row in connection.execute(query).mappings()])
    for row in held:
        row |= {"first_seen_at": instant(row["first_seen_at"]), "last_seen_at": instant(row["last_seen_at"])}
    assert sorted(read(tmp_path / "out/invoices"), key=lambda row: row["invoice_key"]) == held
    (deduction,) = read(tmp_path / "out/deductions")
    assert (deduction["valid_tax"], deduction["tax_period"]) == (Decimal("25.99"), "202411")
    (checked,) = read(tmp_path / "out/verifications")
    assert (checked["invoice_month"], checked["number"]) == ("202412", "00000000000000000001")
    assert [row["loaded"] for row in read(tmp_path / "out/slices")] == [3, 1]
    totals = {row["kind"]: row for row in read(tmp_path / "out/control_totals")}
    assert [totals[kind]["period"] for kind in (INVOICES, DEDUCTION)] == ["202411", "202411"]
    assert (totals[INVOICES]["invoice_month"], totals[INVOICES]["origin"]) == ("202411", "books")
    assert totals[DEDUCTION]["invoice_month"] == "__HIVE_DEFAULT_PARTITION__", "a tax period is no month of invoices"
    assert {row["tax_amount"] for row in totals.values()} == {Decimal("-0.01")}


def test_types_keep_money_exact_and_times_unambiguous(small: Shelf, tmp_path: Path) -> None:
    export(small.database, tmp_path / "out")
    invoices = pq.read_schema(next((tmp_path / "out/invoices").rglob("*.parquet")))
    lines = pq.read_schema(next((tmp_path / "out/lines").rglob("*.parquet")))
    assert invoices.field("amount_excl_tax").type == pa.decimal128(18, 2)
    assert lines.field("quantity").type == pa.decimal128(38, 18)
    assert invoices.field("issued_on").type == pa.date32()
    assert invoices.field("first_seen_at").type == pa.timestamp("us", tz="UTC")
    assert invoices.field("number").type == pa.string()
    assert invoices.field("is_red").type == pa.bool_()
    assert lines.field("line_no").type == pa.int64()


def test_the_columns_are_those_of_the_view(shelf: Shelf) -> None:
    names = shelf.database.read(
        lambda connection: [column["name"] for column in sa.inspect(connection).get_columns("fapiao_v_invoice")]
    )
    assert names == held_invoices.columns.keys()


@pytest.mark.parametrize(
    ("wanted", "invoices"),
    [({"source": "jcsk"}, 0), ({"source": "ekuaibao"}, 4), ({"taxpayer_no": "none"}, 0), ({"taxpayer_no": HOLDER}, 4),
     ({"invoice_month": "202410"}, 0), ({"invoice_month": "202411"}, 4)],
)  # fmt: skip
def test_what_is_wanted_only(small: Shelf, tmp_path: Path, wanted: dict[str, str], invoices: int) -> None:
    done = export(small.database, tmp_path / "out", **wanted)  # type: ignore[arg-type]  # only names of filters
    assert done.rows["invoices"] == invoices
    assert bool(done.rows["lines"]) is bool(done.rows["slices"]) is bool(invoices)


def test_no_source_has_stated_a_total_from_outside(small: Shelf, tmp_path: Path) -> None:
    assert export(small.database, tmp_path / "all", taxpayer_no=HOLDER).rows["control_totals"] == 2
    assert export(small.database, tmp_path / "month", invoice_month="202411").rows["control_totals"] == 1
    assert export(small.database, tmp_path / "source", source="ekuaibao").rows["control_totals"] == 0


def test_a_verification_belongs_to_the_month_of_its_date_of_issue(small: Shelf, tmp_path: Path) -> None:
    assert export(small.database, tmp_path / "one", invoice_month="202411").rows["verifications"] == 0
    assert export(small.database, tmp_path / "other", invoice_month="202412").rows["verifications"] == 1


def test_a_second_run_replaces_its_partitions_and_leaves_other_months(small: Shelf, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(small.database, out)
    small.open()
    small.load(invoice(5), key=INPUT)
    small.close()
    assert export(small.database, out, invoice_month="202411").rows["invoices"] == 5
    assert len(read(out / "invoices")) == 5
    assert len(read(out / "verifications")) == 1, "its month was not asked for"
    small.database.transact(lambda connection: connection.execute(sa.delete(verifications)))
    assert export(small.database, out).removed == 1
    assert read(out / "verifications") == []


def test_a_value_without_room_leaves_the_export_that_was_there(small: Shelf, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(small.database, out)
    before = files(out)
    spoil = sa.text("UPDATE fapiao_slice SET tax_amount = '99999999999999999999.00'")
    small.database.transact(lambda connection: connection.execute(spoil))
    with pytest.raises(StoreError, match="A value of slices in month 202411"):
        export(small.database, out)
    assert files(out) == before


def test_a_killed_run_leaves_the_old_and_the_next_one_clears_up(small: Shelf, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(small.database, out)
    before = files(out)
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom fapiao.reports.exporting import export\n"
        "from fapiao.store import Database\ndatabase = Database.connect(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"  # the system's own kill, in the middle of a file
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "export(database, Path(sys.argv[2]))\n"
    )
    url = f"sqlite:///{tmp_path / 'fapiao.db'}"
    enough_for_others = str(max(map(len, before.values())) - 100)
    died = subprocess.run([sys.executable, "-c", program, url, str(out), enough_for_others], timeout=60)
    assert died.returncode == -signal.SIGXFSZ
    left = files(out)
    assert {name: content for name, content in left.items() if not name.startswith(".unfinished")} == before
    assert len(left) > len(before)
    export(small.database, out)
    assert files(out).keys() == before.keys()
    assert json.loads((out / MARK).read_text())["complete"] is True


def test_a_folder_with_something_else_or_another_choice_is_refused(small: Shelf, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not an export"):
        export(small.database, tmp_path)  # the database itself lies there
    export(small.database, tmp_path / "out", source="ekuaibao")
    with pytest.raises(ConfigurationError, match="another source or taxpayer"):
        export(small.database, tmp_path / "out")


@pytest.mark.parametrize("month", ["2024-11", "202413", "20241", ""])
def test_a_month_that_is_none_is_refused(small: Shelf, tmp_path: Path, month: str) -> None:
    with pytest.raises(ConfigurationError, match="not valid"):
        export(small.database, tmp_path / "out", invoice_month=month)


def test_without_pyarrow_the_extra_is_named(small: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigurationError, match=r"airflow-provider-fapiao\[parquet\]"):
        export(small.database, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_prints_the_counts(small: Shelf, tmp_path: Path) -> None:
    arguments = ["export", "--into", f"sqlite:///{tmp_path / 'fapiao.db'}", "--to", str(tmp_path / "out")]
    run = [sys.executable, "-c", "from fapiao.cli import main; main()", *arguments]
    done = subprocess.run([*run, "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"].keys() == DATASETS.keys()
    assert "invoices 4, lines 7" in subprocess.run(run, capture_output=True, text=True, timeout=60).stdout
