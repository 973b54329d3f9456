"""CSV files with totals: headings, values, and every fault of every line at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fapiao.arguments import CHINA
from fapiao.errors import ConfigurationError
from fapiao.reports.control_totals import COLUMNS, TEMPLATE, totals_of_csv
from fapiao.store.reports.control_totals import DEDUCTION, INVOICES, ControlTotal

File = Callable[..., Path]
NOW = datetime(2024, 12, 3, 9, tzinfo=CHINA).timestamp()
NO = "919900000000000192"
HEAD = "taxpayer_no,month,direction,doc_type,tax_period,count,amount_excl_tax,tax_amount,origin"


def read(path: Path) -> list[ControlTotal]:
    return totals_of_csv(path, NOW)


def fault(path: Path) -> str:
    with pytest.raises(ConfigurationError) as problem:
        read(path)
    return str(problem.value)


def test_the_template_is_a_file_that_can_be_stored(file: File) -> None:
    month, period = read(file(*TEMPLATE.splitlines()))
    assert (month.kind, month.period, month.direction, month.doc_type) == (INVOICES, "202411", "input", "")
    assert (month.invoice_count, month.amount_excl_tax, month.tax_amount) == (
        6,
        Decimal("12034.50"),
        Decimal("1564.49"),
    )
    assert (period.kind, period.period, period.direction) == (DEDUCTION, "202411", "input")
    assert TEMPLATE.splitlines()[0] == HEAD == ",".join(COLUMNS)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_chinese_headings_types_and_directions_are_understood_as_spreadsheets_save_them(
    file: File, encoding: str, delimiter: str
) -> None:
    lines = (
        ("纳税人识别号", "开票月份", "方向", "发票类型", "份数", "金额", "税额", "来源"),
        (NO, "202411", "销项", "电子发票（增值税专用发票）", "12", "￥1234.50", "(5.00)", "税务数字账户"),
    )
    [total] = read(file(*map(delimiter.join, lines), encoding=encoding))
    assert total == ControlTotal(
        kind=INVOICES, taxpayer_no=NO, period="202411", direction="output", doc_type="digital_special", invoice_count=12,
        amount_excl_tax=Decimal("1234.50"), tax_amount=Decimal("-5.00"), origin="税务数字账户",
    )  # fmt: skip


def test_tax_numbers_are_normalised_and_thousands_may_have_commas(file: File) -> None:
    [total] = read(file("taxpayer_no,tax_period,count,tax_amount", '91990000ma-0000 0xxx,202411,"1,234","12,034.5"'))
    assert (total.taxpayer_no, total.invoice_count) == ("91990000MA00000XXX", 1234)
    assert str(total.tax_amount) == "12034.50"
    assert (total.amount_excl_tax, total.origin) == (None, "")


def test_lines_without_any_cell_are_no_totals(file: File) -> None:
    lines = (HEAD, "", ",,,,,,,,", f"{NO},202411,input,,,0,,,", "")
    assert [total.invoice_count for total in read(file(*lines))] == [0]


def test_every_fault_of_every_line_is_told_with_the_line_of_the_file(file: File) -> None:
    said = fault(
        file(
            HEAD,
            f"{NO},202411,input,,,1,,,",
            "12,2024-11,in,special,,1.5,12.345,much,",
            f"{NO},202411,input,,202411,1,,,",
            "",
            f"{NO},,,,202411,,,,",
            f"{NO},202501,output,,,1,,,",
            f"{NO},,input,,,-1,,,",
            f"{NO},202411,进项,,,2,,,the same again",
            f"{NO},202411,output,,,2,,,a,b,c",
            f"{NO},202411,output,,,2,,,{'x' * 256}",
        )
    )
    assert "9 of 9 lines" not in said
    assert "8 of 9 lines of totals.csv are wrong, and nothing was stored" in said
    lines = dict(line.split(": ", 1) for line in said.splitlines() if line.startswith("line "))
    assert list(lines) == [f"line {number}" for number in (3, 4, 6, 7, 8, 9, 10, 11)]
    for part in (
        "taxpayer_no: ",
        "month: ",
        "direction: ",
        "doc_type: ",
        "count: ",
        "amount_excl_tax: ",
        "tax_amount: ",
    ):
        assert part in lines["line 3"]
    assert "digital_special" in lines["line 3"]
    assert "goes without month" in lines["line 4"]
    assert "none of count, amount_excl_tax and tax_amount" in lines["line 6"]
    assert "has not begun" in lines["line 7"]
    assert "month: " in lines["line 8"]
    assert "count: " in lines["line 8"]
    assert "line 2 has the total of the same already" in lines["line 9"]
    assert "more cells than the header" in lines["line 10"]
    assert "longer than 255" in lines["line 11"]


@pytest.mark.parametrize("direction", ["", "input", "进项"])
def test_a_deduction_is_of_input_invoices_said_or_not(file: File, direction: str) -> None:
    [total] = read(file(HEAD, f"{NO},,{direction},,202411,1,,,"))
    assert (total.kind, total.direction) == (DEDUCTION, "input")
    assert "no direction but input" in fault(file(HEAD, f"{NO},,output,,202411,1,,,"))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("month,count", "there is no column taxpayer_no"),
        ("taxpayer_no,month,amout", "the column 'amout' is not known"),
        ("taxpayer_no,纳税人识别号", "the columns 'taxpayer_no' and '纳税人识别号' mean the same"),
    ],
)
def test_a_header_that_cannot_be_right_is_told_before_any_line(file: File, head: str, said: str) -> None:
    assert said in fault(file(head, "1,2,3"))


def test_a_file_without_totals_or_without_being_there_says_so(file: File, tmp_path: Path) -> None:
    assert "no total in totals.csv" in fault(file(HEAD))
    assert "cannot be read" in fault(tmp_path / "none.csv")
