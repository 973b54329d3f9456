"""A new source passes its tests, its style and its types at once; a name or a place that will not do is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tomli

from fapiao.errors import ConfigurationError
from fapiao.scaffold import new_source as scaffold
from fapiao.scaffold.new_source import new_source, rendered

TEMPLATE = Path(scaffold.__file__).parent / "template"
RUFF = str(Path(sys.executable).with_name("ruff"))


def run(*command: str, where: Path, environment: dict[str, str] | None = None) -> str:
    finished = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=540)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_every_template_becomes_a_file_that_speaks_of_the_new_name_only(tmp_path: Path) -> None:
    made = new_source("quickvendor", tmp_path / "new")
    assert len(made) == len([path for path in TEMPLATE.rglob("*") if path.is_file()])
    for path in made:
        text = (tmp_path / "new" / path).read_text("utf-8")
        assert "acme" not in f"{path}\n{text}".lower()
    project = tomli.loads((tmp_path / "new" / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["fapiao.sources"] == {"quickvendor": "fapiao_quickvendor:plugin"}
    assert project["entry-points"]["fapiao.simulators"] == {"quickvendor": "fapiao_quickvendor.simulator:Simulator"}
    assert {".gitignore", ".github/workflows/test.yml", "README.md"} <= {str(path) for path in made}


def test_only_templates_lie_in_the_template() -> None:
    assert [path for path in TEMPLATE.rglob("*") if path.is_file() and path.suffix != ".tmpl"] == []


@pytest.mark.parametrize("name", ["x1", "acme", "averylongvendorname1"])
def test_style_holds_whatever_the_name(name: str, tmp_path: Path) -> None:
    new_source(name, tmp_path / "new")
    run(RUFF, "check", "--no-cache", ".", where=tmp_path / "new")
    run(RUFF, "format", "--no-cache", "--check", ".", where=tmp_path / "new")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My Vendor", "Perhaps: myvendor."),
        ("my_vendor", "Perhaps: myvendor."),
        ("Vendor", "Perhaps: vendor."),
        ("1vendor", "Perhaps: vendor."),
        ("供应商", "begins with a letter, and has at most 20 characters."),
        ("", "cannot be the name of a source"),
        ("v" * 21, "has 21 characters"),
        ("ekuaibao", "is installed already"),
        ("postgres", "means something else to Airflow"),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_the_rule(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        new_source(name, tmp_path / "new", taken={"ekuaibao"})
    assert said in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="is not an empty folder"):
        new_source("quickvendor", tmp_path)
    with pytest.raises(ConfigurationError, match="is not an empty folder"):
        new_source("quickvendor", tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command_says_what_comes_next(tmp_path: Path) -> None:
    program = "from fapiao.cli import main; main()"
    said = run(sys.executable, "-c", program, "new-source", "quickvendor", where=tmp_path)
    assert f"{len(list(rendered('quickvendor')))} files were written to fapiao-quickvendor." in said
    assert "python -m pytest" in said
    refused = subprocess.run(
        [sys.executable, "-c", program, "new-source", "ekuaibao"], cwd=tmp_path, capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "is installed already" in refused.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_types_hold(scaffolded: Path, installed: dict[str, str]) -> None:
    run(sys.executable, "-m", "mypy", "--cache-dir", "/dev/null", where=scaffolded, environment=installed)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_its_own_tests_and_the_conformance_kit_pass(scaffolded: Path, installed: dict[str, str]) -> None:
    said = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", where=scaffolded, environment=installed)
    assert "failed" not in said
    assert int(said.rpartition(" passed")[0].rpartition("\n")[2]) > 40
