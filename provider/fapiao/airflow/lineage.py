"""OpenLineage: what a task has read at the vendor, and which tables it has written. Loaded by the OpenLineage provider only.

A vendor's data is a dataset of the namespace ``fapiao://<source>``, named ``<account>/<taxpayer>/<month>``. Tables are named as
https://openlineage.io/docs/spec/naming lays down; SQLite, of which it says nothing, by the path of its file. Facets are row counts:
no invoice, no amount, no secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench

__all__ = ["Lineage", "facets", "lineage_of"]

MOST_INPUTS = 200
"""Taxpayers that are datasets of their own; of more, the account's month is one: events of megabytes help nobody."""
_SCHEMES = {"postgresql": ("postgres", 5432), "mysql": ("mysql", 3306), "mariadb": ("mysql", 3306)}


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """What one task has done, before anybody knows OpenLineage."""

    reads: tuple[tuple[str, str], ...]
    """(namespace, name) of each dataset."""
    writes: tuple[tuple[str, str, int | None], ...]
    """(namespace, name, rows) of each table; the rows where they are known."""


def lineage_of(bench: Bench, parts: Sequence[str], about: str, tables: Mapping[str, int | None]) -> Lineage:
    """
    :param parts: taxpayers, or nothing where the account as a whole is read.
    :param about: the month, or what else was asked for.
    :param tables: table → rows.
    """
    account = bench.account.name
    named = [f"{account}/{part}/{about}" for part in parts] if 0 < len(parts) <= MOST_INPUTS else [f"{account}/{about}"]
    namespace, prefix = _place(bench.database.url, bench.database.schema)
    return Lineage(
        reads=tuple((f"fapiao://{bench.source.name}", name) for name in named),
        writes=tuple((namespace, prefix + table, rows) for table, rows in tables.items()),
    )


def facets(lineage: Lineage | None) -> Any:
    """The same as the OpenLineage provider's ``OperatorLineage``; None of a task that has not come so far."""
    if lineage is None:
        return None
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    outputs = [
        OutputDataset(
            namespace=namespace,
            name=name,
            outputFacets={}
            if rows is None
            else {"outputStatistics": statistics.OutputStatisticsOutputDatasetFacet(rowCount=rows)},
        )
        for namespace, name, rows in lineage.writes
    ]
    inputs = [InputDataset(namespace=namespace, name=name) for namespace, name in lineage.reads]
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _place(url: Any, schema: str | None) -> tuple[str, str]:
    """Namespace of the database, and what stands before a table's name."""
    dialect = url.get_backend_name()
    if dialect == "sqlite":
        return f"sqlite://{Path(url.database).resolve() if url.database else ''}", ""
    scheme, port = _SCHEMES[dialect]
    namespace = f"{scheme}://{url.host or 'localhost'}:{url.port or port}"
    if scheme == "mysql":  # its databases are its schemas
        return namespace, f"{schema or url.database}."
    return namespace, f"{url.database}.{schema or 'public'}."
