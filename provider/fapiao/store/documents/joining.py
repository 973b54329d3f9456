"""Records with several numbers, which make documents one: a record whose numbers belong to different documents is kept out.

A paper face that brings its 20 digits joins what was known by either. But where the two numbers already belong to two
documents that each have a number of the *same* scheme, one of the statements is wrong: a document has one number of each
scheme. Joined, one of two invoices would be gone for good; so the record is quarantined (N11), and whoever reads it
decides. The numbers of before are taken to be right: nothing tells which of the two is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.identity import FIELDS
from fapiao.invoices.intake import Examined
from fapiao.invoices.problems import finding
from fapiao.store.access.bulk import chunks
from fapiao.store.access.failures import Stale
from fapiao.store.documents.claiming import owners_of
from fapiao.store.documents.grouping import NumberKey, PageLoad
from fapiao.store.tables.invoices import numbers

__all__ = ["Joins", "refused", "without_contradictions"]

_RULE = "N11"
"""The record's numbers belong to different documents."""


class Joins:
    """Which numbers are of one document, as far as records with several numbers tell."""

    def __init__(self, known: Iterable[frozenset[NumberKey]]) -> None:
        self._sets: dict[NumberKey, frozenset[NumberKey]] = {number: same for same in known for number in same}

    def add(self, stated: Sequence[NumberKey]) -> str | None:
        """Take the record's numbers as one document's; or the scheme of which that document would have two numbers."""
        parts = {self._sets.get(number, frozenset((number,))) for number in stated}
        schemes: set[str] = set()
        for part in parts:
            of_part = {scheme for scheme, _ in part}
            twice = schemes & of_part
            if twice:
                return min(twice)
            schemes |= of_part
        joined = frozenset().union(*parts)
        for number in joined:
            self._sets[number] = joined
        return None

    def check(self, connection: Connection, documents: Mapping[int, Sequence[NumberKey]]) -> None:
        """Look again once the documents are locked: another process may have given one of them a number meanwhile.

        :raises Stale: it did, and of a scheme of which these records bring another number.
        """
        joined = {key for key, stated in documents.items() if any(number in self._sets for number in stated)}
        for key, found in _numbers_of(connection, joined).items():
            expected = frozenset().union(*(self._sets.get(number, frozenset((number,))) for number in documents[key]))
            schemes = {scheme for scheme, _ in expected}
            if any(scheme in schemes for scheme, _ in found - expected):
                raise Stale


def without_contradictions(connection: Connection, pages: Sequence[PageLoad]) -> tuple[Sequence[PageLoad], Joins]:
    """The pages, each record that would make two documents one turned into a rejection, and what the others join."""
    joining = [
        (page.fetched_at, position, record)
        for position, page in enumerate(pages)
        for record in page.records
        if len(record.numbers) > 1
    ]
    if not joining:
        return pages, Joins(())
    stated = {(number.scheme, number.value) for _, _, record in joining for number in record.numbers}
    owners = owners_of(connection, sorted(stated))
    joins = Joins(frozenset(found) for found in _numbers_of(connection, set(owners.values())).values())
    wrong: dict[int, dict[int, Examined]] = {}
    # In the order of reading, whatever became one batch.
    for _, position, record in sorted(joining, key=lambda item: (item[0], item[1], item[2].ordinal)):
        scheme = joins.add([(number.scheme, number.value) for number in record.numbers])
        if scheme is not None:
            wrong.setdefault(position, {})[record.ordinal] = refused(record, scheme)
    if not wrong:
        return pages, joins
    return [
        msgspec.structs.replace(page, records=[wrong[position].get(record.ordinal, record) for record in page.records])
        if position in wrong
        else page
        for position, page in enumerate(pages)
    ], joins


def refused(record: Examined, scheme: str) -> Examined:
    """The record as a rejection; ``scheme`` is the one of which its document would have two numbers."""
    reason = finding(
        _RULE,
        FIELDS[scheme],
        "Its numbers belong to different documents: the one that has its other number has another number of this kind. "
        "Loading it would make two invoices one. See which is right; what the vendor corrects is loaded when it is collected "
        "again.",
    )
    return msgspec.structs.replace(record, invoice=None, numbers=(), findings=(), rejected=(reason, *record.findings))


def _numbers_of(connection: Connection, keys: Iterable[int]) -> dict[int, set[NumberKey]]:
    found: dict[int, set[NumberKey]] = {}
    for part in chunks(sorted(keys)):
        query = sa.select(numbers.c.invoice_key, numbers.c.scheme, numbers.c.value).where(
            numbers.c.invoice_key.in_(part)
        )
        for key, scheme, value in connection.execute(query):
            found.setdefault(key, set()).add((scheme, value))
    return found
