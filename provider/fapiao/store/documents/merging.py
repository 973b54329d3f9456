"""Two documents that turn out to be one: a paper face met its digital number later. One key stays, the other leads to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.failures import Stale
from fapiao.store.tables.deductions import deductions
from fapiao.store.tables.invoices import (
    customs,
    findings,
    holdings,
    invoices,
    lines,
    merged,
    numbers,
    observations,
    references,
    special_businesses,
    states,
    trips,
    vehicles,
)
from fapiao.store.tables.ledger import slice_records
from fapiao.store.tables.verifications import layout_files, verifications

__all__ = ["CHILDREN", "lead", "lock", "merge"]

CHILDREN = (lines, vehicles, customs, trips, special_businesses, references)
"""What is folded from the observations together with the head, and written anew with it."""


def lock(connection: Connection, keys: list[int]) -> None:
    """Hold the documents until the transaction ends, in the order of their keys.

    :raises Stale: one of them was merged away by another process since its number was looked up.
    """
    found = connection.execute(
        sa.select(invoices.c.invoice_key)
        .where(invoices.c.invoice_key.in_(keys))
        .order_by(invoices.c.invoice_key)
        .with_for_update()
    ).all()
    if len(found) != len(keys):
        raise Stale


def merge(connection: Connection, keys: set[int], now: float) -> int:
    """Move everything of the documents to one of them, which must be folded afterwards. Returns its key.

    The one that has the 20-digit number stays, else the oldest. All have been locked before.
    """
    digital = connection.execute(
        sa.select(sa.func.min(numbers.c.invoice_key)).where(
            numbers.c.invoice_key.in_(sorted(keys)), numbers.c.scheme == "digital20"
        )
    ).scalar()
    keep: int = min(keys) if digital is None else digital
    gone = sorted(keys - {keep})
    for table in (numbers, slice_records, findings, deductions, verifications, layout_files):
        connection.execute(table.update().where(table.c.invoice_key.in_(gone)).values(invoice_key=keep))
    _merge_rows(connection, observations, ("source", "api", "content_hash"), keep, gone)
    _merge_rows(connection, holdings, ("taxpayer_no", "direction"), keep, gone)
    _merge_states(connection, keep, gone)
    for table in (*CHILDREN, invoices):
        connection.execute(table.delete().where(table.c.invoice_key.in_(gone)))
    lead(connection, dict.fromkeys(gone, keep), now)
    return keep


def lead(connection: Connection, into: Mapping[int, int], now: float) -> None:
    """Note which document each merged one went into; what had gone into these follows."""
    for gone, keep in sorted(into.items()):
        connection.execute(merged.update().where(merged.c.to_key == gone).values(to_key=keep))
    if into:
        rows = [{"from_key": gone, "to_key": keep, "merged_at": now} for gone, keep in sorted(into.items())]
        connection.execute(merged.insert(), rows)


def _merge_rows(connection: Connection, table: sa.Table, same: tuple[str, ...], keep: int, gone: list[int]) -> None:
    """Rows that both documents have become one, first and last seen over both."""
    everything = table.c.invoice_key.in_([keep, *gone])
    united: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in connection.execute(sa.select(table).where(everything).order_by(table.c.first_seen_at)).mappings():
        kept = united.setdefault(tuple(row[name] for name in same), dict(row) | {"invoice_key": keep})
        kept["last_seen_at"] = max(kept["last_seen_at"], row["last_seen_at"])
    connection.execute(table.delete().where(everything))
    if united:
        connection.execute(table.insert(), list(united.values()))


def _merge_states(connection: Connection, keep: int, gone: list[int]) -> None:
    """One history in the order of observation, numbered anew, without rows that change nothing."""
    everything = states.c.invoice_key.in_([keep, *gone])
    history: list[dict[str, Any]] = []
    order = (states.c.observed_at, states.c.invoice_key, states.c.seq)
    for row in connection.execute(sa.select(states).where(everything).order_by(*order)).mappings():
        if not history or history[-1]["state"] != row["state"]:
            history.append(dict(row) | {"invoice_key": keep, "seq": len(history) + 1})
    connection.execute(states.delete().where(everything))
    if history:
        connection.execute(states.insert(), history)
