"""``airflow standalone`` with a home of its own, the example DAGs, and a simulator of each vendor behind connections."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import requests

from airflow_api import AirflowApi
from airflow_home import ROOT, connection_to, environment, free_port
from airflow_processes import AirflowProcesses
from fapiao.testing.serving import GROUP, simulator_class
from fapiao.testing.simulator import SimulatedVendor
from fapiao_ekuaibao.simulator import EkuaibaoScenario

PARTS = {2: {"metadatabase", "scheduler", "triggerer"}, 3: {"metadatabase", "scheduler", "triggerer", "dag_processor"}}
SCENARIOS = {"ekuaibao": EkuaibaoScenario(processing_seconds=10.0)}
"""Long enough to see tasks defer; the other vendors answer at once."""

PATIENCE = 600.0
"""Seconds until Airflow has to be healthy, and until it has to know the DAGs."""


class Showcase:
    """A running Airflow and its vendors.

    :param home: a folder of its own, emptied before.
    :param port: of the user interface; another one where it is taken.
    """

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.major = int(version("apache-airflow").partition(".")[0])
        self.port = free_port(port)
        self.database = home / "fapiao.db"
        self._processes = AirflowProcesses(home)
        self.log = home / "standalone.log"
        self.api = AirflowApi(f"http://127.0.0.1:{self.port}", self.major)
        self.simulators: dict[str, SimulatedVendor[Any]] = {}

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The vendors and Airflow while the block runs; the value is the process of ``airflow standalone``.

        :raises SystemExit: Airflow has not become healthy; the text is the end of its log. Or one runs here already.
        """
        if left := self._processes.alive():
            raise SystemExit(f"An Airflow runs in {self.home} already (process {left[0].pid}); end it first.")
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        with ExitStack() as stack:
            for name in sorted(point.name for point in entry_points(group=GROUP)):
                simulator = simulator_class(name)(SCENARIOS.get(name))
                self.simulators[name] = stack.enter_context(simulator.running())
            yield stack.enter_context(self._airflow())

    @contextmanager
    def _airflow(self) -> Iterator[subprocess.Popen[bytes]]:
        try:
            process = self._processes.start("standalone", environment=self._environment(), log=self.log)
            self._await(process, "become healthy", self._is_healthy)
            self.api.log_in("admin", self.password)
            self._furnish()
            self._await(process, "found the example DAGs", self._has_dags)
            yield process
        finally:
            self._processes.end()

    @property
    def password(self) -> str:
        """What Airflow has made up for the user ``admin``."""
        if self.major == 2:
            return (self.home / "standalone_admin_password.txt").read_text("utf-8").strip()
        passwords: dict[str, str] = json.loads(
            (self.home / "simple_auth_manager_passwords.json.generated").read_text("utf-8")
        )
        return passwords["admin"]

    def _environment(self) -> dict[str, str]:
        url, port = self.api.url, str(self.port)
        listening = {
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": port,
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        }
        if self.major == 2:
            listening |= {
                "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
                "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": port,
                "AIRFLOW__WEBSERVER__BASE_URL": url,
                "AIRFLOW__WEBSERVER__WORKERS": "1",
                "AIRFLOW__API__AUTH_BACKENDS": "airflow.providers.fab.auth_manager.api.auth.backend.session,"
                "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
            }
        return environment(
            self.home,
            **listening,
            AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
            AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE="False",
            AIRFLOW__CORE__TEST_CONNECTION="Enabled",
            AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
        )

    def _await(self, process: subprocess.Popen[bytes], what: str, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            if time.monotonic() > deadline or process.poll() is not None:
                tail = "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-40:])
                raise SystemExit(f"{tail}\nAirflow has not {what}; this was the end of {self.log}.")
            time.sleep(0.5)

    def _is_healthy(self) -> bool:
        try:
            health = self.api.health()
        except (requests.ConnectionError, requests.HTTPError, requests.Timeout):
            return False
        return PARTS[self.major] <= {part for part, state in health.items() if state == "healthy"}

    def _has_dags(self) -> bool:
        return {path.stem for path in (ROOT / "dags").glob("*.py")} <= self.api.dags()

    def _furnish(self) -> None:
        """Connections and variables that the example DAGs name."""
        for name, simulator in self.simulators.items():
            self.api.add_connection(f"{name}_default", connection_to(simulator, name))
        self.api.add_variable("fapiao_into", f"sqlite:///{self.database}")
        self.api.add_variable("fapiao_archive", str(self.home / "archive"))
