"""Connecting, write transactions that are tried again, and errors that tell what to do and nothing secret."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.errors import ConfigurationError, FapiaoError, StoreError
from fapiao.store import Database
from fapiao.store.access.failures import Stale
from fapiao.store.tables.columns import exact_sum
from fapiao.store.tables.invoices import invoices, lines
from fapiao.store.tables.ledger import counters
from storing import Shelf, invoice, line

ROW = {"name": "test", "next_value": 1}


def _count(connection: Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(counters)).scalar_one())


def test_work_that_fails_leaves_nothing(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(counters.insert().values(ROW))
        raise LookupError("of the work itself")

    with pytest.raises(LookupError):
        database.transact(work)
    assert database.read(_count) == 0


def test_work_is_done_again_when_what_it_saw_is_stale(database: Database) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> str:
        connection.execute(counters.insert().values(ROW))
        tries.append(1)
        if len(tries) < 3:
            raise Stale
        return "done"

    assert database.transact(work) == "done"
    assert (len(tries), database.read(_count)) == (3, 1)


def test_who_comes_second_with_a_unique_key_looks_again(database: Database) -> None:
    gate, waited = threading.Barrier(2), threading.Event()

    def work(connection: Connection) -> None:
        if connection.execute(sa.select(counters.c.name)).first() is None:
            if not waited.is_set() and database.dialect != "sqlite":  # SQLite lets only one begin
                gate.wait(timeout=30)
                waited.set()
            connection.execute(counters.insert().values(ROW))

    threads = [threading.Thread(target=database.transact, args=(work,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(_count) == 1


def test_threads_that_add_up_lose_nothing(database: Database) -> None:
    database.transact(lambda connection: connection.execute(counters.insert().values(ROW)).rowcount)

    def read_and_write(connection: Connection) -> None:
        query = sa.select(counters.c.next_value).with_for_update()
        value = connection.execute(query).scalar_one()
        connection.execute(counters.update().values(next_value=value + 1))

    def work() -> None:
        for _ in range(10):
            database.transact(read_and_write)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(lambda c: c.execute(sa.select(counters.c.next_value)).scalar_one()) == 41


def test_money_is_exact_in_rows_sums_and_comparisons(shelf: Shelf) -> None:
    price = Decimal("0.100000000000000001")
    shelf.load(
        *(
            invoice(number, amount_excl_tax=Decimal(amount), lines=(line(1, unit_price=price),))
            for number, amount in enumerate(("0.10", "0.20", "-9.00", "1234567890123456.78"))
        )
    )

    def look(connection: Connection) -> tuple[Decimal, Decimal, list[Decimal]]:
        total = connection.execute(sa.select(exact_sum(invoices.c.amount_excl_tax))).scalar_one()
        equal = connection.execute(
            sa.select(exact_sum(invoices.c.amount_excl_tax)).where(invoices.c.amount_excl_tax == Decimal("0.20"))
        ).scalar_one()
        return total, equal, list(connection.execute(sa.select(lines.c.unit_price)).scalars())

    assert shelf.database.read(look) == (Decimal("1234567890123448.08"), Decimal("0.20"), [price] * 4)


def test_decimal_texts_compare_as_numbers_on_sqlite(sqlite_shelf: Shelf) -> None:
    sqlite_shelf.load(*(invoice(n, amount_excl_tax=Decimal(a)) for n, a in enumerate(("9.00", "10.00", "-3.00"))))
    query = sa.text(
        "SELECT amount_excl_tax FROM fapiao_invoice WHERE decimal_cmp(amount_excl_tax, '9.00') >= 0"
        " ORDER BY invoice_key"
    )
    found = sqlite_shelf.database.read(lambda connection: list(connection.execute(query).scalars()))
    assert found == ["9.00", "10.00"]


def test_a_sum_over_nothing_is_nothing(database: Database) -> None:
    query = sa.select(exact_sum(invoices.c.tax_amount))
    assert database.read(lambda connection: connection.execute(query).scalar()) is None


def test_an_engine_serves_as_well_as_a_url(database_url: str) -> None:
    Database.migrate_url(database_url)
    engine = sa.create_engine(database_url)
    try:
        shelf = Shelf(Database.connect(engine))
        shelf.load(invoice(1))
        assert len(shelf.rows("fapiao_invoice")) == 1
        shelf.database.close()
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    ("into", "says"),
    [
        ("no url canary-password", "not given as a URL"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:////no/such/directory/fapiao.db", "no directory"),
        ("oracle://u:canary-password@host/x", "oracle is not a database"),
        ("postgresql+nodriver://u:canary-password@host/x", "not installed"),
    ],
)
def test_a_database_that_cannot_be_meant_is_named_in_one_sentence(into: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        Database.connect(into)
    assert "canary" not in _everything_said(caught.value)


def test_sqlite_takes_no_schema(sqlite_url: str) -> None:
    with pytest.raises(ConfigurationError, match="no schemas"):
        Database.connect(sqlite_url, schema="tax")


@pytest.mark.postgres
def test_a_wrong_password_is_not_shown(postgres_url: str) -> None:
    url = sa.engine.make_url(postgres_url).set(password="canary-password", port=1, host="127.0.0.1")
    database = Database.connect(url.render_as_string(hide_password=False))
    with pytest.raises(StoreError, match="does not work") as caught:
        database.check()
    assert "canary" not in _everything_said(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_bare_postgresql_url_takes_the_installed_driver(scheme: str) -> None:
    database = Database.connect(f"{scheme}://u@127.0.0.1:1/x")
    assert database.dialect == "postgresql"
    assert database._engine.driver == "psycopg2"


def test_an_unreadable_sqlite_file_is_a_store_error(tmp_path: Path) -> None:
    broken = tmp_path / "fapiao.db"
    broken.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Database.connect(f"sqlite:///{broken}").check()


def test_values_stay_out_of_errors(database: Database) -> None:
    def work(connection: Connection) -> None:
        connection.execute(counters.insert().values(name="canary" * 10, next_value=1))
        connection.execute(counters.insert().values(name="canary" * 10, next_value=None))

    with pytest.raises(StoreError) as caught:
        database.transact(work)
    assert "canary" not in _everything_said(caught.value)


def _everything_said(error: FapiaoError) -> str:
    """What a log with the whole traceback would show of the chain."""
    shown: list[str] = []
    chained: BaseException | None = error
    while chained is not None:
        shown.append(str(chained))
        chained = chained.__cause__ or (None if chained.__suppress_context__ else chained.__context__)
    return "\n".join(shown)


def test_what_a_strangers_statement_changes_is_rolled_back(database: Database) -> None:
    database.transact(lambda connection: connection.execute(counters.insert().values(ROW)).rowcount)

    def look(connection: Connection) -> int:
        connection.exec_driver_sql("DELETE FROM fapiao_counter")
        return _count(connection)

    assert database.peek(look) == 0
    assert database.read(_count) == 1
    with pytest.raises(LookupError):
        database.peek(lambda connection: (_ for _ in ()).throw(LookupError("of the work itself")))


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:Canary@7@127.0.0.1/db", "mysql+pymysql://u:Canary@7/99@127.0.0.1/db", "postgres://u:a@b@c/d"],
)
def test_a_password_with_an_at_sign_is_asked_for_in_its_code_and_not_told(url: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        Database.connect(url)
    assert "%40" in str(told.value)
    assert "Canary" not in str(told.value)
    assert "7@" not in str(told.value)
    encoded = Database.connect("postgresql://u:Canary%407@127.0.0.1/db?application_name=a@b@c")
    assert encoded.place == "the database db (postgresql) on 127.0.0.1"
    assert Database.connect("sqlite:///a@b@c.db").place.endswith("a@b@c.db")
