"""An Airflow with a home of its own: what its processes find in their environment."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from fapiao.testing.simulator import SimulatedVendor

__all__ = ["ROOT", "airflow_command", "connection_to", "environment", "free_port"]

ROOT = Path(__file__).resolve().parents[1]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The variables of a process of the Airflow in this folder: the example DAGs, and nothing of another Airflow.

    :param home: becomes ``AIRFLOW_HOME``. Not the repository itself: Airflow would take ``plugins/`` for its own.
    :param more: further variables.
    """
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO"))},
        # `airflow standalone` starts its parts by the name `airflow`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
        "NO_PROXY": "127.0.0.1",  # the vendor is on this machine
        **more,
    }


def airflow_command() -> str:
    """The program ``airflow`` of the Python that runs this."""
    return str(Path(sys.executable).with_name("airflow"))


def connection_to(simulator: SimulatedVendor[Any], conn_type: str) -> dict[str, Any]:
    """An Airflow connection to a simulator, as its JSON is written; the documented quota is for the real vendor."""
    record = dict(simulator.connection())
    # The Test button of Airflow 3.3.2 refuses connections without a port (apache/airflow#73298); 0 means none to everyone.
    return {**record, "conn_type": conn_type, "port": 0, "extra": {**record["extra"], "requests_per_second": 0}}


def free_port(wanted: int = 0) -> int:
    """The wanted TCP port if nobody listens there, else another one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
