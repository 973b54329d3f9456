"""The fragments that the changelog is made of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import tomli

ROOT = Path(__file__).parents[2]
KINDS = {
    kind["directory"]: kind["name"]
    for kind in tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["towncrier"]["type"]
}


def test_every_fragment_is_of_a_kind_that_has_a_section() -> None:
    names = [path.name for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert [
        name for name in names if name[:1] != "+" or name.split(".")[1:] not in [[kind, "md"] for kind in KINDS]
    ] == []
    readme = (ROOT / "changes" / "README.md").read_text("utf-8")
    assert [kind for kind, section in KINDS.items() if f"| `{kind}` | {section}" not in readme] == []


def test_fragments_become_a_section_above_the_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / "changes").mkdir()
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    for kind in KINDS:
        (tmp_path / "changes" / f"+topic.{kind}.md").write_text(f"What is {kind}: 发票.\n", encoding="utf-8")
    command = [sys.executable, "-m", "towncrier", "build", "--version", "9.9.9", "--date", "2030-01-02", "--keep"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    text = (tmp_path / "CHANGELOG.md").read_text("utf-8")
    _, section, *_ = text.split("\n## ")
    assert section.startswith("9.9.9 (2030-01-02)\n")
    for kind, name in KINDS.items():
        assert f"### {name}\n\n- What is {kind}: 发票.\n" in section
    assert text.replace(f"## {section}\n", "") == (ROOT / "CHANGELOG.md").read_text("utf-8")
