"""Claims to be verified, from what a user gives: single values, a CSV file, a query. Everything is checked before any call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from fapiao.csv_files import read_csv
from fapiao.errors import ConfigurationError
from fapiao.invoices.codes import DOC_TYPES
from fapiao.store import Database
from fapiao.wire import Claim

__all__ = ["LAYOUTS", "claim_of", "claims_of_csv", "claims_of_query", "claims_of_rows", "layouts_of"]

LAYOUTS = ("pdf", "ofd", "xml")
"""Kinds of layout files (版式文件)."""

_NUMBER = re.compile(r"\d{20}|\d{8}", re.ASCII)
_CODE = re.compile(r"\d{10}|\d{12}", re.ASCII)
_TAXPAYER = re.compile(r"[0-9A-Z]{9,20}")
_CHECK_CODE = re.compile(r"[0-9A-Za-z]{4,32}")
_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y年%m月%d日")
_MOST_SHOWN = 5
_NAMES: Mapping[str, tuple[str, ...]] = {
    "number": ("number", "digital_number", "invoice_number", "发票号码", "数电票号码"),
    "invoice_code": ("invoice_code", "code", "发票代码"),
    "issued_on": ("issued_on", "date", "开票日期"),
    "amount": ("amount", "金额"),
    "amount_excl_tax": ("amount_excl_tax", "不含税金额", "合计金额"),
    "amount_incl_tax": ("amount_incl_tax", "amount_incl", "价税合计"),
    "check_code": ("check_code", "校验码"),
    "taxpayer_no": ("taxpayer_no", "taxpayer", "纳税人识别号"),
    "doc_type": ("doc_type",),
}
"""Canonical field → column names that are understood; the first that a row has and that is not empty."""


def claim_of(
    *,
    number: object,
    issued_on: object,
    invoice_code: object = None,
    amount: object = None,
    amount_excl_tax: object = None,
    amount_incl_tax: object = None,
    check_code: object = None,
    doc_type: object = None,
    taxpayer_no: object = None,
    layouts: Sequence[str] = (),
) -> Claim:
    """One claim. ``amount`` is the one that is a factor: with tax for a digital invoice's 20 digits, without tax else.

    :raises ConfigurationError: the first value that cannot be right, with what is allowed.
    """
    digits = _text(number)
    if not _NUMBER.fullmatch(digits):
        raise _wrong("invoice number", number, "20 digits (数电票号码), or 8 digits beside the invoice code")
    code = _text(invoice_code) or None
    if code is not None and not _CODE.fullmatch(code):
        raise _wrong("invoice code", invoice_code, "10 or 12 digits (发票代码)")
    if len(digits) == 8 and code is None:
        raise ConfigurationError(
            "An 8-digit invoice number identifies nothing without its invoice code (发票代码).", advice="Give both."
        )
    without, with_tax = _amount(amount_excl_tax), _amount(amount_incl_tax)
    single = _amount(amount)
    if single is not None:
        if len(digits) == 20:
            with_tax = with_tax if with_tax is not None else single
        else:
            without = without if without is not None else single
    if without is None and with_tax is None and not _text(check_code):
        raise ConfigurationError(
            "A claim needs an amount or a check code (校验码) besides number and date.",
            advice="Give what is printed on the invoice.",
        )
    check = _text(check_code) or None
    if check is not None and not _CHECK_CODE.fullmatch(check):
        raise _wrong("check code", check_code, "the printed digits (校验码), whole or the last six")
    taxpayer = _text(taxpayer_no).upper() or None
    if taxpayer is not None and not _TAXPAYER.fullmatch(taxpayer):
        raise _wrong("taxpayer number", taxpayer_no, "9 to 20 digits and capital letters (纳税人识别号)")
    kind = _text(doc_type) or None
    if kind is not None and kind not in DOC_TYPES:
        raise _wrong("document type", doc_type, f"one of {', '.join(sorted(DOC_TYPES))}")
    kinds = layouts_of(layouts)
    if kinds and taxpayer is None:
        raise ConfigurationError(
            "Layout files are fetched from a taxpayer's account, and no taxpayer number is given.",
            advice="Give the taxpayer number, or leave out the files.",
        )
    return Claim(
        number=digits,
        invoice_code=code,
        issued_on=_day(issued_on),
        amount_excl_tax=without,
        amount_incl_tax=with_tax,
        check_code=check,
        doc_type=kind,
        taxpayer_no=taxpayer,
        layouts=kinds,
    )


def layouts_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """Kinds of layout files, in the order of :data:`LAYOUTS`, each once.

    :raises ConfigurationError: an unknown one.
    """
    wanted = {kind.strip().lower() for kind in kinds if kind.strip()}
    for kind in sorted(wanted - set(LAYOUTS)):
        raise _wrong("kind of layout file", kind, ", ".join(name.upper() for name in LAYOUTS))
    return tuple(kind for kind in LAYOUTS if kind in wanted)


def claims_of_rows(
    rows: Iterable[Mapping[str, Any]], *, where: str, taxpayer_no: str | None = None, layouts: Sequence[str] = ()
) -> list[Claim]:
    """A claim per row; ``taxpayer_no`` where a row names none.

    :param where: what the rows are, for the error: ``file.csv``.
    :raises ConfigurationError: rows that are wrong, the first five by their number.
    """
    claims: list[Claim] = []
    wrong: list[str] = []
    for place, row in enumerate(rows, 1):
        values = {field: _first(row, names) for field, names in _NAMES.items()}
        values["taxpayer_no"] = values["taxpayer_no"] or taxpayer_no
        try:
            claims.append(claim_of(**values, layouts=layouts))
        except ConfigurationError as problem:
            wrong.append(f"row {place}: {problem.what}")
    if wrong:
        more = f"; and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
        raise ConfigurationError(
            f"{len(wrong)} claims of {where} are not usable: {'; '.join(wrong[:_MOST_SHOWN])}{more}.",
            advice=f"The columns that are read are {', '.join(names[0] for names in _NAMES.values())}.",
        )
    if not claims:
        raise ConfigurationError(f"There is no claim in {where}.", advice="Give a header and one row per invoice.")
    return claims


def claims_of_csv(path: Path, *, taxpayer_no: str | None = None, layouts: Sequence[str] = ()) -> list[Claim]:
    """A claim per row of a CSV file with a header (English or Chinese names, UTF-8 or GB18030, comma, semicolon or tab).

    :raises ConfigurationError: it cannot be read, lacks columns, or rows are wrong.
    """
    file = read_csv(path)
    _require(file.columns, path.name)
    rows = [cells for _, cells in file.rows()]
    return claims_of_rows(rows, where=path.name, taxpayer_no=taxpayer_no, layouts=layouts)


def claims_of_query(
    database: Database, query: str, *, taxpayer_no: str | None = None, layouts: Sequence[str] = ()
) -> list[Claim]:
    """A claim per row of an SQL query on the database that holds the invoices.

    :raises ConfigurationError: the query lacks columns, or rows are wrong.
    :raises StoreError: the database refuses the query.
    """

    def look(connection: Any) -> tuple[list[str], list[dict[str, Any]]]:
        result = connection.exec_driver_sql(query)
        if not result.returns_rows:
            raise ConfigurationError("The query returns no rows.", advice="Give a SELECT.")
        names = list(result.keys())
        return names, [dict(zip(names, row, strict=True)) for row in result]

    names, rows = database.peek(look)
    _require(names, "the query")
    return claims_of_rows(rows, where="the query", taxpayer_no=taxpayer_no, layouts=layouts)


def _require(columns: Sequence[str], where: str) -> None:
    for field in ("number", "issued_on"):
        if not set(columns) & set(_NAMES[field]):
            raise ConfigurationError(
                f"{where} has no column for the {field}.", advice=f"Name it one of {', '.join(_NAMES[field])}."
            )


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _text(value: object) -> str:
    return "" if value is None else re.sub(r"[\s-]", "", str(value))


def _amount(value: object) -> Decimal | None:
    if value is None or not str(value).strip():
        return None
    try:
        amount = Decimal(re.sub(r"[\s,，¥￥]", "", str(value)))
    except InvalidOperation:
        raise _wrong("amount", value, "a number of yuan with at most two decimals, such as 113.00") from None
    if not amount.is_finite() or abs(amount) >= 10**16 or amount != amount.quantize(Decimal("0.01")):
        raise _wrong("amount", value, "a number of yuan with at most two decimals, such as 113.00")
    return amount.quantize(Decimal("0.01"))


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value or "").strip()
    text = text.partition(" ")[0].partition("T")[0] if len(text) > 11 else text
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day as printed
        except ValueError:
            continue
    raise _wrong("date of issue", value, "yyyy-mm-dd, such as 2024-11-05")


def _wrong(what: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(f"The {what} {str(value)[:40]!r} is not valid.", advice=f"Allowed: {allowed}.")
