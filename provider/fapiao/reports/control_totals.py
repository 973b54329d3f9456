"""Totals from outside (控制总数), from a CSV file. Every line is judged before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from fapiao.arguments import begun_month, taxpayer_number
from fapiao.csv_files import CsvFile, read_csv
from fapiao.errors import ConfigurationError
from fapiao.invoices.codes import DOC_TYPES
from fapiao.invoices.money import money
from fapiao.invoices.problems import Problems
from fapiao.store.reports.control_totals import ALL_TYPES, DEDUCTION, INVOICES, ControlTotal
from fapiao.wire import INPUT, OUTPUT

__all__ = ["COLUMNS", "TEMPLATE", "totals_of_csv"]

T = TypeVar("T")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "taxpayer_no": ("taxpayer_no", "taxpayer", "纳税人识别号"),
    "month": ("month", "invoice_month", "开票月份"),
    "direction": ("direction", "方向"),
    "doc_type": ("doc_type", "发票类型"),
    "tax_period": ("tax_period", "税款所属期"),
    "count": ("count", "份数", "张数"),
    "amount_excl_tax": ("amount_excl_tax", "金额", "不含税金额"),
    "tax_amount": ("tax_amount", "税额", "有效抵扣税额"),
    "origin": ("origin", "来源"),
}
"""What a line may say → the headings that are understood, the one of the template first."""

TEMPLATE = """\
taxpayer_no,month,direction,doc_type,tax_period,count,amount_excl_tax,tax_amount,origin
919900000000000192,202411,input,,,6,12034.50,1564.49,税务数字账户 export of 2024-12-03
919900000000000192,,,,202411,4,8000.00,1040.00,VAT return 附表二
"""
"""A file to begin with: the total of a month's invoices, and of a tax period's certified deduction."""

_DIRECTIONS = {INPUT: INPUT, "进项": INPUT, OUTPUT: OUTPUT, "销项": OUTPUT}
_TYPES = {title: name for name, title in ((kind.name, kind.title) for kind in DOC_TYPES.values())}
_COUNT = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,9}", re.ASCII)
_LONGEST_ORIGIN = 255


def totals_of_csv(path: Path, now: float) -> list[ControlTotal]:
    """A total per line of a CSV file with a header (see :data:`TEMPLATE`).

    A line has either ``month`` and ``direction``, or ``tax_period``; at least one of ``count``, ``amount_excl_tax`` and
    ``tax_amount``; a canonical ``doc_type`` or its Chinese name where it is about one type only.

    :param now: epoch seconds; later months are refused.
    :raises ConfigurationError: it cannot be read, or lines are wrong: all of them, each with all that is wrong with it.
    """
    file = read_csv(path)
    headings = _headings(file)
    totals: dict[tuple[str, ...], tuple[int, ControlTotal]] = {}
    wrong: list[str] = []
    lines = 0
    for line, cells in file.rows():
        lines += 1
        said = {name: cells.get(heading, "") for name, heading in headings.items()}
        total, faults = _total(said, now)
        if cells.get(""):
            faults.append("it has more cells than the header")
        if total is not None and total.key in totals:
            faults.append(f"line {totals[total.key][0]} has the total of the same already")
        if faults:
            wrong.append(f"line {line}: {'; '.join(faults)}.")
        elif total is not None:
            totals[total.key] = line, total
    if wrong:
        raise ConfigurationError(
            f"{len(wrong)} of {lines} lines of {path.name} are wrong, and nothing was stored:\n" + "\n".join(wrong),
            advice="Correct them and run the command again; --template prints an example.",
        )
    if not totals:
        raise ConfigurationError(
            f"There is no total in {path.name}.", advice="Give the header and a line per total; see --template."
        )
    return [total for _, total in totals.values()]


def _headings(file: CsvFile) -> dict[str, str]:
    """Which heading of the file stands for what."""
    found: dict[str, str] = {}
    faults: list[str] = []
    known = {heading: name for name, headings in COLUMNS.items() for heading in headings}
    for heading in filter(None, file.columns):
        name = known.get(heading)
        if name is None:
            faults.append(f"the column {heading[:40]!r} is not known")
        elif name in found:
            faults.append(f"the columns {found[name]!r} and {heading!r} mean the same")
        else:
            found[name] = heading
    if "taxpayer_no" not in found:
        faults.append("there is no column taxpayer_no")
    if faults:
        raise ConfigurationError(
            f"The header of {file.name} is wrong: {'; '.join(faults)}.",
            advice=f"The columns are {', '.join(COLUMNS)}, or {', '.join(names[-1] for names in COLUMNS.values())}.",
        )
    return found


def _total(said: Mapping[str, str], now: float) -> tuple[ControlTotal | None, list[str]]:
    """The total of a line, None where it has no key; and what is wrong with the line."""
    faults: list[str] = []

    def read(name: str, reader: Callable[[str], T]) -> T | None:
        try:
            return reader(said.get(name, ""))
        except ConfigurationError as problem:
            faults.append(f"{name}: {problem.what} {problem.advice}".rstrip(" ."))
        return None

    taxpayer_no = read("taxpayer_no", taxpayer_number)
    kind = DEDUCTION if said.get("tax_period") else INVOICES
    if kind == DEDUCTION and (said.get("month") or said.get("direction") not in (None, "", *_of(INPUT))):
        faults.append("it has a tax_period, which goes without month, and with no direction but input")
    period = read("tax_period" if kind == DEDUCTION else "month", lambda text: begun_month(text, now))
    direction = INPUT if kind == DEDUCTION else read("direction", _direction)
    doc_type = read("doc_type", _doc_type)
    numbers: dict[str, Any] = {
        "invoice_count": read("count", _count),
        "amount_excl_tax": read("amount_excl_tax", _amount),
        "tax_amount": read("tax_amount", _amount),
    }
    if not any(said.get(name) for name in ("count", "amount_excl_tax", "tax_amount")):
        faults.append("it has none of count, amount_excl_tax and tax_amount")
    origin = said.get("origin", "")
    if len(origin) > _LONGEST_ORIGIN:
        faults.append(f"origin is longer than {_LONGEST_ORIGIN} characters")
    if taxpayer_no is None or period is None or direction is None or doc_type is None:
        return None, faults
    total = ControlTotal(
        kind=kind, taxpayer_no=taxpayer_no, period=period, direction=direction, doc_type=doc_type, origin=origin,
        **numbers,
    )  # fmt: skip
    return total, faults


def _of(direction: str) -> list[str]:
    return [word for word, meant in _DIRECTIONS.items() if meant == direction]


def _direction(text: str) -> str:
    if text.lower() not in _DIRECTIONS:
        raise _wrong(text, "input (进项) or output (销项)")
    return _DIRECTIONS[text.lower()]


def _doc_type(text: str) -> str:
    if not text:
        return ALL_TYPES
    name = _TYPES.get(text, text)
    if name not in DOC_TYPES:
        raise _wrong(text, "empty for all types, or one of " + ", ".join(sorted(DOC_TYPES)))
    return name


def _count(text: str) -> int | None:
    if not text:
        return None
    if not _COUNT.fullmatch(text):
        raise _wrong(text, "a whole number, such as 128")
    return int(text.replace(",", ""))


def _amount(text: str) -> Decimal | None:
    problems = Problems()
    amount = money(text, problems, "amount")
    if problems or (text and amount is None):
        raise _wrong(text, "yuan with at most two decimals, such as 12034.50 or -12034.50")
    return amount


def _wrong(text: str, allowed: str) -> ConfigurationError:
    return ConfigurationError(f"{text[:40]!r} is not valid.", advice=f"Allowed: {allowed}.")
