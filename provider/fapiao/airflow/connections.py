"""From an Airflow connection to fapiao's own :class:`~fapiao.connection.Connection`. Imports no Airflow."""

from __future__ import annotations

import json
from typing import Any

from fapiao.connection import Connection
from fapiao.errors import ConfigurationError
from fapiao.wire import Secret

__all__ = ["connection_of", "source_name_of"]


def connection_of(record: Any) -> Connection:
    """The value behind an Airflow connection record of either version.

    ``extra`` is parsed here and not by Airflow: its own accessor talks to the supervisor, which a trigger must not do.

    :raises ConfigurationError: ``extra`` is not a JSON object. Its text is not quoted: it may hold secrets.
    """
    text = record.extra or ""
    try:
        extra = json.loads(text) if text.strip() else {}
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise ConfigurationError(
            f"The extra of the connection {record.conn_id} is not a JSON object.",
            advice='Write it as {"name": "value"}.',
        )
    return Connection(
        conn_id=record.conn_id,
        host=record.host or "",
        schema=record.schema or "",
        port=record.port or None,
        login=record.login or "",
        password=Secret(record.password or ""),
        extra=extra,
    )


def source_name_of(record: Any) -> str:
    """The vendor plugin that a connection is for: its connection type.

    :raises ConfigurationError: the connection has no type.
    """
    name = (record.conn_type or "").strip()
    if not name:
        raise ConfigurationError(
            f"The connection {record.conn_id} has no connection type.",
            advice="Set its type to the vendor's, for example ekuaibao.",
        )
    return name
