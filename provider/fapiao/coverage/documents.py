"""What the page is given: coverage as small JSON documents, the same for the file and for Airflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from fapiao.errors import FapiaoError
from fapiao.invoices.codes import DOC_TYPES
from fapiao.reports.reconciling import ReconciledTotal
from fapiao.store import CoverageCell, SliceDetail

__all__ = [
    "SLICE_FIELDS",
    "TOTAL_FIELDS",
    "matrix_document",
    "months_between",
    "slice_fields",
    "total_fields",
    "type_titles",
]

SLICE_FIELDS = (
    "type", "direction", "state", "generation", "closed", "expected", "loaded", "rejected", "amount", "tax", "findings",
    "code", "message", "closed_at", "task",
)  # fmt: skip
TOTAL_FIELDS = ("direction", "type", "number", "expected", "stored", "difference", "origin")
_LETTERS = {"complete": "c", "rejected": "r", "incomplete": "i", "failed": "f", "open": "o"}
_MOST_MONTHS = 600
"""Fifty years: a month that somebody mistyped must not make a matrix of ten thousand columns."""


def matrix_document(
    cells: Iterable[CoverageCell], names: Mapping[str, str], now: float, airflow: str | None = None
) -> dict[str, Any]:
    """Taxpayers × months, a letter per month, so that thousands of taxpayers are a few hundred kilobytes.

    ``c r i f o`` are the states of :data:`fapiao.store.reports.coverage_matrix.STATES`, a capital letter says that another
    generation is under way beside the closed one, ``.`` that the month was never collected.

    :param now: epoch seconds, when the cells were read.
    :param airflow: where Airflow's own pages are (an address or a path, without a slash at its end), for links to the logs
        of tasks; None: not known, then tasks are named without a link.
    """
    cells = list(cells)
    months = months_between([cell.invoice_month for cell in cells])
    place = {month: number for number, month in enumerate(months)}
    rows = []
    for (source, account, taxpayer_no), group in groupby(
        cells, lambda cell: (cell.source, cell.account, cell.taxpayer_no)
    ):
        letters = ["."] * len(months)
        for cell in group:
            letter = _LETTERS[cell.state]
            is_again = cell.open_generation is not None and cell.generation is not None
            letters[place[cell.invoice_month]] = letter.upper() if is_again else letter
        rows.append([source, account, taxpayer_no, names.get(taxpayer_no, ""), "".join(letters)])
    titles = type_titles({cell.source for cell in cells})
    return {
        "read_at": now,
        "months": months,
        "rows": rows,
        "titles": titles,
        "slice_fields": SLICE_FIELDS,
        "total_fields": TOTAL_FIELDS,
        "airflow": airflow,
    }


def months_between(months: Sequence[str]) -> list[str]:
    """Every month from the first to the last, ``yyyymm``; a gap is a month that nobody has collected."""
    if not months:
        return []
    first, last = min(months), max(months)
    year, month = int(first[:4]), int(first[4:])
    found = [first]
    while found[-1] < last:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        found.append(f"{year:04d}{month:02d}")
        if len(found) > _MOST_MONTHS:
            return sorted(set(months))
    return found


def slice_fields(part: SliceDetail) -> list[Any]:
    """A slice for the page, in the order of :data:`SLICE_FIELDS`; amounts as text, exact."""
    return [
        part.type,
        part.direction,
        part.state,
        part.generation,
        part.is_closed,
        part.expected,
        part.loaded,
        part.rejected,
        None if part.amount_excl_tax is None else f"{part.amount_excl_tax:.2f}",
        None if part.tax_amount is None else f"{part.tax_amount:.2f}",
        part.findings,
        part.vendor_code,
        part.vendor_message,
        part.closed_at,
        msgspec.to_builtins(part.task),
    ]


def total_fields(total: ReconciledTotal) -> list[list[str]]:
    """A total from outside for the page, a row per number of it, in the order of :data:`TOTAL_FIELDS`; numbers as text, exact."""
    kind = DOC_TYPES.get(total.doc_type)
    title = total.doc_type if kind is None else kind.title
    rows = []
    for name, measure in total.measures.items():
        form = "{:d}" if name == "invoice_count" else "{:.2f}"
        numbers = (form.format(number) for number in (measure.expected, measure.stored, measure.difference))
        rows.append([total.direction, title, name, *numbers, total.origin])
    return rows


def type_titles(sources: Iterable[str]) -> dict[str, dict[str, str]]:
    """Source → the vendor's code of an invoice type → its Chinese name; without a source whose plugin is not there."""
    from fapiao.registry import registry

    titles = {}
    for name in sorted(sources):
        try:
            types = registry.get(name).descriptor.types
        except FapiaoError:  # the ledger outlives the plugin: then the code alone is shown
            continue
        titles[name] = {kind.code: kind.title for kind in types}
    return titles
