"""``fapiao …``: the use cases from a terminal. Exit status 0 = done and proven, 1 = not, 2 = the input is wrong."""

from __future__ import annotations

import logging
import sys

import click

from fapiao import __version__
from fapiao.commands.changes import changes
from fapiao.commands.collect import collect
from fapiao.commands.control_totals import control_totals
from fapiao.commands.coverage import coverage
from fapiao.commands.export import export
from fapiao.commands.init_db import init_db
from fapiao.commands.installed import list_observers, sources
from fapiao.commands.personal_data import personal_data
from fapiao.commands.raw import purge_raw, renormalize
from fapiao.commands.reconcile import reconcile
from fapiao.commands.record import record
from fapiao.commands.scaffold import create
from fapiao.commands.sync import sync
from fapiao.commands.vendors import check, simulate
from fapiao.commands.verify import verify
from fapiao.errors import ConfigurationError, FapiaoError, StoreError

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fapiao")
@click.option("-v", "--verbose", count=True, help="Say more; twice: every request.")
def cli(verbose: int) -> None:
    """Collect Chinese VAT invoices (发票) from vendor APIs into your own database, completely and provably."""
    from fapiao.redaction import RedactingFilter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("fapiao")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel([logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)])


for command in (
    changes,
    check,
    collect,
    control_totals,
    coverage,
    create,
    export,
    init_db,
    list_observers,
    personal_data,
    purge_raw,
    reconcile,
    record,
    renormalize,
    simulate,
    sources,
    sync,
    verify,
):
    cli.add_command(command)


def main() -> None:
    """Entry point of the ``fapiao`` command."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as end:
        raise SystemExit(end.exit_code) from None
    except click.Abort:
        click.echo("Stopped. What is committed is kept; the same command continues.", err=True)
        raise SystemExit(130) from None
    except click.ClickException as problem:
        problem.show()
        raise SystemExit(2) from None
    except FapiaoError as problem:
        from fapiao.redaction import redact

        click.echo(redact(f"Error: {problem}"), err=True)
        raise SystemExit(2 if isinstance(problem, ConfigurationError | StoreError) else 1) from None
