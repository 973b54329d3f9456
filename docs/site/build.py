"""Builds the site into ``build/site``: the documents as they are, with the reference made from the code.

The sources stay plain Markdown that is read on any forge; what only the site has (its menu) is written here. A warning of
Sphinx, such as a link that leads nowhere, is an error.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference import pages

_LINK = re.compile(r"\]\(([^)\s:]+)\)")
ROOT = Path(__file__).parents[2]
STAGED = (
    "README.md",
    "README.zh-CN.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "changes",
    "docs",
    "dags",
    "pyproject.toml",
)
MENU: dict[str, tuple[str, ...]] = {
    "Start": ("README", "docs/getting-started", "docs/tutorial"),
    "中文": ("README.zh-CN", "docs/tutorial.zh-CN", "docs/coverage.zh-CN", "docs/how-to/month-close.zh-CN"),
    "How to": ("docs/how-to/*",),
    "Guides": (
        "docs/airflow", "docs/command-line", "docs/connection-ekuaibao", "docs/connection-jcsk", "docs/connection-qixiangyun",
        "docs/deduction-sync", "docs/verify-and-archive", "docs/coverage", "docs/dashboards", "docs/database", "docs/errors",
        "docs/raw",
    ),
    "Reference": ("docs/reference/*",),
    "Explanations": ("docs/completeness", "docs/edge-cases", "docs/architecture", "docs/comparison", "docs/decisions/*"),
    "For authors": (
        "docs/write-a-source", "docs/plugin-authors", "docs/hooks", "docs/hooks/*", "docs/conformance",
        "docs/conformance/*", "docs/cassettes", "docs/observers",
    ),
    "Project": ("CONTRIBUTING", "CHANGELOG", "changes/README", "SECURITY"),
}  # fmt: skip


def build(out: Path, stage: Path) -> int:
    """Stage the documents and run Sphinx; its exit status."""
    from sphinx.cmd.build import main

    _stage(stage)
    return main(["-q", "-W", "--keep-going", "-j", "2", "-c", str(Path(__file__).parent), str(stage), str(out)])


def _stage(stage: Path) -> None:
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for name in STAGED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, stage / name, ignore=shutil.ignore_patterns("__pycache__", "site", "+*"))
        else:
            shutil.copy(source, stage / name)
    _copy_linked(stage)
    (stage / "docs" / "reference").mkdir()
    for name, text in pages().items():
        (stage / "docs" / "reference" / name).write_text(text, encoding="utf-8")
    (stage / "index.md").write_text(_index(stage), encoding="utf-8")


def _copy_linked(stage: Path) -> None:
    """Source files that a document links to come along; what they link to in turn does not."""
    for document in list(stage.rglob("*.md")):
        for target in _LINK.findall(document.read_text("utf-8")):
            wanted = (document.parent / target.partition("#")[0]).resolve()
            if stage not in wanted.parents or wanted.exists():
                continue
            source = ROOT / wanted.relative_to(stage)
            if source.is_file():
                wanted.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, wanted)


def _index(stage: Path) -> str:
    """The front page with the menu; a document that no entry names is under *Guides*, so that none is lost."""
    named = {
        name: [entry for pattern in patterns for entry in _matching(stage, pattern)] for name, patterns in MENU.items()
    }
    listed = {entry for entries in named.values() for entry in entries}
    named["Guides"] += [entry for entry in _matching(stage, "docs/*") if entry not in listed]
    menus = "\n".join(
        f"```{{toctree}}\n:caption: {name}\n:maxdepth: 1\n:hidden:\n\n" + "\n".join(entries) + "\n```\n"
        for name, entries in named.items()
    )
    lists = "\n".join(
        f"## {name}\n\n" + "\n".join(f"- [{_title(stage / f'{entry}.md')}]({entry}.md)" for entry in entries) + "\n"
        for name, entries in named.items()
    )
    return f"# fapiao\n\nChinese VAT invoices (发票) in your own database, completely and provably.\n\n{lists}\n{menus}"


def _matching(stage: Path, pattern: str) -> list[str]:
    found = sorted(path.relative_to(stage).with_suffix("").as_posix() for path in stage.glob(f"{pattern}.md"))
    if pattern == "docs/reference/*":
        return [f"docs/reference/{Path(name).stem}" for name in pages()]
    return found


def _title(document: Path) -> str:
    return next(line.removeprefix("# ") for line in document.read_text("utf-8").splitlines() if line.startswith("# "))


if __name__ == "__main__":
    raise SystemExit(build(ROOT / "build" / "site", ROOT / "build" / "site-source"))
