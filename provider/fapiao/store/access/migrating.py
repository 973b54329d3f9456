"""Brings the tables to the newest revision with Alembic, one process at a time, or prints the SQL that does."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from fapiao.errors import StoreError

__all__ = ["configuration", "script", "upgrade"]

_LOCK_NAME = "fapiao_schema"
_LOCK_NUMBER = 0x66617069616F  # "fapiao"; PostgreSQL's advisory locks go by number
_LOCK_PATIENCE = 60
_MYSQL = ("mysql", "mariadb")
_alembic = threading.Lock()
"""Alembic's ``context`` is one per process."""


def configuration(output: Any = None, **settings: Any) -> Config:
    """Alembic's configuration for the revisions of this package, wherever it is installed.

    ``settings`` reach ``migrations/env.py``: ``schema``, and ``connection`` or ``dialect_name``.
    """
    config = Config(output_buffer=output) if output else Config()
    directory = Path(__file__).parents[1] / "migrations"
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["fapiao"] = settings
    return config


def upgrade(connection: Connection, schema: str | None) -> None:
    """Run the missing revisions in the connection's transaction (MySQL commits each statement by itself)."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
        if schema and not connection.dialect.has_schema(connection, schema):
            connection.execute(sa.schema.CreateSchema(schema))
    elif name in _MYSQL and not connection.execute(sa.select(sa.func.get_lock(_LOCK_NAME, _LOCK_PATIENCE))).scalar():
        raise StoreError("another process is changing the tables just now.", advice="Run again when it has finished.")
    try:
        with _alembic:
            command.upgrade(configuration(schema=schema, connection=connection), "head")
        if name in _MYSQL:
            # The version that the last revision wrote must be seen by whoever gets the lock next.
            connection.exec_driver_sql("COMMIT")
    finally:
        if name in _MYSQL and not connection.invalidated:  # after Ctrl-C the session is gone, and its lock with it
            connection.execute(sa.select(sa.func.release_lock(_LOCK_NAME)))


def script(dialect: str, schema: str | None) -> str:
    """The SQL of all revisions for an empty database."""
    out = io.StringIO()
    with _alembic:
        command.upgrade(configuration(out, schema=schema, dialect_name=dialect), "head", sql=True)
    return out.getvalue()
