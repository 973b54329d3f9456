"""A simulated 金财数科 on loopback: as strict as its document, with synthetic documents at two times and every bad payload.

::

    with JcskSimulator(JcskScenario(uniform=250)).running() as simulator:
        ...  # connect to simulator.connection()
        print(simulator.report())
"""

from fapiao_jcsk.simulator.documents import LISTS, Change
from fapiao_jcsk.simulator.scenario import Drift, JcskScenario, Malformed, Payload, Refusal
from fapiao_jcsk.simulator.server import JcskReport, JcskSimulator

Simulator = JcskSimulator
"""The name the entry point group ``fapiao.simulators`` knows it by."""

__all__ = [
    "LISTS",
    "Change",
    "Drift",
    "JcskReport",
    "JcskScenario",
    "JcskSimulator",
    "Malformed",
    "Payload",
    "Refusal",
    "Simulator",
]
