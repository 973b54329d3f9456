"""What Airflow reads through the entry point group ``apache_airflow_provider``, in every one of its processes.

An exception here, or a dictionary that fails Airflow's schema, stops the scheduler and the command line. So nothing in
here imports Airflow, every vendor plugin is asked in a guarded way and within a time limit, and what a plugin says is
checked before it is passed on; a bad one is left out with a warning that names it. ``fapiao sources`` has the reason.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from importlib.metadata import entry_points
from typing import Any

import msgspec

import fapiao
from fapiao.airflow.forms import conn_fields, field_behaviour
from fapiao.airflow.names import hook_class_name
from fapiao.registry import GROUP, Registry
from fapiao.spec import Descriptor

__all__ = ["PATIENCE", "get_provider_info"]

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that all plugins together may take to be imported and described."""

_TAKEN = frozenset(
    [
        "aws",
        "azure",
        "discord",
        "docker",
        "druid",
        "elasticsearch",
        "email",
        "exasol",
        "facebook",
        "fs",
        "ftp",
        "gcp",
        "gcpssh",
        "generic",
        "github",
        "grpc",
        "hive",
        "http",
        "imap",
        "influxdb",
        "jdbc",
        "jenkins",
        "jira",
        "kafka",
        "kubernetes",
        "kylin",
        "livy",
        "mongo",
        "mssql",
        "mysql",
        "neo4j",
        "odbc",
        "openai",
        "opensearch",
        "opsgenie",
        "oracle",
        "pagerduty",
        "pgvector",
        "pig",
        "pinecone",
        "postgres",
        "presto",
        "qdrant",
        "redis",
        "redshift",
        "salesforce",
        "samba",
        "segment",
        "sftp",
        "slack",
        "smtp",
        "snowflake",
        "spark",
        "sqlite",
        "sqoop",
        "ssh",
        "tableau",
        "telegram",
        "teradata",
        "trino",
        "vault",
        "vertica",
        "wasb",
        "weaviate",
        "yandex",
        "yandexcloud",
        "ydb",
        "zendesk",
    ]
)
"""Connection types of other providers. Ours sorts before ``apache-airflow-providers-…`` and would take the name."""

_PACKAGE = "airflow-provider-fapiao"


def get_provider_info() -> dict[str, Any]:
    """The provider's description, with one connection type for each usable vendor plugin. Never raises."""
    info: dict[str, Any] = {
        "package-name": _PACKAGE,
        "name": "Fapiao",
        "description": "Chinese VAT invoices (发票) from vendor APIs into your own SQL database, completely and provably.",
        "versions": [fapiao.__version__],
        "hook-class-names": [],
        "connection-types": [],
    }
    try:
        types = _connection_types()
        info["connection-types"] = types
        info["hook-class-names"] = [kind["hook-class-name"] for kind in types]
    except Exception:  # Airflow itself would die of it: a provider without connection types is better
        log.warning("fapiao's connection types are not available.", exc_info=True)
    return info


def _connection_types() -> list[dict[str, Any]]:
    points = list(entry_points(group=GROUP))
    names = sorted({point.name for point in points})
    found: dict[str, dict[str, Any] | str] = {}

    def describe(name: str) -> None:
        try:
            # A registry of its own: a plugin that never returns holds no lock that others wait for.
            source = Registry([point for point in points if point.name == name]).get(name)
            found[name] = _connection_type(source.descriptor)
        except BaseException as problem:  # noqa: BLE001 - a plugin may even call exit(); it is named below
            found[name] = f"{type(problem).__name__}: {problem}"

    workers = [threading.Thread(target=describe, args=(name,), name=f"fapiao-{name}", daemon=True) for name in names]
    for worker in workers:
        worker.start()
    give_up = time.monotonic() + PATIENCE
    for worker in workers:
        worker.join(max(0.0, give_up - time.monotonic()))
    types = []
    for name in names:
        entry = found.get(name, f"it was not described within {PATIENCE:.0f} seconds")
        if isinstance(entry, str):
            log.warning("The fapiao source %s gives no connection type: %s See 'fapiao sources'.", name, entry)
        else:
            types.append(entry)
    return types


def _connection_type(descriptor: Descriptor) -> dict[str, Any]:
    """One entry of ``connection-types``.

    :raises ValueError: the descriptor has values of other types than it declares, or takes another provider's name.
    """
    # Structs do not check types when they are built, so a careless plugin may hold anything.
    checked = msgspec.convert(msgspec.to_builtins(descriptor), Descriptor)
    if checked.name in _TAKEN:
        raise ValueError(f"the connection type {checked.name!r} belongs to another provider")
    entry = {
        "connection-type": checked.name,
        "hook-class-name": f"fapiao.airflow.hooks.{hook_class_name(checked.name)}",
        "hook-name": checked.title,
        "conn-fields": conn_fields(checked),
        "ui-field-behaviour": field_behaviour(checked, kebab_case=True),
    }
    json.dumps(entry)
    return entry
