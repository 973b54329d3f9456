"""What a command shows while it works and waits, and when it gives up waiting."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from fapiao.errors import VendorBusy

if TYPE_CHECKING:
    from fapiao.collecting.collection import Collector
    from fapiao.collecting.outcomes import Waiting
    from fapiao.collecting.reading import Progress
    from fapiao.collecting.sync import Syncer

__all__ = ["finish", "progress_bar", "until_done"]


def until_done(advance: Callable[[], Waiting | None], deadline: float) -> VendorBusy | None:
    """Take steps and wait between them (``deadline`` in epoch seconds). None, or why the run ends although something waits."""
    said = ""
    while (waiting := advance()) is not None:
        until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(waiting.not_before))
        if waiting.not_before > deadline:
            return VendorBusy(
                f"The run would have to wait until {until}, longer than --wait allows: {waiting.reason}.",
                retry_after=max(0.0, waiting.not_before - time.time()),
                code=waiting.code,
                advice="Run the same command later: it continues where this one stopped.",
            )
        if waiting.reason != said:
            said = waiting.reason
            click.echo(f"Waiting until {until}: {said}.", err=True)
        time.sleep(max(0.0, waiting.not_before - time.time()))
    return None


def finish(runner: Collector | Syncer, patience: float, *, as_json: bool) -> None:
    """Take the run to its end or to what ``patience`` (seconds) allows, and tell what came of it in either case.

    :raises FapiaoError: it is not done, or not proven.
    """
    try:
        busy = until_done(runner.advance, time.time() + patience)
        if busy is not None:
            raise busy
        runner.verdict()
    finally:
        if runner.has_begun():
            manifest = runner.manifest()
            if as_json:
                click.echo(manifest.to_json())
            else:
                from fapiao.reports.tables import manifest_table

                manifest_table(manifest)


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
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
