"""Airflow's API server (3.x) or webserver (2.11) as a process of its own, with a metadata database of its own and everybody
an administrator."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import requests

__all__ = ["airflow_environment", "api_server"]

AIRFLOW_3 = find_spec("airflow.sdk") is not None


def airflow_environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of an Airflow with a home of its own, whatever the tests' own Airflow is told."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests that is long enough for every algorithm" * 2,
        "NO_PROXY": "127.0.0.1,localhost",
        **settings,
    }


@contextmanager
def api_server(
    home: Path, settings: Mapping[str, str], connections: Mapping[str, str] | None = None, patience: float = 600
) -> Iterator[str]:
    """The address of a running server without a scheduler or a worker.

    :param connections: id → URI, stored in Airflow's own database.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = airflow_environment(
        home, {"AIRFLOW__WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": str(int(patience)), **settings}
    )
    airflow = [sys.executable, "-m", "airflow"]
    if not AIRFLOW_3:
        (home / "webserver_config.py").write_text("AUTH_ROLE_PUBLIC = 'Admin'\n", "utf-8")
    subprocess.run([*airflow, "db", "migrate"], env=environment, check=True, capture_output=True, timeout=300)
    for name, uri in (connections or {}).items():
        command = [*airflow, "connections", "add", name, "--conn-uri", uri]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    log = home / "api-server.log"
    with log.open("w") as out:
        part = ("api-server", "--apps", "core", "--host") if AIRFLOW_3 else ("webserver", "--hostname")
        command = [*airflow, *part, "127.0.0.1", "--port", str(port), "--workers", "1"]
        server = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        address = f"http://127.0.0.1:{port}"
        _be_healthy(f"{address}/api/{'v2' if AIRFLOW_3 else 'v1'}/version", server, log, time.monotonic() + patience)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _be_healthy(url: str, server: subprocess.Popen[bytes], log: Path, end: float) -> None:
    with requests.Session() as http:
        http.trust_env = False
        while True:
            try:
                if http.get(url, timeout=10).ok:
                    return
            except requests.ConnectionError:
                pass
            if server.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"The API server did not come up:\n{log.read_text()[-4000:]}")
            time.sleep(0.2)
