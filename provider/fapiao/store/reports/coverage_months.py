"""Invoices and tax per month: the latest closed generation of every slice, added up by the database."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import sqlalchemy as sa

from fapiao.store.access.database import Database
from fapiao.store.reports.coverage import CLOSED, restriction, superseded
from fapiao.store.tables.columns import exact_sum
from fapiao.store.tables.ledger import collections, slices

__all__ = ["MonthTotal", "coverage_months"]


class MonthTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What the slices of one month and direction hold together."""

    invoice_month: str
    direction: str
    loaded: int
    rejected: int
    amount_excl_tax: Decimal
    tax_amount: Decimal


def coverage_months(
    database: Database,
    *,
    source: str | None = None,
    account: str | None = None,
    taxpayer_no: str | None = None,
    first_month: str | None = None,
    last_month: str | None = None,
) -> list[MonthTotal]:
    """Totals by month and direction, in this order; closed generations with records only.

    It looks at every slice of the months asked for: seconds where there are millions of them.

    :param first_month: ``yyyymm``, inclusive, as ``last_month``.
    """
    wanted = [
        collections.c.kind == "collect",
        collections.c.query == "",
        *restriction(source, account, taxpayer_no, first_month, last_month),
    ]
    place = (collections.c.invoice_month, slices.c.direction)
    query = (
        sa.select(
            *place,
            sa.func.sum(slices.c.loaded).label("loaded"),
            sa.func.sum(slices.c.rejected).label("rejected"),
            exact_sum(slices.c.amount_excl_tax).label("amount_excl_tax"),
            exact_sum(slices.c.tax_amount).label("tax_amount"),
        )
        .join_from(slices, collections, slices.c.collection_id == collections.c.collection_id)
        .where(
            collections.c.state.in_(CLOSED),
            sa.or_(slices.c.loaded > 0, slices.c.rejected > 0),
            *wanted,
            ~superseded(),
        )
        .group_by(*place)
        .order_by(*place)
    )
    nothing = Decimal("0.00")
    return database.read(
        lambda connection: [
            MonthTotal(
                invoice_month=row.invoice_month,
                direction=row.direction,
                loaded=int(row.loaded),
                rejected=int(row.rejected),
                amount_excl_tax=row.amount_excl_tax or nothing,
                tax_amount=row.tax_amount or nothing,
            )
            for row in connection.execute(query)
        ]
    )
