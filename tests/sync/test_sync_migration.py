"""A ledger of before is upgraded with everything in it, and then keeps syncs beside jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection

from fapiao.store import CollectionKey, Database, Ledger
from fapiao.store.access.migrating import configuration
from fapiao.wire import SliceKey

BEFORE = "0002"
KEY = CollectionKey("ekuaibao", "corp", "91990000000000001X", "202411")
WANTED = [SliceKey("81", "input")]


@pytest.fixture(params=["sqlite", "postgres", "mysql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database at the older version, with one job of two generations in it."""
    url = (
        f"sqlite:///{tmp_path / 'old.db'}"
        if request.param == "sqlite"
        else str(request.getfixturevalue(f"{request.param}_url"))
    )
    database = Database.connect(url)

    def fill(connection: Connection) -> None:
        command.upgrade(configuration(schema=None, connection=connection), BEFORE)
        for generation, state in ((1, "complete"), (2, "started")):
            connection.execute(
                sa.text(
                    "INSERT INTO fapiao_collection (collection_id, source, account, taxpayer_no, invoice_month, generation,"
                    " state, joined, restarts, requests, opened_at) VALUES (:id, 'ekuaibao', 'corp', '91990000000000001X',"
                    " '202411', :generation, :state, :no, 0, 3, '2024-12-01 00:00:00')"
                ),
                {"id": 40 + generation, "generation": generation, "state": state, "no": False},
            )
            connection.execute(
                sa.text(
                    "INSERT INTO fapiao_slice (slice_id, collection_id, type, direction, state, read_no, loaded, rejected,"
                    " stale, retried, changed_at) VALUES (:slice, :id, '81', 'input', 'waiting', 1, 0, 0, :no, :no,"
                    " '2024-12-01 00:00:00')"
                ),
                {"slice": 60 + generation, "id": 40 + generation, "no": False},
            )

    database._try(fill)
    yield database
    database.close()


def test_an_upgrade_keeps_the_jobs_and_what_belongs_to_them(old: Database) -> None:
    old.migrate()
    ledger = Ledger(old)
    going_on = ledger.open(KEY, WANTED, 2e9)
    assert (going_on.collection_id, going_on.generation, going_on.requests) == (42, 2, 3)
    assert (going_on.key.kind, going_on.key.query) == ("collect", "")
    assert [(part.slice_id, part.key) for part in ledger.slices(42)] == [(62, WANTED[0])]
    assert [(part.slice_id, part.key) for part in ledger.slices(41)] == [(61, WANTED[0])]


def test_a_sync_of_the_same_month_has_generations_of_its_own(old: Database) -> None:
    old.migrate()
    ledger = Ledger(old)
    for query in ("11", "10,11"):
        key = CollectionKey(KEY.source, KEY.account, KEY.taxpayer_no, KEY.invoice_month, "sync", query)
        opened = ledger.open(key, [SliceKey("11", "input")], 2e9)
        assert (opened.generation, opened.key) == (1, key)
        assert opened.collection_id not in (41, 42)
    assert ledger.open(KEY, WANTED, 2e9).collection_id == 42


def test_slices_still_cannot_be_left_without_their_collection(old: Database) -> None:
    old.migrate()
    with old._engine.connect() as connection, pytest.raises(sa.exc.IntegrityError), connection.begin():
        connection.execute(sa.text("DELETE FROM fapiao_collection WHERE collection_id = 42"))
