"""The contract between the installed distribution and Airflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import fapiao
from fapiao.airflow.provider import get_provider_info

DISTRIBUTION = "airflow-provider-fapiao"


@pytest.fixture(scope="module")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("airflow-home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {**environment, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


def airflow(environment: dict[str, str], *arguments: str) -> Any:
    command = [str(Path(sys.executable).with_name("airflow")), *arguments, "--output", "json"]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout[finished.stdout.index("[") :])


def test_the_provider_info_satisfies_the_schema_of_airflow() -> None:
    schema = json.loads((files("airflow") / "provider_info.schema.json").read_text("utf-8"))
    jsonschema.validate(get_provider_info(), schema)


def test_the_provider_info_is_plain_json_and_constant() -> None:
    info = get_provider_info()
    assert json.loads(json.dumps(info)) == info == get_provider_info()


def test_the_provider_names_the_distribution_and_its_version() -> None:
    info = get_provider_info()
    installed = distribution(DISTRIBUTION)
    assert info["package-name"] == installed.metadata["Name"] == DISTRIBUTION
    assert info["versions"][0] == installed.version == fapiao.__version__


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("apache_airflow_provider", "provider_info"),
        ("airflow.plugins", "fapiao"),
        ("fapiao.sources", "ekuaibao"),
        ("fapiao.simulators", "ekuaibao"),
        ("console_scripts", "fapiao"),
    ],
)
def test_every_entry_point_of_the_distribution_loads(group: str, name: str) -> None:
    [point] = [
        point
        for point in entry_points(group=group, name=name)
        if point.dist is not None and point.dist.name == DISTRIBUTION
    ]
    assert point.load() is not None


def test_every_connection_type_has_a_hook_class_that_can_be_imported() -> None:
    for kind in get_provider_info()["connection-types"]:
        module, name = kind["hook-class-name"].rsplit(".", 1)
        hook = getattr(__import__(module, fromlist=[name]), name)
        assert hook.conn_type == kind["connection-type"]


@pytest.mark.airflow
def test_airflow_lists_the_provider(airflow_environment: dict[str, str]) -> None:
    providers = {row["package_name"]: row for row in airflow(airflow_environment, "providers", "list")}
    assert providers[DISTRIBUTION]["version"] == fapiao.__version__


@pytest.mark.airflow
def test_airflow_lists_the_connection_type(airflow_environment: dict[str, str]) -> None:
    hooks = {row["connection_type"]: row for row in airflow(airflow_environment, "providers", "hooks")}
    assert hooks["ekuaibao"]["class"] == "fapiao.airflow.hooks.EkuaibaoHook"
    assert "易快报" in hooks["ekuaibao"]["hook_name"]
