"""What Airflow reads through the entry point group ``apache_airflow_provider``, in every one of its processes.

An exception here, or a dictionary that fails Airflow's schema, stops the scheduler and the command line; and Airflow 3.3
calls it whenever ``airflow.sdk`` is imported, so by every task. So nothing in here imports Airflow or a plugin: the names
of the connection types are the names of the entry points, and what only a form needs is asked of a plugin when somebody
looks at the form.
"""

from __future__ import annotations

import logging
import re
from importlib.metadata import entry_points
from typing import Any

from typing_extensions import override

import fapiao
from fapiao.airflow.names import hook_class_name
from fapiao.errors import SourceUnavailable
from fapiao.registry import GROUP, Registry

__all__ = ["ConnectionType", "get_provider_info"]

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z][a-z0-9]*")
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


class ConnectionType(dict[str, Any]):
    """An entry of ``connection-types``: name and hook class at once, the form's keys when they are first asked for.

    Airflow 3.x takes the form from ``hook-name``, ``conn-fields`` and ``ui-field-behaviour``; 2.11 asks the hook class.
    A plugin that cannot say is warned about and has no form; its name stays, so that existing connections keep their type.
    """

    _FORM = ("hook-name", "conn-fields", "ui-field-behaviour")

    def __missing__(self, key: str) -> Any:
        if key in self._FORM:
            self._fill()
            if key in self:
                return self[key]
        raise KeyError(key)

    @override
    def get(self, key: str, default: Any = None) -> Any:
        """As of any dictionary, but with the form's keys."""
        try:
            return self[key]
        except KeyError:
            return default

    def _fill(self) -> None:
        from fapiao.airflow.describing import descriptor_of
        from fapiao.airflow.forms import conn_fields, field_behaviour

        try:
            descriptor = descriptor_of(self["connection-type"])
        except SourceUnavailable:
            return
        self["hook-name"] = descriptor.title
        self["conn-fields"] = conn_fields(descriptor)
        self["ui-field-behaviour"] = field_behaviour(descriptor, kebab_case=True)


def get_provider_info() -> dict[str, Any]:
    """The provider's description, with a connection type for each installed vendor plugin. Never raises."""
    try:
        types = _connection_types()
    except Exception:  # Airflow itself would die of it: a provider without connection types is better
        log.warning("fapiao's connection types are not available.", exc_info=True)
        types = []
    return {
        "package-name": "airflow-provider-fapiao",
        "name": "Fapiao",
        "description": "Chinese VAT invoices (发票) from vendor APIs into your own SQL database, completely and provably.",
        "versions": [fapiao.__version__],
        "hook-class-names": [kind["hook-class-name"] for kind in types],
        "connection-types": types,
        # 2.11 shows only links that it finds here.
        "extra-links": ["fapiao.airflow.links.VendorConsoleLink"],
    }


def _connection_types() -> list[ConnectionType]:
    claims: dict[str, set[str]] = {name: set() for name in Registry().names()}
    for point in entry_points(group=GROUP):
        if point.name in claims:
            claims[point.name].add(point.value)
    types = []
    for name, values in claims.items():
        if not _NAME.fullmatch(name):
            log.warning(
                "The fapiao source %r is left out: its name is not made of lower-case letters and digits.", name
            )
        elif name in _TAKEN:
            log.warning("The fapiao source %s is left out: the connection type belongs to another provider.", name)
        elif len(values) > 1:
            log.warning("The fapiao source %s is left out: two distributions claim it. See 'fapiao sources'.", name)
        else:
            hook = f"fapiao.airflow.hooks.{hook_class_name(name)}"
            types.append(ConnectionType({"connection-type": name, "hook-class-name": hook}))
    return types
