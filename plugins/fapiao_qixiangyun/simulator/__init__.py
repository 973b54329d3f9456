"""A simulated 企享云 on loopback: strict about signatures, with synthetic invoices, one-shot tasks and hostile files.

::

    with QixiangyunSimulator(QixiangyunScenario(uniform=20)).running() as simulator:
        claims = simulator.claims(5, layouts=("pdf", "xml"))
        ...  # connect to simulator.connection()
        print(simulator.report())
"""

from fapiao_qixiangyun.simulator.scenario import CodeAnswer, FileTrouble, QixiangyunScenario
from fapiao_qixiangyun.simulator.server import QixiangyunReport, QixiangyunSimulator

Simulator = QixiangyunSimulator
"""The name the entry point group ``fapiao.simulators`` knows it by."""

__all__ = [
    "CodeAnswer",
    "FileTrouble",
    "QixiangyunReport",
    "QixiangyunScenario",
    "QixiangyunSimulator",
    "Simulator",
]
