"""``fapiao control-totals``: totals from outside, from a CSV file into the database."""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec

from fapiao.errors import ConfigurationError

__all__ = ["control_totals"]


@click.command("control-totals")
@click.option(
    "--from-csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="A total per line; see --template."
)
@click.option("--into", metavar="URL", help="The database, such as sqlite:///fapiao.db or postgresql://…")
@click.option("--schema", metavar="NAME", help="Database schema of the tables (PostgreSQL).")
@click.option("--template", is_flag=True, help="Print a file to begin with; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done on stdout as JSON.")
def control_totals(csv_file: Path | None, into: str | None, schema: str | None, template: bool, as_json: bool) -> None:
    """Store totals from outside (控制总数): the bureau's export, the bookkeeping, 附表二 of the VAT return.

    All lines are stored, or none. A total that is there already is replaced if it says something else.
    """
    from fapiao.reports.control_totals import TEMPLATE, totals_of_csv
    from fapiao.store import Database
    from fapiao.store.reports.control_totals import store_totals

    if template:
        click.echo(TEMPLATE, nl=False)
        return
    if csv_file is None or into is None:
        raise ConfigurationError(
            "It must be said which totals are stored, and where.", advice="Give --from-csv FILE and --into URL."
        )
    now = time.time()
    done = store_totals(Database.connect(into, schema=schema), totals_of_csv(csv_file, now), now)
    if as_json:
        click.echo(msgspec.json.encode(done).decode())
    else:
        click.echo(f"{csv_file.name}: {done.added} totals added, {done.changed} changed, {done.same} the same.")
