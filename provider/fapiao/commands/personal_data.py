"""``fapiao personal-data``: what becomes of personal data in a database, shown and changed."""

from __future__ import annotations

import click

from fapiao.commands.options import INTO, SCHEMA
from fapiao.errors import ConfigurationError

__all__ = ["personal_data"]


@click.command("personal-data")
@INTO
@SCHEMA
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="CLASS=ACTION",
    help="Change the policy and apply it to what is stored; repeatable. Classes: identity, name, contact, bank, remark, "
    "property, unknown. Actions: keep, mask, hash, drop.",
)
@click.option(
    "--apply",
    "applies",
    is_flag=True,
    help="Apply the policy as it is, again where it was, or continue where that was stopped.",
)
@click.option("--dry-run", is_flag=True, help="Count what --set would change; change nothing.")
@click.option("--json", "as_json", is_flag=True)
def personal_data(
    into: str, schema: str | None, settings: tuple[str, ...], applies: bool, dry_run: bool, as_json: bool
) -> None:
    """Show the personal data policy (个人信息) of a database, change it, and apply it to everything stored.

    What is masked, hashed or dropped cannot be had back, unless raw answers are encrypted: then 'fapiao renormalize' brings it back
    after the policy was made weaker. Hashing takes its key from FAPIAO_HASH_KEY or FAPIAO_HASH_KEY_FILE.
    """
    from fapiao.rereading.personal_data import apply_policy, set_policy, show_policy
    from fapiao.store import Database

    if dry_run and not settings:
        raise ConfigurationError("--dry-run counts what --set would change.", advice="Give --set too.")
    database = Database.connect(into, schema=schema)
    if settings:
        report = set_policy(database, settings, dry_run=dry_run)
    elif applies:
        report = apply_policy(database, again=True)
    else:
        report = show_policy(database)
    click.echo(report.to_json() if as_json else report.to_text())
