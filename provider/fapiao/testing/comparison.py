"""How stored rows differ from the truth, in sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from fapiao.invoices.model import Customs, Invoice, Line, SpecialBusiness, Trip, Vehicle
from fapiao.invoices.personal_data import EVERYTHING, Policy
from fapiao.invoices.withholding import Withholding

__all__ = ["differences"]

Row = Mapping[str, Any]

_LISTS = (("lines", "line_no", Line), ("trips", "trip_no", Trip), ("special_businesses", "seq", SpecialBusiness))
_PARTS = (("vehicle", Vehicle), ("customs", Customs))
_NOT_COMPARED = frozenset(("findings", "deduction", *(name for name, *_ in _LISTS), *(name for name, _ in _PARTS)))


def differences(
    truth: Iterable[Invoice],
    rows: Iterable[Row],
    parts: Mapping[str, Iterable[Row]] | None = None,
    *,
    ignore: Iterable[str] = (),
    limit: int = 50,
    policy: Policy = EVERYTHING,
) -> list[str]:
    """Everything that the rows have too much, too little or otherwise than the truth; empty if all is equal.

    A row is compared in the columns it has that are fields of the canonical model; numbers by value, dates and times
    also as ISO text. The stored rows are matched to the true invoices by their numbers.

    :param rows: the documents, with ``invoice_key`` where ``parts`` is given.
    :param parts: ``lines``, ``trips``, ``special_businesses``, ``vehicle`` and ``customs`` → rows with ``invoice_key``;
        what is not given is not compared.
    :param ignore: fields not compared, ``state`` or ``lines.unit``.
    :param limit: sentences at most; a last one tells how many more there are.
    :param policy: the personal data policy of the database that the rows are from; one that hashes cannot be compared.
    """
    withholding = Withholding(policy)
    ignored = frozenset(ignore)
    stored: dict[str, Row] = {}
    found: list[str] = []
    for row in rows:
        name = _name(row)
        if name in stored:
            found.append(f"{name} is stored twice.")
        stored[name] = row
    children = {name: _by_key(members) for name, members in (parts or {}).items()}
    expected: set[str] = set()
    for invoice in map(withholding.invoice, truth):
        name = _name({field: getattr(invoice, field) for field in _NUMBERS})
        if name in expected:
            continue  # a second holding of the same document
        expected.add(name)
        known = stored.get(name)
        if known is None:
            found.append(f"{name} is missing.")
            continue
        found += _compared(name, invoice, known, "", ignored)
        for part, rows_by_key in children.items():
            found += _compared_part(name, invoice, part, rows_by_key.get(known["invoice_key"], []), ignored)
    found += [f"{name} is stored but not true." for name in stored if name not in expected]
    if len(found) > limit:
        return [*found[:limit], f"There are {len(found) - limit} more differences."]
    return found


_NUMBERS = ("digital_number", "invoice_code", "invoice_number", "customs_no", "certificate_no")


def _name(row: Row) -> str:
    """What a document is called: its code and number where it has them, since a vendor may know no other."""
    if row.get("invoice_code") and row.get("invoice_number"):
        return f"invoice {row['invoice_code']} {row['invoice_number']}"
    number = next((row[field] for field in _NUMBERS if row.get(field)), None)
    return f"invoice {number}"


def _by_key(rows: Iterable[Row]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(row["invoice_key"], []).append(row)
    return found


def _compared_part(name: str, invoice: Invoice, part: str, rows: list[Row], ignored: frozenset[str]) -> list[str]:
    for listed, order, _ in _LISTS:
        if part == listed:
            members = getattr(invoice, part)
            if len(members) != len(rows):
                return [f"{name} has {len(rows)} {part} instead of {len(members)}."]
            ordered = sorted(rows, key=lambda row: row[order])
            return [
                sentence
                for member, row in zip(sorted(members, key=lambda member: getattr(member, order)), ordered, strict=True)
                for sentence in _compared(name, member, row, f"{part}.", ignored)
            ]
    value = getattr(invoice, part)
    if (value is None) != (not rows):
        return [f"{name} has {len(rows)} {part} rows instead of {0 if value is None else 1}."]
    return [] if value is None else _compared(name, value, rows[0], f"{part}.", ignored)


def _compared(name: str, value: Any, row: Row, prefix: str, ignored: frozenset[str]) -> list[str]:
    return [
        f"{name}: {prefix}{field} is {row[field]!r} instead of {getattr(value, field)!r}."
        for field in value.__struct_fields__
        if field in row
        and field not in _NOT_COMPARED
        and prefix + field not in ignored
        and not _same(getattr(value, field), row[field])
    ]


def _same(true: Any, stored: Any) -> bool:
    if true == stored:
        return True
    if isinstance(true, Enum):
        return bool(true.value == stored)
    if isinstance(true, Decimal):
        return isinstance(stored, str) and Decimal(stored) == true
    if isinstance(true, datetime):
        return isinstance(stored, str) and datetime.fromisoformat(stored) == true
    if isinstance(true, date):
        return isinstance(stored, str) and stored[:10] == true.isoformat()
    if isinstance(true, tuple):
        return (stored or "") == ",".join(true)
    if isinstance(true, Mapping):
        return isinstance(stored, str) and json.loads(stored) == dict(true)
    return False
