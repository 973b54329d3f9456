"""One database that holds ledger and invoices: connecting, write transactions that are tried again, schema check."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import QueuePool

from fapiao.errors import ConfigurationError, StoreError
from fapiao.store.access import sqlite
from fapiao.store.access.failures import (
    INIT_ADVICE,
    failure,
    is_database_error,
    is_misfit,
    is_transient,
    is_unique_clash,
)
from fapiao.store.access.hash_keys import HashKey
from fapiao.store.access.sealing import RawKeys
from fapiao.store.tables.schema import HEAD, VERSION_TABLE

__all__ = ["Database"]

T = TypeVar("T")

MOST_TRIES = 10
"""Of one transaction, when others are in the way; the waits between them add up to about 10 seconds."""
_SERVERS = ("postgresql", "mysql", "mariadb")
_DRIVERS = {"postgresql": ("psycopg2", "psycopg"), "mysql": ("pymysql", "MySQLdb"), "mariadb": ("pymysql", "MySQLdb")}
_DRIVER_NAMES = {"MySQLdb": "mysqldb"}


class Database:
    """The user's database. Make one per process with :meth:`connect`; several threads may use it.

    Nothing is sent to the database before the first use. Then SQLite is migrated, a server is only checked.
    """

    def __init__(
        self,
        engine: Engine,
        schema: str | None,
        raw_keys: Callable[[], RawKeys] = RawKeys.from_environment,
        hash_key: Callable[[], HashKey] = HashKey.from_environment,
    ) -> None:
        self._engine = engine.execution_options(schema_translate_map={None: schema}) if schema else engine
        self.schema = schema
        self.dialect = engine.dialect.name
        self._ready = False
        self._lock = threading.Lock()
        self._find_raw_keys = raw_keys
        self._find_hash_key = hash_key

    @property
    def url(self) -> URL:
        """Where it is, without the password."""
        return self._engine.url.set(password=None)

    @classmethod
    def connect(
        cls,
        into: str | URL | Engine,
        schema: str | None = None,
        raw_keys: Callable[[], RawKeys] = RawKeys.from_environment,
        hash_key: Callable[[], HashKey] = HashKey.from_environment,
    ) -> Database:
        """A database by URL (``sqlite:///file``, ``postgresql://…``, ``mysql+pymysql://…``) or by SQLAlchemy engine.

        :param schema: where a server keeps the tables; the user's default schema without it.
        :param raw_keys: finds the keys that raw answers are encrypted with; called by whoever stores or reads such.
        :param hash_key: finds the key that personal data is hashed with; called only where the policy hashes some.
        :raises ConfigurationError: no URL, an unknown database, or its driver is not installed.
        """
        engine = into if isinstance(into, Engine) else None
        url = _url(into.url if isinstance(into, Engine) else into)
        name = url.get_backend_name()
        if name == "sqlite":
            if schema:
                raise ConfigurationError("SQLite has no schemas.", advice="Leave out the schema, or name a server.")
            engine = _sqlite_engine(url)  # a foreign engine would lack WAL, immediate transactions and exact sums
        elif engine is None:
            try:
                engine = sa.create_engine(
                    url, future=True, hide_parameters=True, pool_pre_ping=True, isolation_level="READ COMMITTED"
                )
            except (ImportError, sa.exc.NoSuchModuleError):
                raise ConfigurationError(
                    f"the driver for {url.drivername} is not installed.",
                    advice=f"Install one of {', '.join(_DRIVERS[name])}, or name the driver in the URL.",
                ) from None
        else:
            engine = engine.execution_options(isolation_level="READ COMMITTED")
        return cls(engine, schema, raw_keys, hash_key)

    def raw_keys(self) -> RawKeys:
        """The keys that raw answers of this database are encrypted with.

        :raises ConfigurationError: they cannot be read, or are none.
        """
        return self._find_raw_keys()

    def hash_key(self) -> HashKey:
        """The key that personal data in this database is hashed with; false where there is none.

        :raises ConfigurationError: it cannot be read, or is none.
        """
        return self._find_hash_key()

    @property
    def place(self) -> str:
        """The database for texts: dialect, host and name; neither user nor password."""
        url = self._engine.url
        if self.dialect == "sqlite":
            return f"the SQLite database {url.database}"
        port = f":{url.port}" if url.port else ""
        return f"the database {url.database} ({self.dialect}) on {url.host or 'the local socket'}{port}"

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Run ``work(connection)`` in one write transaction and commit it.

        ``work`` is run again from its start when the database chose it as a deadlock's victim, was busy, or another
        process was first with a unique key; so it must have no effect outside the transaction.

        :raises StoreError: the database does not work or its tables are missing; without data and password.
        """
        self._be_ready()
        return self._try(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work(connection)`` in one transaction that only reads."""
        self._be_ready()
        return self._try(work, write=False)

    def peek(self, work: Callable[[Connection], T]) -> T:
        """Like :meth:`read`, for statements of somebody else: whatever they change is rolled back."""
        self._be_ready()

        def looked(connection: Connection) -> T:
            try:
                return work(connection)
            finally:
                connection.rollback()

        return self._try(looked, write=False)

    def attempt(self, work: Callable[[Connection], T]) -> T:
        """Like :meth:`transact`, but an error of the data's own (see ``failures.is_misfit``) comes through as it is."""
        self._be_ready()
        return self._try(work, raw=True)

    def check(self) -> None:
        """See that the tables are there and at this code's version.

        :raises StoreError: they are missing, older or newer; the text says what to do.
        """
        version = self.version()
        if version == HEAD:
            return
        if version is None:
            raise StoreError(f"{self.place} has no tables of fapiao.", advice=INIT_ADVICE)
        if version > HEAD:
            raise StoreError(
                f"{self.place} is at schema version {version}, newer than this fapiao ({HEAD}).",
                advice="Install the newer release of airflow-provider-fapiao that upgraded it.",
            )
        raise StoreError(f"{self.place} is at schema version {version}, this fapiao needs {HEAD}.", advice=INIT_ADVICE)

    def version(self) -> str | None:
        """The schema version in the database, None where there are no tables."""
        table = sa.table(VERSION_TABLE, sa.column("version_num"), schema=self.schema)

        def look(connection: Connection) -> str | None:
            if not sa.inspect(connection).has_table(VERSION_TABLE, schema=self.schema):
                return None
            return connection.execute(sa.select(table.c.version_num)).scalar()

        return self._try(look, write=False)

    def migrate(self) -> str:
        """Create or upgrade the tables, one process at a time. Returns the schema version reached.

        :raises StoreError: the database refuses, or is newer than this code.
        """
        from fapiao.store.access.migrating import upgrade

        version = self.version()
        if version is not None and version > HEAD:
            self.check()
        self._try(lambda connection: upgrade(connection, self.schema))
        self._ready = True
        return HEAD

    @classmethod
    def migrate_url(cls, into: str | URL | Engine, schema: str | None = None) -> str:
        """Connect, :meth:`migrate`, disconnect."""
        database = cls.connect(into, schema)
        try:
            return database.migrate()
        finally:
            database.close()

    @staticmethod
    def ddl(target: str, schema: str | None = None) -> str:
        """The SQL that creates the tables on an empty database, for a database administrator. Connects to nothing.

        :param target: a dialect (``postgresql``, ``mysql``, ``sqlite``) or a URL of one.
        """
        from fapiao.store.access.migrating import script

        return script(_url(target).get_backend_name() if ":" in target else _known(target), schema)

    def close(self) -> None:
        """Close the connections kept."""
        self._engine.dispose()

    def _be_ready(self) -> None:
        if not self._ready:
            with self._lock:
                self._prepare()

    def _prepare(self) -> None:
        if self._ready:
            return  # another thread was first
        if self.dialect == "sqlite" and (self.version() or "") < HEAD:
            self.migrate()
        else:
            self.check()
        self._ready = True

    def _try(self, work: Callable[[Connection], T], *, write: bool = True, raw: bool = False) -> T:
        tries = 0
        while True:
            tries += 1
            try:
                with self._engine.connect() as connection:
                    if write:
                        connection = connection.execution_options(**{sqlite.WRITES: True})
                    with connection.begin():
                        return work(connection)
            except Exception as error:
                if tries < MOST_TRIES and (is_transient(error) or (write and is_unique_clash(error) and tries < 4)):
                    time.sleep(random.uniform(0.2, 1.0) * min(2.0, 0.01 * 2**tries))  # noqa: S311 -- spreads rivals
                    continue
                if (raw and is_misfit(error)) or not (is_database_error(error) or is_transient(error)):
                    raise
                raise failure(error, self.place) from None


def _sqlite_engine(url: URL) -> Engine:
    if not url.database or url.database == ":memory:" or "mode=memory" in str(url.query):
        raise ConfigurationError(
            "an SQLite database in memory would forget the collection.", advice="Name a file: sqlite:///fapiao.db"
        )
    directory = Path(url.database).parent
    if not url.database.startswith("file:") and not directory.is_dir():
        raise ConfigurationError(
            f"there is no directory {directory} for the SQLite database.", advice="Create it first."
        )
    engine = sa.create_engine(
        url,
        future=True,
        hide_parameters=True,
        poolclass=QueuePool,
        connect_args={"timeout": sqlite.BUSY_TIMEOUT, "check_same_thread": False},
    )
    sqlite.prepare(engine)
    return engine


def _url(into: str | URL) -> URL:
    if isinstance(into, str):
        if into.startswith("postgres://"):  # what Airflow and many hosts write
            into = "postgresql" + into.removeprefix("postgres")
        if not into.startswith("sqlite") and into.partition("?")[0].count("@") > 1:
            # What stands behind the first @ would be taken for the host, and told in every error.
            raise ConfigurationError(
                "the URL of the database has more than one @.",
                advice="Write special characters of user and password by their codes: @ as %40, / as %2F, : as %3A.",
            )
        try:
            into = make_url(into)
        except (sa.exc.ArgumentError, ValueError):
            raise ConfigurationError(
                "the database is not given as a URL.",  # what was given may hold a password
                advice="Write it as sqlite:///FILE, postgresql://USER:PASSWORD@HOST/NAME or mysql+pymysql://…",
            ) from None
    name = _known(into.get_backend_name())
    if into.drivername == name and name in _DRIVERS:
        driver = next((driver for driver in _DRIVERS[name] if find_spec(driver)), _DRIVERS[name][0])
        into = into.set(drivername=f"{name}+{_DRIVER_NAMES.get(driver, driver)}")
    return into


def _known(name: str) -> str:
    if name != "sqlite" and name not in _SERVERS:
        raise ConfigurationError(
            f"{name} is not a database fapiao can keep its tables in.",
            advice=f"Use one of sqlite, {', '.join(_SERVERS)}.",
        )
    return name
