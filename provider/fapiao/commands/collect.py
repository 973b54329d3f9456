"""``fapiao collect``: one taxpayer's month, complete and proven."""

from __future__ import annotations

import time
from pathlib import Path

import click

from fapiao.commands.options import CONNECTION, INTO, SCHEMA, given_connection
from fapiao.commands.waiting import finish, progress_bar

__all__ = ["collect"]


@click.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", required=True, metavar="NO", help="Taxpayer number (纳税人识别号).")
@click.option("--month", "invoice_month", required=True, metavar="YYYYMM", help="Invoice month (开票月份).")
@click.option("--type", "types", multiple=True, metavar="CODE", help="Invoice type, repeatable. Default: all.")
@click.option("--direction", "directions", multiple=True, metavar="input|output", help="Default: both.")
@click.option("--refresh", default="always", show_default=True, metavar="always|older-than:6h|never")
@click.option("--on-rejected", default="fail", show_default=True, metavar="fail|accept")
@click.option("--poll-interval", type=float, metavar="S", help="Seconds between two looks at the job.")
@click.option(
    "--wait", "patience", default=21600.0, show_default=True, metavar="S", help="Longest wait in all, seconds."
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest on stdout.")
@INTO
@SCHEMA
@CONNECTION
def collect(
    source_name: str,
    taxpayer_no: str,
    invoice_month: str,
    types: tuple[str, ...],
    directions: tuple[str, ...],
    refresh: str,
    on_rejected: str,
    poll_interval: float | None,
    patience: float,
    as_json: bool,
    into: str,
    schema: str | None,
    connection_file: Path | None,
) -> None:
    """Collect one taxpayer's month: every type, both directions, with the proof that nothing is missing."""
    from fapiao.arguments import collect_request
    from fapiao.collecting.collection import Collector
    from fapiao.registry import registry
    from fapiao.store import Database

    source = registry.get(source_name)
    request = collect_request(
        source.descriptor,
        taxpayer_no=taxpayer_no,
        invoice_month=invoice_month,
        now=time.time(),
        types=types,
        directions=directions,
        refresh=refresh,
        on_rejected=on_rejected,
        poll_interval=poll_interval,
    )
    account = source.account(given_connection(source_name, connection_file))
    database = Database.connect(into, schema=schema)
    with (
        progress_bar(quiet=as_json) as show,
        Collector(source, account, database, request, progress=show) as collector,
    ):
        finish(collector, patience, as_json=as_json)
