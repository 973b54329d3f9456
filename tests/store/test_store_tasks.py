"""The ledger names the task that worked on a generation last, and coverage leads to it."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import command

from fapiao.arguments import CollectRequest
from fapiao.reports.gate import gate
from fapiao.store import Database, TaskReference, coverage, coverage_detail
from fapiao.store.access.migrating import configuration
from storing import HOLDER, INPUT, MONTH, NOON, OUTPUT, Shelf, invoice, refused

FIRST = TaskReference(dag_id="monthly", task_id="start", run_id="scheduled__2024-12-03T00:00:00+00:00")
LAST = TaskReference(dag_id="monthly", task_id="group.load", run_id="manual__<b>'\"/..", map_index=7, try_number=2)


def test_the_latest_task_is_the_one_that_is_named(shelf: Shelf) -> None:
    assert shelf.collection.task is None
    for task in (FIRST, LAST):
        shelf.ledger.worked_on(shelf.collection.collection_id, task)
        assert shelf.ledger.collection(shelf.collection.collection_id).task == task


def test_a_generation_that_the_command_line_goes_on_with_names_no_task(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.ledger.worked_on(sqlite_shelf.collection.collection_id, LAST)
    sqlite_shelf.ledger.worked_on(sqlite_shelf.collection.collection_id, None)
    assert sqlite_shelf.ledger.collection(sqlite_shelf.collection.collection_id).task is None


def test_a_closed_generation_keeps_its_task(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.ledger.worked_on(sqlite_shelf.collection.collection_id, FIRST)
    sqlite_shelf.close()
    sqlite_shelf.ledger.worked_on(sqlite_shelf.collection.collection_id, LAST)
    assert sqlite_shelf.ledger.collection(sqlite_shelf.collection.collection_id).task == FIRST


def test_each_generation_of_the_coverage_has_its_own_task(shelf: Shelf) -> None:
    shelf.ledger.worked_on(shelf.collection.collection_id, FIRST)
    shelf.load(invoice(1), total=1)
    shelf.close()
    shelf.open(NOON + 60)
    shelf.ledger.worked_on(shelf.collection.collection_id, LAST)
    for found in (coverage(shelf.database), coverage_detail(shelf.database)):
        assert {(row.generation, row.task) for row in found} == {(1, FIRST), (2, LAST)}


def test_what_the_gate_misses_leads_to_the_task(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.ledger.worked_on(sqlite_shelf.collection.collection_id, LAST)
    sqlite_shelf.load(invoice(1), refused(1), total=2)
    sqlite_shelf.close()
    asked = CollectRequest(taxpayer_no=HOLDER, slices=(INPUT, OUTPUT), invoice_month=MONTH)
    key = sqlite_shelf.key
    [gap] = gate(sqlite_shelf.database, key.source, key.account, [asked], NOON + 100, None).gaps
    assert gap.why.endswith(f"collected by task group.load[7] of DAG monthly, run {LAST.run_id}, try 2")


def test_the_json_of_the_command_has_the_task(sqlite_shelf: Shelf) -> None:
    from click.testing import CliRunner

    from fapiao.cli import cli

    sqlite_shelf.ledger.worked_on(sqlite_shelf.collection.collection_id, LAST)
    sqlite_shelf.close()
    told = CliRunner().invoke(cli, ["coverage", "--json", "--into", str(sqlite_shelf.database._engine.url)])
    assert {json.dumps(row["task"], sort_keys=True) for row in json.loads(told.stdout)} == {
        json.dumps(
            {"dag_id": "monthly", "map_index": 7, "run_id": LAST.run_id, "task_id": "group.load", "try_number": 2}
        )
    }


def test_what_was_collected_before_is_kept_and_has_no_task(database_url: str) -> None:
    database = Database.connect(database_url)
    with database._engine.connect() as connection, connection.begin():
        command.upgrade(configuration(schema=None, connection=connection), "0009")
        connection.execute(
            sa.text(
                "INSERT INTO fapiao_collection (source, account, taxpayer_no, invoice_month, generation, state, joined, "
                "restarts, requests, opened_at) VALUES ('ekuaibao', 'corp-99', :holder, '202411', 1, 'intended', "
                ":no, 0, 5, '2024-12-03 00:00:00')"
            ),
            {"holder": HOLDER, "no": False},
        )
        connection.execute(
            sa.text(
                "INSERT INTO fapiao_slice (collection_id, type, direction, state, read_no, loaded, rejected, stale, "
                "retried, changed_at) SELECT collection_id, '81', 'input', 'waiting', 1, 0, 0, :no, :no, "
                "'2024-12-03 00:00:00' FROM fapiao_collection"
            ),
            {"no": False},
        )
    database.migrate()
    [row] = coverage(database)
    assert (row.taxpayer_no, row.task) == (HOLDER, None)
    database.close()
