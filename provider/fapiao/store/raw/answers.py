"""Finds the stored answers about single documents that are to be interpreted again: to verifications, about layout files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import chunks
from fapiao.store.access.database import Database
from fapiao.store.raw.questions import ANSWER_KINDS, questions
from fapiao.store.tables.ledger import collections, pages, slices
from fapiao.store.tables.verifications import verifications

__all__ = ["answer_batches"]

ANSWERS = 200
"""Answers in one batch; a batch is one transaction."""


def answer_batches(
    database: Database, *, source: str | None = None, taxpayer_no: str | None = None, invoice_month: str | None = None
) -> Iterator[list[int]]:
    """Ids of the pages that answer questions about single documents, a batch at a time: verifications, then files.

    :param taxpayer_no: only of checks on this taxpayer's behalf.
    :param invoice_month: ``yyyymm``; only of checks of invoices that were issued in this month, as the claim says.
    """
    for slice_id in database.read(lambda connection: _journals(connection, source)):
        after, count = "", ANSWERS
        while count == ANSWERS:

            def look(
                connection: Connection, slice_id: int = slice_id, after: str = after
            ) -> tuple[list[int], str, int]:
                cursors = _next(connection, slice_id, after)
                wanted = _wanted(connection, cursors, taxpayer_no, invoice_month)
                return wanted, next(reversed(cursors.values()), ""), len(cursors)

            page_ids, after, count = database.read(look)
            if page_ids:
                yield page_ids


def _journals(connection: Connection, source: str | None) -> list[int]:
    table = collections.c
    query = sa.select(slices.c.slice_id).join_from(slices, collections, table.collection_id == slices.c.collection_id)
    query = query.where(table.kind.in_(ANSWER_KINDS))
    if source is not None:
        query = query.where(table.source == source)
    return list(connection.execute(query.order_by(table.kind.desc(), table.source, table.account)).scalars())


def _next(connection: Connection, slice_id: int, after: str) -> dict[int, str]:
    table = pages.c
    query = sa.select(table.page_id, table.cursor).where(
        table.slice_id == slice_id, table.read_no == 1, table.cursor > after
    )
    rows = connection.execute(query.order_by(table.cursor).limit(ANSWERS))
    return {row.page_id: row.cursor for row in rows}


def _wanted(
    connection: Connection, cursors: Mapping[int, str], taxpayer_no: str | None, invoice_month: str | None
) -> list[int]:
    if taxpayer_no is None and invoice_month is None:
        return list(cursors)
    asked = questions(connection, cursors)
    checks = _checks(connection, {question.verification_id for question in asked.values()})
    return [
        page_id
        for page_id, question in asked.items()
        if (check := checks.get(question.verification_id)) is not None
        and taxpayer_no in (None, check.taxpayer_no or "")
        and invoice_month in (None, f"{check.issued_on:%Y%m}")
    ]


def _checks(connection: Connection, ids: set[int]) -> dict[int, Any]:
    table = verifications.c
    query = sa.select(table.verification_id, table.taxpayer_no, table.issued_on)
    found: dict[int, Any] = {}
    for part in chunks(sorted(ids)):
        found |= {row.verification_id: row for row in connection.execute(query.where(table.verification_id.in_(part)))}
    return found
