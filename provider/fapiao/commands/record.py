"""``fapiao record``: one month, one sync or one verification as a cassette for tests."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fapiao.commands.options import CONNECTION, given_connection
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.recording import Outcome
    from fapiao.registry import Source
    from fapiao.testing.cassettes import Cassette, Masker

__all__ = ["record"]


@click.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", metavar="NO", help="Taxpayer number (纳税人识别号).")
@click.option("--month", "invoice_month", metavar="YYYYMM", help="Record the collection of this invoice month.")
@click.option("--type", "types", multiple=True, metavar="CODE", help="Invoice type, repeatable. Default: all.")
@click.option("--direction", "directions", multiple=True, metavar="input|output", help="Default: both.")
@click.option("--query", "queries", multiple=True, metavar="CODE", help="Record the sync of this list; repeatable.")
@click.option("--tax-period", metavar="YYYYMM", help="Tax period (税款所属期) of a sync.")
@click.option("--from", "first_on", metavar="YYYY-MM-DD", help="First day of a sync.")
@click.option("--to", "last_on", metavar="YYYY-MM-DD", help="Last day of a sync.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Filter of a sync; repeatable.")
@click.option("--zip", "zipped", is_flag=True, help="Ask for compressed answers.")
@click.option("--number", metavar="N", help="Record the verification of the invoice with this number.")
@click.option("--code", "invoice_code", metavar="C", help="Its invoice code (发票代码).")
@click.option("--date", "issued_on", metavar="YYYY-MM-DD", help="Its date of issue (开票日期).")
@click.option("--amount", metavar="A", help="Its amount that is checked.")
@click.option("--check-code", metavar="C", help="Its check code (校验码).")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The cassette."
)
@click.option("--keep", multiple=True, metavar="FIELD", help="Leave the values of this field as they are; repeatable.")
@click.option("--hide", multiple=True, metavar="FIELD", help="Replace every value of this field; repeatable.")
@click.option(
    "--mask-key", envvar="FAPIAO_MASK_KEY", metavar="TEXT", help="The same key replaces alike. Keep it secret."
)
@click.option("--unmasked", is_flag=True, help="Keep names and numbers as the vendor said them. Never publish it.")
@click.option("--force", is_flag=True, help="Replace the file.")
@click.option("--wait", "patience", default=21600.0, show_default=True, metavar="S", help="Longest wait, seconds.")
@CONNECTION
def record(
    source_name: str,
    taxpayer_no: str | None,
    invoice_month: str | None,
    types: tuple[str, ...],
    directions: tuple[str, ...],
    queries: tuple[str, ...],
    tax_period: str | None,
    first_on: str | None,
    last_on: str | None,
    settings: tuple[str, ...],
    zipped: bool,
    out: Path,
    keep: tuple[str, ...],
    hide: tuple[str, ...],
    mask_key: str | None,
    unmasked: bool,
    force: bool,
    patience: float,
    connection_file: Path | None,
    **claim: str | None,
) -> None:
    """Record a conversation with the vendor as a cassette for tests: without secrets, persons and companies masked.

    It asks the vendor in earnest: a job is started where a month needs one, and what the vendor charges for is charged.
    """
    from fapiao.recording import record as run
    from fapiao.registry import registry
    from fapiao.sync_arguments import filter_pairs
    from fapiao.testing.cassettes import Question

    if out.exists() and not force:
        raise ConfigurationError(f"{out} exists already.", advice="Name another file, or replace it with --force.")
    if not out.absolute().parent.is_dir():
        raise ConfigurationError(f"The folder of {out} does not exist.", advice="Make it first.")
    source = registry.get(source_name)
    question = Question(
        kind=_kind(taxpayer_no, invoice_month, queries, claim),
        taxpayer_no=taxpayer_no or "",
        invoice_month=invoice_month or "",
        types=types,
        directions=directions,
        queries=queries,
        tax_period=tax_period,
        first_on=first_on,
        last_on=last_on,
        filters=tuple(filter_pairs(settings)),
        zipped=zipped,
        claim={name: value for name, value in claim.items() if value},
    )
    account = source.account(given_connection(source_name, connection_file))
    masker = None if unmasked else _masker(source, mask_key, keep, hide)
    plugin = " ".join(registry.distribution(source_name))
    cassette, outcome = run(source, account, question, masker, plugin=plugin, patience=patience)
    _prove(source, cassette, outcome, out)
    out.write_text(cassette.text(), "utf-8")
    ended = f"; it ended with {outcome.error}" if outcome.error else ""
    click.echo(f"{len(cassette.exchanges)} requests were recorded in {out}{ended}.")
    if unmasked:
        click.echo("It is not masked: it names real persons and companies. Do not publish it.", err=True)
    else:
        click.echo(
            "Read it before you publish it: amounts, dates and short words are as the vendor said them.", err=True
        )


def _kind(
    taxpayer_no: str | None, invoice_month: str | None, queries: tuple[str, ...], claim: dict[str, str | None]
) -> str:
    wanted = [("collect", invoice_month), ("sync", queries), ("verify", claim["number"])]
    kinds = [kind for kind, value in wanted if value]
    if len(kinds) != 1:
        raise ConfigurationError(
            "It must be said once what is to be recorded.",
            advice="Give one of --month (a collection), --query (a sync) and --number (a verification).",
        )
    if not taxpayer_no and kinds[0] != "verify":
        raise ConfigurationError("The taxpayer is missing.", advice="Give --taxpayer NO (纳税人识别号).")
    return kinds[0]


def _masker(source: Source, key: str | None, keep: tuple[str, ...], hide: tuple[str, ...]) -> Masker:
    from fapiao.testing.cassettes.masking import Masker, known_words

    chosen = key.encode() if key else secrets.token_bytes(32)
    return Masker(chosen, words=known_words(source.descriptor), keep=keep, hide=hide)


def _prove(source: Source, cassette: Cassette, outcome: Outcome, out: Path) -> None:
    """Ask the recording what the vendor was asked: what masking broke is found now, not in a test next year."""
    from fapiao.recording import play

    played = play(source, cassette, str(out))
    different = outcome.differences(played)
    if different:
        shown = "; ".join(different[:5])
        raise ConfigurationError(
            f"Played again, the recording says something else than the vendor did: {shown}.",
            source=source.name,
            advice="If a masked value means something to the plugin, name its field with --keep; if the flow uses more than "
            "its arguments and the answers, mend it. Nothing was written.",
        )
