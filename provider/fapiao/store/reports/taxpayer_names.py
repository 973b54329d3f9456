"""What a taxpayer is called: the name beside its number on the newest document that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from fapiao.store.access.database import Database
from fapiao.store.tables.invoices import holdings, invoices
from fapiao.store.tables.ledger import collections

__all__ = ["taxpayer_names"]

_AT_ONCE = 400
"""Numbers in one statement: SQLite binds at most 999 values."""
_SIDES = (
    ("output", invoices.c.seller_tax_no, invoices.c.seller_name),
    ("input", invoices.c.buyer_tax_no, invoices.c.buyer_name),
)


def taxpayer_names(database: Database, taxpayers: Iterable[str]) -> dict[str, str]:
    """Names by taxpayer number (纳税人识别号), where one is known; what it issued counts before what it received.

    Only a name that stands beside the very number is taken: the other party of a document may be a person.
    """
    wanted = sorted(set(taxpayers))

    def read(connection: Any) -> dict[str, str]:
        names: dict[str, str] = {}
        for direction, number, name in _SIDES:
            missing = [taxpayer for taxpayer in wanted if taxpayer not in names]
            for some in _pieces(missing):
                query = _newest(direction, number, name, some)
                names.update((row.taxpayer_no, row.name) for row in connection.execute(query) if row.name)
        return names

    return database.read(read)


def _newest(direction: str, number: Any, name: Any, taxpayers: list[str]) -> Any:
    """For each taxpayer one step into the index of the holdings, not a walk over all of them."""
    one = holdings.alias("one")
    mine = (
        sa.select(collections.c.taxpayer_no).where(collections.c.taxpayer_no.in_(taxpayers)).distinct().subquery("mine")
    )
    newest = (
        sa.select(one.c.invoice_key)
        .where(one.c.taxpayer_no == mine.c.taxpayer_no, one.c.direction == direction)
        .order_by(one.c.invoice_month.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = sa.select(mine.c.taxpayer_no, newest.label("invoice_key")).subquery()
    return (
        sa.select(found.c.taxpayer_no, name.label("name"))
        .join_from(found, invoices, invoices.c.invoice_key == found.c.invoice_key)
        .where(number == found.c.taxpayer_no)
    )


def _pieces(taxpayers: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(taxpayers), _AT_ONCE):
        yield taxpayers[start : start + _AT_ONCE]
