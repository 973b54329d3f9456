"""What is a vendor's own about the rows that it passes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from fapiao.invoices.codes import UNKNOWN
from fapiao.invoices.dates import moment, unshifted
from fapiao.invoices.model import NormalizeContext
from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import code

__all__ = ["SLICE_KEYS", "Dialect"]

SLICE_KEYS = frozenset(("fplx", "jxxbz"))
"""Fields in which a row names its slice."""
_EIGHT_HOURS = timedelta(hours=8)
_LONGEST_CODE = 16


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """One vendor's codes, and how its rows differ."""

    doc_types: Mapping[str, str]
    """发票类型 → canonical document type."""
    states: Mapping[str, str]
    """fpztDm → canonical state."""
    special_businesses: Mapping[str, str]
    """tdywlx → canonical specific business."""
    names_its_slice: bool = False
    """Each row states its own type and direction (``fplx``, ``jxxbz``), and its type is believed."""
    midnight_in_utc: bool = False
    """Midnight in China may come as 16:00 UTC of the day before."""

    def document_type(self, row: Mapping[str, Any], context: NormalizeContext, problems: Problems) -> tuple[str, str]:
        """(canonical, raw) type: the row's own where rows state one, else that of the slice that was asked for."""
        raw = (
            (self._stated_type(row, problems) or context.type[:_LONGEST_CODE]) if self.names_its_slice else context.type
        )
        doc_type = self.doc_types.get(raw)
        if doc_type is None:
            problems.unknown_code("doc_type", raw)
        return doc_type or UNKNOWN, raw

    def issued(self, raw: Any, invoice_month: str, problems: Problems) -> tuple[datetime | None, date | None]:
        """``kprq``. On the eve of the month that was asked for, 16:00:00 can be nothing but a midnight in China; within the
        month it is also an honest time."""
        at, on = moment(raw, problems, "issued_at")
        if not self.midnight_in_utc or at is None or f"{at:%Y%m}" == invoice_month:
            return at, on
        if f"{at + _EIGHT_HOURS:%Y%m}" == invoice_month:
            at = unshifted(at, problems, "issued_at")
            on = None if at is None else at.date()
        return at, on

    def _stated_type(self, row: Mapping[str, Any], problems: Problems) -> str:
        stated = row.get("fplx")
        if type(stated) is int and 0 <= stated < 10**8:
            stated = f"{stated:02d}"
        return (code(stated, problems, "doc_type") or "")[:_LONGEST_CODE]
