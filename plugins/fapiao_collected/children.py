"""Lists inside a record: which of their rows can be read."""

from __future__ import annotations

from typing import Any

from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import is_blank

__all__ = ["Rows", "rows"]

Rows = list[dict[str, Any]]


def rows(value: Any, problems: Problems, field: str) -> tuple[Rows, bool]:
    """The rows that are objects, without empty ones, and whether something else was there too.

    What cannot be read is reported (V2), and the caller keeps the whole value among the record's extra fields.
    """
    if not value:
        return [], False
    if type(value) is not list:
        if is_blank(value):
            return [], False
        problems.add("V2", field)
        return [], True
    readable = [row for row in value if type(row) is dict and row]
    whole = len(readable) == len(value) or all(type(row) is dict or is_blank(row) for row in value)
    if not whole:
        problems.add("V2", field)
    return readable, not whole
