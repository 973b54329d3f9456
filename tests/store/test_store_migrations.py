"""Migrations: they make the tables the code has, once, under a lock, and print as SQL without a database."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fapiao.errors import StoreError
from fapiao.store import Database
from fapiao.store.access.migrating import configuration
from fapiao.store.tables.schema import HEAD, VERSION_TABLE, metadata
from fapiao.store.tables.views import VIEWS


def test_migrations_and_metadata_agree(database: Database) -> None:
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_code_knows_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


def test_sqlite_is_migrated_on_first_use(sqlite_url: str) -> None:
    database = Database.connect(sqlite_url)
    assert database.version() is None
    database.read(lambda connection: None)
    assert database.version() == HEAD


@pytest.fixture(params=["postgres_url", "mysql_url"])
def server_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


def test_a_server_is_only_checked(server_url: str) -> None:
    database = Database.connect(server_url)
    with pytest.raises(StoreError, match="fapiao init-db --into"):
        database.read(lambda connection: None)
    assert database.version() is None


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert database.migrate() == HEAD
    assert database.version() == HEAD


def test_an_older_database_is_upgraded(database_url: str) -> None:
    from alembic import command

    database = Database.connect(database_url)
    with database._engine.connect() as connection, connection.begin():
        command.upgrade(configuration(schema=None, connection=connection), "0001")
    assert database.version() == "0001"

    if database.dialect != "sqlite":
        with pytest.raises(StoreError, match=f"schema version 0001, this fapiao needs {HEAD}"):
            database.check()
        database.migrate()
    database.read(lambda connection: None)
    assert database.version() == HEAD


def test_a_newer_database_is_left_alone(database: Database) -> None:
    with database._engine.connect() as connection, connection.begin():
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    fresh = Database.connect(database._engine.url)
    for step in (fresh.check, fresh.migrate, lambda: fresh.read(lambda connection: None)):
        with pytest.raises(StoreError, match="newer than this fapiao"):
            step()
    fresh.close()


def _migrate(url: str) -> str:
    return Database.migrate_url(url)


def test_processes_that_migrate_at_once_do_it_once(database_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(_migrate, [database_url] * 3) == [HEAD] * 3


@pytest.mark.parametrize("dialect", ["postgresql", "mysql", "sqlite", "postgresql://u:canary@nowhere/x"])
def test_the_sql_is_printed_without_a_database(dialect: str) -> None:
    sql = Database.ddl(dialect)
    for name in metadata.tables:
        assert f"CREATE TABLE {name} " in sql
    assert f"UPDATE {VERSION_TABLE} SET version_num='{HEAD}'" in sql
    assert "canary" not in sql


@pytest.mark.postgres
def test_the_printed_sql_makes_the_tables(postgres_url: str) -> None:
    database = Database.connect(postgres_url)
    sql = Database.ddl(postgres_url, schema="tax")
    assert "%" not in sql
    with database._engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("CREATE SCHEMA tax")
        connection.exec_driver_sql(sql)

    Database.connect(postgres_url, schema="tax").check()
    database.close()


@pytest.mark.postgres
def test_tables_may_live_in_a_schema(postgres_url: str) -> None:
    from storing import Shelf, invoice

    database = Database.connect(postgres_url, schema="tax")
    database.migrate()
    shelf = Shelf(database)
    shelf.load(invoice(1))
    shelf.load(invoice(1, state="void"), cursor="2", fetched_at=1_731_900_100.0)

    assert [row["state"] for row in shelf.rows("fapiao_invoice")] == ["void"]
    with pytest.raises(StoreError, match="no tables"):
        Database.connect(postgres_url).check()


@pytest.fixture(autouse=True)
def _no_leftover_children() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


class Interrupted(BaseException):
    """What a kill is to a process."""


@pytest.mark.mysql
def test_a_migration_that_is_interrupted_again_and_again_is_finished_in_the_end(mysql_url: str) -> None:
    """MySQL commits each DDL statement by itself: each attempt ends with its third that was not done before."""
    attempts = 0
    done = 0

    def interrupt(connection: sa.engine.Connection, cursor: object, statement: str, *_: object) -> None:
        nonlocal done
        done += statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP"))
        if done == 3:
            raise Interrupted

    is_filled = False
    while True:
        done = 0
        database = Database.connect(mysql_url)
        if not is_filled and (database.version() or "") in ("0004", "0005", "0006"):
            _fill(database)
            is_filled = True
        sa.event.listen(database._engine, "after_cursor_execute", interrupt)
        try:
            database.migrate()
        except Interrupted:
            attempts += 1
        else:
            break
        finally:
            database.close()
    assert attempts > 20
    assert is_filled
    database = Database.connect(mysql_url)
    test_migrations_and_metadata_agree(database)
    views = set(sa.inspect(database._engine).get_view_names())
    with database._engine.connect() as connection:
        assert connection.execute(sa.text("SELECT from_key, to_key FROM fapiao_invoice_merged")).all() == [(5, 7)]
        referred = sa.text("SELECT invoice_key, scheme, value FROM fapiao_invoice_reference")
        assert connection.execute(referred).all() == [(7, "digital20", "24990000000000000009")]
    assert {f"fapiao_{name}" for name in VIEWS} | {"fapiao_deduction_current"} <= views
    database.check()
    database.close()


def _fill(database: Database) -> None:
    """A merged document and a red-letter invoice: what revision 0007 moves."""
    with database._engine.begin() as connection:
        table = sa.Table("fapiao_invoice", sa.MetaData(), autoload_with=connection)
        needed = [column for column in table.columns if not column.nullable and column.server_default is None]
        kinds: dict[type, Any] = {str: "x", int: 1, float: 1, datetime: datetime(2024, 11, 3)}  # noqa: DTZ001 -- a column's
        values = {column.name: kinds[column.type.python_type] for column in needed}
        values |= {"is_red": 1, "remark": "被红冲蓝字数电票号码：24990000000000000009", "invoice_key": 7}
        connection.execute(table.insert().values(**values))
        connection.execute(
            sa.text(
                "INSERT INTO fapiao_invoice_link (from_key, to_key, link_type, linked_at)"
                " VALUES (5, 7, 'merged', '2024-11-03 00:00:00')"
            )
        )
