"""What authors read is whole: every check has its page, every hook is described and examined."""

from __future__ import annotations

import re
from pathlib import Path

import pluggy
import pytest

from fapiao.spec import FLOW_HOOKS, PROJECT, InvoiceSource
from fapiao.testing.conformance import CHECKS, Check
from fapiao.testing.conformance.tour import RESULTS

DOCS = Path(__file__).parents[2] / "docs"
INDEX = (DOCS / "conformance.md").read_text(encoding="utf-8")
PAGES = DOCS / "conformance"
AUTHORS = (DOCS / "plugin-authors.md").read_text(encoding="utf-8")


def hooks() -> list[str]:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(InvoiceSource)
    return sorted(vars(manager.hook))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_every_check_has_a_page_that_says_why_how_and_what_to_do(check: Check) -> None:
    page = (PAGES / f"{check.id}.md").read_text(encoding="utf-8")
    assert page.replace("`", "").startswith(f"# {check.id}: {check.title.removesuffix('.')}\n")
    parts = dict(re.findall(r"(?ms)^## ([^\n]+)\n\n(.*?)(?=^## |\Z)", page))
    assert list(parts) == ["Why it matters", "How it is found out", "The message", "The remedy"]
    assert all(len(part) > 40 for part in parts.values())
    assert re.match(rf"```text\n{check.id}: source acme, hook \w+: ", parts["The message"])
    assert f"\nSee docs/conformance/{check.id}.md.\n" in parts["The message"]


def test_the_index_lists_every_check_with_its_title_and_no_other() -> None:
    rows = re.findall(r"(?m)^\| \[(\w+)\]\(conformance/(\w+)\.md\) \| (.*) \|$", INDEX.replace("`", ""))
    assert rows == [(check.id, check.id, check.title) for check in CHECKS]
    assert {page.stem for page in PAGES.iterdir()} == {check.id for check in CHECKS}


@pytest.mark.parametrize("hook", hooks())
def test_every_hook_is_described_for_authors_and_in_the_specification(hook: str) -> None:
    assert re.search(rf"`{hook}\(", AUTHORS)
    document = getattr(InvoiceSource, hook).__doc__
    assert document.startswith(("Pure", "Flow"))
    assert document.startswith("Flow") == (hook in FLOW_HOOKS)


def test_every_flow_is_part_of_the_conversation_that_is_examined() -> None:
    assert set(RESULTS) == set(FLOW_HOOKS)
