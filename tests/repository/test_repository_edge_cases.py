"""Every edge case of the documents has a golden test by its id, and every golden test is about one of them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CASES = [f"E{number}" for number in range(1, 31)]
_IDS = re.compile(r"^(?:e\d+_)*")
_ROW = re.compile(r"^\| (E\d+) \|.*\| `(test_\w+)` \|$", re.MULTILINE)


def golden_tests() -> dict[str, set[str]]:
    """Test → the ids in its name."""
    texts = [path.read_text("utf-8") for path in (ROOT / "tests" / "golden").glob("test_*.py")]
    names = [name for text in texts for name in re.findall(r"^def test_(\w+)", text, re.MULTILINE)]
    return {f"test_{name}": set(re.findall(r"E\d+", _IDS.findall(name)[0].upper())) for name in names}


def test_every_case_has_a_golden_test_by_its_id() -> None:
    tested = set().union(*golden_tests().values())
    assert [case for case in CASES if case not in tested] == []


def test_every_golden_test_names_the_case_it_is_about() -> None:
    assert [name for name, cases in golden_tests().items() if not cases or not cases <= set(CASES)] == []


def test_the_table_of_cases_is_whole_and_names_tests_of_its_cases() -> None:
    rows = _ROW.findall((ROOT / "docs" / "edge-cases.md").read_text("utf-8"))
    assert [case for case, _ in rows] == CASES
    tests = golden_tests()
    assert [(case, name) for case, name in rows if case not in tests.get(name, ())] == []
