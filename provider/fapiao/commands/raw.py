"""``fapiao renormalize`` and ``fapiao purge-raw``: stored answers interpreted again, and removed."""

from __future__ import annotations

import time

import click

from fapiao.arguments import begun_month
from fapiao.commands.options import INTO, SCHEMA

__all__ = ["purge_raw", "renormalize"]


@click.command()
@INTO
@SCHEMA
@click.option("--source", "source_name", metavar="SOURCE", help="Only what this source said.")
@click.option("--taxpayer", "taxpayer_no", metavar="NO", help="Only about this taxpayer, or verified on its behalf.")
@click.option("--month", "invoice_month", metavar="YYYYMM", help="Of verifications: the month of issue as claimed.")
@click.option("--json", "as_json", is_flag=True, help="Print what changed on stdout as JSON.")
def renormalize(
    into: str,
    schema: str | None,
    source_name: str | None,
    taxpayer_no: str | None,
    invoice_month: str | None,
    as_json: bool,
) -> None:
    """Interpret stored raw answers again after a mapping fix, without a vendor call; say what changed."""
    from fapiao.rereading.renormalizing import renormalize as run
    from fapiao.store import Database

    wanted = {"source": source_name, "taxpayer": taxpayer_no, "month": invoice_month}
    done = run(
        Database.connect(into, schema=schema),
        source=source_name,
        taxpayer_no=taxpayer_no,
        invoice_month=None if invoice_month is None else begun_month(invoice_month, time.time()),
    )
    if any(wanted.values()) and not done.changes.pages and not done.failed:
        named = ", ".join(f"{name} {value}" for name, value in wanted.items() if value)
        click.echo(
            f"No stored answer is of {named}: nothing was interpreted again. See 'fapiao coverage' for what was collected.",
            err=True,
        )
    click.echo(done.to_json() if as_json else done.to_text())
    if done.failed:
        raise SystemExit(1)


@click.command("purge-raw")
@INTO
@SCHEMA
@click.option("--before", required=True, metavar="YYYY-MM-DD|YYYYMM", help="Read before this day or month, in China.")
@click.option("--dry-run", is_flag=True, help="Count; remove nothing.")
def purge_raw(into: str, schema: str | None, before: str, dry_run: bool) -> None:
    """Remove raw answers of old pages; the proof (counts, sums, SHA-256) stays."""
    from fapiao.rereading.purging import purge
    from fapiao.store import Database

    done = purge(Database.connect(into, schema=schema), before, time.time(), dry_run=dry_run)
    verb = "would be" if dry_run else "were"
    click.echo(
        f"The raw of {done.pages} pages ({done.stored_bytes} bytes) and of {done.rejected} rejected records {verb} removed."
    )
