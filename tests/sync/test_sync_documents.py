"""The page about the JCSK connection names every setting, list and filter there is."""

from __future__ import annotations

import json

from collecting import ROOT
from fapiao.registry import registry
from fapiao.store.reports.deduction_changes import KINDS
from fapiao_jcsk.wishes import FILTERS

DOCS = ROOT / "docs"


def test_every_setting_is_described_with_its_default() -> None:
    text = (DOCS / "connection-jcsk.md").read_text("utf-8")
    fields = registry.get("jcsk").descriptor.fields
    assert [field.name for field in fields if f"`{field.name}`" not in text] == []
    defaults = {field.name: json.dumps(field.default).strip('"') for field in fields if field.default is not None}
    assert [name for name, default in defaults.items() if f"`{default}`" not in text] == []


def test_every_list_and_filter_is_described() -> None:
    text = (DOCS / "connection-jcsk.md").read_text("utf-8")
    assert [code for code in registry.get("jcsk").descriptor.lists if f"\n| {code} |" not in text] == []
    assert [name for name in FILTERS if f"`{name}`" not in text] == []


def test_every_kind_of_change_is_described() -> None:
    text = (DOCS / "deduction-sync.md").read_text("utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []
