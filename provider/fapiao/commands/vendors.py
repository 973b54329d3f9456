"""``fapiao check`` and ``fapiao simulate``: a vendor's login, and a vendor that is none."""

from __future__ import annotations

from pathlib import Path

import click

from fapiao.commands.options import CONNECTION, given_connection

__all__ = ["check", "simulate"]


@click.command()
@click.argument("source_name", metavar="SOURCE")
@CONNECTION
def check(source_name: str, connection_file: Path | None) -> None:
    """Test the credentials of a connection: log in, nothing else."""
    from fapiao.check import check_credentials
    from fapiao.registry import registry

    source = registry.get(source_name)
    account = source.account(given_connection(source_name, connection_file))
    click.echo(check_credentials(source, account))


@click.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--port", type=int, default=0, show_default=True, help="0 = any free port.")
@click.option("--scenario", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
def simulate(source_name: str, port: int, scenario: Path | None) -> None:
    """Run a faithful simulator of a vendor on this machine, for demos and tests."""
    from fapiao.testing.simulator import serve

    serve(source_name, port, scenario)
