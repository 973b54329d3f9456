"""The conformance kit: is a vendor plugin what ``fapiao.spec`` says it must be?

One class in an author's tests examines everything, offline::

    from fapiao.testing.conformance import Kit, SourceConformance, simulated

    class TestAcme(SourceConformance):
        kit = Kit(plugin="fapiao_acme:plugin", vendor=simulated(AcmeSimulator), taxpayer_no="…", slice=SliceKey("01", "input"))

Each check has an id and a page, which ``docs/conformance.md`` lists.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fapiao.testing.conformance.check import Breach, Check, NonConforming, NotApplicable, run
    from fapiao.testing.conformance.checks import CHECKS
    from fapiao.testing.conformance.clock import SimulatedClock
    from fapiao.testing.conformance.kit import CANARY, Code, Kit, Rewrite, Sample, Vector
    from fapiao.testing.conformance.responders import Responder, Vendor, answered_by, simulated
    from fapiao.testing.conformance.suite import SourceConformance

__all__ = [
    "CANARY",
    "CHECKS",
    "Breach",
    "Check",
    "Code",
    "Kit",
    "NonConforming",
    "NotApplicable",
    "Responder",
    "Rewrite",
    "Sample",
    "SimulatedClock",
    "SourceConformance",
    "Vector",
    "Vendor",
    "answered_by",
    "run",
    "simulated",
]

_HOMES = {
    "check": ("Breach", "Check", "NonConforming", "NotApplicable", "run"),
    "checks": ("CHECKS",),
    "clock": ("SimulatedClock",),
    "kit": ("CANARY", "Code", "Kit", "Rewrite", "Sample", "Vector"),
    "responders": ("Responder", "Vendor", "answered_by", "simulated"),
    "suite": ("SourceConformance",),
}


def __getattr__(name: str) -> Any:
    # The pytest plugin beside this file is loaded by every pytest of the environment, which does not pay for the rest.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
