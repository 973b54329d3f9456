"""The example DAGs that users copy."""

from __future__ import annotations

import ast
from pathlib import Path

from fapiao.testing.scenario import TAXPAYERS

DAGS = Path(__file__).parents[2] / "dags"


def test_the_taxpayers_of_the_examples_are_the_ones_that_the_simulator_knows() -> None:
    texts = {
        node.value
        for path in DAGS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for text in texts if text.startswith("9199")} == set(TAXPAYERS)
