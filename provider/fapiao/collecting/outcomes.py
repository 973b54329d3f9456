"""What a step of any run can come to: something to wait for, or slices in a final state. Shared by all kinds of runs."""

from __future__ import annotations

import msgspec

from fapiao.store import SliceRecord
from fapiao.store.reports.coverage import PROVEN
from fapiao.wire import Pending

__all__ = ["CLOSED", "FINAL", "Waiting", "sentence"]

FINAL = PROVEN | {"rejected", "incomplete", "failed"}
"""States of a slice about which nothing more is done in its run."""
CLOSED = frozenset({"complete", "incomplete", "abandoned"})
"""States of a run that is over."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more can be done before ``not_before`` (epoch seconds, UTC)."""

    not_before: float
    reason: str
    code: str | None = None

    @classmethod
    def on(cls, pending: Pending, now: float, interval: float) -> Waiting:
        """What the vendor asks to be waited for; ``interval`` seconds where it does not say how long."""
        return cls(not_before=pending.due(now, interval), reason=pending.reason, code=pending.code)


def sentence(part: SliceRecord) -> str:
    """A slice, its numbers and what the vendor said, for errors."""
    numbers = f"expected {'unknown' if part.expected is None else part.expected}, loaded {part.loaded}, rejected {part.rejected}"
    said = (
        f", vendor: {part.vendor_code or ''} {part.vendor_message or ''}".rstrip()
        if part.vendor_code or part.vendor_message
        else ""
    )
    return f"{part.key} is {part.state} ({numbers}{said})"
