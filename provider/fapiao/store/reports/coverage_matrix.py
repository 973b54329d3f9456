"""Coverage from afar: one state per taxpayer and month, for thousands of taxpayers in two queries.

The first reads ``fapiao_collection`` alone, in the order of its unique index. A month is proven slice by slice, but the
slices of a month without trouble need not be read: what is in trouble is found through the index on their state. So the
work grows with the months and with the troubles, not with the slices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from fapiao.store.access.database import Database
from fapiao.store.reports.coverage import CLOSED, restriction, superseded
from fapiao.store.tables.ledger import collections, slices

__all__ = ["STATES", "CoverageCell", "coverage_matrix"]

STATES = ("complete", "rejected", "incomplete", "failed", "open")
"""Of a cell, from good to bad, then what was never closed:

``complete`` every slice is complete, empty or unsupported; ``rejected`` all records are accounted for, some are
quarantined; ``incomplete`` the counts do not agree; ``failed`` the vendor refused a slice for good; ``open`` the first
generation has not been closed yet.
"""

_TROUBLE = ("rejected", "incomplete", "failed")


class CoverageCell(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one taxpayer's month from one account."""

    source: str
    account: str
    taxpayer_no: str
    invoice_month: str
    state: str
    """One of :data:`STATES`."""
    generation: int | None
    """The latest closed one."""
    closed_at: float | None
    """When that was, epoch seconds."""
    open_generation: int | None
    """Under way just now; None: nothing is."""


class _Place(NamedTuple):
    source: str
    account: str
    taxpayer_no: str
    invoice_month: str


_PLACE = tuple(collections.c[name] for name in _Place._fields)


def coverage_matrix(
    database: Database,
    *,
    source: str | None = None,
    account: str | None = None,
    taxpayer_no: str | None = None,
    first_month: str | None = None,
    last_month: str | None = None,
) -> list[CoverageCell]:
    """Every month that was collected or is being collected, ordered by source, account, taxpayer and month.

    :param first_month: ``yyyymm``, inclusive, as ``last_month``.
    """
    wanted = [
        collections.c.kind == "collect",
        collections.c.query == "",
        *restriction(source, account, taxpayer_no, first_month, last_month),
    ]

    def read(connection: Any) -> list[CoverageCell]:
        troubles = _worst(connection.execute(_troubles(wanted)))
        return [_cell(row, troubles) for row in connection.execute(_generations(wanted))]

    return database.read(read)


def _generations(wanted: list[Any]) -> Any:
    closed, state, number = collections.c.state.in_(CLOSED), collections.c.state, collections.c.generation
    return (
        sa.select(
            *_PLACE,
            sa.func.max(sa.case((closed, number))).label("generation"),
            # The latest closed generation and whether it is proven, in one number: they are from the same row.
            sa.func.max(sa.case((closed, 2 * number + sa.case((state == "complete", 1), else_=0)))).label("proven"),
            sa.func.max(sa.case((closed, collections.c.closed_at))).label("closed_at"),
            sa.func.max(sa.case((~closed, number))).label("open_generation"),
        )
        .where(*wanted, state != "abandoned")
        .group_by(*_PLACE)
        .order_by(*_PLACE)
    )


def _troubles(wanted: list[Any]) -> Any:
    """Slices in trouble that no later closed generation has gone over again."""
    return (
        sa.select(*_PLACE, slices.c.state)
        .select_from(slices.join(collections, slices.c.collection_id == collections.c.collection_id))
        .where(slices.c.state.in_(_TROUBLE), collections.c.state.in_(CLOSED), *wanted, ~superseded())
        .distinct()
    )


def _worst(rows: Iterable[Any]) -> dict[_Place, str]:
    found: dict[_Place, str] = {}
    for *place, state in rows:
        at = _Place(*place)
        if at not in found or STATES.index(state) > STATES.index(found[at]):
            found[at] = state
    return found


def _cell(row: Any, troubles: dict[_Place, str]) -> CoverageCell:
    place = _Place(row.source, row.account, row.taxpayer_no, row.invoice_month)
    if row.generation is None:
        state = "open"
    elif place in troubles:
        state = troubles[place]
    else:  # closed without proof although no slice says why: never shown as proven
        state = "complete" if row.proven % 2 else "incomplete"
    return CoverageCell(
        **place._asdict(),
        state=state,
        generation=row.generation,
        closed_at=row.closed_at,
        open_generation=row.open_generation,
    )
