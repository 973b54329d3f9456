"""``into``: where the invoices and the ledger go; a database URL, or the id of a database connection."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fapiao.airflow.compat import AirflowException, BaseHook, mask_secret
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.store import Database

__all__ = ["database", "mask_url"]

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
        return Database.connect(into)
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
    return Database.connect(engine(engine_kwargs={"future": True, "hide_parameters": True, "pool_pre_ping": True}))
