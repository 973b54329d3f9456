"""The policy is the database's: every process reads it, none writes under an old one, and the key fits or nothing is written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from fapiao.cli import cli
from fapiao.errors import ConfigurationError, StoreError
from fapiao.invoices.personal_data import DEFAULT, EVERYTHING, Policy
from fapiao.invoices.texts import HASHED
from fapiao.redaction import redact
from fapiao.rereading.personal_data import apply_policy, set_policy, show_policy
from fapiao.store import Database
from fapiao.store.access.hash_keys import HASH_FILE_VARIABLE, HASH_VARIABLE, HashKey
from fapiao.store.documents.policies import change_policy, guard, read_policy, ready
from fapiao.store.tables.schema import metadata
from rereading import SOURCES, Shop, record
from storing import Shelf, invoice

Shops = Callable[..., Shop]
OTHER = "another hash key of the tests, which is long too"


@pytest.fixture
def database(url: str) -> Database:
    return Database.connect(url)


@pytest.fixture
def sqlite_database(sqlite_into: str) -> Database:
    return Database.connect(sqlite_into)


def test_a_new_database_masks_identity_numbers_and_has_nothing_to_do(database: Database) -> None:
    stored = read_policy(database)
    assert stored.policy == DEFAULT == Policy(identity="mask")
    assert stored.is_applied()
    assert stored.changed_at is None
    database.close()


def test_a_policy_is_kept_and_counts_its_changes(database: Database) -> None:
    assert change_policy(database, Policy(name="hash", remark="drop"), 5.0).version == 2
    assert change_policy(database, Policy(name="hash", remark="drop"), 6.0).version == 2
    stored = read_policy(database)
    assert (stored.policy, stored.changed_at) == (Policy(name="hash", remark="drop"), 5.0)
    assert not stored.is_applied()
    database.close()


def test_a_load_holds_the_policy_until_it_is_committed(database: Database) -> None:
    """A change made meanwhile waits: nothing under the old policy is committed after it."""
    order: list[str] = []
    held, go = threading.Event(), threading.Event()

    def load() -> None:
        def work(connection: sa.Connection) -> None:
            guard(connection, 1)
            held.set()
            go.wait(20)
            order.append("loaded")

        database.transact(work)

    def change() -> None:
        held.wait(20)
        threading.Timer(0.2, go.set).start()
        change_policy(database, EVERYTHING, 1.0)
        order.append("changed")

    threads = [threading.Thread(target=work) for work in (load, change)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert order == ["loaded", "changed"]
    database.close()


def test_a_loader_under_an_old_policy_is_refused_and_a_new_one_is_not(database: Database) -> None:
    shelf = Shelf(database)
    shelf.load(invoice(1, drawer="张三"))
    change_policy(database, Policy(name="mask"), 1.0)
    with pytest.raises(StoreError, match="was changed while this run was under way"):
        shelf.load(invoice(2, drawer="张三"), cursor="2")
    again = Shelf(database)
    again.load(invoice(3, drawer="张三"), cursor="3")
    assert sorted(row["drawer"] for row in shelf.rows("fapiao_invoice")) == ["张*", "张三"]
    database.close()


def test_hashing_without_a_key_is_refused_with_what_to_do(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(HASH_VARIABLE)
    with pytest.raises(ConfigurationError, match=r"hashes personal data \(name\), and there is no key") as caught:
        change_policy(sqlite_database, Policy(name="hash"), 1.0)
    assert "FAPIAO_HASH_KEY_FILE" in str(caught.value)
    assert read_policy(sqlite_database).policy == DEFAULT


def test_another_key_than_the_hashes_were_made_with_is_refused(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_policy(sqlite_database, Policy(name="hash"), 1.0)
    monkeypatch.setenv(HASH_VARIABLE, OTHER)
    with pytest.raises(
        ConfigurationError, match="not the one that the hashes in the database were made with"
    ) as caught:
        ready(sqlite_database)
    assert OTHER not in str(caught.value)
    with pytest.raises(ConfigurationError, match="not the one"):
        Shelf(sqlite_database).load(invoice(1))


def test_without_the_key_no_job_is_started(shops: Shops, sqlite_into: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shops(sqlite_into, input=[record(1, drawer="张三丰")])
    set_policy(shop.database, ["name=hash"], sources=SOURCES)
    monkeypatch.delenv(HASH_VARIABLE)
    with pytest.raises(ConfigurationError, match="there is no key"):
        shop.collect()
    assert not shop.started
    assert shop.rows_of("collection") == []
    assert shop.rows_of("lease") == []


def test_what_a_newer_version_would_find_is_looked_for_again(shops: Shops, sqlite_into: str) -> None:
    shop = shops(sqlite_into, input=[record(1, drawer="张三丰")])
    shop.collect()
    set_policy(shop.database, ["name=mask"], sources=SOURCES)
    table = metadata.tables["fapiao_observation"]
    shop.database.transact(  # as a version that found less would have left it
        lambda connection: connection.execute(
            table.update().values(content=sa.func.replace(table.c.content, "张*", "张三丰"))
        )
    )
    done = [apply_policy(shop.database, sources=SOURCES, again=again).applied for again in (False, True)]
    assert [part.documents for part in done if part is not None] == [0, 1]
    assert "张三丰" not in str(shop.rows_of("observation"))


def test_another_key_can_come_once_nothing_is_hashed_any_more(
    shops: Shops, sqlite_into: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shops(sqlite_into, input=[record(1, drawer="张三丰")])
    set_policy(shop.database, ["name=hash"], sources=SOURCES)
    shop.collect()
    (hashed,) = shop.rows_of("invoice", "drawer")
    assert HASHED.fullmatch(hashed)
    monkeypatch.setenv(HASH_VARIABLE, OTHER)
    set_policy(shop.database, ["name=mask"], sources=SOURCES)
    assert shop.rows_of("invoice", "drawer") == ["***"]
    set_policy(shop.database, ["remark=hash"], sources=SOURCES)
    assert ready(shop.database).version == 4


def test_a_key_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{OTHER}\n", "utf-8")
    key = HashKey.from_environment({HASH_FILE_VARIABLE: str(path)})
    assert key.secret == OTHER.encode()
    assert OTHER not in repr(key)
    assert OTHER not in redact(f"it is {OTHER}")


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({HASH_VARIABLE: "canary-short"}, "has 12 characters, which can be guessed"),
        ({HASH_FILE_VARIABLE: "/nowhere/key"}, "cannot be read from the file /nowhere/key"),
        ({HASH_FILE_VARIABLE: "/dev/null"}, "There is no key in the file /dev/null"),
    ],
)
def test_a_key_that_cannot_be_used_is_an_error(environment: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        HashKey.from_environment(environment)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("mysql", marks=pytest.mark.mysql)],
)
@pytest.mark.parametrize("has_rows", [True, False])
def test_a_database_of_before_has_the_default_policy_still_to_be_applied(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, has_rows: bool
) -> None:
    from alembic import command

    from fapiao.store.access.migrating import configuration

    into = f"sqlite:///{tmp_path / 'old.db'}" if kind == "sqlite" else str(request.getfixturevalue(f"{kind}_url"))
    database = Database.connect(into)
    with database._engine.connect() as connection, connection.begin():
        command.upgrade(configuration(schema=None, connection=connection), "0010")
        if has_rows:
            _old_rows(connection)
    database.migrate()
    stored = read_policy(database)
    assert (stored.policy, stored.is_applied()) == (DEFAULT, not has_rows)
    database.close()


def _old_rows(connection: sa.Connection) -> None:
    from fapiao.store.tables.ledger import collections, pages, slices

    def filled(table: sa.Table, **values: object) -> dict[str, object]:
        return {
            column.name: values.get(column.name, _some(column))
            for column in table.columns
            if column.name in values or not column.nullable
        }

    connection.execute(collections.insert().values(**filled(collections, collection_id=1)))
    connection.execute(slices.insert().values(**filled(slices, slice_id=1, collection_id=1)))
    connection.execute(pages.insert().values(**filled(pages, page_id=1, slice_id=1, transcript=b"")))


def _some(column: sa.Column[object]) -> object:
    return "x" if isinstance(column.type, sa.String) else 0


def test_upgrading_says_that_the_policy_has_to_be_applied(tmp_path: Path, shops: Shops) -> None:
    into = f"sqlite:///{tmp_path / 'db'}"
    runner = CliRunner()
    first = runner.invoke(cli, ["init-db", "--into", into])
    assert "fapiao personal-data --into" not in first.output
    shop = shops(into, input=[record(1)])
    change_policy(shop.database, EVERYTHING, 1.0)
    assert "fapiao personal-data --into" in runner.invoke(cli, ["init-db", "--into", into]).output
    apply_policy(shop.database, sources=SOURCES)
    assert "fapiao personal-data --into" not in runner.invoke(cli, ["init-db", "--into", into]).output


def test_the_command_shows_changes_and_applies(sqlite_into: str) -> None:
    runner = CliRunner()
    shown = runner.invoke(cli, ["personal-data", "--into", sqlite_into])
    assert "identity  mask" in shown.output
    assert "name      keep" in shown.output
    changed = runner.invoke(cli, ["personal-data", "--into", sqlite_into, "--set", "name=drop"])
    assert "0 documents, 0 raw answers, 0 rejected records and 0 checks were changed" in changed.output
    assert "name      drop" in changed.output
    assert show_policy(Database.connect(sqlite_into)).policy.name == "drop"
    with pytest.raises(ConfigurationError, match="--dry-run counts what --set would change"):
        runner.invoke(
            cli, ["personal-data", "--into", sqlite_into, "--dry-run"], catch_exceptions=False, standalone_mode=False
        )
