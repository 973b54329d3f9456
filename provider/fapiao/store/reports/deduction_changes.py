"""What a sync says that the one before it did not: certified, revoked, selected, abnormal, red, gone from the lists.

Days and flags are compared, never times: one and the same vendor prints a time in one shape of its answer and midnight in
another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.errors import StoreError
from fapiao.store.access.bulk import chunks
from fapiao.store.access.database import Database
from fapiao.store.tables.deductions import deductions
from fapiao.store.tables.invoices import invoices
from fapiao.store.tables.ledger import collections, slice_records, slices

__all__ = ["KINDS", "DeductionChange", "count_changes", "deduction_changes", "invoice_numbers", "latest_sync"]

KINDS = ("certified", "revoked", "checked", "unchecked", "abnormal", "red", "left")
"""
* ``certified`` (新认证), ``revoked`` (撤销认证): certification was given, or taken back
* ``checked`` (新勾选), ``unchecked`` (取消勾选): selected or no longer so, certified neither before nor now
* ``abnormal`` (异常): the bureau's management state, the kind of abnormality or the document's state became abnormal
* ``red`` (红冲): the document was red-flushed, in full or in part
* ``left``: it was in the lists asked for, and is in none of them now
"""

_RED = frozenset({"red_full", "red_partial", "red_unspecified"})
_ABNORMAL = frozenset({"abnormal", "out_of_control"})
_READ_TO_END = ("complete", "empty", "rejected")


class DeductionChange(msgspec.Struct, frozen=True, order=True):
    """One thing that became different about one document of the taxpayer."""

    kind: str
    """One of ``KINDS``."""
    number: str
    """The document's strongest number: 20 digits, ``code:number``, customs or certificate number."""
    invoice_key: int
    tax_period: str | None = None
    """税款所属期 it is, or was, certified for."""
    changed_on: str | None = None
    """The day of certification or selection as stated now, ``yyyy-mm-dd``."""
    valid_tax: Decimal | None = None


class _State(msgspec.Struct, frozen=True, gc=False):
    """What of a snapshot is compared and told."""

    is_checked: bool | None = None
    checked_at: datetime | None = None
    is_certified: bool | None = None
    certified_at: datetime | None = None
    tax_period: str | None = None
    valid_tax: Decimal | None = None
    state: str = "unknown"
    management: str | None = None
    abnormal_raw: str | None = None

    def abnormalities(self) -> tuple[bool, bool, bool]:
        """Three signs, each for itself: a vendor that always fills one of them in hides no change of the others."""
        return self.management == "abnormal", self.abnormal_raw is not None, self.state in _ABNORMAL


_NOTHING = _State()
_FIELDS = _State.__struct_fields__


def deduction_changes(database: Database, collection_id: int) -> list[DeductionChange]:
    """What the sync found changed since the last one of the same question that was read to its end, sorted.

    What an attempt in between had read and nobody has seen reported counts as this sync's. A document seen for the first
    time is compared with nothing (so it can be newly certified), but not by the first sync ever: there all is new.

    :raises StoreError: there is no such run, or it is not a sync.
    """
    return database.read(lambda connection: sorted(_changes(connection, collection_id)))


def count_changes(changes: list[DeductionChange]) -> dict[str, int]:
    """How many there are of each kind, all kinds named."""
    counted = Counter(change.kind for change in changes)
    return {kind: counted[kind] for kind in KINDS}


def latest_sync(database: Database, source: str, taxpayer_no: str) -> int | None:
    """The newest sync of the taxpayer that is closed and was not given up."""
    query = (
        sa.select(sa.func.max(collections.c.collection_id))
        .where(collections.c.source == source, collections.c.taxpayer_no == taxpayer_no, collections.c.kind == "sync")
        .where(collections.c.state.in_(("complete", "incomplete")))
    )
    return database.read(lambda connection: connection.execute(query).scalar())


def _changes(connection: Connection, collection_id: int) -> Iterator[DeductionChange]:
    run = connection.execute(sa.select(collections).where(collections.c.collection_id == collection_id)).first()
    if run is None or run.kind != "sync":
        raise StoreError(
            f"the ledger has no sync {collection_id}.", advice="Use the database in which the sync was run."
        )
    before, since = _baseline(connection, run)
    keys = _documents_with_news(connection, run, since)
    numbers: dict[int, str] = {}
    found: list[tuple[str, int, _State]] = []
    for part in chunks(keys):
        for key, (old, new) in _states(connection, run, part, since).items():
            if old is None and before is None:
                continue
            found += [(kind, key, new) for kind in _differences(old or _NOTHING, new)]
    if before is not None and _is_read_to_end(connection, collection_id):
        gone = _held(connection, before) - _held(connection, collection_id)
        found += [("left", key, _NOTHING) for key in gone]
    for part in chunks(sorted({key for _, key, _ in found})):
        numbers |= invoice_numbers(connection, part)
    for kind, key, new in found:
        certified = kind in ("certified", "revoked")
        at = new.certified_at if certified else new.checked_at
        yield DeductionChange(
            kind=kind,
            number=numbers.get(key, ""),
            invoice_key=key,
            tax_period=new.tax_period,
            changed_on=None if at is None else at.date().isoformat(),
            valid_tax=new.valid_tax,
        )


def _differences(old: _State, new: _State) -> Iterator[str]:
    if new.is_certified and not old.is_certified:
        yield "certified"
    elif old.is_certified and new.is_certified is False:
        yield "revoked"
    elif new.is_checked and not old.is_checked:
        yield "checked"
    elif old.is_checked and new.is_checked is False:
        yield "unchecked"
    if any(now and not then for then, now in zip(old.abnormalities(), new.abnormalities(), strict=True)):
        yield "abnormal"
    if new.state in _RED and old.state not in _RED:
        yield "red"


def _baseline(connection: Connection, run: Any) -> tuple[int | None, list[int]]:
    """The earlier run that this one is compared with, and the runs since then with this one: what they read is news."""
    same = sa.and_(
        *(
            collections.c[name] == getattr(run, name)
            for name in ("source", "account", "taxpayer_no", "invoice_month", "kind", "query")
        )
    )
    query = sa.select(collections.c.collection_id, collections.c.state).where(
        same, collections.c.generation < run.generation
    )
    since = [run.collection_id]
    for earlier in connection.execute(query.order_by(collections.c.generation.desc())).all():
        if earlier.state in ("complete", "incomplete") and _is_read_to_end(connection, earlier.collection_id):
            return earlier.collection_id, since
        since.append(earlier.collection_id)
    return None, since


def _is_read_to_end(connection: Connection, collection_id: int) -> bool:
    states = connection.execute(sa.select(slices.c.state).where(slices.c.collection_id == collection_id)).scalars()
    return all(state in _READ_TO_END for state in states)


def _documents_with_news(connection: Connection, run: Any, since: list[int]) -> list[int]:
    table = deductions.c
    query = sa.select(table.invoice_key).where(
        table.collection_id.in_(since), table.taxpayer_no == run.taxpayer_no, table.source == run.source
    )
    return sorted(set(connection.execute(query).scalars()))


def _states(
    connection: Connection, run: Any, keys: list[int], since: list[int]
) -> dict[int, tuple[_State | None, _State]]:
    """Per document what was known before the runs, and what they said last."""
    table = deductions.c
    query = (
        sa.select(table.invoice_key, table.collection_id, *(table[name] for name in _FIELDS))
        .where(table.invoice_key.in_(keys), table.taxpayer_no == run.taxpayer_no, table.source == run.source)
        .order_by(table.observed_at, table.deduction_id)
    )
    old: dict[int, _State] = {}
    new: dict[int, _State] = {}
    for key, collection_id, *values in connection.execute(query):
        told = _State(*values)
        if collection_id in since:
            new[key] = told
        elif key not in new:
            old[key] = told
    return {key: (old.get(key), told) for key, told in new.items()}


def _held(connection: Connection, collection_id: int) -> set[int]:
    """Documents in the lists as they were read in the end."""
    query = (
        sa.select(slice_records.c.invoice_key)
        .join_from(
            slices,
            slice_records,
            sa.and_(slice_records.c.slice_id == slices.c.slice_id, slice_records.c.read_no == slices.c.read_no),
        )
        .where(slices.c.collection_id == collection_id, slice_records.c.invoice_key.is_not(None))
    )
    return set(connection.execute(query).scalars())


def invoice_numbers(connection: Connection, keys: list[int]) -> dict[int, str]:
    """The strongest number of each invoice: 20 digits, ``code:number``, customs or certificate number."""
    table = invoices.c
    query = sa.select(
        table.invoice_key,
        table.digital_number,
        table.invoice_code,
        table.invoice_number,
        table.customs_no,
        table.certificate_no,
    ).where(table.invoice_key.in_(keys))
    return {
        key: digital or (f"{code}:{number}" if code and number else None) or customs_no or certificate_no or ""
        for key, digital, code, number, customs_no, certificate_no in connection.execute(query)
    }
