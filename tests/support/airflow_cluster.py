"""A whole Airflow of separate processes: PostgreSQL for its metadata, Redis as the broker, Celery workers."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psutil
import requests
from cryptography.fernet import Fernet
from sqlalchemy.engine import make_url

from airflow_api import AirflowApi
from airflow_home import airflow_command, environment, free_port
from airflow_processes import AirflowProcesses

__all__ = ["AirflowCluster"]

MAJOR = int(version("apache-airflow").partition(".")[0])
SERVER = {2: "webserver", 3: "api-server"}[MAJOR]
PARTS = {
    SERVER: (SERVER,),
    "scheduler": ("scheduler",),
    "triggerer": ("triggerer",),
    "worker": ("celery", "worker", "--skip-serve-logs", "--without-gossip", "--without-mingle"),
} | ({"dag-processor": ("dag-processor",)} if MAJOR == 3 else {})
"""Name → ``airflow …``; in 2.11 the scheduler reads the DAG files."""

HEALTHY = {2: {"scheduler", "triggerer"}, 3: {"scheduler", "triggerer", "dag_processor"}}[MAJOR]

# The defaults wait minutes before they believe that something has died.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "10",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "60",
} | {
    2: {
        "AIRFLOW__SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "30",
        "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "5",
    },
    3: {
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    },
}[MAJOR]


class AirflowCluster:
    """Parts that are started, killed and started again one by one.

    :param home: a new folder.
    :param database: URL of an empty PostgreSQL database for Airflow's metadata.
    :param broker: URL of a Redis database that nothing else uses.
    :param dags: the folder of the DAG files.
    :param connections: id → connection as its JSON is written.
    """

    def __init__(
        self, home: Path, *, database: str, broker: str, dags: Path, connections: Mapping[str, Mapping[str, object]]
    ) -> None:
        self.home = home
        self.port = free_port()
        self.api = AirflowApi(f"http://127.0.0.1:{self.port}", MAJOR)
        self._password = secrets.token_urlsafe(12)
        self._environment = environment(
            home,
            **IMPATIENT,
            **self._shared(database, broker),
            **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(record) for name, record in connections.items()},
            AIRFLOW__CORE__DAGS_FOLDER=str(dags),
        )
        self._processes = AirflowProcesses(home)
        self._parts: dict[str, subprocess.Popen[bytes]] = {}

    @contextmanager
    def running(self, dag_id: str) -> Iterator[None]:
        """All parts while the block runs; it begins when they are healthy and the DAG is known."""
        self.home.mkdir(parents=True)
        passwords = self.home / "simple_auth_manager_passwords.json.generated"
        passwords.write_text(json.dumps({"admin": self._password}), "utf-8")
        self._run("db", "migrate")
        if MAJOR == 2:
            person = ("--username", "admin", "--firstname", "A", "--lastname", "B", "--role", "Admin")
            self._run("users", "create", *person, "--email", "admin@example.com", "--password", self._password)
        try:
            for part in PARTS:
                self.start(part)
            self._until(self._is_healthy)
            self.api.log_in("admin", self._password)
            self._until(lambda: dag_id in self.api.dags())
            yield
        finally:
            self._processes.end()

    def start(self, part: str) -> None:
        self._parts[part] = self._processes.start(
            *PARTS[part], environment=self._environment, log=self.home / f"{part}.log"
        )

    def kill(self, part: str) -> None:
        """``kill -9`` of the part and of everything that it has started, as when its machine is lost."""
        process = psutil.Process(self._parts[part].pid)
        family = [process, *process.children(recursive=True)]
        for member in family:
            member.suspend()  # none of them may start another, or tell of the death of another
        for member in {*family, *process.children(recursive=True)}:
            member.kill()
        psutil.wait_procs(family, timeout=10)
        self._parts[part].wait()

    def said(self) -> str:
        """The ends of all logs."""
        texts = {log.name: log.read_text("utf-8", errors="replace") for log in sorted(self.home.glob("*.log"))}
        return "\n".join(f"== {name}\n{text[-3000:]}" for name, text in texts.items())

    def _shared(self, database: str, broker: str) -> dict[str, str]:
        url = self.api.url
        backend = make_url(database).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        at_once = make_url(database).set(drivername="postgresql+psycopg_async").render_as_string(hide_password=False)
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": backend,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": at_once,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "3",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{backend}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "6",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        } | (
            {
                "AIRFLOW__API__AUTH_BACKENDS": "airflow.providers.fab.auth_manager.api.auth.backend.session,"
                "airflow.providers.fab.auth_manager.api.auth.backend.basic_auth",
                "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_hex(16),
                "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
                "AIRFLOW__WEBSERVER__WEB_SERVER_PORT": str(self.port),
                "AIRFLOW__WEBSERVER__WORKERS": "1",
            }
            if MAJOR == 2
            else {}
        )

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [airflow_command(), *arguments], env=self._environment, cwd=self.home, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    def _is_healthy(self) -> bool:
        try:
            health = self.api.health()
        except requests.RequestException:
            return False
        return {part for part, state in health.items() if state == "healthy"} >= HEALTHY

    def _until(self, happened: Callable[[], bool], seconds: float = 600) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            ended = [part for part, process in self._parts.items() if process.poll() is not None]
            assert not ended, f"{ended} ended.\n{self.said()}"
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.5)
