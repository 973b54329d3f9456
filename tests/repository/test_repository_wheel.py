"""What is in the wheel, and that it works in an environment that holds nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-qq",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
    ]
    subprocess.run([*command, str(ROOT)], check=True, timeout=120)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def members(wheel: Path) -> set[str]:
    return set(ZipFile(wheel).namelist())


def test_the_wheel_has_the_types_and_the_migrations(members: set[str]) -> None:
    packages = {name.split("/")[0] for name in members if ".dist-info/" not in name}
    assert packages >= {"fapiao", "fapiao_ekuaibao"}
    assert {f"{package}/py.typed" for package in packages} <= members
    migrations = ROOT / "provider/fapiao/store/migrations"
    scripts = {path.relative_to(ROOT / "provider").as_posix() for path in migrations.rglob("*.py")}
    assert scripts
    assert scripts <= members


def test_the_wheel_has_every_source_file_of_the_packages_and_nothing_else(members: set[str]) -> None:
    sources = {
        path.relative_to(root).as_posix()
        for root in (ROOT / "provider", ROOT / "plugins")
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in members if ".dist-info/" not in name} == sources


def test_the_metadata_tells_the_registry_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_string(archive.read(name).decode("utf-8"))
    assert metadata["Name"] == "airflow-provider-fapiao"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert {"Framework :: Apache Airflow", "Framework :: Apache Airflow :: Provider"} <= set(
        metadata.get_all("Classifier", [])
    )
    assert "发票" in str(metadata["Summary"])


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(600)
def test_a_clean_environment_with_the_newest_dependencies_has_a_working_provider(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    programs = tmp_path / "venv" / "bin"
    install = [
        str(programs / "python"),
        "-m",
        "pip",
        "install",
        "-qq",
        "--no-compile",
        str(wheel),
        "apache-airflow==3.3.2",
    ]
    subprocess.run(install, check=True, timeout=500)

    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "FAPIAO"))
    }
    environment["AIRFLOW_HOME"] = str(tmp_path / "home")

    def run(*command: str) -> str:
        finished = subprocess.run(
            [str(programs / command[0]), *command[1:]],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    assert "airflow-provider-fapiao" in run("airflow", "providers", "list", "--output", "json")
    assert "fapiao.airflow.hooks.EkuaibaoHook" in run("airflow", "providers", "hooks", "--output", "json")
    sources = {source["name"]: source["state"] for source in json.loads(run("fapiao", "sources", "--json"))}
    assert sources["ekuaibao"] == "good"
    assert set(sources.values()) == {"good"}
    run("fapiao", "init-db", "--into", f"sqlite:///{tmp_path / 'fapiao.db'}")
