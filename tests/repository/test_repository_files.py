"""What the repository promises about its own files."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import fapiao

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

# Written so that this file does not match them itself.
FOREIGN = re.compile(
    r"py[p]i\.org|python[h]osted|npm[j]s\.(org|com)|mirrors?[.]\w+\.\w+|deb[.]debian\.org"
    r"|/(wor[k]|hom[e]|User[s]|far[m])/\w|/tm[p]/\w"
)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def requirements(lock: Path) -> list[str]:
    """The lock's entries, each with its hashes on one line."""
    text = "\n".join(line for line in lock.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [entry for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]


def test_no_file_names_a_package_host_or_the_machine_it_was_written_on() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_requirement_is_pinned_and_hashed(lock: Path) -> None:
    entries = requirements(lock)
    assert len(entries) > 40
    assert not [entry for entry in entries if not re.match(r"[a-z0-9.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_holds_an_address(lock: Path) -> None:
    assert not re.findall(r"\S*://\S*|--(?:extra-)?index\S*|--find-links\S*", lock.read_text("utf-8"))


def test_the_demo_is_locked_to_the_versions_that_are_tested() -> None:
    def pins(name: str) -> set[str]:
        return {entry.split()[0] for entry in requirements(ROOT / "requirements" / name)}

    assert pins("demo.txt") <= pins("test-3.3.txt")


def test_the_changelog_has_the_version_and_its_headings_are_known() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## {re.escape(fapiao.__version__)}\b", text, re.MULTILINE)
    known = {"Added", "Changed", "Behaviour changes", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= known


def test_every_relative_link_in_the_documents_leads_somewhere() -> None:
    broken = []
    for document in [path for path in tracked_files() if path.suffix == ".md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
            path, _, anchor = target.partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            linked = (document.parent / path).resolve() if path else document
            if not linked.exists() or (anchor and anchor not in anchors(linked)):
                broken.append(f"{document.relative_to(ROOT)}: {target}")
    assert not broken


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
