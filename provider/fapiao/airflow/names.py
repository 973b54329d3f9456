"""The names of the hook classes that are made per vendor: ``ekuaibao`` ↔ ``EkuaibaoHook``."""

from __future__ import annotations

import re

__all__ = ["hook_class_name", "source_of_hook_class"]

_CLASS = re.compile(r"([A-Z])([a-z0-9]*)Hook")


def hook_class_name(source: str) -> str:
    """The class name for a source (whose name is lower-case letters and digits, starting with a letter)."""
    return f"{source[0].upper()}{source[1:]}Hook"


def source_of_hook_class(name: str) -> str | None:
    """The source of such a class name; None for any other name."""
    match = _CLASS.fullmatch(name)
    return f"{match[1].lower()}{match[2]}" if match else None
