"""Coverage from near: the slices of months with the vendor's words and what the rules found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from fapiao.store.access.database import Database
from fapiao.store.ledger.tasks import TASK_COLUMNS, TaskReference, task_of
from fapiao.store.reports.coverage import newest_slices, restriction
from fapiao.store.tables.invoices import findings
from fapiao.store.tables.ledger import collections

__all__ = ["SliceDetail", "coverage_detail"]

_QUIET = ("empty", "unsupported")


class SliceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One slice (type × direction) as the ledger proves it, with its findings counted."""

    source: str
    account: str
    taxpayer_no: str
    invoice_month: str
    type: str
    direction: str
    generation: int
    is_closed: bool
    """False: a generation that is under way, beside the closed one."""
    state: str
    expected: int | None
    """The vendor's own count."""
    loaded: int
    rejected: int
    amount_excl_tax: Decimal | None
    tax_amount: Decimal | None
    vendor_code: str | None
    vendor_message: str | None
    closed_at: float | None
    """Epoch seconds."""
    findings: int
    """Remarks and warnings of the rules about the slice's records; the rejected are counted in ``rejected``."""
    task: TaskReference | None
    """The Airflow task that worked on the generation last; None: the command line did."""


def coverage_detail(
    database: Database,
    *,
    source: str | None = None,
    account: str | None = None,
    taxpayer_no: str | None = None,
    first_month: str | None = None,
    last_month: str | None = None,
    quiet: bool = True,
) -> list[SliceDetail]:
    """Slices of collections, ordered by source, account, taxpayer, month, type, direction and generation.

    :param first_month: ``yyyymm``, inclusive, as ``last_month``.
    :param quiet: with slices that are empty or unsupported.
    """
    wanted: list[Any] = [
        collections.c.kind == "collect",
        collections.c.query == "",
        *restriction(source, account, taxpayer_no, first_month, last_month),
    ]
    newest = newest_slices(wanted)
    counted = (
        sa.select(sa.func.count())
        .select_from(findings)
        .where(findings.c.slice_id == newest.c.slice_id, findings.c.severity != "reject")
        .scalar_subquery()
    )
    stored = [name for name in SliceDetail.__struct_fields__ if name not in ("findings", "task")]
    fields = [newest.c[name] for name in (*stored, *TASK_COLUMNS)]
    query = sa.select(*fields, counted.label("findings")).order_by(*fields[:7])
    if not quiet:
        query = query.where(newest.c.state.not_in(_QUIET))

    def read(connection: Any) -> list[SliceDetail]:
        return [
            SliceDetail(
                **{name: getattr(row, name) for name in stored if name != "is_closed"},
                is_closed=bool(row.is_closed),
                findings=row.findings,
                task=task_of(row),
            )
            for row in connection.execute(query)
        ]

    return database.read(read)
