"""A simulated 易快报 on loopback: as strict as its documents, with synthetic invoices and every fault a test can want.

::

    with EkuaibaoSimulator(EkuaibaoScenario(uniform=250)).running() as simulator:
        ...  # connect to simulator.connection()
        print(simulator.report())
"""

from fapiao_ekuaibao.simulator.scenario import (
    Changed,
    CodeAnswer,
    Drift,
    EkuaibaoScenario,
    Malformed,
    Month,
    Outcome,
    Slow,
)
from fapiao_ekuaibao.simulator.server import EkuaibaoSimulator

Simulator = EkuaibaoSimulator
"""The name the entry point group ``fapiao.simulators`` knows it by."""

__all__ = [
    "Changed",
    "CodeAnswer",
    "Drift",
    "EkuaibaoScenario",
    "EkuaibaoSimulator",
    "Malformed",
    "Month",
    "Outcome",
    "Simulator",
    "Slow",
]
