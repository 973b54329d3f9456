"""``fapiao sync``: deduction states out of a vendor's lists."""

from __future__ import annotations

from pathlib import Path

import click

from fapiao.commands.options import CONNECTION, INTO, SCHEMA, given_connection
from fapiao.commands.waiting import finish, progress_bar

__all__ = ["sync"]


@click.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", required=True, metavar="NO", help="Taxpayer number (纳税人识别号).")
@click.option(
    "--query", "queries", multiple=True, required=True, metavar="CODE", help="List, by the vendor's code; repeatable."
)
@click.option("--tax-period", metavar="YYYYMM", help="Tax period (税款所属期).")
@click.option("--from", "first_on", metavar="YYYY-MM-DD", help="First day; which date it filters depends on the list.")
@click.option("--to", "last_on", metavar="YYYY-MM-DD", help="Last day.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Filter by the vendor's name; repeatable.")
@click.option("--zip", "zipped", is_flag=True, help="Ask for compressed answers.")
@click.option("--on-rejected", default="fail", show_default=True, metavar="fail|accept")
@click.option(
    "--wait", "patience", default=21600.0, show_default=True, metavar="S", help="Longest wait in all, seconds."
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest on stdout.")
@INTO
@SCHEMA
@CONNECTION
def sync(
    source_name: str,
    taxpayer_no: str,
    queries: tuple[str, ...],
    tax_period: str | None,
    first_on: str | None,
    last_on: str | None,
    settings: tuple[str, ...],
    zipped: bool,
    on_rejected: str,
    patience: float,
    as_json: bool,
    into: str,
    schema: str | None,
    connection_file: Path | None,
) -> None:
    """Sync the deduction state (抵扣) of one taxpayer's input invoices from a vendor's lists, and tell what changed."""
    from fapiao.collecting.sync import Syncer
    from fapiao.registry import registry
    from fapiao.store import Database
    from fapiao.sync_arguments import filter_pairs, sync_request

    source = registry.get(source_name)
    account = source.account(given_connection(source_name, connection_file))
    request = sync_request(
        source,
        account,
        taxpayer_no=taxpayer_no,
        queries=queries,
        tax_period=tax_period,
        first_on=first_on,
        last_on=last_on,
        filters=filter_pairs(settings),
        zipped=zipped,
        on_rejected=on_rejected,
    )
    database = Database.connect(into, schema=schema)
    with (
        progress_bar(quiet=as_json) as show,
        Syncer(source, account, database, request, progress=show) as syncer,
    ):
        finish(syncer, patience, as_json=as_json)
