"""``fapiao init-db``: the tables, created or upgraded."""

from __future__ import annotations

import click

from fapiao.commands.options import INTO, SCHEMA

__all__ = ["init_db"]


@click.command("init-db")
@INTO
@SCHEMA
@click.option("--sql", "print_sql", is_flag=True, help="Print the DDL for a database administrator; change nothing.")
def init_db(into: str, schema: str | None, print_sql: bool) -> None:
    """Create or upgrade fapiao's tables."""
    from fapiao.store import Database
    from fapiao.store.documents.policies import read_policy

    if print_sql:
        click.echo(Database.ddl(into, schema=schema))
        return
    version = Database.migrate_url(into, schema=schema)
    click.echo(f"The tables are at schema version {version}.")
    if not read_policy(Database.connect(into, schema=schema)).is_applied():
        click.echo(
            "What is stored has not been brought to the personal data policy yet; see 'fapiao personal-data --into URL', which "
            "shows the policy, changes it (--set) and applies it (--apply)."
        )
