"""``fapiao reconcile``: what is stored beside totals from outside."""

from __future__ import annotations

import time

import click
import msgspec

from fapiao.commands.options import INTO, SCHEMA
from fapiao.errors import ConfigurationError

__all__ = ["reconcile"]


@click.command()
@click.option("--month", metavar="YYYYMM", help="Invoices of this month (开票月份).")
@click.option(
    "--tax-period", metavar="YYYYMM", help="What was certified for deduction in this tax period (税款所属期)."
)
@click.option("--taxpayer", "taxpayers", multiple=True, metavar="NO", help="Only this one; may be repeated.")
@click.option("--require", is_flag=True, help="What has no total is a difference too.")
@INTO
@SCHEMA
@click.option("--json", "as_json", is_flag=True)
def reconcile(
    month: str | None,
    tax_period: str | None,
    taxpayers: tuple[str, ...],
    require: bool,
    into: str,
    schema: str | None,
    as_json: bool,
) -> None:
    """Hold what is stored against the totals of 'fapiao control-totals'. Exit status 0: nothing differs."""
    from fapiao.arguments import begun_month, taxpayer_number
    from fapiao.reports.reconciling import reconcile as run
    from fapiao.reports.tables import control_totals_table, untotalled_table
    from fapiao.store import Database
    from fapiao.store.reports.control_totals import DEDUCTION, INVOICES

    if (month is None) == (tax_period is None):
        raise ConfigurationError(
            "It must be said once what is reconciled.", advice="Give either --month or --tax-period, as yyyymm."
        )
    found = run(
        Database.connect(into, schema=schema),
        DEDUCTION if month is None else INVOICES,
        begun_month(month or tax_period or "", time.time()),
        taxpayers=[taxpayer_number(taxpayer) for taxpayer in taxpayers] or None,
        require=require,
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    elif found.totals:
        control_totals_table(found.totals)
    else:
        click.echo(f"There is no total of {found.period}: store some with 'fapiao control-totals'.", err=True)
    if found.untotalled and not as_json:
        untotalled_table(found.untotalled)
    if not found.is_equal:
        raise SystemExit(1)
