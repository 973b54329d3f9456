"""Layout files in the database: tasks that are asked about once, links that came with the answer, files that are archived.

A task's states: ``waiting``, ``asking`` (committed before the question is sent), and final ``answered``, ``failed`` and
``lost``: the question was sent and its answer never committed. A lost task is not asked again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.engine.withheld_answers import KeptRaw
from fapiao.invoices.codes import Scheme
from fapiao.invoices.intake import Examined
from fapiao.store.access.database import Database
from fapiao.store.documents.grouping import PageLoad
from fapiao.store.ledger.accounts import is_dead
from fapiao.store.raw.questions import file_cursor, task_cursor
from fapiao.store.tables.ledger import pages
from fapiao.store.tables.verifications import layout_files, layout_links, layout_tasks
from fapiao.store.verification.account_answers import AccountAnswers
from fapiao.store.verification.check_rows import Subject, documents_of
from fapiao.store.verification.layout_rows import add_links
from fapiao.wire import LayoutFiles, LayoutTask, Secret

__all__ = ["API", "ArchivedFile", "Layouts", "LinkRecord", "TaskRecord"]

API = "files"
"""The interface under which what XML files state are observations."""
LEASE = 1800.0
"""Seconds after which a question that a process on another host was asking counts as lost."""
LOST = "the answer to the result query was lost; the vendor gives it only once"


class TaskRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One task of the vendor's. Times are epoch seconds, UTC."""

    layout_task_id: int
    verification_id: int
    task: LayoutTask
    state: str
    code: str | None
    message: str | None
    not_before: float | None


class LinkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Where one file can be fetched."""

    layout_link_id: int
    verification_id: int
    number: str
    kind: str
    url: Secret
    tries: int
    message: str | None


class ArchivedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is in the archive, on its way into the database."""

    link: LinkRecord
    sha256: str
    size: int
    uri: str
    fetched_at: float
    examined: Examined | None = None
    """Of an XML: the invoice it states, after the gate."""
    raw: KeptRaw = KeptRaw(b"", "", True)


class Layouts(AccountAnswers):
    """One account's layout tasks, links and files. Several processes may work on them at once."""

    def __init__(self, database: Database, source: str, account: str) -> None:
        super().__init__(database, source, account, API)

    # Tasks

    def tasks(self, *states: str) -> list[TaskRecord]:
        """Tasks in these states, oldest first."""
        table = layout_tasks.c
        query = (
            sa.select(layout_tasks).where(*self._mine(table), table.state.in_(states)).order_by(table.layout_task_id)
        )
        return self._database.read(lambda connection: [_task(row) for row in connection.execute(query)])

    def lose_dead(self, now: float) -> int:
        """Mark as *lost* what processes were asking that are gone. Returns how many those are."""
        table = layout_tasks.c

        def work(connection: Connection) -> int:
            query = sa.select(table.layout_task_id, table.holder, table.asked_at).where(
                *self._mine(table), table.state == "asking", table.holder != self._holder
            )
            gone = [
                row.layout_task_id
                for row in connection.execute(query.with_for_update())
                if is_dead(row.holder or "") or (row.asked_at or 0.0) + LEASE <= now
            ]
            if gone:
                change = layout_tasks.update().where(table.layout_task_id.in_(gone), table.state == "asking")
                connection.execute(change.values(state="lost", holder=None, message=LOST))
            return len(gone)

        return self._database.transact(work)

    def take(self, task: TaskRecord, now: float) -> bool:
        """Whether this process asks about the task; committed before the question is sent."""
        return self._change(task, "waiting", state="asking", holder=self._holder, asked_at=now, not_before=None)

    def put_back(self, task: TaskRecord, message: str, *, not_before: float, code: str | None = None) -> None:
        """There is no result yet, and nothing was given away."""
        self._change(task, "asking", state="waiting", holder=None, not_before=not_before, code=code, message=message)

    def close(self, task: TaskRecord, state: str, code: str | None, message: str, now: float) -> None:
        """*failed* or *lost*."""
        self._change(task, "asking", state=state, holder=None, code=code, message=message, answered_at=now)

    def ask_again(self) -> int:
        """Let lost tasks be asked about once more, under the same id: no new job. Returns how many those are."""
        table = layout_tasks.c
        change = layout_tasks.update().where(*self._mine(table), table.state == "lost")
        change = change.values(state="waiting", not_before=None, message=None)
        return self._database.transact(lambda connection: connection.execute(change).rowcount)

    def answered(self, task: TaskRecord, files: LayoutFiles, raw: KeptRaw, now: float) -> None:
        """Commit the answer and every link in it, in one transaction, before anything is fetched."""
        place = self._journal.slice(now)
        cursor = task_cursor(task.layout_task_id)
        load = self._page(place.slice_id, place.collection_id, cursor, now, raw, None, task.task.taxpayer_no)
        here = {"source": self._source, "account": self._account, "verification_id": task.verification_id}

        def along(connection: Connection) -> None:
            page_id = _page_id(connection, place.slice_id, cursor)
            change = layout_tasks.update().where(
                layout_tasks.c.layout_task_id == task.layout_task_id, layout_tasks.c.state.in_(("asking", "lost"))
            )
            connection.execute(
                change.values(
                    state="failed" if files.failed else "answered", code=files.code, message=files.message, holder=None,
                    answered_at=now, page_id=page_id,
                )
            )  # fmt: skip
            add_links(connection, files.links, task.task.number, now, here)

        self._loader.load([load], along)

    # Links and files

    def links(self) -> list[LinkRecord]:
        """Links of which the file is not archived and that are worth another try, oldest first."""
        table = layout_links.c
        query = (
            sa.select(layout_links).where(*self._mine(table), table.state == "waiting").order_by(table.layout_link_id)
        )
        return self._database.read(lambda connection: [_link(row) for row in connection.execute(query)])

    def missed(self, link: LinkRecord, message: str, *, final: bool) -> None:
        """The link brought no file."""
        change = layout_links.update().where(
            layout_links.c.layout_link_id == link.layout_link_id, layout_links.c.state == "waiting"
        )
        change = change.values(state="refused" if final else "waiting", tries=layout_links.c.tries + 1, message=message)
        self._database.transact(lambda connection: connection.execute(change).rowcount)

    def archived(self, file: ArchivedFile) -> None:
        """Commit a file, with what it states where it is an XML."""
        if file.examined is None:
            self._database.transact(lambda connection: self._enter(connection, file, None))
            return
        place = self._journal.slice(file.fetched_at)
        cursor = file_cursor(file.sha256)
        load = self._page(
            place.slice_id,
            place.collection_id,
            cursor,
            file.fetched_at,
            file.raw,
            file.examined,
            "",
        )
        self._loader.load(
            [load], lambda connection: self._enter(connection, file, _page_id(connection, place.slice_id, cursor))
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """How many tasks, links and files there are, by state."""

        def look(connection: Connection) -> dict[str, dict[str, int]]:
            found: dict[str, dict[str, int]] = {}
            for name, table in (("tasks", layout_tasks), ("links", layout_links)):
                query = sa.select(table.c.state, sa.func.count()).where(*self._mine(table.c)).group_by(table.c.state)
                found[name] = {state: int(count) for state, count in connection.execute(query)}
            return found

        return self._database.read(look)

    def troubles(self) -> list[tuple[str, str, str]]:
        """(number, what, message) of every task and link that has ended without a file, or not ended."""

        def look(connection: Connection) -> list[tuple[str, str, str]]:
            task, link = layout_tasks.c, layout_links.c
            tasks = sa.select(task.number, task.state, task.message).where(*self._mine(task), task.state != "answered")
            links = sa.select(link.number, link.kind, link.state, link.message)
            links = links.where(*self._mine(link), link.state != "archived")
            found = [(row.number, f"task {row.state}", row.message or "") for row in connection.execute(tasks)]
            return found + [
                (row.number, f"{row.kind} {row.state}", row.message or "") for row in connection.execute(links)
            ]

        return sorted(self._database.read(look))

    def _enter(self, connection: Connection, file: ArchivedFile, page_id: int | None) -> None:
        link = file.link
        about = Subject(((Scheme.DIGITAL20, link.number),), page_id, round(file.fetched_at, 6))
        key = documents_of(connection, {file.sha256: about})[file.sha256]
        table = layout_files.c
        known = sa.select(table.layout_file_id).where(
            table.number == link.number, table.kind == link.kind, table.sha256 == file.sha256
        )
        if connection.execute(known).first() is None:
            connection.execute(
                layout_files.insert().values(
                    number=link.number, kind=link.kind, sha256=file.sha256, size=file.size, uri=file.uri, invoice_key=key,
                    layout_link_id=link.layout_link_id, page_id=page_id, fetched_at=file.fetched_at,
                )
            )  # fmt: skip
        change = layout_links.update().where(layout_links.c.layout_link_id == link.layout_link_id)
        connection.execute(change.values(state="archived", url=None, message=None, tries=layout_links.c.tries + 1))

    def _page(
        self,
        slice_id: int,
        collection_id: int,
        cursor: str,
        now: float,
        raw: KeptRaw,
        examined: Examined | None,
        taxpayer_no: str,
    ) -> PageLoad:
        records: Sequence[Examined] = () if examined is None else (examined,)
        return PageLoad(
            slice_id=slice_id,
            collection_id=collection_id,
            read_no=1,
            cursor=cursor,
            source=self._source,
            api=API,
            fetched_at=now,
            total=None,
            remaining=(),
            record_count=len(records),
            transcript=raw.data,
            transcript_sha256=raw.sha256,
            keeps_raw=raw.is_whole,
            taxpayer_no=taxpayer_no,
            direction="",
            invoice_month="",
            type="",
            records=records,
        )

    def _mine(self, table: Any) -> tuple[Any, Any]:
        return table.source == self._source, table.account == self._account

    def _change(self, task: TaskRecord, was: str, **values: Any) -> bool:
        table = layout_tasks.c
        mine: list[Any] = [table.layout_task_id == task.layout_task_id, table.state == was]
        if was == "asking":
            mine.append(table.holder == self._holder)

        def work(connection: Connection) -> int:
            return connection.execute(layout_tasks.update().where(*mine).values(**values)).rowcount

        return self._database.transact(work) == 1


def _task(row: Any) -> TaskRecord:
    return TaskRecord(
        layout_task_id=row.layout_task_id,
        verification_id=row.verification_id,
        task=LayoutTask(task_id=row.task_id, taxpayer_no=row.taxpayer_no, number=row.number),
        state=row.state,
        code=row.code,
        message=row.message,
        not_before=row.not_before,
    )


def _link(row: Any) -> LinkRecord:
    return LinkRecord(
        layout_link_id=row.layout_link_id,
        verification_id=row.verification_id,
        number=row.number,
        kind=row.kind,
        url=Secret(row.url),
        tries=row.tries,
        message=row.message,
    )


def _page_id(connection: Connection, slice_id: int, cursor: str) -> int:
    query = sa.select(pages.c.page_id).where(pages.c.slice_id == slice_id, pages.c.cursor == cursor)
    return int(connection.execute(query).scalar_one())
