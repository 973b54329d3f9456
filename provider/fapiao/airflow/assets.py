"""A collected month as an Airflow asset (a dataset in Airflow 2.11), so that DAGs can be scheduled on its arrival.

One asset per (source, taxpayer, month) is known only when a task runs. So a task gets the alias as its outlet, and tells
through it which assets are new::

    CollectInvoicesOperator(task_id="collect", …, outlets=[invoice_months()])

    DAG(dag_id="book", schedule=[invoice_months()])                                    # any month of any taxpayer
    DAG(dag_id="book_one", schedule=[month_asset("ekuaibao", "919900000000000192", "202411")])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fapiao.airflow.compat import Asset, AssetAlias

if TYPE_CHECKING:
    from fapiao.airflow.batch import Batch
    from fapiao.manifest import Manifest

__all__ = ["ALIAS", "invoice_months", "month_asset", "tell_assets"]

ALIAS = "fapiao_invoice_months"


def invoice_months(name: str = ALIAS) -> AssetAlias:
    """The alias under which collected months are told: an outlet of a collecting task, the schedule of a DAG.

    :param name: for an alias of one's own; it begins with ``fapiao_``, by which an operator knows that it is meant.
    """
    if not name.startswith("fapiao_"):
        raise ValueError(f"the alias {name!r} does not begin with 'fapiao_'")
    return AssetAlias(name)


def month_asset(source: str, taxpayer_no: str, invoice_month: str) -> Asset:
    """The asset of one taxpayer's month: ``fapiao://ekuaibao/919900000000000192/202411``."""
    return Asset(f"fapiao://{source}/{taxpayer_no}/{invoice_month}")


def tell_assets(context: Mapping[str, Any], outlets: Iterable[Any], batch: Batch, since: float) -> None:
    """An event for each month that this run has closed as complete. A month that was there already is no news.

    The event's ``extra`` has counts, neither invoices nor amounts.
    """
    aliases = [outlet for outlet in outlets if isinstance(outlet, AssetAlias) and outlet.name.startswith("fapiao_")]
    if not aliases:
        return
    results = batch.results
    for taxpayer, record in batch.records.items():
        if record.state != "complete" or record.closed_at is None or record.closed_at < since:
            continue
        manifest: Manifest = results[taxpayer]
        asset = month_asset(record.key.source, taxpayer, record.key.invoice_month)
        for alias in aliases:
            context["outlet_events"][alias].add(asset, extra=month_extra(manifest))


def month_extra(manifest: Manifest) -> dict[str, Any]:
    """What an event says about a month."""
    return {
        "source": manifest.source,
        "taxpayer_no": manifest.taxpayer_no,
        "invoice_month": manifest.invoice_month,
        "generation": manifest.generation,
        "invoices": manifest.loaded,
        "rejected": sum(part.rejected for part in manifest.slices),
        "slices": len(manifest.slices),
    }
