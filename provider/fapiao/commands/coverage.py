"""``fapiao coverage``: what is proven, on the terminal, as JSON, as one HTML file, as a table for spreadsheets."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
import msgspec

from fapiao.commands.options import INTO, SCHEMA
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fapiao.reports.reconciling import ReconciledTotal
    from fapiao.store import CoverageRow, Database

__all__ = ["coverage"]


@click.command()
@INTO
@SCHEMA
@click.option("--source", "source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", metavar="NO")
@click.option("--from", "first_month", metavar="YYYYMM", help="First invoice month.")
@click.option("--to", "last_month", metavar="YYYYMM", help="Last invoice month.")
@click.option("--all", "show_all", is_flag=True, help="Show empty and unsupported slices too.")
@click.option("--json", "as_json", is_flag=True)
@click.option(
    "--html", "html_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="One file to mail."
)
@click.option(
    "--airflow-url",
    envvar="FAPIAO_AIRFLOW_URL",
    metavar="URL",
    help="With --html: address of Airflow (3.1 or newer); the file then links to the logs of its tasks.",
)
@click.option(
    "--csv",
    "csv_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A row per slice; - = stdout.",
)
def coverage(
    into: str,
    schema: str | None,
    source_name: str | None,
    taxpayer_no: str | None,
    first_month: str | None,
    last_month: str | None,
    show_all: bool,
    as_json: bool,
    html_file: Path | None,
    airflow_url: str | None,
    csv_file: Path | None,
) -> None:
    """Show what is proven: taxpayer × month × type × direction, expected, loaded, rejected, state."""
    from fapiao.reports.tables import control_totals_table, coverage_table
    from fapiao.store import Database
    from fapiao.store import coverage as query

    database = Database.connect(into, schema=schema)
    wanted = {
        "source": source_name, "taxpayer_no": taxpayer_no, "first_month": first_month, "last_month": last_month,
    }  # fmt: skip
    if html_file is not None:
        from fapiao.coverage.report import airflow_address, coverage_report

        airflow = airflow_address(airflow_url) if airflow_url else None
        _written(html_file, coverage_report(database, time.time(), **wanted, airflow=airflow))
    if csv_file is not None:
        _spreadsheet(csv_file, database, wanted)
    if as_json or (html_file is None and csv_file is None):
        rows = query(database, **wanted)
        totals = _totals(database, rows, **wanted)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(_with_totals(rows, totals))).decode())
            return
        coverage_table(rows, show_all=show_all)
        if totals:
            control_totals_table(totals)


def _totals(
    database: Database,
    rows: Sequence[CoverageRow],
    *,
    source: str | None,
    taxpayer_no: str | None,
    first_month: str | None,
    last_month: str | None,
) -> list[ReconciledTotal]:
    """Totals of these months, also of such that were never collected; of one source's months where one is asked about."""
    from fapiao.reports.reconciling import reconciled_totals
    from fapiao.store.reports.control_totals import INVOICES

    taxpayers = None if taxpayer_no is None else [taxpayer_no]
    found = reconciled_totals(database, INVOICES, taxpayers=taxpayers, first_period=first_month, last_period=last_month)
    there = {(row.taxpayer_no, row.invoice_month) for row in rows}
    return [total for total in found if source is None or (total.taxpayer_no, total.period) in there]


def _with_totals(rows: Sequence[CoverageRow], totals: Sequence[ReconciledTotal]) -> list[dict[str, Any]]:
    """Each slice with the totals of its month and direction."""
    of_month: dict[tuple[str, str, str, str], list[Any]] = {}
    for total in totals:
        place = ("collect", total.taxpayer_no, total.period, total.direction)
        of_month.setdefault(place, []).append(msgspec.to_builtins(total))
    return [
        msgspec.to_builtins(row)
        | {"control_totals": of_month.get((row.kind, row.taxpayer_no, row.invoice_month, row.direction), [])}
        for row in rows
    ]


def _spreadsheet(path: Path, database: Database, wanted: dict[str, Any]) -> None:
    from io import StringIO

    from fapiao.coverage.spreadsheet import write_csv
    from fapiao.store import coverage as query
    from fapiao.store import taxpayer_names

    rows = query(database, **wanted)
    names = taxpayer_names(database, {row.taxpayer_no for row in rows})
    if str(path) == "-":
        out: TextIO = sys.stdout
        write_csv(rows, names, out)
        return
    text = StringIO()
    write_csv(rows, names, text)
    _written(path, "\ufeff" + text.getvalue())  # the mark by which spreadsheets know UTF-8


def _written(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as problem:
        raise ConfigurationError(
            f"The file {path} cannot be written: {problem.strerror}.", advice="Name a file in a folder that exists."
        ) from None
    click.echo(f"{path}: {len(text.encode()):,} bytes.", err=True)
