"""Brings what is stored to the personal data policy: observations with their documents, raw answers, rejected records, checks.

Each function does one batch in the caller's transaction and may be called again: what is as the policy wants it is not written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.differences import Difference
from fapiao.invoices.withholding import Withholding, is_person
from fapiao.store.access.bulk import Writer
from fapiao.store.access.sealing import is_sealed, is_sealed_text
from fapiao.store.documents.merging import lock
from fapiao.store.documents.rows import RowSet, content_of, from_content
from fapiao.store.documents.settling import Seen, refold
from fapiao.store.raw.pages import WITHHELD, is_purged
from fapiao.store.tables.columns import json_text
from fapiao.store.tables.invoices import invoices, observations
from fapiao.store.tables.ledger import collections, pages, rejections, slices
from fapiao.store.tables.verifications import verifications

__all__ = ["AnswersDone", "StoredAnswer", "apply_to_answers", "apply_to_checks", "apply_to_documents", "next_keys"]

_DIFFERENCES: msgspec.json.Decoder[tuple[Difference, ...]] = msgspec.json.Decoder(tuple[Difference, ...])


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A page with its raw in plain, and whose it is."""

    page_id: int
    source: str
    api: str
    cursor: str
    taxpayer_no: str
    transcript: bytes
    """Empty where it is encrypted, purged, or kept with another page."""
    transcript_sha256: str


class Remade(msgspec.Struct, frozen=True):
    """What becomes of a page's transcript."""

    transcript: bytes
    """Empty where what may be kept of it cannot be told."""
    sha256: str


class AnswersDone(msgspec.Struct, frozen=True):
    """How many raw answers and rejected records were changed, and of how many answers nothing is left."""

    answers: int
    emptied: int
    rejected: int


Remake = Callable[[StoredAnswer], "Remade | None"]
"""None: the transcript is as the policy wants it."""
RemakeRecord = Callable[[StoredAnswer, Any], Any]
"""A rejected record's raw as the policy leaves it; None where it must not be kept."""


def next_keys(connection: Connection, column: Any, after: int, count: int, *wanted: Any) -> list[int]:
    """The next values of a key."""
    query = sa.select(column).where(column > after, *wanted).order_by(column).limit(count)
    return [row[0] for row in connection.execute(query)]


def apply_to_documents(
    connection: Connection,
    schema: str | None,
    withholding: Withholding,
    keys: Sequence[int],
    now: float,
    *,
    write: bool,
) -> int:
    """How many of the documents hold something that the policy does not keep; written anew without it."""
    if write and keys:
        lock(connection, list(keys))
    table = observations.c
    query = (
        sa.select(observations, _own().label("own"))
        .select_from(_with_owner(observations))
        .where(table.invoice_key.in_(keys))
        .order_by(table.invoice_key, table.source, table.api, table.first_seen_at, table.content_hash)
    )
    said: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        said[row["invoice_key"]].append(dict(row))
    changed: dict[int, dict[tuple[str, str, str], Seen]] = {}
    for key, rows in said.items():
        left = _left(rows, withholding)
        if left is None:
            continue
        changed[key] = {
            (row["source"], row["api"], row["content_hash"]): Seen(
                row["first_seen_at"], row["last_seen_at"], row["last_seen_at"]
            )
            for row in left
        }
        if write:
            connection.execute(observations.delete().where(table.invoice_key == key))
            connection.execute(observations.insert(), left)
    if write and changed:
        writer = Writer(connection, schema)
        written = RowSet(writer, now)
        refold(connection, writer, written, changed)
        written.write()
    return len(changed)


def apply_to_answers(
    connection: Connection, page_ids: Sequence[int], remake: Remake, remake_record: RemakeRecord, *, write: bool
) -> AnswersDone:
    """What holds something that the policy does not keep; written anew without it."""
    query = (
        sa.select(
            pages.c.page_id, pages.c.api, pages.c.cursor, pages.c.transcript, pages.c.transcript_sha256,
            collections.c.source, _own().label("taxpayer_no"),
        )
        .select_from(_with_owner(pages))
        .where(pages.c.page_id.in_(page_ids))
        .order_by(pages.c.page_id)
    )  # fmt: skip
    found: dict[int, StoredAnswer] = {}
    for row in connection.execute(query).mappings():
        transcript = bytes(row["transcript"])
        found[row["page_id"]] = StoredAnswer(**dict(row) | {"transcript": b"" if is_sealed(transcript) else transcript})
    answers = emptied = 0
    for page in found.values():
        made = remake(page) if page.transcript else None
        if made is None:
            continue
        answers += 1
        emptied += not made.transcript
        if write:
            values = {"transcript_sha256": made.sha256}
            table = pages.c
            connection.execute(
                pages.update().where(table.page_id == page.page_id).values(transcript=made.transcript, **values)
            )
            connection.execute(pages.update().where(table.raw_page_id == page.page_id).values(**values))
    rejected = _apply_to_rejected(connection, found, remake_record, write=write)
    return AnswersDone(answers, emptied, rejected)


def apply_to_checks(
    connection: Connection, withholding: Withholding, verification_ids: Sequence[int], *, write: bool
) -> int:
    """How many checks tell a difference that the policy does not let be told; written anew without it."""
    table = verifications.c
    query = (
        sa.select(
            table.verification_id,
            table.differences,
            table.taxpayer_no,
            invoices.c.seller_tax_no,
            invoices.c.buyer_tax_no,
        )
        .select_from(verifications.outerjoin(invoices, invoices.c.invoice_key == table.invoice_key))
        .where(table.verification_id.in_(verification_ids), table.differences.is_not(None))
    )
    changed = 0
    for row in connection.execute(query).mappings():
        told = _DIFFERENCES.decode(row["differences"])
        left = tuple(_difference(part, told, dict(row), withholding) for part in told)
        if left == told:
            continue
        changed += 1
        if write:
            text = json_text([msgspec.to_builtins(part) for part in left])
            connection.execute(
                verifications.update().where(table.verification_id == row["verification_id"]).values(differences=text)
            )
    return changed


def _with_owner(table: Any) -> Any:
    """A table with ``page_id``, beside the collection that the page is of, and the check where it answers one."""
    of_page = table if table is pages else table.outerjoin(pages, pages.c.page_id == table.c.page_id)
    return (
        of_page.outerjoin(slices, slices.c.slice_id == pages.c.slice_id)
        .outerjoin(collections, collections.c.collection_id == slices.c.collection_id)
        .outerjoin(_CHECKS, _CHECKS.c.page_id == pages.c.page_id)
    )


_CHECKS = (
    sa.select(verifications.c.page_id, sa.func.max(verifications.c.taxpayer_no).label("taxpayer_no"))
    .where(verifications.c.page_id.is_not(None))
    .group_by(verifications.c.page_id)
    .subquery("checks")
)


def _own() -> Any:
    """In whose name a page was asked for."""
    return sa.func.coalesce(sa.func.nullif(collections.c.taxpayer_no, ""), _CHECKS.c.taxpayer_no, "")


def _left(rows: list[dict[str, Any]], withholding: Withholding) -> list[dict[str, Any]] | None:
    """The observations of one document as the policy leaves them; None where nothing changes. What says the same now is one."""
    left: dict[tuple[str, str, str], dict[str, Any]] = {}
    is_changed = False
    for row in rows:
        own = row.pop("own")
        stated = from_content(row["content"])
        kept = withholding.invoice(stated, own)
        if kept is not stated and kept != stated:
            _, content, content_hash = content_of(kept)
            row |= {"content": content, "content_hash": content_hash}
            is_changed = True
        same = left.setdefault((row["source"], row["api"], row["content_hash"]), row)
        if same is not row:  # rows come in the order of their first being seen
            same["last_seen_at"] = max(same["last_seen_at"], row["last_seen_at"])
    return list(left.values()) if is_changed else None


def _apply_to_rejected(
    connection: Connection, found: dict[int, StoredAnswer], remake_record: RemakeRecord, *, write: bool
) -> int:
    table = rejections.c
    changed = 0
    query = sa.select(table.page_id, table.ordinal, table.raw).where(table.page_id.in_(sorted(found)))
    for page_id, ordinal, raw in connection.execute(query).all():
        if is_sealed_text(raw) or is_purged(raw) or raw == WITHHELD:
            continue
        kept = remake_record(found[page_id], raw)
        text = WITHHELD if kept is None else json_text(kept)
        if text == raw:
            continue
        changed += 1
        if write:
            connection.execute(
                rejections.update().where(table.page_id == page_id, table.ordinal == ordinal).values(raw=text)
            )
    return changed


def _difference(
    told: Difference, beside: Sequence[Difference], row: dict[str, Any], withholding: Withholding
) -> Difference:
    side, _, what = told.field.partition("_")
    if side not in ("seller", "buyer") or what not in ("tax_no", "name"):
        return told
    own, field = row["taxpayer_no"] or "", f"{side}_tax_no"
    numbers = [value for part in beside if part.field == field for value in (part.stored, part.stated)]
    numbers = numbers or [row[field]]
    is_natural = any(number and is_person(number) for number in numbers)

    def left(value: str, number: str | None) -> str:
        if what == "tax_no":
            return withholding.party(value, None, own=own)[0] or ""
        return withholding.party(number, value, own=own, told=is_natural)[1] or ""

    stored, stated = left(told.stored, numbers[0]), left(told.stated, numbers[-1])
    return msgspec.structs.replace(told, stored=stored, stated=stated)
