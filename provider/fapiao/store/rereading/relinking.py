"""Layout tasks and links follow what replayed answers name now: what was overlooked is entered, what was misread goes.

What has happened to a task or a link is not undone: one that was answered, is being asked about, or whose file is archived stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import chunks
from fapiao.store.raw.questions import AskedCheck, AskedTask
from fapiao.store.rereading.changes import Changes
from fapiao.store.rereading.comparing import Replayed
from fapiao.store.tables.verifications import layout_links, layout_tasks, verifications
from fapiao.store.verification.layout_rows import add_links, add_task, hash_of
from fapiao.wire import LayoutFiles, LayoutLink, LayoutTask, Verification

__all__ = ["relink"]

_UNASKED = frozenset({"waiting", "failed", "lost"})
"""States of a task that may go: it has no answer, and nobody is asking."""
_WITHOUT_FILE = frozenset({"waiting", "refused"})


def relink(connection: Connection, replayed: Sequence[Replayed], changes: Changes) -> None:
    """Rewrite the tasks and links that these answers name, where they name others now."""
    checks = [item for item in replayed if isinstance(item.said, Verification)]
    answers = [item for item in replayed if isinstance(item.said, LayoutFiles)]
    _Tasks(connection, changes).follow(checks)
    _Tasks(connection, changes).close(answers)
    _Links(connection, changes).follow([*checks, *answers])


class _Tasks:
    def __init__(self, connection: Connection, changes: Changes) -> None:
        self._connection = connection
        self._changes = changes

    def follow(self, checks: Sequence[Replayed]) -> None:
        """The task that each check has started."""
        known = self._known(checks)
        mine: dict[int, list[Any]] = defaultdict(list)
        for row in _rows(self._connection, layout_tasks, layout_tasks.c.verification_id, map(_check_of, checks)):
            mine[row.verification_id].append(row)
        for item in checks:
            assert isinstance(item.said, Verification)
            task, check = item.said.task, _check_of(item)
            if task is not None and not self._meet(item, task, known.get((*_place(item), task.task_id))):
                add_task(self._connection, task, item.page.fetched_at, _here(item))
                self._count()
            self._drop(item, [row for row in mine[check] if task is None or row.task_id != task.task_id])

    def close(self, answers: Sequence[Replayed]) -> None:
        """What each task's answer says about the task."""
        said = {item.page.page_id: item.said for item in answers}
        ids = [item.page.asked.layout_task_id for item in answers if isinstance(item.page.asked, AskedTask)]
        for row in _rows(self._connection, layout_tasks, layout_tasks.c.layout_task_id, ids):
            files = said.get(row.page_id)
            if isinstance(files, LayoutFiles):
                state = "failed" if files.failed else "answered"
                self._change(row, {"state": state, "code": files.code, "message": files.message})

    def _known(self, checks: Sequence[Replayed]) -> dict[tuple[str, str, str], Any]:
        wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
        for item in checks:
            if isinstance(item.said, Verification) and item.said.task is not None:
                wanted[_place(item)].append(item.said.task.task_id)
        table = layout_tasks.c
        found: dict[tuple[str, str, str], Any] = {}
        for (source, account), ids in wanted.items():
            mine = (table.source == source, table.account == account)
            for row in _rows(self._connection, layout_tasks, table.task_id, ids, *mine):
                found[source, account, row.task_id] = row
        return found

    def _meet(self, item: Replayed, task: LayoutTask, row: Any) -> bool:
        """Whether the task is known; what it is for follows where it is this check's."""
        if row is not None and row.verification_id == _check_of(item):
            self._change(row, {"taxpayer_no": task.taxpayer_no, "number": task.number})
        return row is not None

    def _drop(self, item: Replayed, rows: Sequence[Any]) -> None:
        over = [row.layout_task_id for row in rows if row.page_id is None and row.state in _UNASKED]
        # The same invoice checked twice on a day has one task, entered with the first check: the other may still name it.
        if not over or self._is_checked_twice(item):
            return
        table = layout_tasks.c
        gone = layout_tasks.delete().where(table.layout_task_id.in_(over), table.state.in_(sorted(_UNASKED)))
        for _ in range(self._connection.execute(gone).rowcount):
            self._count()

    def _is_checked_twice(self, item: Replayed) -> bool:
        assert isinstance(item.page.asked, AskedCheck)
        source, account = _place(item)
        table = verifications.c
        query = sa.select(table.verification_id).where(
            table.number == item.page.asked.claim.number, table.source == source, table.account == account,
            table.state == "answered", table.verification_id != _check_of(item),
        )  # fmt: skip
        return self._connection.execute(query.limit(1)).first() is not None

    def _change(self, row: Any, values: dict[str, Any]) -> None:
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        if differing:
            mine = layout_tasks.c.layout_task_id == row.layout_task_id
            self._connection.execute(layout_tasks.update().where(mine).values(**differing))
            self._count()

    def _count(self) -> None:
        self._changes.layout_tasks += 1
        self._changes.rows += 1


class _Links:
    def __init__(self, connection: Connection, changes: Changes) -> None:
        self._connection = connection
        self._changes = changes

    def follow(self, answers: Sequence[Replayed]) -> None:
        """The links that each answer names."""
        table = layout_links.c
        have: dict[int, dict[tuple[str, str], Any]] = defaultdict(dict)
        for row in _rows(self._connection, layout_links, table.verification_id, map(_check_of, answers)):
            have[row.verification_id][row.kind, row.url_hash] = row
        over: list[int] = []
        for item in answers:
            assert item.said is not None
            mine, stated = have[_check_of(item)], {(link.kind, hash_of(link)): link for link in item.said.links}
            self._add(item, [link for name, link in stated.items() if name not in mine])
            over += [
                row.layout_link_id
                for name, row in mine.items()
                if name not in stated and row.received_at == item.page.fetched_at and row.state in _WITHOUT_FILE
            ]
        for part in chunks(sorted(over)):
            gone = layout_links.delete().where(table.layout_link_id.in_(part), table.state.in_(sorted(_WITHOUT_FILE)))
            count = self._connection.execute(gone).rowcount
            self._changes.links_gone += count
            self._changes.rows += count

    def _add(self, item: Replayed, links: Sequence[LayoutLink]) -> None:
        asked = item.page.asked
        number = asked.claim.number if isinstance(asked, AskedCheck) else _task_of(item).task.number
        new = add_links(self._connection, links, number, item.page.fetched_at, _here(item))
        self._changes.links_new += new
        self._changes.rows += new


def _rows(
    connection: Connection, table: sa.Table, column: sa.Column[Any], values: Iterable[Any], *wanted: Any
) -> Iterable[Any]:
    for part in chunks(sorted(set(values))):
        yield from connection.execute(sa.select(table).where(column.in_(part), *wanted)).all()


def _task_of(item: Replayed) -> AskedTask:
    assert isinstance(item.page.asked, AskedTask)
    return item.page.asked


def _check_of(item: Replayed) -> int:
    assert item.page.asked is not None
    return item.page.asked.verification_id


def _place(item: Replayed) -> tuple[str, str]:
    return item.page.source, item.page.account


def _here(item: Replayed) -> dict[str, Any]:
    source, account = _place(item)
    return {"source": source, "account": account, "verification_id": _check_of(item)}
