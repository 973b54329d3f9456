"""From the two shapes of ``InvoiceList`` to records, and what a record looks like.

A record is the vendor's row object as it came. Where something outside the row belongs to it (the answer's ``skssq``, or
with ``adapter=1`` the period and the family that the row is filed under) the record is::

    {"period": "202002" or None, "family": "HGJKS" or None, "row": {…the row as it came…}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.answers import kind_of
from fapiao.invoices.texts import is_blank
from fapiao_jcsk.envelope import broken

__all__ = ["digest", "records_of", "unwrap"]

_WRAPPER = frozenset({"period", "family", "row"})
_JSON = msgspec.json.Encoder(decimal_format="number")


def records_of(content: dict[str, Any]) -> tuple[list[Any], bool]:
    """(records, grouped): ``grouped`` tells the adapter shape. Nothing that is there is left out, whatever it is.

    :raises VendorBroken: ``InvoiceList`` is neither a list nor an object.
    """
    rows = content.get("InvoiceList")
    if isinstance(rows, dict):
        return list(_grouped(rows)), True
    if isinstance(rows, list):
        period = content.get("skssq")
        if is_blank(period):
            return rows, False
        return [_wrapped(period, None, row) for row in rows], False
    if is_blank(rows):
        return [], False
    raise broken(f"InvoiceList is {kind_of(rows)} instead of a list or an object")


def unwrap(record: Any) -> tuple[Any, Any, Any]:
    """(row, period, family) of a record."""
    if isinstance(record, dict) and record.keys() == _WRAPPER:
        return record["row"], record["period"], record["family"]
    return record, None, None


def digest(records: list[Any]) -> str:
    """A short fingerprint of a page's records, to know the page again."""
    return hashlib.blake2b(_JSON.encode(records), digest_size=8).hexdigest()


def _grouped(periods: dict[str, Any]) -> Iterator[Any]:
    """``{"202002": {"FP": […], "HGJKS": […]}, "202306": {}}``; families of other names are kept like the two known ones."""
    for period, families in periods.items():
        if isinstance(families, dict):
            for family, rows in families.items():
                yield from _family(period, family, rows)
        else:
            yield from _family(period, None, families)


def _family(period: str, family: str | None, rows: Any) -> Iterator[Any]:
    if isinstance(rows, list):
        for row in rows:
            yield _wrapped(period, family, row)
    elif not is_blank(rows):
        yield _wrapped(period, family, rows)


def _wrapped(period: Any, family: str | None, row: Any) -> dict[str, Any]:
    if isinstance(period, int | Decimal) and not isinstance(period, bool):
        period = str(period)
    return {"period": period, "family": family, "row": row}
