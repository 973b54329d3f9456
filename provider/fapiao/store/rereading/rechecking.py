"""Checks and archived files follow what replayed answers say now, and the documents that were put together anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.codes import Scheme
from fapiao.invoices.differences import Difference
from fapiao.invoices.texts import is_masked
from fapiao.store.access.bulk import chunks
from fapiao.store.raw.questions import AskedCheck, stored_claim
from fapiao.store.rereading.changes import Changes
from fapiao.store.rereading.comparing import NumberKey, Replayed
from fapiao.store.tables.columns import json_text
from fapiao.store.tables.verifications import layout_files, verifications
from fapiao.store.verification.check_rows import Given, Subject, claim_numbers, documents_of, settled
from fapiao.wire import Verification

__all__ = ["recheck", "relate"]

_DIFFERENCES: msgspec.json.Decoder[tuple[Difference, ...]] = msgspec.json.Decoder(tuple[Difference, ...])


def recheck(connection: Connection, replayed: Iterable[Replayed], changes: Changes) -> set[int]:
    """Rewrite the checks whose answers were replayed, where they say something else now. Returns which checks those are.

    Call it when observations and documents are written.
    """
    given = {item.page.page_id: told for item in replayed if (told := _given(item)) is not None}
    now = settled(connection, given.values())
    table = verifications.c
    for part in chunks(sorted(now)):
        query = sa.select(verifications).where(table.verification_id.in_(part), table.state == "answered")
        for row in connection.execute(query).mappings().all():
            values = now[row["verification_id"]]
            values["differences"] = _with_withheld(row["differences"], values["differences"], values["invoice_key"])
            _update(connection, verifications, dict(row), values, changes)
    return set(now)


def relate(
    connection: Connection, documents: set[int], numbers: set[NumberKey], but: set[int], changes: Changes
) -> None:
    """Lead checks and files to documents that were put together anew.

    :param documents: the keys that they have, or had.
    :param numbers: of these documents.
    :param but: checks that :func:`recheck` has done.
    """
    checks = {
        row["verification_id"]: row
        for row in _about(connection, verifications, documents, {value.rpartition(":")[2] for _, value in numbers})
        if row["state"] == "answered" and row["verification_id"] not in but
    }
    subjects = {
        number: Subject(claim_numbers(stored_claim(row)), row["page_id"], row["verified_at"])
        for number, row in checks.items()
    }
    for number, key in documents_of(connection, subjects).items():
        _update(connection, verifications, checks[number], {"invoice_key": key}, changes)
    digital = {value for scheme, value in numbers if scheme == Scheme.DIGITAL20}
    files = {row["layout_file_id"]: row for row in _about(connection, layout_files, documents, digital)}
    subjects = {
        number: Subject(((Scheme.DIGITAL20, row["number"]),), row["page_id"], row["fetched_at"])
        for number, row in files.items()
    }
    for number, key in documents_of(connection, subjects).items():
        _update(connection, layout_files, files[number], {"invoice_key": key}, changes)


def _given(item: Replayed) -> Given | None:
    asked = item.page.asked
    if not isinstance(asked, AskedCheck) or not isinstance(item.said, Verification):
        return None
    record = item.record(0)
    invoice = None if record is None else record.invoice
    page = item.page
    return Given(asked.verification_id, asked.claim, item.said, invoice, page.page_id, page.fetched_at)


def _about(connection: Connection, table: sa.Table, documents: set[int], numbers: set[str]) -> Sequence[Any]:
    """Rows that lead to one of the documents, or are about a number. A row may come twice."""
    found: list[Any] = []
    for column, values in ((table.c.invoice_key, documents), (table.c.number, numbers)):
        for part in chunks(sorted(values)):
            found += connection.execute(sa.select(table).where(column.in_(part))).mappings().all()
    return found


def _update(
    connection: Connection, table: sa.Table, row: Mapping[str, Any], values: Mapping[str, Any], changes: Changes
) -> None:
    differing = {name: value for name, value in values.items() if row[name] != value}
    if not differing:
        return
    (key,) = table.primary_key.columns
    connection.execute(table.update().where(key == row[key.name]).values(**differing))
    changes.rows += 1
    if table is verifications:
        changes.checks += 1
        changes.check_fields.update(differing.keys())
    else:
        changes.files += 1


def _with_withheld(before: str | None, now: str | None, key: int | None) -> str | None:
    """The differences of now, and those of before that the personal data policy has left nothing to compare of: that the bureau
    states something else is known, what it states is not any more."""
    if before is None or key is None:
        return now
    was = _DIFFERENCES.decode(before)
    told = () if now is None else _DIFFERENCES.decode(now)
    again = {part.field for part in told}
    left = (*told, *(part for part in was if part.field not in again and _is_withheld(part)))
    if set(left) == set(was):
        return before  # also where the order is another one
    return json_text([msgspec.to_builtins(part) for part in left]) if left else None


def _is_withheld(part: Difference) -> bool:
    return any(not value or is_masked(value) for value in (part.stored, part.stated))
