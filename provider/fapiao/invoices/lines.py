"""Kinds of lines: discounts, discounted lines, and the rows that only sum up a goods list (销货清单)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

__all__ = ["DISCOUNT", "DISCOUNTED", "NORMAL", "SUMMARY", "SYNTHETIC", "item_category", "line_kinds", "line_numbers"]

NORMAL = "normal"
DISCOUNT = "discount"
"""折扣行: takes from the line before it."""
DISCOUNTED = "discounted"
"""被折扣行."""
SUMMARY = "summary"
"""清单汇总: repeats the sum of other lines, so sums leave it out."""
SYNTHETIC = "synthetic"
"""Made from the head of a document that has no lines of its own (vehicles)."""

_SUMMARY_ROW = re.compile(r"[（(]?\s*详见.*清单.*|原价合计|折扣额合计").fullmatch
_DISCOUNT_ROW = re.compile(r"折扣行数\d+.*|折扣[（(].*[）)]").fullmatch
_CATEGORY = re.compile(r"\*([^*]+)\*").match


def line_kinds(rows: Sequence[tuple[str | None, Decimal | None]], is_red: bool = False) -> list[str]:
    """The kind of every line from (item name, amount without tax) in printed order.

    A discount line carries the opposite sign and the name of the line before it; in a red-letter invoice all signs
    are turned round.
    """
    kinds: list[str] = []
    previous_name: str | None = None
    previous_counts = False
    for name, amount in rows:
        kind = NORMAL
        opposite = amount is not None and (amount > 0 if is_red else amount < 0)
        if opposite and name is not None:
            if previous_counts and name == previous_name:
                kinds[-1] = DISCOUNTED
                kind = DISCOUNT
            elif _DISCOUNT_ROW(name):
                kind = DISCOUNT
        if kind is NORMAL and name is not None and ("清单" in name or "合计" in name) and _SUMMARY_ROW(name):
            kind = SUMMARY
        kinds.append(kind)
        previous_counts = kind is NORMAL and not opposite
        previous_name = name
    return kinds


def line_numbers(stated: Sequence[int | None]) -> Sequence[int]:
    """The vendor's own line numbers where all are present, positive and different, else positions from 1."""
    if None not in stated and len(set(stated)) == len(stated) and all(number and number > 0 for number in stated):
        return stated  # type: ignore[return-value]  # no None is left
    return range(1, len(stated) + 1)


def item_category(item_name: str | None) -> str | None:
    """The short class (商品和服务分类简称) that a name begins with: ``*机械设备*泵`` → ``机械设备``."""
    match = _CATEGORY(item_name) if item_name is not None and item_name.startswith("*") else None
    return match[1] if match else None
