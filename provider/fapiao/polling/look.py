"""What one look at a job has brought. Pure: a function of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import msgspec

from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    FapiaoError,
    QuotaExhausted,
    VendorBroken,
    VendorBusy,
    VendorUnreachable,
)
from fapiao.wire import CollectionStatus, Pending, SliceKey, SliceState

__all__ = ["Look", "LookKind", "concerns_account", "look_of", "look_of_error"]

PASSING = (VendorUnreachable, VendorBroken, VendorBusy)
"""What may pass by itself: counted against the error budget."""


class LookKind(str, Enum):
    RUNNING = "running"
    """The job goes on, or the vendor says *later*."""
    SETTLED = "settled"
    """Every slice is known and none runs. What it means for each is decided by the worker, with the ledger."""
    LOST = "lost"
    """No answer, or none that can be read; it may pass."""
    REFUSED = "refused"
    """The vendor's final refusal of this taxpayer."""
    FAILED = "failed"
    """Nothing that this taxpayer could mend: a setting, or a crash."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one job."""

    kind: LookKind
    asked_at: float
    """Epoch seconds; the answer is at least as new."""
    state: str
    """For people: what is told when it differs from the look before."""
    not_before: float | None = None
    """Epoch seconds; the vendor does not want to be asked about this job earlier."""
    error: Exception | None = None
    hold: float = 0.0
    """Seconds for which the vendor wants no request of the whole account."""


def look_of(answer: CollectionStatus | Pending, wanted: Sequence[SliceKey], *, asked_at: float, now: float) -> Look:
    """An answer of the vendor."""
    if isinstance(answer, Pending):
        has_opinion = answer.after is not None or (
            answer.not_before is not None and answer.not_before.timestamp() > now
        )
        wish = answer.due(now, 0.0) if has_opinion else None
        return Look(kind=LookKind.RUNNING, asked_at=asked_at, state=f"waits: {answer.reason}", not_before=wish)
    if _is_settled(answer, wanted):
        return Look(kind=LookKind.SETTLED, asked_at=asked_at, state="every slice is settled.")
    return Look(kind=LookKind.RUNNING, asked_at=asked_at, state=_counts(answer, wanted))


def look_of_error(error: Exception, *, asked_at: float, now: float) -> Look:
    """The failure of a look."""
    if isinstance(error, PASSING):
        pause = max(0.0, getattr(error, "retry_after", 0.0))
        return Look(
            kind=LookKind.LOST,
            asked_at=asked_at,
            state=f"no answer ({type(error).__name__})",
            not_before=now + pause if pause else None,
            error=error,
            hold=pause,
        )
    final = isinstance(error, FapiaoError) and not isinstance(error, ConfigurationError) and not concerns_account(error)
    kind = LookKind.REFUSED if final else LookKind.FAILED
    return Look(kind=kind, asked_at=asked_at, state=f"{kind.value} ({type(error).__name__})", error=error)


def concerns_account(error: Exception) -> bool:
    """Whether every job of the account would meet the same, so that there is no use in asking on."""
    return isinstance(error, CredentialError | QuotaExhausted)


def _is_settled(status: CollectionStatus, wanted: Sequence[SliceKey]) -> bool:
    known = {part.key for part in status.slices}
    running = any(part.state is SliceState.RUNNING for part in status.slices)
    return not running and (status.nothing_found or known.issuperset(wanted))


def _counts(status: CollectionStatus, wanted: Sequence[SliceKey]) -> str:
    among = frozenset(wanted)
    by_state = [part.state for part in status.slices if part.key in among]
    parts = [f"{by_state.count(state)} {state.value}" for state in SliceState if state in by_state]
    unknown = len(wanted) - len(by_state)
    return ", ".join(parts + ([f"{unknown} not yet known"] if unknown > 0 else [])) or "not yet known"
