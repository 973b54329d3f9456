"""``fapiao changes``: what a later collection or sync has brought."""

from __future__ import annotations

import click
import msgspec

from fapiao.commands.options import INTO, SCHEMA
from fapiao.errors import ConfigurationError

__all__ = ["changes"]


@click.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", required=True, metavar="NO", help="Taxpayer number (纳税人识别号).")
@click.option("--month", "invoice_month", metavar="YYYYMM", help="What a later collection of this month has brought.")
@click.option("--generation", type=int, metavar="N", help="With --month: that one. Default: the newest closed one.")
@click.option("--run", type=int, metavar="ID", help="The 'run' of a sync's manifest. Default: the newest one.")
@click.option("--json", "as_json", is_flag=True)
@INTO
@SCHEMA
def changes(
    source_name: str,
    taxpayer_no: str,
    invoice_month: str | None,
    generation: int | None,
    run: int | None,
    as_json: bool,
    into: str,
    schema: str | None,
) -> None:
    """List what changed. With --month: invoices that are new, say something else, or are absent since it was collected before.

    Without: what a sync found: newly certified, revoked, selected, abnormal, red, gone from the lists.
    """
    from fapiao.reports.tables import changes_table, month_changes_table
    from fapiao.store import Database, deduction_changes, latest_sync, month_changes

    if (invoice_month is None and generation is not None) or (invoice_month is not None and run is not None):
        raise ConfigurationError(
            "--generation belongs to --month, and --run to a sync.", advice="Give --month or --run, not both."
        )
    database = Database.connect(into, schema=schema)
    if invoice_month is not None:
        of_month = month_changes(database, source_name, taxpayer_no, invoice_month, generation)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(of_month)).decode())
        else:
            month_changes_table(of_month)
        return
    wanted = latest_sync(database, source_name, taxpayer_no) if run is None else run
    if wanted is None:
        raise ConfigurationError(
            f"There is no finished sync of {source_name}.",
            taxpayer_no=taxpayer_no,
            advice="Run 'fapiao sync' first, with the same database; or name a month with --month.",
        )
    found = deduction_changes(database, wanted)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        changes_table(found)
