"""``fapiao sources`` and ``fapiao observers``: what is installed, good and broken."""

from __future__ import annotations

from typing import Any

import click
import msgspec

__all__ = ["list_observers", "sources"]


@click.command()
@click.option("--json", "as_json", is_flag=True)
def sources(as_json: bool) -> None:
    """List the installed vendor plugins, good and broken, with distribution, version and reason."""
    from fapiao.registry import PluginProblem, registry
    from fapiao.reports.tables import sources_table

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


@click.command("observers")
@click.option("--json", "as_json", is_flag=True)
def list_observers(as_json: bool) -> None:
    """List the installed observers: active, idle (nothing configures them) and broken, with the reason."""
    from fapiao.observing import observers
    from fapiao.reports.tables import observers_table

    states = observers.states()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(states)).decode())
    else:
        observers_table(states)
    if any(part.state == "broken" for part in states):
        raise SystemExit(1)
