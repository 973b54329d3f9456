"""``fapiao verify``: claims from the command line, a CSV file or a query; answers, differences and files to the database."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from fapiao.commands.options import CONNECTION, INTO, SCHEMA, given_connection
from fapiao.commands.waiting import until_done
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.collecting.verification import VerificationSummary
    from fapiao.layouts.archiver import ArchiveSummary
    from fapiao.store import Database
    from fapiao.store.verification.checks import CheckRecord
    from fapiao.wire import Claim

__all__ = ["verify"]

_AGE = re.compile(r"(\d+)(s|m|h|d)?")
_UNIT = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_MOST_ROWS = 50


@click.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--number", metavar="N", help="Invoice number (发票号码): 20 digits, or 8 beside --code.")
@click.option("--code", "invoice_code", metavar="C", help="Invoice code (发票代码).")
@click.option("--date", "issued_on", metavar="YYYY-MM-DD", help="Date of issue (开票日期).")
@click.option("--amount", metavar="A", help="The amount that is checked: with tax for 20 digits, without tax else.")
@click.option("--amount-incl", "amount_incl_tax", metavar="A", help="Amount with tax (价税合计).")
@click.option("--amount-excl", "amount_excl_tax", metavar="A", help="Amount without tax (不含税金额).")
@click.option("--check-code", metavar="C", help="Check code (校验码), whole or its last six.")
@click.option("--from-csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="A claim per row.")
@click.option("--from-sql", "query", metavar="QUERY", help="A claim per row of a query on the database of --into.")
@click.option("--taxpayer", "taxpayer_no", metavar="NO", help="On whose behalf (纳税人识别号), where a row names none.")
@click.option("--files", metavar="PDF,OFD,XML", default="", help="Layout files (版式文件) wanted with it.")
@click.option("--archive", metavar="DIR|URL", help="Where the files go: a folder, or s3://… and the like.")
@click.option(
    "--ask-lost-again", is_flag=True, help="Ask once more for links whose answer was lost; starts no new job."
)
@click.option(
    "--max-age", metavar="AGE", help="Ask again what was answered longer ago: 30d, 12h; 0 = always. Default: never."
)
@click.option(
    "--wait", "patience", default=7200.0, show_default=True, metavar="S", help="Longest wait in all, seconds."
)
@click.option("--json", "as_json", is_flag=True, help="Print summary and answers on stdout.")
@INTO
@SCHEMA
@CONNECTION
def verify(
    source_name: str,
    csv_file: Path | None,
    query: str | None,
    taxpayer_no: str | None,
    files: str,
    archive: str | None,
    ask_lost_again: bool,
    max_age: str | None,
    patience: float,
    as_json: bool,
    into: str,
    schema: str | None,
    connection_file: Path | None,
    **single: str | None,
) -> None:
    """Verify invoices (发票查验) and archive their layout files. Exit status 0: all genuine, as booked, files archived."""
    from fapiao.collecting.claims import layouts_of
    from fapiao.collecting.verification import Verifier
    from fapiao.engine import BlockingDriver
    from fapiao.registry import registry
    from fapiao.store import Database, SharedAccountState

    kinds = layouts_of(files.split(","))
    if bool(kinds) != bool(archive) and not (archive and ask_lost_again):
        raise ConfigurationError("--files and --archive belong together.", advice="Give both, or neither.")
    age = _age(max_age)
    source = registry.get(source_name)
    database = Database.connect(into, schema=schema)
    claims = _claims(database, csv_file, query, taxpayer_no, kinds, single)
    account = source.account(given_connection(source_name, connection_file))
    deadline = time.time() + patience
    archived: ArchiveSummary | None = None
    with (
        BlockingDriver(source, account, state=SharedAccountState(database, account)) as driver,
        Verifier(source, account, database, claims, max_age=age, driver=driver) as verifier,
    ):
        try:
            trouble = until_done(verifier.advance, deadline)
            if archive:
                archiver = _archiver(source, account, database, archive, driver)
                if ask_lost_again:
                    archiver.ask_lost_again()
                try:
                    trouble = until_done(archiver.advance, deadline) or trouble
                    if trouble is None:
                        verifier.verdict()
                        archiver.verdict()
                finally:
                    archived = archiver.summary()
            if trouble is not None:
                raise trouble
            verifier.verdict()
        finally:
            _report(verifier.summary(), verifier.checks(), archived, as_json)


def _claims(
    database: Database,
    csv_file: Path | None,
    query: str | None,
    taxpayer_no: str | None,
    kinds: tuple[str, ...],
    single: dict[str, str | None],
) -> list[Claim]:
    from fapiao.collecting.claims import claim_of, claims_of_csv, claims_of_query

    given = [
        name
        for name, value in (("--number", single["number"]), ("--from-csv", csv_file), ("--from-sql", query))
        if value
    ]
    if len(given) != 1:
        raise ConfigurationError(
            "It must be said once what is to be verified.", advice="Give one of --number, --from-csv and --from-sql."
        )
    if csv_file is not None:
        return claims_of_csv(csv_file, taxpayer_no=taxpayer_no, layouts=kinds)
    if query:
        return claims_of_query(database, query, taxpayer_no=taxpayer_no, layouts=kinds)
    if not single["issued_on"]:
        raise ConfigurationError("The date of issue (开票日期) is missing.", advice="Give --date YYYY-MM-DD.")
    values: dict[str, Any] = dict(single)
    return [claim_of(**values, taxpayer_no=taxpayer_no, layouts=kinds)]


def _archiver(source: Any, account: Any, database: Database, archive: str, driver: Any) -> Any:
    from fapiao.layouts.archiver import LayoutArchiver
    from fapiao.layouts.places import place

    return LayoutArchiver(source, account, database, place(archive), driver=driver)


def _report(
    summary: VerificationSummary, checks: list[CheckRecord], archived: ArchiveSummary | None, as_json: bool
) -> None:
    if as_json:
        plain = msgspec.to_builtins(summary)
        plain["files"] = msgspec.to_builtins(archived)
        plain["answers"] = [_plain(check) for check in checks]
        click.echo(msgspec.json.format(msgspec.json.encode(plain), indent=2).decode())
        return
    from rich.console import Console
    from rich.table import Table

    shown = [
        check
        for check in checks
        if len(checks) <= _MOST_ROWS or _plain(check)["outcome"] != "genuine" or check.differences
    ]
    table = Table(title=f"{summary.source}: {summary.claims} claims, {summary.asked} asked now")
    for column in ("number", "outcome", "code", "message", "different (stored → bureau)"):
        table.add_column(column, overflow="fold")
    for check in shown[:_MOST_ROWS]:
        plain = _plain(check)
        different = "\n".join(f"{part.field}: {part.stored} → {part.stated}" for part in check.differences)
        table.add_row(plain["number"], plain["outcome"], plain["code"] or "", plain["message"] or "", different)
    console = Console()
    console.print(table)
    outcomes = ", ".join(f"{count} {name}" for name, count in summary.outcomes.items())
    console.print(
        f"{outcomes or 'no answer'}; {summary.refused} refused, {summary.unanswered} unanswered, {summary.different} differ from "
        f"what is stored; {summary.requests} requests"
    )
    if archived is not None:
        ends = ", ".join(f"{count} {state}" for state, count in sorted(archived.links.items()))
        console.print(f"{archived.archived} files archived now; links of the account: {ends or 'none'}")


def _plain(check: CheckRecord) -> dict[str, Any]:
    return {
        "number": check.claim.number,
        "invoice_code": check.claim.invoice_code,
        "state": check.state,
        "outcome": check.outcome.value if check.outcome else check.state,
        "code": check.code,
        "message": check.message,
        "request_id": check.request_id,
        "verified_at": check.verified_at,
        "check_no": check.check_no,
        "differences": [msgspec.to_builtins(part) for part in check.differences],
    }


def _age(text: str | None) -> float | None:
    if text is None:
        return None
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(
            f"The age {text[:40]!r} is not valid.", advice="Allowed: a number with s, m, h or d, such as 30d."
        )
    return int(found[1]) * _UNIT[found[2] or "s"]
