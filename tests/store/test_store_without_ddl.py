"""The guide for databases that a DBA keeps, followed line by line: a user with the rights it gives can do everything a task does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.engine import URL, make_url

from fapiao.cli import cli
from fapiao.errors import StoreError
from fapiao.store import Database
from fapiao.store.tables.schema import metadata
from storing import HOLDER, Shelf, invoice, paper, refused

GUIDE = (Path(__file__).parents[2] / "docs/how-to/without-ddl.md").read_text("utf-8")
BLOCKS = [block.splitlines() for block in re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)]
POSTGRES_GRANTS = next(lines for lines in BLOCKS if lines[0].startswith("GRANT USAGE ON SCHEMA"))
MYSQL_GRANTS = next(lines for lines in BLOCKS if lines[0].startswith("GRANT SELECT"))


def run(*arguments: str) -> str:
    told = CliRunner().invoke(cli, list(arguments))
    assert told.exit_code == 0, told.output
    return told.output


@pytest.fixture
def kept_by_a_dba(database_url: str) -> Iterator[URL]:
    """URL of a database with the guide's tables, for the guide's user."""
    url = make_url(database_url)
    kind = url.get_backend_name()
    if kind == "sqlite":
        pytest.skip("SQLite has no users")
    user, password = f"fapiao_{uuid4().hex[:8]}", "Test-canary-1"
    script = Database.ddl(f"{kind}://db/invoices", "tax" if kind == "postgresql" else None)  # what --sql prints
    # The mysql client sends one statement after the other; so does the driver with this flag.
    many = {"client_flag": 65536} if kind == "mysql" else {}
    owner = sa.create_engine(url, isolation_level="AUTOCOMMIT", connect_args=many)
    grants = POSTGRES_GRANTS if kind == "postgresql" else MYSQL_GRANTS
    with owner.connect() as connection:

        def execute(statement: str) -> None:
            cursor = connection.connection.cursor()
            cursor.execute(statement)
            while kind == "mysql" and cursor.nextset():
                pass
            cursor.close()

        if kind == "postgresql":
            execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
            execute("CREATE SCHEMA tax")
        else:
            execute(f"CREATE USER {user} IDENTIFIED BY '{password}'")
        execute(script)
        for line in grants:
            execute(line.replace("airflow_invoices", user).replace("invoices.", f"{url.database}."))
        try:
            yield url.set(username=user, password=password)
        finally:
            if kind == "postgresql":
                execute(f"DROP OWNED BY {user}")
                execute(f"DROP ROLE {user}")
            else:
                execute(f"DROP USER {user}")
    owner.dispose()


def test_the_guides_rights_are_enough_for_everything_a_task_does(kept_by_a_dba: URL) -> None:
    into = kept_by_a_dba.render_as_string(hide_password=False)
    assert "The tables are at schema version" in run("init-db", "--into", into)
    database = Database.connect(into)
    shelf = Shelf(database)
    shelf.load(invoice(1), invoice(2), paper(1), refused(3))
    report = shelf.load(paper(1, digital_number=f"2499{1:016d}"), cursor="2")
    assert report.merged == 1
    shelf.close()
    shelf.open()
    shelf.load(invoice(1, state="red_full", state_raw="3"), cursor="3")
    database.close()
    run("coverage", "--into", into, "--all")
    run("changes", "ekuaibao", "--into", into, "--taxpayer", HOLDER, "--month", "202411")
    run("purge-raw", "--into", into, "--before", "2026-01-01")
    database = Database.connect(into)
    table = metadata.tables["fapiao_page"]
    held = database.read(lambda connection: [len(row[0]) for row in connection.execute(sa.select(table.c.transcript))])
    assert held == [0, 0, 0]
    database.close()


def test_a_user_without_these_rights_is_told_so_and_not_shown_the_password(kept_by_a_dba: URL) -> None:
    into = kept_by_a_dba.render_as_string(hide_password=False)
    database = Database.connect(into)
    with pytest.raises(StoreError) as told:
        database.transact(lambda connection: connection.exec_driver_sql("CREATE TABLE tax_extra (x INTEGER)").rowcount)
    assert "denied" in str(told.value)
    assert "Test-canary-1" not in str(told.value)
    database.close()
