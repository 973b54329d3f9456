"""A scaffolded source, as a wheel of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fapiao.scaffold.new_source import new_source


@pytest.fixture(scope="session")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new source called quickvendor."""
    folder = tmp_path_factory.mktemp("scaffold") / "fapiao-quickvendor"
    new_source("quickvendor", folder)
    return folder


@pytest.fixture(scope="session")
def scaffolded_wheel(scaffolded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its wheel, built without a network."""
    place = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-qq",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(place),
    ]
    subprocess.run([*command, str(scaffolded)], check=True, timeout=120)
    [built] = place.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(scaffolded_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the wheel is installed beside fapiao."""
    place = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--no-index", "--target", str(place)]
    subprocess.run([*command, str(scaffolded_wheel)], check=True, timeout=120)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FAPIAO", "PYTEST"))}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(place), *filter(None, sys.path)])}
