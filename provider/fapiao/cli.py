"""``fapiao …``: the use cases from a terminal. Exit status 0 = done and proven, 1 = not, 2 = the input is wrong."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from fapiao import __version__
from fapiao.control_totals_command import control_totals
from fapiao.coverage_command import coverage
from fapiao.errors import ConfigurationError, FapiaoError, StoreError, VendorBusy
from fapiao.export_command import export
from fapiao.personal_data_command import personal_data
from fapiao.reconcile_command import reconcile
from fapiao.record_command import record
from fapiao.scaffold_command import create
from fapiao.verify_command import verify

if TYPE_CHECKING:
    from fapiao.collection import Collector
    from fapiao.connection import Connection
    from fapiao.manifest import Manifest
    from fapiao.outcomes import Waiting
    from fapiao.reading import Progress
    from fapiao.sync import Syncer

__all__ = ["main"]

INTO = click.option(
    "--into", "into", required=True, metavar="URL", help="The database, such as sqlite:///fapiao.db or postgresql://…"
)
SCHEMA = click.option("--schema", metavar="NAME", help="Database schema of the tables (PostgreSQL).")
CONNECTION = click.option(
    "--connection",
    "connection_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON of the connection; without it FAPIAO_CONN_<SOURCE> or AIRFLOW_CONN_<SOURCE> is read.",
)


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


@cli.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", required=True, metavar="NO", help="Taxpayer number (纳税人识别号).")
@click.option("--month", "invoice_month", required=True, metavar="YYYYMM", help="Invoice month (开票月份).")
@click.option("--type", "types", multiple=True, metavar="CODE", help="Invoice type, repeatable. Default: all.")
@click.option("--direction", "directions", multiple=True, metavar="input|output", help="Default: both.")
@click.option("--refresh", default="always", show_default=True, metavar="always|older-than:6h|never")
@click.option("--on-rejected", default="fail", show_default=True, metavar="fail|accept")
@click.option("--poll-interval", type=float, metavar="S", help="Seconds between two looks at the job.")
@click.option(
    "--wait", "patience", default=21600.0, show_default=True, metavar="S", help="Longest wait in all, seconds."
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest on stdout.")
@INTO
@SCHEMA
@CONNECTION
def collect(
    source_name: str,
    taxpayer_no: str,
    invoice_month: str,
    types: tuple[str, ...],
    directions: tuple[str, ...],
    refresh: str,
    on_rejected: str,
    poll_interval: float | None,
    patience: float,
    as_json: bool,
    into: str,
    schema: str | None,
    connection_file: Path | None,
) -> None:
    """Collect one taxpayer's month: every type, both directions, with the proof that nothing is missing."""
    from fapiao.arguments import collect_request
    from fapiao.collection import Collector
    from fapiao.registry import registry
    from fapiao.store import Database

    source = registry.get(source_name)
    request = collect_request(
        source.descriptor,
        taxpayer_no=taxpayer_no,
        invoice_month=invoice_month,
        now=time.time(),
        types=types,
        directions=directions,
        refresh=refresh,
        on_rejected=on_rejected,
        poll_interval=poll_interval,
    )
    account = source.account(_connection(source_name, connection_file))
    database = Database.connect(into, schema=schema)
    with _progress(quiet=as_json) as show, Collector(source, account, database, request, progress=show) as collector:
        try:
            _wait_until_closed(collector, time.time() + patience)
            collector.verdict()
        finally:
            if collector.has_begun():
                _report(collector.manifest(), as_json)


def _wait_until_closed(collector: Collector | Syncer, deadline: float) -> None:
    reason = ""
    while (waiting := collector.advance()) is not None:
        if waiting.reason != reason:
            reason = waiting.reason
            click.echo(f"Waiting: {reason}.", err=True)
        _sleep(waiting, deadline)


def _sleep(waiting: Waiting, deadline: float) -> None:
    if waiting.not_before > deadline:
        raise VendorBusy(
            f"The run would have to wait until {_clock(waiting.not_before)}, longer than --wait allows: {waiting.reason}.",
            retry_after=waiting.not_before - time.time(),
            code=waiting.code,
            advice="Run the same command later: it continues where this one stopped.",
        )
    time.sleep(max(0.0, waiting.not_before - time.time()))


def _clock(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(epoch))


def _report(manifest: Manifest, as_json: bool) -> None:
    if as_json:
        click.echo(manifest.to_json())
        return
    from fapiao.tables import manifest_table

    manifest_table(manifest)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A bar on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task("invoices", total=None)

        def show(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.records,
                total=max(progress.expected, progress.records) or None,
                description=f"invoices, slice {progress.slices_done} of {progress.slices}",
            )

        yield show


@cli.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", required=True, metavar="NO", help="Taxpayer number (纳税人识别号).")
@click.option(
    "--query", "queries", multiple=True, required=True, metavar="CODE", help="List, by the vendor's code; repeatable."
)
@click.option("--tax-period", metavar="YYYYMM", help="Tax period (税款所属期).")
@click.option("--from", "first_on", metavar="YYYY-MM-DD", help="First day; which date it filters depends on the list.")
@click.option("--to", "last_on", metavar="YYYY-MM-DD", help="Last day.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Filter by the vendor's name; repeatable.")
@click.option("--zip", "zipped", is_flag=True, help="Ask for compressed answers.")
@click.option("--on-rejected", default="fail", show_default=True, metavar="fail|accept")
@click.option(
    "--wait", "patience", default=21600.0, show_default=True, metavar="S", help="Longest wait in all, seconds."
)
@click.option("--json", "as_json", is_flag=True, help="Print the manifest on stdout.")
@INTO
@SCHEMA
@CONNECTION
def sync(
    source_name: str,
    taxpayer_no: str,
    queries: tuple[str, ...],
    tax_period: str | None,
    first_on: str | None,
    last_on: str | None,
    settings: tuple[str, ...],
    zipped: bool,
    on_rejected: str,
    patience: float,
    as_json: bool,
    into: str,
    schema: str | None,
    connection_file: Path | None,
) -> None:
    """Sync the deduction state (抵扣) of one taxpayer's input invoices from a vendor's lists, and tell what changed."""
    from fapiao.registry import registry
    from fapiao.store import Database
    from fapiao.sync import Syncer
    from fapiao.sync_arguments import filter_pairs, sync_request

    source = registry.get(source_name)
    account = source.account(_connection(source_name, connection_file))
    request = sync_request(
        source,
        account,
        taxpayer_no=taxpayer_no,
        queries=queries,
        tax_period=tax_period,
        first_on=first_on,
        last_on=last_on,
        filters=filter_pairs(settings),
        zipped=zipped,
        on_rejected=on_rejected,
    )
    database = Database.connect(into, schema=schema)
    with _progress(quiet=as_json) as show, Syncer(source, account, database, request, progress=show) as syncer:
        try:
            _wait_until_closed(syncer, time.time() + patience)
            syncer.verdict()
        finally:
            if syncer.has_begun():
                _report(syncer.manifest(), as_json)


@cli.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--taxpayer", "taxpayer_no", required=True, metavar="NO", help="Taxpayer number (纳税人识别号).")
@click.option("--month", "invoice_month", metavar="YYYYMM", help="What a later collection of this month has brought.")
@click.option("--generation", type=int, metavar="N", help="With --month: that one. Default: the newest closed one.")
@click.option("--run", type=int, metavar="ID", help="The 'run' of a sync's manifest. Default: the newest one.")
@click.option("--json", "as_json", is_flag=True)
@INTO
@SCHEMA
def changes(
    source_name: str,
    taxpayer_no: str,
    invoice_month: str | None,
    generation: int | None,
    run: int | None,
    as_json: bool,
    into: str,
    schema: str | None,
) -> None:
    """List what changed. With --month: invoices that are new, say something else, or are absent since it was collected before.

    Without: what a sync found: newly certified, revoked, selected, abnormal, red, gone from the lists.
    """
    from fapiao.store import Database, deduction_changes, latest_sync, month_changes
    from fapiao.tables import changes_table, month_changes_table

    if (invoice_month is None and generation is not None) or (invoice_month is not None and run is not None):
        raise ConfigurationError(
            "--generation belongs to --month, and --run to a sync.", advice="Give --month or --run, not both."
        )
    database = Database.connect(into, schema=schema)
    if invoice_month is not None:
        of_month = month_changes(database, source_name, taxpayer_no, invoice_month, generation)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(of_month)).decode())
        else:
            month_changes_table(of_month)
        return
    wanted = latest_sync(database, source_name, taxpayer_no) if run is None else run
    if wanted is None:
        raise ConfigurationError(
            f"There is no finished sync of {source_name}.",
            taxpayer_no=taxpayer_no,
            advice="Run 'fapiao sync' first, with the same database; or name a month with --month.",
        )
    found = deduction_changes(database, wanted)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        changes_table(found)


@cli.command("init-db")
@INTO
@SCHEMA
@click.option("--sql", "print_sql", is_flag=True, help="Print the DDL for a database administrator; change nothing.")
def init_db(into: str, schema: str | None, print_sql: bool) -> None:
    """Create or upgrade fapiao's tables."""
    from fapiao.store import Database
    from fapiao.store.policies import read_policy

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


@cli.command()
@click.option("--json", "as_json", is_flag=True)
def sources(as_json: bool) -> None:
    """List the installed vendor plugins, good and broken, with distribution, version and reason."""
    from fapiao.registry import PluginProblem, registry
    from fapiao.tables import sources_table

    rows: list[dict[str, Any]] = []
    for name, found in registry.load_all().items():
        if isinstance(found, PluginProblem):
            rows.append(
                {
                    "name": name,
                    "title": "",
                    "state": "broken",
                    "distribution": found.distribution,
                    "version": found.version,
                    "capabilities": [],
                    "reason": f"{found.stage}: {found.reason}",
                }
            )
            continue
        distribution, version = registry.distribution(name)
        rows.append(
            {
                "name": name,
                "title": found.descriptor.title,
                "state": "good",
                "distribution": distribution,
                "version": version,
                "capabilities": sorted(found.descriptor.capabilities),
                "reason": "",
            }
        )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows)).decode())
    else:
        sources_table(rows)
    if any(row["state"] == "broken" for row in rows):
        raise SystemExit(1)


@cli.command("observers")
@click.option("--json", "as_json", is_flag=True)
def list_observers(as_json: bool) -> None:
    """List the installed observers: active, idle (nothing configures them) and broken, with the reason."""
    from fapiao.observing import observers
    from fapiao.tables import observers_table

    states = observers.states()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(states)).decode())
    else:
        observers_table(states)
    if any(part.state == "broken" for part in states):
        raise SystemExit(1)


@cli.command()
@click.argument("source_name", metavar="SOURCE")
@CONNECTION
def check(source_name: str, connection_file: Path | None) -> None:
    """Test the credentials of a connection: log in, nothing else."""
    from fapiao.check import check_credentials
    from fapiao.registry import registry

    source = registry.get(source_name)
    account = source.account(_connection(source_name, connection_file))
    click.echo(check_credentials(source, account))


@cli.command()
@click.argument("source_name", metavar="SOURCE")
@click.option("--port", type=int, default=0, show_default=True, help="0 = any free port.")
@click.option("--scenario", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
def simulate(source_name: str, port: int, scenario: Path | None) -> None:
    """Run a faithful simulator of a vendor on this machine, for demos and tests."""
    from fapiao.testing.simulator import serve

    serve(source_name, port, scenario)


@cli.command()
@INTO
@SCHEMA
@click.option("--source", "source_name", metavar="SOURCE", help="Only what this source said.")
@click.option("--taxpayer", "taxpayer_no", metavar="NO", help="Only about this taxpayer, or verified on its behalf.")
@click.option("--month", "invoice_month", metavar="YYYYMM", help="Of verifications: the month of issue as claimed.")
@click.option("--json", "as_json", is_flag=True, help="Print what changed on stdout as JSON.")
def renormalize(
    into: str,
    schema: str | None,
    source_name: str | None,
    taxpayer_no: str | None,
    invoice_month: str | None,
    as_json: bool,
) -> None:
    """Interpret stored raw answers again after a mapping fix, without a vendor call; say what changed."""
    from fapiao.renormalizing import renormalize as run
    from fapiao.store import Database

    done = run(
        Database.connect(into, schema=schema),
        source=source_name,
        taxpayer_no=taxpayer_no,
        invoice_month=invoice_month,
    )
    click.echo(done.to_json() if as_json else done.to_text())
    if done.failed:
        raise SystemExit(1)


@cli.command("purge-raw")
@INTO
@SCHEMA
@click.option("--before", required=True, metavar="YYYY-MM-DD|YYYYMM", help="Read before this day or month, in China.")
@click.option("--dry-run", is_flag=True, help="Count; remove nothing.")
def purge_raw(into: str, schema: str | None, before: str, dry_run: bool) -> None:
    """Remove raw answers of old pages; the proof (counts, sums, SHA-256) stays."""
    from fapiao.purging import purge
    from fapiao.store import Database

    done = purge(Database.connect(into, schema=schema), before, time.time(), dry_run=dry_run)
    verb = "would be" if dry_run else "were"
    click.echo(
        f"The raw of {done.pages} pages ({done.stored_bytes} bytes) and of {done.rejected} rejected records {verb} removed."
    )


def _connection(source_name: str, path: Path | None) -> Connection:
    from fapiao.connection import Connection

    return Connection.from_file(path) if path is not None else Connection.from_environment(source_name)


cli.add_command(control_totals)
cli.add_command(coverage)
cli.add_command(create)
cli.add_command(export)
cli.add_command(personal_data)
cli.add_command(reconcile)
cli.add_command(record)
cli.add_command(verify)


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
