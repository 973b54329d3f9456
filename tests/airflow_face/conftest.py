"""An Airflow of the tests' own: home, metadata database, DAG folder; and installed distributions made of plain files."""

from __future__ import annotations

import importlib
import importlib.metadata
import itertools
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fapiao.testing.scenario import TAXPAYERS
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

ROOT = Path(__file__).parents[2]

# Airflow reads its home when it is first imported, which the modules of this directory do while they are collected.
_HOME = tempfile.TemporaryDirectory(prefix="fapiao-airflow-", ignore_cleanup_errors=True)
_SETTINGS = {
    "AIRFLOW_HOME": _HOME.name,
    "AIRFLOW__CORE__DAGS_FOLDER": f"{_HOME.name}/dags",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME.name}/airflow.db",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    "AIRFLOW__SCHEDULER__ENABLE_JOB_HEARTBEAT": "False",
}
if "airflow" not in sys.modules:
    for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[_name]
    os.environ.update(_SETTINGS)
    Path(_HOME.name, "dags").mkdir()


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The home of the Airflow that runs in this process."""
    return Path(os.environ["AIRFLOW_HOME"])


Installed = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Installed:
    """Makes a directory that looks like ``site-packages``: one module and one distribution for each call."""
    place = tmp_path / "site"

    def install(distribution: str, points: dict[str, dict[str, str]], **modules: str) -> Path:
        info = place / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in named.items()) for group, named in points.items()]
        (info / "entry_points.txt").write_text("\n".join(lines))
        for module, code in modules.items():
            (place / f"{module}.py").write_text(textwrap.dedent(code), encoding="utf-8")
        return place

    return install


def _own_site() -> Path | None:
    """Entry points of this project where it is on the path but not installed; None where it is installed."""
    try:
        importlib.metadata.distribution("airflow-provider-fapiao")
    except importlib.metadata.PackageNotFoundError:
        place = Path(_HOME.name, "own")
        info = place / "airflow_provider_fapiao-0.1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: airflow-provider-fapiao\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(
            "[apache_airflow_provider]\nprovider_info = fapiao.airflow.provider:get_provider_info\n"
            "[airflow.plugins]\nfapiao = fapiao.airflow.plugin:FapiaoPlugin\n"
            "[fapiao.sources]\nekuaibao = fapiao_ekuaibao:plugin\n"
        )
        sys.path.insert(0, str(place))  # before Airflow lists its providers, which it does once
        importlib.invalidate_caches()
        return place
    return None


OWN_SITE = _own_site()


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs Python in a process of its own, with an Airflow home of its own and what the test has installed."""

    def run_python(
        *arguments: str, sites: tuple[Path, ...] = (), timeout: float = 120, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        paths = [*sites, *([OWN_SITE] if OWN_SITE else []), ROOT / "provider", ROOT / "plugins"]
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        environment |= {
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONWARNINGS": "ignore",
            **settings,
        }
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run_python


@pytest.fixture(scope="session")
def face(airflow_home: Path) -> AirflowFace:
    """Airflow with a metadata database and the DAGs of the tests."""
    import shutil

    migrated = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "provider", ROOT / "plugins")))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert migrated.returncode == 0, migrated.stderr
    dags = airflow_home / "dags"
    for folder in (ROOT / "dags", Path(__file__).parent / "dags"):
        for file in folder.glob("*.py"):
            shutil.copy(file, dags)
    return AirflowFace(dags)


class Ran:
    """A finished DAG run."""

    def __init__(self, record: Any, values: dict[str, list[Any]], rendered: str) -> None:
        self.run_id = str(record.run_id)
        self.state = str(getattr(record.state, "value", record.state))
        self.values = values
        """Task id → the values of its instances."""
        self.rendered = rendered
        """Every rendered field of every task, as stored."""
        self.tasks = {
            f"{t.task_id}{t.map_index if t.map_index >= 0 else ''}": str(t.state) for t in record.get_task_instances()
        }

    @property
    def value(self) -> Any:
        """The value of the one task ``collect``."""
        [value] = self.values["collect"]
        return value


class AirflowFace:
    """Runs DAGs in this process, as ``airflow dags test`` does, with the triggers inline."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._dags: dict[str, Any] = {}
        self._defaults: dict[str, dict[str, Any]] = {}

    def run(self, dag_id: str, **conf: Any) -> Ran:
        """One run of a DAG with these parameters, now."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Airflow's own; ours are seen by the other tests
            dag = self._dag(dag_id)
            # The parameters of one run stay on the DAG object; a worker would parse the file anew.
            record = dag.test(run_conf={**self._defaults[dag_id], **conf})
            return Ran(record, self._values(record), self._rendered(record))

    def _dag(self, dag_id: str) -> Any:
        if not self._dags:
            try:
                bags = importlib.import_module("airflow.dag_processing.dagbag")
            except ImportError:  # 2.11
                bags = importlib.import_module("airflow.models.dagbag")
            bag = bags.DagBag(str(self._folder))
            assert not bag.import_errors
            self._dags = bag.dags
            self._defaults = {name: dict(dag.params.dump()) for name, dag in bag.dags.items()}
        return self._dags[dag_id]

    @staticmethod
    def _values(record: Any) -> dict[str, list[Any]]:
        from airflow.utils.session import create_session

        try:
            from airflow.models.xcom import XComModel as XCom
        except ImportError:
            from airflow.models.xcom import BaseXCom as XCom  # type: ignore[no-redef]  # 2.11
        with create_session() as session:
            rows = session.query(XCom).filter(XCom.run_id == record.run_id, XCom.dag_id == record.dag_id).all()
            values: dict[str, list[Any]] = {}
            for row in sorted(rows, key=lambda row: row.map_index):
                if row.key == "return_value":
                    # 2.11 has deserialized it on loading.
                    value = XCom.deserialize_value(row) if row.__class__.__name__ == "XComModel" else row.value
                    values.setdefault(row.task_id, []).append(value)
            return values

    @staticmethod
    def _rendered(record: Any) -> str:
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.utils.session import create_session

        with create_session() as session:
            rows = session.query(RenderedTaskInstanceFields).filter_by(run_id=record.run_id, dag_id=record.dag_id).all()
            return repr([row.rendered_fields for row in rows])


_credentials = itertools.count(1)


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., EkuaibaoSimulator]]:
    """Starts a simulated vendor with a scenario and gives Airflow the connection to it."""
    with ExitStack() as stack:

        def start(secret: str | None = None, **scenario: Any) -> EkuaibaoSimulator:
            # A process remembers tokens by account, and the port of an earlier simulator may come again: credentials differ.
            told: dict[str, Any] = {
                "uniform": 3,
                "seed": 7,
                "app_security": f"simulated-secret-{next(_credentials):04}",
            }
            simulator = EkuaibaoSimulator(EkuaibaoScenario(**told | scenario))
            stack.enter_context(simulator.running())
            connection = dict(simulator.connection()) | {"conn_type": "ekuaibao"}
            connection["extra"] = {**connection["extra"], "requests_per_second": 0, "minimum_job_age": 0}
            if secret is not None:
                connection["password"] = secret
            monkeypatch.setenv("AIRFLOW_CONN_EKUAIBAO_DEFAULT", json.dumps(connection))
            return simulator

        yield start


@pytest.fixture
def started(
    request: pytest.FixtureRequest, vendor: Callable[..., EkuaibaoSimulator]
) -> Callable[..., EkuaibaoSimulator]:
    """A simulated vendor on which the jobs of these taxpayers run: of the ``SLICES`` of the test's module."""

    def start(*taxpayers: str, **scenario: Any) -> EkuaibaoSimulator:
        from fapiao.airflow.hooks import InvoiceSourceHook
        from fapiao.wire import CollectionJob, SliceKey

        simulator = vendor(**scenario)
        hook = InvoiceSourceHook("ekuaibao_default")
        slices = tuple(SliceKey(*part) for part in request.module.SLICES)
        with hook.get_conn() as driver:
            for taxpayer in taxpayers or TAXPAYERS[:1]:
                job = CollectionJob(taxpayer_no=taxpayer, invoice_month="202411", slices=slices)
                driver.run(hook.source.start_collection(hook.account, job))
        return simulator

    return start


@pytest.fixture
def connection_text() -> Callable[[], str]:
    """The JSON of the connection that :func:`vendor` has set."""
    return lambda: os.environ["AIRFLOW_CONN_EKUAIBAO_DEFAULT"]


@pytest.fixture
def into(tmp_path: Path) -> str:
    """URL of a new SQLite database."""
    return f"sqlite:///{tmp_path}/invoices.db"
