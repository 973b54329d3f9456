"""The file for finance: whole without a network, exact, and harmless whatever a company calls itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from fapiao.coverage import report
from fapiao.coverage.chart import month_chart
from fapiao.coverage.documents import SLICE_FIELDS, TOTAL_FIELDS, months_between
from fapiao.coverage.report import coverage_report
from fapiao.errors import ConfigurationError
from fapiao.store import MonthTotal, TaskReference
from fapiao.store.reports.control_totals import DEDUCTION, INVOICES, ControlTotal, store_totals
from storing import HOLDER, INPUT, MONTH, NOON, OUTPUT, Shelf, invoice, refused

TASK = TaskReference(dag_id="monthly", task_id="load", run_id="manual__</script>", map_index=3, try_number=2)
HOSTILE = "</script><script>alert('发票')</script><img src=x onerror=alert(1)>&amp;\u2028有限公司"


class Elements(HTMLParser):
    """What a browser would make of the file."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts.append(data)


def embedded(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


@pytest.fixture
def filled(shelf: Shelf) -> Shelf:
    """A month with three received invoices, one record in quarantine, nothing issued."""
    shelf.load(*(invoice(number, buyer_name=HOSTILE) for number in (1, 2, 3)), refused(3), total=4)
    shelf.close("incomplete", NOON + 9)
    return shelf


def test_the_file_holds_months_slices_and_names(filled: Shelf) -> None:
    found = embedded(coverage_report(filled.database, NOON + 60))
    assert found["months"] == ["202411"]
    assert found["rows"] == [["ekuaibao", "corp-99", HOLDER, HOSTILE, "r"]]
    assert found["read_at"] == NOON + 60
    [part] = found["slices"][f"ekuaibao|corp-99|{HOLDER}|202411"]
    assert dict(zip(SLICE_FIELDS, part, strict=True)) == {
        "type": "81", "direction": "input", "state": "rejected", "generation": 1, "closed": True, "expected": 4,
        "loaded": 3, "rejected": 1, "amount": "600.00", "tax": "78.00", "findings": 0, "code": None, "message": None,
        "closed_at": NOON + 9, "task": None,
    }  # fmt: skip


def says(shelf: Shelf, **changes: Any) -> None:
    """Somebody's total of received invoices."""
    values: dict[str, Any] = {
        "kind": INVOICES, "taxpayer_no": HOLDER, "period": MONTH, "direction": "input", "invoice_count": 4,
        "tax_amount": Decimal("78.00"), "origin": HOSTILE,
    }  # fmt: skip
    store_totals(shelf.database, [ControlTotal(**(values | changes))], NOON)


def test_the_file_holds_the_totals_from_outside_of_the_taxpayers_it_shows(filled: Shelf) -> None:
    says(filled)
    says(filled, period="202409")
    says(filled, taxpayer_no="91990000000000027W")
    says(filled, kind=DEDUCTION)
    found = embedded(coverage_report(filled.database, NOON))
    assert found["total_fields"] == list(TOTAL_FIELDS)
    assert list(found["control_totals"]) == [f"{HOLDER}|202409", f"{HOLDER}|{MONTH}"]
    assert found["control_totals"][f"{HOLDER}|{MONTH}"] == [
        ["input", "", "invoice_count", "4", "3", "-1", HOSTILE],
        ["input", "", "tax_amount", "78.00", "78.00", "0.00", HOSTILE],
    ]
    narrowed = embedded(coverage_report(filled.database, NOON, first_month=MONTH, taxpayer_no=HOLDER))
    assert list(narrowed["control_totals"]) == [f"{HOLDER}|{MONTH}"]


def test_of_many_months_only_the_totals_that_differ_are_in_the_file(
    filled: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(filled)
    says(filled, period="202409", invoice_count=0, tax_amount=None)
    monkeypatch.setattr(report, "MOST_CELLS", 0)
    assert list(embedded(coverage_report(filled.database, NOON))["control_totals"]) == [f"{HOLDER}|{MONTH}"]


def test_the_command_shows_totals_and_differences_and_gives_them_to_programs(
    filled: Shelf, command: Callable[..., str]
) -> None:
    into = str(filled.database._engine.url)
    assert "Control totals" not in command("--into", into)
    says(filled, origin="books")
    says(filled, period="202409", origin="books")
    said = command("--into", into)
    assert "Control totals (控制总数)" in said
    assert "2 totals, 2 differ." in said
    assert "fapiao reconcile --month" in said
    of_source = command("--into", into, "--source", "ekuaibao")
    assert "1 totals, 1 differ." in of_source, "nothing of this source is known of the other month"
    received, issued = json.loads(command("--into", into, "--json"))
    assert (received["direction"], received["loaded"]) == ("input", 3)
    [total] = received["control_totals"]
    assert total["invoice_count"] == {"expected": 4, "stored": 3, "difference": -1}
    assert total["tax_amount"]["difference"] == "0.00"
    assert issued["control_totals"] == []


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ((), None),
        (("--airflow-url", "https://airflow.example.com/data/"), "https://airflow.example.com/data"),
    ],
)
def test_the_file_leads_to_logs_where_airflow_is_known(
    filled: Shelf, command: Callable[..., str], tmp_path: Any, given: tuple[str, ...], base: str | None
) -> None:
    filled.open(NOON + 60)
    filled.ledger.worked_on(filled.collection.collection_id, TASK)
    into = str(filled.database._engine.url)
    command("--into", into, "--html", str(tmp_path / "coverage.html"), *given)
    found = embedded((tmp_path / "coverage.html").read_text("utf-8"))
    assert found["airflow"] == base
    [parts] = found["slices"].values()
    tasks = {part[SLICE_FIELDS.index("generation")]: part[SLICE_FIELDS.index("task")] for part in parts}
    assert tasks == {1: None, 2: msgspec.to_builtins(TASK)}


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "airflow.example.com", "https://user:canary@host/", "/airflow", "https://"]
)
def test_an_address_that_is_none_of_a_web_server_is_no_link(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"base_url") as caught:
        report.airflow_address(text)
    assert "canary" not in str(caught.value)


def test_a_company_cannot_put_elements_into_the_file(filled: Shelf) -> None:
    text = coverage_report(filled.database, NOON)
    page = Elements(text)
    assert [tag for tag, _ in page.found].count("script") == 2
    assert [tag for tag, _ in page.found].count("img") == 0
    assert "alert(" not in text.replace(embedded_text(text), "")


def embedded_text(text: str) -> str:
    return text[text.index('id="data">') : text.index("</script>", text.index('id="data">'))]


def test_the_file_refers_to_nothing_outside_itself(filled: Shelf) -> None:
    text = coverage_report(filled.database, NOON)
    page = Elements(text)
    assert not [
        (tag, name) for tag, values in page.found for name in values if name in {"src", "href", "action", "srcset"}
    ]
    assert "url(" not in report.asset("page.css")
    assert "@import" not in report.asset("page.css")
    [policy] = [values["content"] for tag, values in page.found if tag == "meta" and "http-equiv" in values]
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in str(policy)


def test_a_reader_without_scripts_sees_counts_chart_and_numbers(filled: Shelf) -> None:
    text = coverage_report(filled.database, NOON)
    assert "有隔离记录 rejected: 1" in text
    assert "<td>3</td><td>78.00</td>" in text
    assert '<svg xmlns="http://www.w3.org/2000/svg" class="chart"' in text


def test_of_many_months_only_the_unproven_have_their_slices(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.load(invoice(1), total=1)
    shelf.close(now=NOON)
    shelf.key = type(shelf.key)("ekuaibao", "corp-99", HOLDER, "202412")
    shelf.open(NOON + 10)
    monkeypatch.setattr(report, "MOST_CELLS", 1)
    found = embedded(coverage_report(shelf.database, NOON + 60))
    assert [row[4] for row in found["rows"]] == ["co"]
    assert found["only_troubles"] is True
    assert list(found["slices"]) == [f"ekuaibao|corp-99|{HOLDER}|202412"]


def test_an_empty_database_makes_a_file_too(shelf: Shelf) -> None:
    shelf.ledger.close(shelf.collection.collection_id, "abandoned", NOON)
    found = embedded(coverage_report(shelf.database, NOON))
    assert (found["months"], found["rows"]) == ([], [])


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        ([], []),
        (["202411"], ["202411"]),
        (["202502", "202411"], ["202411", "202412", "202501", "202502"]),
        (["000001", "202411"], ["000001", "202411"]),
    ],
)
def test_months_without_a_collection_are_columns_too(months: list[str], expected: list[str]) -> None:
    assert months_between(months) == expected


def total(month: str, direction: str, loaded: int, tax: str) -> MonthTotal:
    return MonthTotal(
        invoice_month=month,
        direction=direction,
        loaded=loaded,
        rejected=0,
        amount_excl_tax=Decimal(0),
        tax_amount=Decimal(tax),
    )


def bars(picture: str) -> list[dict[str, str]]:
    return [dict(bar.attrib) for bar in ET.fromstring(picture).iter() if bar.tag.endswith("rect")]


def test_bars_are_as_high_as_the_numbers_and_say_them() -> None:
    picture = month_chart([total("202411", "input", 50, "100.00"), total("202411", "output", 100, "25.00")])
    heights = [float(bar["height"]) for bar in bars(picture)]
    assert heights == [60.0, 120.0, 120.0, 30.0]
    assert "202411 进项 input: 100.00" in picture


def test_a_month_with_more_red_than_black_hangs_below_the_line() -> None:
    picture = month_chart([total("202411", "input", 1, "100.00"), total("202412", "input", 1, "-100.00")])
    first, second = (bar for bar in bars(picture)[2:])
    assert float(first["y"]) + float(first["height"]) == float(second["y"])


def test_a_chart_of_nothing_is_still_a_picture() -> None:
    assert bars(month_chart([])) == []


def test_the_csv_has_a_row_per_slice_and_no_formula(filled: Shelf, command: Callable[..., str], tmp_path: Any) -> None:
    filled.load(invoice(9, buyer_name="=HYPERLINK(1)"), cursor="9", fetched_at=NOON + 5)
    file = tmp_path / "coverage.csv"
    command("--into", str(filled.database._engine.url), "--csv", str(file))
    import csv

    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["type"], row["direction"], row["state"], row["loaded"], row["tax_amount"]) for row in rows] == [
        (INPUT.type, INPUT.direction, "rejected", "3", "78.00"), (OUTPUT.type, OUTPUT.direction, "empty", "0", "0.00"),
    ]  # fmt: skip
    assert rows[0]["taxpayer_no"] == HOLDER
    assert rows[0]["closed_at"] == "2024-11-18T03:20:09+00:00"
    assert {row["taxpayer_name"][:2] for row in rows} == {"'="}


def test_the_command_writes_the_file_and_says_where(filled: Shelf, command: Callable[..., str], tmp_path: Any) -> None:
    file = tmp_path / "coverage.html"
    told = command("--into", str(filled.database._engine.url), "--html", str(file), "--from", "202501")
    assert str(file) in told
    assert embedded(file.read_text("utf-8"))["rows"] == []


def test_a_file_that_cannot_be_written_is_the_callers_mistake(filled: Shelf, command: Callable[..., str]) -> None:
    told = command("--into", str(filled.database._engine.url), "--html", "/nowhere/coverage.html", expected=2)
    assert "cannot be written" in told
    assert "Name a file in a folder that exists." in told
