"""Group H: the plugin inside Airflow. Examined in a process of its own, where Airflow is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any

import msgspec

from fapiao.spec import Capability
from fapiao.testing.conformance.check import Breach, Check, NotApplicable, Stuck
from fapiao.testing.conformance.kit import Kit
from fapiao.testing.conformance.secrecy import hidden, seen
from fapiao.testing.conformance.tour import tour_of
from fapiao.wire import CollectionStatus

__all__ = ["CHECKS"]

_PROGRAM = """
import json, sys
told = json.load(sys.stdin)
from airflow import plugins_manager
for load in ("ensure_plugins_loaded", "_get_plugins"):
    getattr(plugins_manager, load, lambda: None)()
from fapiao.airflow.compat import DAG
from fapiao.airflow.operators import CollectInvoicesOperator
from fapiao.airflow.sync_operators import SyncDeductionsOperator
from fapiao.airflow.verify_operators import VerifyInvoicesOperator
with DAG(dag_id="conformance", schedule=None):
    CollectInvoicesOperator(task_id="collect", conn_id=told["conn_id"], taxpayer_no=told["taxpayer_no"], into="sqlite://")
parsed = told["module"] in sys.modules
from fapiao.airflow.triggers import CollectionTrigger
trigger = CollectionTrigger(
    conn_id=told["conn_id"], source=told["source"], invoice_month=told["month"], slices=told["slices"], deadline=1e9,
    jobs=[{"taxpayer_no": told["taxpayer_no"], "not_before": 0.0, "job_id": job} for job in told["jobs"]],
)
print(json.dumps({"parsed": parsed, "trigger": trigger.serialize()[1]}))
"""
_told: weakref.WeakKeyDictionary[Kit, dict[str, Any]] = weakref.WeakKeyDictionary()


def trigger_arguments(kit: Kit) -> Iterator[Breach]:
    if Capability.COLLECT not in kit.descriptor.capabilities:
        raise NotApplicable("the source is not waited for in the triggerer")
    text = json.dumps(_in_airflow(kit)["trigger"])
    found = seen(text, hidden(kit))
    if found:
        yield Breach(
            "collection_status",
            f"the arguments of the trigger that waits for its job show {found}",
            "a job id is the vendor's own id of the job and nothing else: triggers are stored in clear",
        )


def dag_import(kit: Kit) -> Iterator[Breach]:
    if _in_airflow(kit)["parsed"]:
        yield Breach(
            "describe",
            f"parsing a DAG that names the source imports {_module(kit)}",
            "do not register the plugin's module with Airflow (airflow.plugins) or import it from elsewhere: the entry point "
            "of fapiao.sources is loaded when a task needs it",
        )


def _in_airflow(kit: Kit) -> dict[str, Any]:
    if importlib.util.find_spec("airflow") is None:
        raise NotApplicable("Airflow is not installed here")
    if kit not in _told:
        _told[kit] = _run(kit)
    return _told[kit]


def _run(kit: Kit) -> dict[str, Any]:
    statuses = [visit.value for visit in tour_of(kit).visits if isinstance(visit.value, CollectionStatus)]
    told = {
        "conn_id": f"{kit.name}_default",
        "source": kit.name,
        "module": _module(kit),
        "taxpayer_no": kit.taxpayer_no,
        "month": kit.invoice_month,
        "slices": [[kit.slice.type, kit.slice.direction]] if kit.slice else [],
        "jobs": sorted({status.job_id or "" for status in statuses}),
    }
    with tempfile.TemporaryDirectory(prefix="fapiao-airflow-") as home:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        environment |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        finished = subprocess.run(  # noqa: S603 - this interpreter, and a program of our own
            [sys.executable, "-c", _PROGRAM],
            input=msgspec.json.encode(told),
            capture_output=True,
            check=False,
            env=environment,
        )
    if finished.returncode:
        raise Stuck(
            "describe",
            f"a DAG that names the source cannot be parsed: {finished.stderr.decode(errors='replace')[-800:]}",
        )
    answer: dict[str, Any] = json.loads(finished.stdout.decode().strip().splitlines()[-1])
    return answer


def _module(kit: Kit) -> str:
    return kit.plugin.partition(":")[0]


CHECKS = (
    Check(id="H1", title="The arguments of a trigger that waits for a job hold no secret.", examine=trigger_arguments),
    Check(id="H2", title="Parsing a DAG does not import the plugin.", examine=dag_import),
)
