"""The kit itself: each plugin that breaks one rule is caught by the check meant for it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broken import CASES, Case
from fapiao.testing.conformance import CHECKS, NonConforming, NotApplicable, run
from toy_kit import toy_kit

for _module in ("declarations", "flows", "answers", "mappings"):
    importlib.import_module(f"broken_{_module}")
ELSEWHERE = (
    Case("A2", "broken_heavy:plugin", "describe", "requests, urllib3", {}),
    Case("H2", "broken_airflow:plugin", "describe", "imports broken_airflow", {}),
)
ALL = (*CASES, *ELSEWHERE)
IDS = {check.id for check in CHECKS}
BY_ID = {check.id: check for check in CHECKS}


def parameters() -> Iterator[Any]:
    for case in ALL:
        marks = [pytest.mark.slow, pytest.mark.airflow] if case.check.startswith("H") else []
        yield pytest.param(case, marks=marks, id=f"{case.check}-{case.plugin.rpartition(':')[2]}")


@pytest.mark.parametrize("case", list(parameters()))
def test_a_broken_plugin_is_caught_by_the_check_meant_for_it(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    if case.check == "H2":
        monkeypatch.syspath_prepend(Path(__file__).parent / "site_airflow")
    with pytest.raises(NonConforming) as caught:
        run(BY_ID[case.check], toy_kit(case.plugin, **case.changes), IDS)
    text = str(caught.value)
    assert text.startswith(f"{case.check}: source toy, hook {case.hook}: ")
    assert case.words in text.partition("Remedy: ")[0]
    page = f"docs/conformance/{case.check}.md"
    assert text.endswith(f"See {page}.")
    assert all(breach.seen and len(breach.remedy) > 15 for breach in caught.value.breaches)
    # The page shows the message, with the remedy as it is now.
    shown = " ".join((Path(__file__).parents[2] / page).read_text("utf-8").split())
    assert f"Remedy: {caught.value.breaches[0].remedy}" in shown


def test_every_check_has_a_plugin_that_breaks_it() -> None:
    assert {case.check for case in ALL} == IDS - {"L1"}


@pytest.mark.parametrize("reason", ["", "   ", "later", "not-applicable-here-at-all"])
def test_a_skip_without_a_sentence_for_a_reason_fails(reason: str) -> None:
    with pytest.raises(NonConforming, match="skipped with the reason"):
        run(BY_ID["C6"], toy_kit(skip={"C6": reason}), IDS)


def test_a_skip_with_a_reason_skips() -> None:
    with pytest.raises(NotApplicable, match="skipped: The vendor has no pages"):
        run(BY_ID["C6"], toy_kit(skip={"C6": "The vendor has no pages to be empty."}), IDS)


def test_a_skip_of_a_check_that_does_not_exist_fails() -> None:
    with pytest.raises(NonConforming, match="skip names Z9"):
        run(BY_ID["A3"], toy_kit(skip={"Z9": "The vendor has no pages to be empty."}), IDS)


@pytest.mark.parametrize(
    ("check", "missing", "words"),
    [
        ("D1", {"codes": ()}, "no codes"),
        ("D2", {"answer_with": None}, "no answer_with"),
        ("D3", {"expired": None}, "expired"),
        ("C4", {"empty": None}, "no empty"),
        ("C6", {"rewrite": None}, "no rewrite"),
        ("E1", {"vectors": ()}, "no vectors"),
        ("F1", {"samples": ()}, "no samples"),
        ("G3", {"requests_per_thousand": None}, "requests_per_thousand=114"),
        ("B1", {"slice": None}, "declares no slice"),
        ("C1", {"slice": toy_kit().empty}, "is read as 1 pages"),
    ],
)
def test_what_the_kit_needs_and_is_not_told_fails(check: str, missing: dict[str, Any], words: str) -> None:
    with pytest.raises(NonConforming, match="hook kit: ") as caught:
        run(BY_ID[check], toy_kit(**missing), IDS)
    assert words in str(caught.value)


def test_a_plugin_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(NonConforming, match=r"'nowhere:plugin', which cannot be imported \(ModuleNotFoundError"):
        run(BY_ID["A3"], toy_kit("nowhere:plugin"), IDS)


def test_a_descriptor_that_cannot_be_had_is_the_fault_of_describe() -> None:
    with pytest.raises(
        NonConforming, match="D1: source broken_live:Mute, hook describe: The hook describe raised KeyError"
    ):
        run(BY_ID["D1"], toy_kit("broken_live:Mute"), IDS)
