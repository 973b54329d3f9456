"""DAGs against the simulated vendor: every way of collecting a month gives the same proof."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.airflow

Vendor = Callable[..., Any]
STEADY = ("taxpayer_no", "invoice_month", "state", "slices")


def proof(manifest: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on the way: all but requests and seconds."""
    return {name: manifest[name] for name in STEADY}


@pytest.mark.parametrize("dag_id", ["one_blocking", "one_deferred", "steps_blocking", "steps_deferred"])
def test_a_month_is_collected_and_proven(dag_id: str, face: Any, vendor: Vendor, into: str) -> None:
    simulator = vendor()
    ran = face.run(dag_id, into=into)
    assert ran.state == "success", ran.tasks
    print(ran.values)
