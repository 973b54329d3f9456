"""What people read on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fapiao.manifest import Manifest, SyncManifest
from fapiao.observing import ObserverState
from fapiao.reports.reconciling import MEASURES, ReconciledTotal, Untotalled
from fapiao.store import CoverageRow, DeductionChange, MonthChange

__all__ = [
    "changes_table",
    "control_totals_table",
    "coverage_table",
    "manifest_table",
    "observers_table",
    "sources_table",
    "untotalled_table",
]

_QUIET = frozenset({"empty", "unsupported"})
_COLOUR = {
    "complete": "green",
    "empty": "dim",
    "unsupported": "dim",
    "rejected": "yellow",
    "incomplete": "red",
    "failed": "red",
}


def manifest_table(manifest: Manifest) -> None:
    """The end of a run: slices with invoices or trouble, the others counted."""
    about = manifest.query if isinstance(manifest, SyncManifest) else manifest.invoice_month
    table = Table(title=f"{manifest.source} {manifest.taxpayer_no} {about}, generation {manifest.generation}")
    _columns(table, ("type", "direction", "state"), ("expected", "loaded", "rejected", "amount excl. tax", "tax"))
    for part in manifest.slices:
        if part.state not in _QUIET:
            table.add_row(
                part.type,
                part.direction,
                _coloured(part.state),
                _count(part.expected),
                str(part.loaded),
                str(part.rejected),
                part.amount_excl_tax,
                part.tax_amount,
            )
    console = _console()
    console.print(table)
    quiet = [part.state for part in manifest.slices if part.state in _QUIET]
    console.print(
        f"{manifest.state}: {manifest.loaded} invoices in {len(manifest.slices)} slices "
        f"({quiet.count('empty')} empty, {quiet.count('unsupported')} unsupported), "
        f"{manifest.requests} requests, {manifest.seconds:.1f} s"
    )
    if isinstance(manifest, SyncManifest):
        changed = ", ".join(f"{count} {kind}" for kind, count in manifest.changes.items() if count)
        console.print(f"Run {manifest.run}: {_count(manifest.billed)} units billed; changed: {changed or 'nothing'}")
        for part in manifest.slices:
            message = getattr(part, "message", "")
            if message:
                console.print(f"{part.type}: {message}")


def changes_table(changes: Sequence[DeductionChange]) -> None:
    """What a sync found changed, document by document."""
    table = Table(title="Changes")
    _columns(table, ("change", "number", "tax period", "day"), ("valid tax",))
    for change in changes:
        tax = "" if change.valid_tax is None else f"{change.valid_tax:.2f}"
        table.add_row(change.kind, change.number, change.tax_period or "", change.changed_on or "", tax)
    console = _console()
    console.print(table)
    console.print(f"{len(changes)} changes")


def month_changes_table(changes: Sequence[MonthChange]) -> None:
    """What a later collection of a month has brought, invoice by invoice."""
    table = Table(title="Changes")
    _columns(table, ("change", "type", "direction", "number", "what"), ("since gen.",))
    for change in changes:
        what = "; ".join(f"{part.field}: {part.before or '-'} → {part.now or '-'}" for part in change.fields)
        table.add_row(change.kind, change.type, change.direction, change.number, what, str(change.earlier))
    console = _console()
    console.print(table)
    kinds = [change.kind for change in changes]
    console.print(f"{kinds.count('new')} new, {kinds.count('changed')} changed, {kinds.count('absent')} absent now")


def coverage_table(rows: Iterable[CoverageRow], *, show_all: bool) -> None:
    """Taxpayer × month × type × direction; the totals under it include what is not shown."""
    rows = list(rows)
    table = Table(title="Coverage")
    _columns(
        table,
        ("source", "taxpayer", "month", "type", "direction", "gen.", "state"),
        ("expected", "loaded", "rejected", "amount excl. tax", "tax"),
    )
    for row in rows:
        if show_all or row.state not in _QUIET:
            table.add_row(
                row.source,
                row.taxpayer_no,
                row.invoice_month,
                row.type if row.kind == "collect" else f"{row.type} of {row.query}",
                row.direction,
                str(row.generation),
                _coloured(row.state),
                _count(row.expected),
                str(row.loaded),
                str(row.rejected),
                f"{row.amount_excl_tax or Decimal(0):,.2f}",
                f"{row.tax_amount or Decimal(0):,.2f}",
            )
    table.add_section()
    table.add_row(
        f"{len(rows)} slices",
        "",
        "",
        "",
        "",
        "",
        "",
        _count(_sum(row.expected for row in rows)),
        str(sum(row.loaded for row in rows)),
        str(sum(row.rejected for row in rows)),
        f"{sum((row.amount_excl_tax or Decimal(0) for row in rows), Decimal(0)):,.2f}",
        f"{sum((row.tax_amount or Decimal(0) for row in rows), Decimal(0)):,.2f}",
    )
    console = _console()
    console.print(table)
    hidden = [row.state for row in rows if row.state in _QUIET]
    if hidden and not show_all:
        console.print(
            f"Not shown: {hidden.count('empty')} empty and {hidden.count('unsupported')} unsupported slices (--all)."
        )


def control_totals_table(totals: Sequence[ReconciledTotal]) -> None:
    """Totals from outside beside what is stored, a line per number; below it what to do about differences."""
    table = Table(title="Control totals (控制总数)")
    _columns(table, ("taxpayer", "period", "about", "number", "from"), ("expected", "stored", "difference"))
    for total in totals:
        for name, measure in total.measures.items():
            form = "{:,}" if name == "invoice_count" else "{:,.2f}"
            difference = f"{form.format(measure.difference)}" if measure.difference else "0"
            table.add_row(
                total.taxpayer_no,
                total.period,
                total.about if total.kind == "invoices" else f"deduction {total.doc_type}".rstrip(),
                MEASURES[name],
                Text(total.origin),  # the user's own words, in which brackets are no markup
                form.format(measure.expected),
                form.format(measure.stored),
                f"[red]{difference}[/red]" if measure.difference else f"[green]{difference}[/green]",
            )
    console = _console()
    console.print(table)
    differing = [total for total in totals if total.differs]
    console.print(f"{len(totals)} totals, {len(differing)} differ.")
    if differing and not any(total.advice for total in differing):
        console.print("What to do about them: 'fapiao reconcile --month YYYYMM'.", markup=False)
    for total in differing:
        if total.advice:
            console.print(f"{total.taxpayer_no} {total.period} {total.about}:", markup=False)
        for advice in total.advice:
            console.print(f"  - {advice}", markup=False)


def untotalled_table(missing: Sequence[Untotalled]) -> None:
    """What should have a total from outside and has none."""
    table = Table(title="Without a control total")
    _columns(table, ("taxpayer", "direction", "types held"), ())
    for part in missing:
        table.add_row(part.taxpayer_no, part.direction or "nothing is held", ", ".join(part.doc_types))
    console = _console()
    console.print(table)
    console.print("Store their totals with 'fapiao control-totals'.", markup=False)


def observers_table(states: Sequence[ObserverState]) -> None:
    """Installed observers: active, idle and broken."""
    table = Table(title="Observers")
    _columns(table, ("name", "state", "distribution", "version", "hooks", "reason"), ())
    for part in states:
        table.add_row(part.name, part.state, part.distribution, part.version, ", ".join(part.hooks), part.reason)
    _console().print(table)


def sources_table(rows: Sequence[dict[str, Any]]) -> None:
    """Installed plugins, good and broken."""
    table = Table(title="Sources")
    _columns(table, ("name", "title", "state", "distribution", "version", "capabilities", "reason"), ())
    for row in rows:
        table.add_row(
            row["name"],
            row["title"],
            row["state"],
            row["distribution"],
            row["version"],
            ", ".join(row["capabilities"]),
            row["reason"],
        )
    _console().print(table)


def _columns(table: Table, words: Iterable[str], numbers: Iterable[str]) -> None:
    for name in words:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)


def _coloured(state: str) -> str:
    return f"[{_COLOUR.get(state, 'yellow')}]{state}[/]"


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)


def _sum(numbers: Iterable[int | None]) -> int:
    return sum(number or 0 for number in numbers)


def _console() -> Console:
    import sys

    # Not a terminal (a log, a file): wide enough that no column is folded away.
    return Console(width=None if sys.stdout.isatty() else 160)
