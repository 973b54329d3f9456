"""A table of plugins that each break one rule, and which check has to say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["CASES", "Case", "broken"]


class Case(NamedTuple):
    check: str
    plugin: str
    """Module and attribute."""
    hook: str
    """Which the message must name."""
    words: str
    """What the message must say was seen."""
    changes: dict[str, Any]
    """Of the toy's kit."""


CASES: list[Case] = []


def broken(check: str, hook: str, words: str, **changes: Any) -> Callable[[type], Any]:
    """The class is replaced by an instance of it: that is what an entry point names."""

    def entered(kind: type) -> Any:
        CASES.append(Case(check, f"{kind.__module__}:{kind.__name__}", hook, words, changes))
        return kind()

    return entered
