"""What can be read off for analysis: one query per dataset, in the order of invoice months."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.reports.control_totals import INVOICES
from fapiao.store.tables.columns import EpochTime, big_key, money
from fapiao.store.tables.control_totals import control_totals
from fapiao.store.tables.deductions import current_deductions
from fapiao.store.tables.invoices import holdings, invoices, lines
from fapiao.store.tables.ledger import collections, slices
from fapiao.store.tables.verifications import verifications

__all__ = ["DATASETS", "MONTH", "dataset_batches", "dataset_query", "held_invoices"]

MONTH = "invoice_month"
_views = sa.MetaData()
_MONEY = {"amount_excl_tax", "tax_amount", "amount_incl_tax"}
_TYPES: dict[str, Any] = {
    "issued_on": sa.Date(), "is_red": sa.Boolean(), "is_checked": sa.Boolean(), "is_certified": sa.Boolean(),
    "line_count": sa.Integer(), "red_letters": sa.Integer(), "first_seen_at": EpochTime(), "last_seen_at": EpochTime(),
    "invoice_key": big_key(),
}  # fmt: skip
_INVOICE_COLUMNS = (
    "taxpayer_no", "direction", "direction_label", "number", "invoice_code", "doc_type", "doc_type_label",
    "issued_on", "invoice_month", "seller_tax_no", "seller_name", "buyer_tax_no", "buyer_name", "amount_excl_tax",
    "tax_amount", "amount_incl_tax", "state", "state_label", "is_red", "blue_number", "red_letters",
    "special_business", "special_business_label", "is_checked", "is_certified", "tax_period", "deduction_usage",
    "deduction_usage_label", "level", "line_count", "sources", "first_seen_at", "last_seen_at", "invoice_key",
)  # fmt: skip
held_invoices = sa.Table(
    "fapiao_v_invoice",
    _views,
    *[sa.Column(name, money() if name in _MONEY else _TYPES.get(name, sa.Text())) for name in _INVOICE_COLUMNS],
)
"""The view ``fapiao_v_invoice``: one row per held invoice."""


def _stated_by(sources: Any, source: str) -> Any:
    return (sa.literal(",") + sources + ",").contains(f",{source},", autoescape=True)


def _invoices(source: str | None) -> Any:
    view = held_invoices.c
    query = sa.select(*view).order_by(view.invoice_month, view.invoice_key, view.taxpayer_no, view.direction)
    return query if source is None else query.where(_stated_by(view.sources, source))


def _lines(source: str | None) -> Any:
    held = holdings.c
    query = (
        sa.select(held.taxpayer_no, held.direction, held.invoice_month, *lines.c)
        .select_from(holdings.join(lines, lines.c.invoice_key == held.invoice_key))
        .order_by(held.invoice_month, held.invoice_key, held.taxpayer_no, held.direction, lines.c.line_no)
    )
    if source is None:
        return query
    return query.where(
        held.invoice_key.in_(sa.select(invoices.c.invoice_key).where(_stated_by(invoices.c.sources, source)))
    )


def _deductions(source: str | None) -> Any:
    held, said = holdings.c, current_deductions.c
    joined = current_deductions.outerjoin(
        holdings,
        (held.invoice_key == said.invoice_key) & (held.taxpayer_no == said.taxpayer_no) & (held.direction == "input"),
    )
    query = sa.select(held.invoice_month, *said).select_from(joined).order_by(held.invoice_month, said.deduction_id)
    return query if source is None else query.where(said.source == source)


def _verifications(source: str | None) -> Any:
    table = verifications.c
    query = sa.select(*[column for column in table if column.name != "holder"])
    query = query.order_by(table.issued_on, table.verification_id)
    return query if source is None else query.where(table.source == source)


def _slices(source: str | None) -> Any:
    run, part = collections.c, slices.c
    of_run = (run.source, run.account, run.taxpayer_no, run.invoice_month, run.kind, run.query, run.generation)
    query = (
        sa.select(*of_run, run.state.label("collection_state"), *part)
        .select_from(slices.join(collections, run.collection_id == part.collection_id))
        .order_by(run.invoice_month, part.slice_id)
    )
    return query if source is None else query.where(run.source == source)


def _control_totals(source: str | None) -> Any:
    """A tax period is no month of invoices: totals of a deduction have none. No source has stated a total."""
    total = control_totals.c
    month = sa.case((total.kind == INVOICES, total.period)).label(MONTH)
    query = sa.select(month, *total).order_by(month, total.taxpayer_no, total.period, total.direction, total.doc_type)
    return query if source is None else query.where(sa.false())


DATASETS: Mapping[str, Callable[[str | None], Any]] = {
    "invoices": _invoices,
    "lines": _lines,
    "deductions": _deductions,
    "verifications": _verifications,
    "slices": _slices,
    "control_totals": _control_totals,
}
"""Name → its query, of one source where one is named. Verifications have no month but a date of issue."""


def dataset_query(name: str, source: str | None, taxpayer_no: str | None, invoice_month: str | None) -> Any:
    """The query of a dataset, narrowed."""
    query = DATASETS[name](source)
    columns = {column.name: column for column in query.selected_columns}
    taxpayer = columns["taxpayer_no"]
    if taxpayer_no is not None:
        query = query.where(taxpayer == taxpayer_no)
    if invoice_month is not None and MONTH in columns:
        query = query.where(columns[MONTH] == invoice_month)
    elif invoice_month is not None:
        first = date(int(invoice_month[:4]), int(invoice_month[4:]), 1)
        following = (first + timedelta(days=31)).replace(day=1)
        query = query.where(columns["issued_on"] >= first, columns["issued_on"] < following)
    return query


def dataset_batches(
    connection: Connection, query: Any, size: int
) -> Iterator[tuple[str | None, list[Mapping[str, Any]]]]:
    """``(month, rows)``, months ascending, at most ``size`` rows of one month at once; the server keeps the rest."""
    with_month = any(column.name == MONTH for column in query.selected_columns)
    result = connection.execution_options(stream_results=True, max_row_buffer=size).execute(query)
    month: str | None = None
    rows: list[Mapping[str, Any]] = []
    for row in result.mappings():
        its = (row[MONTH] or None) if with_month else row["issued_on"].strftime("%Y%m")
        if rows and (its != month or len(rows) >= size):
            yield month, rows
            rows = []
        month = its
        rows.append(cast(Mapping[str, Any], row))
    if rows:
        yield month, rows
