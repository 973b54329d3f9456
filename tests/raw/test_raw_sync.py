"""Lists interpreted again: deduction snapshots are part of what is told."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from fapiao.rereading.renormalizing import renormalize
from fapiao.store import Database
from fapiao.store.tables.schema import metadata
from forgetting import OLDER
from syncing import desk

LISTS = ("10", "11")


def everything(database: Database, *without: str) -> dict[str, list[Any]]:
    found = {}
    for name, table in metadata.tables.items():
        columns = [column for column in table.columns if column.name not in without]
        query = sa.select(*columns)
        found[name] = database.read(lambda connection, query=query: sorted(map(str, connection.execute(query))))  # type: ignore[misc]  # bound now
    return found


def test_lists_interpreted_again_change_nothing_and_a_mended_mapping_mends_the_snapshots(sqlite_into: str) -> None:
    with desk(sqlite_into, settings={"page_size": 7}) as at:
        at.sync(*LISTS)
        at.turn(revision=2)
        at.sync(*LISTS)
    database = Database.connect(sqlite_into)
    before = everything(database)
    assert before["fapiao_deduction"], "the lists tell something"
    assert renormalize(database).changes.rows == 0
    assert everything(database) == before

    without = ("deduction_id",)
    right = everything(database, *without)
    assert renormalize(database, sources=OLDER).changes.deductions > 0
    assert everything(database, *without) != right
    renormalize(database)
    assert everything(database, *without) == right
    database.close()
