"""What an answer makes of the row of its check: outcome, document, differences. The same when it comes and when it is replayed.

Document and differences are told as of the answer: which documents there were, and what other sources had said, when it came.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.codes import Scheme
from fapiao.invoices.differences import Difference, differences
from fapiao.invoices.model import Invoice
from fapiao.store.access.bulk import chunks
from fapiao.store.documents.claiming import owners_of
from fapiao.store.documents.grouping import NumberKey
from fapiao.store.tables.columns import json_text
from fapiao.store.tables.invoices import invoices
from fapiao.store.tables.ledger import pages, slice_records
from fapiao.store.verification.said_before import SaidBefore
from fapiao.wire import Claim, Verification

__all__ = ["Given", "Subject", "claim_numbers", "documents_of", "settled"]

K = TypeVar("K", bound=Hashable)


class Subject(msgspec.Struct, frozen=True, gc=False):
    """What a check or a file is about."""

    numbers: tuple[NumberKey, ...]
    """Of the invoice as it was asked for, the strongest first."""
    page_id: int | None
    """The answer; where it has a record that is loaded, that one's document is meant."""
    at: float
    """Epoch seconds of the answer."""


class Given(msgspec.Struct, frozen=True, gc=False):
    """An answer that is in the database."""

    verification_id: int
    claim: Claim
    verification: Verification
    invoice: Invoice | None
    """As the bureau states it, where its record is loaded."""
    page_id: int
    at: float
    """Epoch seconds."""

    @property
    def subject(self) -> Subject:
        return Subject(claim_numbers(self.claim), self.page_id, self.at)


def claim_numbers(claim: Claim) -> tuple[NumberKey, ...]:
    """Numbers of the invoice that is claimed, as ``fapiao_invoice_number`` has them."""
    digital = (Scheme.DIGITAL20, claim.number)
    return (digital, (Scheme.CODE_NO, f"{claim.invoice_code}:{claim.number}")) if claim.invoice_code else (digital,)


def settled(connection: Connection, answers: Iterable[Given]) -> dict[int, dict[str, Any]]:
    """Check → the columns of its row that follow from its answer."""
    given = {answer.verification_id: answer for answer in answers}
    documents = documents_of(connection, {number: answer.subject for number, answer in given.items()})
    stating = {number for number, answer in given.items() if answer.invoice is not None}
    before = SaidBefore(connection, {key for number in stating if (key := documents[number]) is not None})
    rows: dict[int, dict[str, Any]] = {}
    for number, answer in given.items():
        said, key = answer.verification, documents[number]
        found: tuple[Difference, ...] = ()
        if key is not None and answer.invoice is not None:
            stored = before.at(key, answer.at)
            found = () if stored is None else differences(stored, answer.invoice)
        rows[number] = {
            "outcome": said.outcome.value,
            "code": said.code,
            "message": said.message,
            "request_id": said.request_id,
            "checked_at": said.checked_at,
            "invoice_key": key,
            "differences": json_text([msgspec.to_builtins(part) for part in found]) if found else None,
        }
    return rows


def documents_of(connection: Connection, subjects: Mapping[K, Subject]) -> dict[K, int | None]:
    """Each one's document: of the record that was loaded from its answer, else the one that had its number by then."""
    loaded = _loaded(connection, {subject.page_id for subject in subjects.values() if subject.page_id is not None})
    unmet = [subject for subject in subjects.values() if subject.page_id not in loaded]
    owners = owners_of(connection, sorted({number for subject in unmet for number in subject.numbers}))
    first_seen = _first_seen(connection, set(owners.values()))

    def document(subject: Subject) -> int | None:
        if subject.page_id in loaded:
            return loaded[subject.page_id]
        keys = (owners[number] for number in subject.numbers if number in owners)
        return next((key for key in keys if first_seen[key] <= subject.at), None)

    return {name: document(subject) for name, subject in subjects.items()}


def _loaded(connection: Connection, page_ids: set[int]) -> dict[int | None, int]:
    place = sa.and_(
        slice_records.c.slice_id == pages.c.slice_id,
        slice_records.c.read_no == pages.c.read_no,
        slice_records.c.page_id == pages.c.page_id,
    )
    query = sa.select(pages.c.page_id, slice_records.c.invoice_key).join_from(pages, slice_records, place)
    query = query.where(slice_records.c.invoice_key.is_not(None))
    found: dict[int | None, int] = {}
    for part in chunks(sorted(page_ids)):
        rows = connection.execute(query.where(pages.c.page_id.in_(part)))
        found |= {row.page_id: row.invoice_key for row in rows}
    return found


def _first_seen(connection: Connection, keys: set[int]) -> dict[int, float]:
    table = invoices.c
    found: dict[int, float] = {}
    for part in chunks(sorted(keys)):
        query = sa.select(table.invoice_key, table.first_seen_at).where(table.invoice_key.in_(part))
        found |= {row.invoice_key: row.first_seen_at for row in connection.execute(query)}
    return found
