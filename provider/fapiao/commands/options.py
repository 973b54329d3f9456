"""Options that several commands take, and what is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fapiao.connection import Connection

__all__ = ["CONNECTION", "INTO", "SCHEMA", "given_connection"]

INTO = click.option(
    "--into", "into", required=True, metavar="URL", help="The database, such as sqlite:///fapiao.db or postgresql://…"
)
SCHEMA = click.option("--schema", metavar="NAME", help="Database schema of the tables (PostgreSQL).")
CONNECTION = click.option(
    "--connection",
    "connection_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON of the connection; without it FAPIAO_CONN_<SOURCE> or AIRFLOW_CONN_<SOURCE> is read.",
)


def given_connection(source_name: str, path: Path | None) -> Connection:
    """The connection of ``--connection``, or of the environment.

    :raises ConfigurationError: there is none, or it is not one.
    """
    from fapiao.connection import Connection

    return Connection.from_file(path) if path is not None else Connection.from_environment(source_name)
