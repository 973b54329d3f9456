"""What the answers were given to that are about single documents: which claim, which layout task, which file.

The page of such an answer tells it by its cursor; the rest is in the row of the question. Both are needed to interpret the
answer again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import chunks
from fapiao.store.tables.verifications import layout_files, layout_links, layout_tasks, verifications
from fapiao.wire import Claim, LayoutTask

__all__ = [
    "ANSWER_KINDS",
    "FACTORS",
    "AskedCheck",
    "AskedFile",
    "AskedTask",
    "Question",
    "file_cursor",
    "questions",
    "stored_claim",
    "task_cursor",
]

ANSWER_KINDS = ("verify", "files")
"""Kinds of collections whose pages answer questions about single documents."""
FACTORS = (
    "number", "invoice_code", "issued_on", "amount_excl_tax", "amount_incl_tax", "check_code", "doc_type", "taxpayer_no",
)  # fmt: skip
"""Fields of a claim that are columns of ``fapiao_verification``."""
_TASK, _FILE = "task ", "file "


class AskedCheck(msgspec.Struct, frozen=True, gc=False):
    """A claim was to be verified."""

    verification_id: int
    claim: Claim

    @property
    def taxpayer_no(self) -> str:
        """On whose behalf; empty where nobody was named."""
        return self.claim.taxpayer_no or ""

    def __str__(self) -> str:
        return f"verification of {self.claim.number}"


class AskedTask(msgspec.Struct, frozen=True, gc=False):
    """The links of a layout task were asked for."""

    verification_id: int
    layout_task_id: int
    task: LayoutTask

    @property
    def taxpayer_no(self) -> str:
        """Whose files they are."""
        return self.task.taxpayer_no

    def __str__(self) -> str:
        return f"layout task of {self.task.number}"


class AskedFile(msgspec.Struct, frozen=True, gc=False):
    """An XML file was fetched."""

    verification_id: int
    number: str
    """The digital invoice that it was fetched as."""
    taxpayer_no: str = ""
    """A file speaks for itself, whoever fetched it."""

    def __str__(self) -> str:
        return f"layout file of {self.number}"


Question = AskedCheck | AskedTask | AskedFile
"""Each belongs to a check: ``verification_id``."""


def task_cursor(layout_task_id: int) -> str:
    """The page of a layout task's answer."""
    return f"{_TASK}{layout_task_id}"


def file_cursor(sha256: str) -> str:
    """The page of what an XML file says."""
    return f"{_FILE}{sha256}"


def stored_claim(row: Mapping[str, Any]) -> Claim:
    """The claim of a row of ``fapiao_verification``."""
    layouts = tuple(kind for kind in row["layouts"].split(",") if kind)
    return Claim(**{name: row[name] for name in FACTORS}, layouts=layouts)


def questions(connection: Connection, cursors: Mapping[int, str]) -> dict[int, Question]:
    """Page → what it answers, by its cursor. A page whose question is not in the database is left out."""
    by_cursor: dict[str, list[int]] = defaultdict(list)
    for page_id, cursor in cursors.items():
        by_cursor[cursor].append(page_id)
    asked: dict[str, Question] = {}
    for find, start in ((_checks, ""), (_tasks, _TASK), (_files, _FILE)):
        for part in chunks(cursor.removeprefix(start) for cursor in by_cursor if _is_of(cursor, start)):
            asked.update(find(connection, part))
    return {page_id: asked[cursor] for cursor, page_ids in by_cursor.items() if cursor in asked for page_id in page_ids}


def _is_of(cursor: str, start: str) -> bool:
    return cursor.startswith(start) if start else cursor.isdigit()


def _checks(connection: Connection, ids: list[str]) -> Iterator[tuple[str, Question]]:
    query = sa.select(verifications).where(verifications.c.verification_id.in_([int(number) for number in ids]))
    for row in connection.execute(query).mappings():
        yield str(row["verification_id"]), AskedCheck(row["verification_id"], stored_claim(dict(row)))


def _tasks(connection: Connection, ids: list[str]) -> Iterator[tuple[str, Question]]:
    query = sa.select(layout_tasks).where(layout_tasks.c.layout_task_id.in_([int(number) for number in ids]))
    for row in connection.execute(query):
        task = LayoutTask(task_id=row.task_id, taxpayer_no=row.taxpayer_no, number=row.number)
        yield task_cursor(row.layout_task_id), AskedTask(row.verification_id, row.layout_task_id, task)


def _files(connection: Connection, hashes: list[str]) -> Iterator[tuple[str, Question]]:
    file, link = layout_files.c, layout_links.c
    query = (
        sa.select(file.sha256, file.number, link.verification_id)
        .join_from(layout_files, layout_links, link.layout_link_id == file.layout_link_id)
        .where(file.kind == "xml", file.sha256.in_(hashes))
        .order_by(file.layout_file_id.desc())
    )
    for sha256, number, verification_id in connection.execute(query):
        yield file_cursor(sha256), AskedFile(verification_id, number)
