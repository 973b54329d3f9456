"""The end of a run in the task's log: one table that says what is there and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Any

from fapiao.errors import FapiaoError

__all__ = ["run_summary"]

_MOST_ROWS = 200
"""Taxpayers in one table; the failed come first."""


def run_summary(results: Mapping[str, Any], failed: Mapping[str, FapiaoError]) -> str:
    """A table of slices for one taxpayer, of taxpayers for several; empty where a run has no manifests.

    :param results: taxpayer → manifest (:class:`fapiao.manifest.Manifest`); other values are left out.
    :param failed: taxpayer → what stopped it.
    """
    from fapiao.manifest import Manifest

    manifests = {taxpayer: value for taxpayer, value in results.items() if isinstance(value, Manifest)}
    if not manifests:
        return ""
    if len(manifests) + len(failed) == 1:
        return _text(_slices(next(iter(manifests.values()))))
    return _text(_taxpayers(manifests, failed))


def _slices(manifest: Any) -> Any:
    table = _table(
        f"{manifest.source} {manifest.taxpayer_no} {manifest.invoice_month}, generation {manifest.generation}",
        ("type", "direction", "state"),
        ("expected", "loaded", "rejected", "amount excl. tax", "tax"),
    )
    for part in manifest.slices:
        if part.state not in {"empty", "unsupported"}:
            expected = "?" if part.expected is None else str(part.expected)
            counts = (expected, str(part.loaded), str(part.rejected), part.amount_excl_tax, part.tax_amount)
            table.add_row(part.type, part.direction, part.state, *counts)
    table.caption = f"{sum(part.state == 'empty' for part in manifest.slices)} slices are empty."
    return table


def _taxpayers(manifests: Mapping[str, Any], failed: Mapping[str, FapiaoError]) -> Any:
    table = _table(
        f"{len(manifests)} of {len(manifests) + len(failed)} taxpayers are proven",
        ("taxpayer", "month", "state"),
        ("generation", "slices", "loaded", "rejected"),
    )
    rows = [(taxpayer, "", type(error).__name__, "", "", "", "") for taxpayer, error in failed.items()]
    rows += [
        (
            taxpayer,
            manifest.invoice_month,
            manifest.state,
            str(manifest.generation),
            str(len(manifest.slices)),
            str(manifest.loaded),
            str(sum(part.rejected for part in manifest.slices)),
        )
        for taxpayer, manifest in manifests.items()
    ]
    for row in rows[:_MOST_ROWS]:
        table.add_row(*row)
    if len(rows) > _MOST_ROWS:
        table.caption = f"{len(rows) - _MOST_ROWS} more"
    return table


def _table(title: str, words: tuple[str, ...], numbers: tuple[str, ...]) -> Any:
    from rich.box import ASCII2
    from rich.table import Table

    table = Table(title=title, box=ASCII2)
    for name in words:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _text(table: Any) -> str:
    """As a log can show it: no colours, no terminal to measure."""
    from rich.console import Console

    out = StringIO()
    Console(file=out, width=160, color_system=None, legacy_windows=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())
