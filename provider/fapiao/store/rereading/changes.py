"""What interpreting raw again changed, counted while it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice, Line

__all__ = ["Changes", "SliceChange", "changed_fields"]


class SliceChange(msgspec.Struct, frozen=True, kw_only=True):
    """A slice whose state or numbers follow."""

    source: str
    taxpayer_no: str
    invoice_month: str
    generation: int
    slice: str
    before: str
    """State and numbers, as ``rejected 7 + 3 of 10``."""
    after: str


class Changes(msgspec.Struct, kw_only=True):
    """Counts; add two with :meth:`add`."""

    pages: int = 0
    """Replayed."""
    records: int = 0
    """In them."""
    changed: int = 0
    """Known documents whose content is another one now."""
    fields: Counter[str] = msgspec.field(default_factory=Counter)
    """Per field: in how many of them."""
    new: int = 0
    """Documents that were not there before."""
    gone: int = 0
    """Documents that no record states any more."""
    loaded: int = 0
    """Records that were rejected before."""
    rejected: int = 0
    """Records that were loaded before."""
    reasons: int = 0
    """Records that are rejected for other reasons now."""
    moved: int = 0
    """Records that belong to another document now."""
    findings_gained: Counter[str] = msgspec.field(default_factory=Counter)
    """Per rule."""
    findings_lost: Counter[str] = msgspec.field(default_factory=Counter)
    deductions: int = 0
    """Holdings whose deduction history was written anew."""
    checks: int = 0
    """Checks (verifications) of which the answer says something else now, or that belong to another document."""
    check_fields: Counter[str] = msgspec.field(default_factory=Counter)
    """Per column of ``fapiao_verification``: in how many of them."""
    layout_tasks: int = 0
    """Layout tasks that are new, gone, or ended otherwise."""
    links_new: int = 0
    """Links to layout files that were not read out of an answer before."""
    links_gone: int = 0
    """Links that no answer names any more."""
    files: int = 0
    """Archived files that belong to another document now."""
    slices: list[SliceChange] = []
    rows: int = 0
    """Pages, documents, slices, checks, tasks, links and files written; 0 says that nothing at all changed."""

    def add(self, other: Changes) -> None:
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            else:
                setattr(self, name, mine + theirs)


def changed_fields(before: Invoice, after: Invoice) -> list[str]:
    """Names of the fields that differ; of lines ``lines.tax_rate``, or ``lines`` where their number differs."""
    names: list[str] = []
    for name in Invoice.__struct_fields__:
        one, other = getattr(before, name), getattr(after, name)
        if one == other:
            continue
        if name == "lines" and len(one) == len(other):
            names += [f"lines.{field}" for field in _line_fields(zip(one, other, strict=True))]
        else:
            names.append(name)
    return names


def _line_fields(pairs: Iterable[tuple[Line, Line]]) -> Iterator[str]:
    differing: set[str] = set()
    fields: tuple[str, ...] = Line.__struct_fields__
    for one, other in pairs:
        values: Any = ((name, getattr(one, name), getattr(other, name)) for name in fields)
        differing.update(name for name, before, after in values if before != after)
    yield from sorted(differing)
