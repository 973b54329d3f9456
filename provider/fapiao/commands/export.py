"""``fapiao export``: the database as Parquet files."""

from __future__ import annotations

from pathlib import Path

import click

from fapiao.commands.options import INTO, SCHEMA

__all__ = ["export"]


@click.command()
@INTO
@SCHEMA
@click.option(
    "--to", "directory", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="The folder; what an earlier export left there is replaced.",
)  # fmt: skip
@click.option("--source", "source_name", metavar="SOURCE", help="Only what this source said.")
@click.option("--taxpayer", "taxpayer_no", metavar="NO")
@click.option("--month", "invoice_month", metavar="YYYYMM", help="Write and replace only this invoice month.")
@click.option("--json", "as_json", is_flag=True, help="Print the row counts as JSON.")
def export(
    into: str,
    schema: str | None,
    directory: Path,
    source_name: str | None,
    taxpayer_no: str | None,
    invoice_month: str | None,
    as_json: bool,
) -> None:
    """Write invoices, lines, deductions, verifications, slices and control totals as Parquet files, a partition per invoice month."""
    from fapiao.reports.exporting import export as run
    from fapiao.store import Database

    done = run(
        Database.connect(into, schema=schema),
        directory,
        source=source_name,
        taxpayer_no=taxpayer_no,
        invoice_month=invoice_month,
    )
    if as_json:
        click.echo(done.to_json())
        return
    counts = ", ".join(f"{name} {count:,}" for name, count in done.rows.items())
    click.echo(f"{directory}: {counts} rows in {done.files} files.")
