"""Coverage as a table that spreadsheets open: one row per slice."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, TextIO

from fapiao.store import CoverageRow

__all__ = ["COLUMNS", "write_csv"]

COLUMNS = (
    "source", "account", "taxpayer_no", "taxpayer_name", "invoice_month", "kind", "query", "type", "direction",
    "generation", "state", "collection_state", "expected", "loaded", "rejected", "amount_excl_tax", "tax_amount",
    "closed_at",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(rows: Iterable[CoverageRow], names: Mapping[str, str], out: TextIO) -> None:
    """Write the rows with a heading. Times are UTC, amounts exact with a point.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        known = {"taxpayer_name": names.get(row.taxpayer_no, "")}
        writer.writerow([_shown(known.get(name) if name in known else getattr(row, name)) for name in COLUMNS])


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return datetime.fromtimestamp(value, timezone.utc).isoformat(timespec="seconds")
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
