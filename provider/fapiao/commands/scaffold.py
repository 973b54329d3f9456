"""``fapiao new-source``: the distribution of a new vendor plugin, which passes its own tests at once."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["create"]


@click.command("new-source")
@click.argument("name", metavar="NAME")
@click.option(
    "--directory", type=click.Path(path_type=Path), metavar="DIR", help="Where to. Default: fapiao-NAME, here."
)
def create(name: str, directory: Path | None) -> None:
    """Write a new vendor plugin: a whole one for a made-up vendor, to be replaced part by part."""
    from fapiao.registry import registry
    from fapiao.scaffold.new_source import new_source

    place = directory if directory is not None else Path(f"fapiao-{name}")
    made = new_source(name, place, registry.names())
    click.echo(f"{len(made)} files were written to {place}. Next:")
    click.echo(f"  cd {place}")
    click.echo("  python -m pip install --editable '.[test]'")
    click.echo("  python -m pytest")
    click.echo("README.md says which file takes what from the vendor's document.")
