"""What Airflow is told about the provider, also when a vendor plugin is broken, slow, lying or there twice."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import textwrap
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Installed = Callable[..., Path]
Run = Callable[..., "subprocess.CompletedProcess[str]"]

PLUGIN = """
    from fapiao.spec import Descriptor, Field, InvoiceType, hookimpl
    from fapiao.wire import OK

    class Plugin:
        @hookimpl
        def describe(self):
            return Descriptor(
                name="{name}", title={title}, spec="1", capabilities=frozenset(), account_field="login",
                fields=(
                    Field(name="login", title="Key", place="login", required=True),
                    Field(name="password", title="Secret", kind="secret", place="password"),
                    Field(name="region", title="Region", help="Which one.", default="east"),
                ),
                default_host="https://{name}.example",
            )

        @hookimpl
        def classify(self, request, response):
            return OK

    plugin = Plugin()
"""

INFO = """
import json
from fapiao.airflow.provider import get_provider_info
info = get_provider_info()
for kind in info["connection-types"]:
    for key in ("hook-name", "conn-fields", "ui-field-behaviour"):
        kind.get(key)
print(json.dumps(info))
"""
SCHEMA = """
import json, sys, jsonschema, airflow, pathlib
schema = json.loads((pathlib.Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
jsonschema.validate(json.loads(sys.argv[1]), schema)
"""


def good(name: str) -> str:
    return PLUGIN.format(name=name, title=f'"The {name}"')


def told(run: Run, *sites: Path) -> tuple[dict[str, Any], str]:
    """The provider info, and what was warned about."""
    finished = run("-c", INFO, sites=sites)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout), finished.stderr


def types_of(info: dict[str, Any]) -> list[str]:
    """The connection types that have a form, besides our own, which are all there."""
    found = [kind["connection-type"] for kind in info["connection-types"] if "conn-fields" in kind]
    own = {point.name for point in entry_points(group="fapiao.sources")}
    assert own <= set(found)
    return [name for name in found if name not in own]


def test_every_installed_plugin_is_a_connection_type(site: Installed, run: Run) -> None:
    place = site(
        "other-vendor", {"fapiao.sources": {"othervendor": "othervendor:plugin"}}, othervendor=good("othervendor")
    )
    info, _ = told(run, place)
    assert types_of(info) == ["othervendor"]


def test_the_form_of_a_plugin_is_made_from_its_descriptor(site: Installed, run: Run) -> None:
    place = site(
        "other-vendor", {"fapiao.sources": {"othervendor": "othervendor:plugin"}}, othervendor=good("othervendor")
    )
    info, _ = told(run, place)
    form = next(kind for kind in info["connection-types"] if kind["connection-type"] == "othervendor")
    assert form["hook-name"] == "The othervendor"
    assert form["hook-class-name"] == "fapiao.airflow.hooks.OthervendorHook"
    assert form["conn-fields"]["region"] == {
        "label": "Region",
        "schema": {"type": ["string", "null"], "default": "east"},
        "description": "Which one.",
    }
    assert form["conn-fields"]["verify_tls"]["schema"]["type"] == ["boolean", "null"]
    assert form["ui-field-behaviour"]["relabeling"] == {"login": "Key", "password": "Secret"}
    assert form["ui-field-behaviour"]["placeholders"]["host"] == "https://othervendor.example"


BAD = {
    "raises at import": ("badone", "raise RuntimeError('no licence')", "no licence"),
    "exits at import": ("badone", "raise SystemExit(3)", "SystemExit"),
    "cannot be imported": ("badone", "import no_such_library_anywhere", "no_such_library_anywhere"),
    "describes itself wrongly": ("badone", PLUGIN.format(name="badone", title="17"), "title"),
    "uses another name": ("badone", good("someoneelse"), "someoneelse"),
    "takes the name of another provider": ("postgres", good("postgres"), "belongs to another provider"),
    "raises while it is described": (
        "badone",
        good("badone").replace("return Descr", "1 / 0; return Descr"),
        "describe",
    ),
    "never returns": ("badone", "import time; time.sleep(60)", "did not come back within"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_plugin_that_is_bad_is_left_out_by_name_and_the_others_stay(what: str, site: Installed, run: Run) -> None:
    name, code, reason = BAD[what]
    site("good-vendor", {"fapiao.sources": {"goodvendor": "goodvendor:plugin"}}, goodvendor=good("goodvendor"))
    place = site("bad-vendor", {"fapiao.sources": {name: "badvendor:plugin"}}, badvendor=code)
    info, warned = told(run, place)
    assert types_of(info) == ["goodvendor"]
    assert re.search(rf"source {name} .*{reason}", warned)


def test_a_name_that_two_distributions_claim_is_left_out(site: Installed, run: Run) -> None:
    points = {"fapiao.sources": {"twice": "firstvendor:plugin"}}
    site("first-vendor", points, firstvendor=good("twice"))
    place = site("second-vendor", {"fapiao.sources": {"twice": "secondvendor:plugin"}}, secondvendor=good("twice"))
    info, warned = told(run, place)
    assert types_of(info) == []
    assert "source twice is left out: two distributions claim it" in warned


def test_what_airflow_is_told_satisfies_its_schema_with_any_plugin(site: Installed, run: Run) -> None:
    place = site(
        "other-vendor", {"fapiao.sources": {"othervendor": "othervendor:plugin"}}, othervendor=good("othervendor")
    )
    info, _ = told(run, place)
    checked = run("-c", SCHEMA, json.dumps(info))
    assert checked.returncode == 0, checked.stderr


def hooks_of(output: str) -> dict[str, str]:
    """Connection type → hook class, as ``airflow providers hooks`` prints them after whatever was logged."""
    rows = json.loads(output[output.index("[{") :])
    return {row["connection_type"]: row["class"] for row in rows}


@pytest.mark.airflow
@pytest.mark.parametrize("what", ["raises at import", "exits at import", "never returns"])
def test_airflow_itself_lives_on_beside_a_bad_plugin(what: str, site: Installed, run: Run) -> None:
    name, code, _ = BAD[what]
    place = site("bad-vendor", {"fapiao.sources": {name: "badvendor:plugin"}}, badvendor=code)
    version = run("-m", "airflow", "version", sites=(place,))
    assert version.returncode == 0, version.stderr
    finished = run("-m", "airflow", "providers", "hooks", "--output", "json", sites=(place,))
    assert finished.returncode == 0, finished.stderr
    assert "ekuaibao" in hooks_of(finished.stdout)
    assert "fapiao" not in hooks_of(finished.stdout)[name]  # Airflow's own words for a hook that cannot be imported


@pytest.fixture
def all_bad(site: Installed) -> Path:
    """Every bad plugin at once, a distribution each, a name claimed twice, and a good one that is slow to import."""
    for place, (name, code, _) in enumerate(BAD.values()):
        own = name.replace("badone", f"badone{place}")
        site(
            f"bad-{place}", {"fapiao.sources": {own: f"bad{place}:plugin"}}, **{f"bad{place}": code.replace(name, own)}
        )
    for ordinal in ("first", "second"):
        points = {"fapiao.sources": {"twice": f"{ordinal}vendor:plugin"}}
        site(f"{ordinal}-vendor", points, **{f"{ordinal}vendor": good("twice")})
    points = {"fapiao.sources": {"slowvendor": "slowvendor:plugin"}}
    return site("slow-vendor", points, slowvendor="import time; time.sleep(1)\n" + textwrap.dedent(good("slowvendor")))


@pytest.mark.airflow
@pytest.mark.slow
def test_airflow_works_beside_every_bad_plugin_at_once(all_bad: Path, run: Run) -> None:
    for command in (("version",), ("db", "migrate"), ("db", "check")):
        finished = run("-m", "airflow", *command, sites=(all_bad,))
        assert finished.returncode == 0, finished.stderr
    finished = run("-m", "airflow", "providers", "hooks", "--output", "json", sites=(all_bad,))
    assert finished.returncode == 0, finished.stderr
    hooks = hooks_of(finished.stdout)
    own = {point.name for point in entry_points(group="fapiao.sources")}
    usable = {name for name, hook in hooks.items() if (hook or "").startswith("fapiao.")}
    assert usable == own | {"slowvendor"}


@pytest.mark.airflow
@pytest.mark.slow
def test_the_dag_processor_reads_the_examples_beside_every_bad_plugin_at_once(
    all_bad: Path, run: Run, tmp_path: Path
) -> None:
    # Airflow 2.11 has no DAG processor of its own on SQLite; this command reads the files in its place.
    reads = ("dag-processor", "--num-runs", "1") if find_spec("airflow.sdk") else ("dags", "reserialize")
    for command in (("db", "migrate"), reads):
        finished = run("-m", "airflow", *command, sites=(all_bad,), AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"))
        assert finished.returncode == 0, finished.stderr
    with closing(sqlite3.connect(tmp_path / "home" / "airflow.db")) as database:
        assert database.execute("SELECT filename, stacktrace FROM import_error").fetchall() == []
        read = {row[0] for row in database.execute("SELECT dag_id FROM serialized_dag")}
    assert read >= {path.stem for path in (ROOT / "dags").glob("*.py")}


@pytest.mark.parametrize(
    "what", [what for what, (name, *_) in BAD.items() if name == "badone" and what != "never returns"]
)
def test_the_command_sources_names_a_bad_plugin_and_why(what: str, site: Installed, run: Run) -> None:
    name, code, reason = BAD[what]
    place = site("bad-vendor", {"fapiao.sources": {name: "badvendor:plugin"}}, badvendor=code)
    finished = run("-c", "from fapiao.cli import main; main()", "sources", "--json", sites=(place,))
    assert finished.returncode == 1
    listed = {row["name"]: row for row in json.loads(finished.stdout)}
    assert (listed[name]["state"], listed[name]["distribution"]) == ("broken", "bad-vendor")
    assert re.search(reason, listed[name]["reason"])


def test_telling_airflow_about_the_provider_imports_no_plugin(run: Run) -> None:
    code = "import sys; from fapiao.airflow.provider import get_provider_info; get_provider_info(); print(*sys.modules)"
    finished = run("-c", code)
    assert finished.returncode == 0, finished.stderr
    imported = finished.stdout.split()
    assert [name for name in imported if name.startswith("fapiao_") or name.partition(".")[0] == "airflow"] == []


@pytest.mark.airflow
def test_the_hook_of_a_third_party_plugin_is_found_by_airflow(site: Installed, run: Run) -> None:
    place = site(
        "other-vendor", {"fapiao.sources": {"othervendor": "othervendor:plugin"}}, othervendor=good("othervendor")
    )
    finished = run("-m", "airflow", "providers", "hooks", "--output", "json", sites=(place,))
    assert finished.returncode == 0, finished.stderr
    assert hooks_of(finished.stdout)["othervendor"] == "fapiao.airflow.hooks.OthervendorHook"
