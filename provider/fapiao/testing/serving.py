"""Running a simulator as a command until it is told to stop."""

from __future__ import annotations

import signal
import sys
import threading
from importlib.metadata import entry_points
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.testing.scenario import Scenario, read_scenario

if TYPE_CHECKING:
    from fapiao.testing.simulator import SimulatedVendor

__all__ = ["GROUP", "serve", "simulator_class"]

GROUP = "fapiao.simulators"
"""Entry point group: source name → class derived from ``SimulatedVendor``."""


def simulator_class(source_name: str) -> type[SimulatedVendor[Any]]:
    """The simulator that a source's distribution brings.

    :raises ConfigurationError: none of that name is installed; the text lists those that are.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    if source_name not in found:
        known = ", ".join(sorted(found)) or "none is installed"
        raise ConfigurationError(f"There is no simulator of {source_name!r}.", advice=f"Known simulators: {known}.")
    loaded: type[SimulatedVendor[Any]] = found[source_name].load()
    return loaded


def serve(
    source_name: str,
    port: int = 0,
    scenario: Path | Scenario | None = None,
    *,
    output: TextIO | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Simulates a vendor on loopback until SIGINT or SIGTERM (or ``stop``), then prints the report.

    Prints first the base URL and the connection to use: one JSON object on one line, for people and programs.

    :param scenario: a JSON file, or the value itself.
    :raises ConfigurationError: no such simulator, or an invalid scenario.
    """
    output = output if output is not None else sys.stdout
    kind = simulator_class(source_name)
    if isinstance(scenario, Path):
        scenario = read_scenario(kind.scenario_type, scenario)
    simulator = kind(scenario)
    ended = stop if stop is not None else threading.Event()
    before = _on_signals(ended)
    try:
        with simulator.running(port):
            started = {
                "source": source_name,
                "base_url": simulator.base_url,
                "connection": simulator.connection(),
                "taxpayers": list(simulator.scenario.taxpayers),
            }
            print(msgspec.json.encode(started).decode(), file=output, flush=True)
            # A bare wait() cannot be interrupted on every platform.
            while not ended.wait(0.2):
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        report = msgspec.json.format(msgspec.json.encode(simulator.report()), indent=2)
        print(report.decode(), file=output, flush=True)


def _on_signals(ended: threading.Event) -> dict[int, Any]:
    """Both signals set the event; the handlers there were before. Only a main thread may have handlers."""
    if threading.current_thread() is not threading.main_thread():
        return {}

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    return {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
