"""``into``: where the invoices and the ledger go; a database URL, or the id of a database connection."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fapiao.airflow.compat import AirflowException, AirflowNotFoundException, BaseHook, mask_secret
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.store import Database
    from fapiao.store.access.hash_keys import HashKey
    from fapiao.store.access.sealing import RawKeys

__all__ = ["HASH_KEY_CONNECTION", "RAW_KEY_CONNECTION", "database", "mask_url", "url_of"]

RAW_KEY_CONNECTION = "fapiao_raw_key"
"""The Airflow connection whose password holds the keys for raw answers; looked up only by who stores or reads these."""

HASH_KEY_CONNECTION = "fapiao_hash_key"
"""The Airflow connection whose password is the key for hashes of personal data; looked up only where the policy hashes some."""

_open: dict[tuple[int, str], Database] = {}
_lock = threading.Lock()


def database(into: str) -> Database:
    """The database of a task, opened once per process and target.

    :param into: a SQLAlchemy URL, or the id of an Airflow connection whose hook gives an SQLAlchemy engine.
    :raises ConfigurationError: it is neither.
    :raises StoreError: the database cannot be reached, or is not migrated.
    """
    into = str(into or "").strip()
    # A forked child must not use its parent's sockets, so the process is part of the key.
    key = (os.getpid(), into)
    with _lock:
        if key not in _open:
            _open[key] = _connect(into)
        return _open[key]


def mask_url(into: object) -> None:
    """Have Airflow mask the password of a URL; anything else (an id, a template, an XCom) is left alone."""
    if isinstance(into, str) and "://" in into and "{{" not in into:
        try:
            password = urlsplit(into).password
        except ValueError:
            return
        if password:
            mask_secret(password)


def _connect(into: str) -> Database:
    from fapiao.store import Database

    if not into:
        raise ConfigurationError(
            "The argument into is empty.", advice="Give the id of a database connection, or a database URL."
        )
    if "://" in into:
        mask_url(into)
        return Database.connect(into, raw_keys=_raw_keys, hash_key=_hash_key)
    try:
        hook = BaseHook.get_hook(into)
    except AirflowException as problem:
        raise ConfigurationError(
            f"The database connection {into} cannot be used: {problem}",
            advice="Create the connection, and install the provider of its type; or give a database URL.",
        ) from None
    engine = getattr(hook, "get_sqlalchemy_engine", None)
    if engine is None:
        raise ConfigurationError(
            f"The connection {into} is not one of an SQL database ({type(hook).__name__} has no SQLAlchemy engine).",
            advice="Give the id of a PostgreSQL, MySQL or SQLite connection, or a database URL.",
        )
    # 1.4's engine of the second generation; and an error of the database must not print the rows it was given.
    made = engine(engine_kwargs={"future": True, "hide_parameters": True, "pool_pre_ping": True})
    return Database.connect(made, raw_keys=_raw_keys, hash_key=_hash_key)


def _raw_keys() -> RawKeys:
    """The environment's keys for raw answers, else the password of the Airflow connection ``fapiao_raw_key``.

    Airflow looks connections up in its secrets backend, and masks their passwords.

    :raises ConfigurationError: the connection has no key in its password: nothing is stored plain by mistake.
    """
    from fapiao.store.access.sealing import RawKeys

    keys = RawKeys.from_environment()
    if keys:
        return keys
    password = _password_of(RAW_KEY_CONNECTION)
    if password is None:
        return keys
    keys = RawKeys(password, f"the password of the connection {RAW_KEY_CONNECTION}")
    if not keys:
        raise ConfigurationError(
            f"The connection {RAW_KEY_CONNECTION} has no key for raw answers.",
            advice="Put the key into its password, or delete the connection to store raw answers plain.",
        )
    return keys


def _hash_key() -> HashKey:
    """The environment's key for hashes of personal data, else the password of the Airflow connection ``fapiao_hash_key``.

    :raises ConfigurationError: the key is too short.
    """
    from fapiao.store.access.hash_keys import HashKey

    key = HashKey.from_environment()
    if key:
        return key
    password = _password_of(HASH_KEY_CONNECTION)
    if password is None:
        return key
    return HashKey(password, f"the password of the connection {HASH_KEY_CONNECTION}")


_DIALECTS = {"postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def url_of(record: Any) -> Any:
    """The URL behind a database connection, for a trigger: Airflow's hooks look connections up in a blocking way.

    :raises ConfigurationError: it is a connection of another kind.
    """
    from sqlalchemy.engine import URL

    kind = str(record.conn_type or "")
    if kind == "sqlite":
        return URL.create("sqlite", database=record.host)
    if kind not in _DIALECTS:
        raise ConfigurationError(
            f"The connection {record.conn_id} is of the type {kind or 'none'}, which is not a database of fapiao's.",
            advice=f"Give the id of one of the types {', '.join(sorted({*_DIALECTS, 'sqlite'}))}.",
        )
    return URL.create(
        _DIALECTS[kind],
        username=record.login or None,
        password=record.password or None,
        host=record.host or None,
        port=record.port or None,
        database=record.schema or None,
    )


def _password_of(conn_id: str) -> str | None:
    """The password of a connection, masked from here on; empty without one, None without the connection."""
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    password = connection.password or ""
    if password:
        mask_secret(password)
    return password
