"""What an answer about a vendor's job means for the slices that wait for it. Pure: a function of what is known.

Vendors return no job id, so a row that says *finished* or *failed* may belong to an earlier job. Such a row is *stale*
until the slice was seen running after our start, or our job is older than ``minimum_age``.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fapiao.store import SliceRecord, SliceUpdate
from fapiao.wire import CollectionStatus, SliceKey, SliceState, SliceStatus

__all__ = ["JobView", "Judgement", "judge"]


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about the job itself. Times in seconds."""

    age: float
    """Since it was started or joined."""
    joined: bool
    """It was active before we asked: it may cover fewer slices than we want."""
    minimum_age: float
    start_grace: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What to write down and what to ask for."""

    updates: tuple[SliceUpdate, ...] = ()
    failed: tuple[tuple[SliceRecord, SliceStatus], ...] = ()
    unsupported: tuple[tuple[SliceRecord, SliceStatus], ...] = ()
    held: tuple[SliceKey, ...] = ()
    """Slices whose news may be an earlier job's: looked at again when ours is old enough."""
    start_again: tuple[SliceKey, ...] = ()
    """Slices that need a start of their own; empty while anything runs: vendors allow one active job per tax number."""
    parts: tuple[tuple[SliceKey, ...], ...] = ()
    """The job was too large: the smaller ones to be made instead."""


def judge(waiting: Sequence[SliceRecord], status: CollectionStatus, job: JobView) -> Judgement:
    """Decide for every waiting slice. A slice that the answer does not name stays waiting: missing is never done."""
    rows = {row.key: row for row in status.slices}
    old_enough = job.age >= job.minimum_age
    if status.parts and (old_enough or not any(part.stale for part in waiting)):
        return Judgement(parts=status.parts)
    updates: list[SliceUpdate] = []
    failed: list[tuple[SliceRecord, SliceStatus]] = []
    unsupported: list[tuple[SliceRecord, SliceStatus]] = []
    held: list[SliceKey] = []
    start_again: list[SliceKey] = []
    for part in waiting:
        row = rows.get(part.key)
        if row is None:
            if status.nothing_found and old_enough:
                # "No record" about a whole job may also mean that the job is not known yet: believed with age, and
                # every slice is still read, so that the vendor says it for each.
                updates.append(_turned(part, "ready", status.code, status.message))
            elif job.joined and job.age >= job.start_grace and not part.retried:
                start_again.append(part.key)
        elif row.state is SliceState.RUNNING:
            updates.append(SliceUpdate(key=part.key, state="waiting", code=row.code, message=row.message, stale=False))
        elif row.state is SliceState.UNSUPPORTED:
            unsupported.append((part, row))
        elif part.stale and not old_enough:
            held.append(part.key)
        elif row.state is SliceState.READY:
            updates.append(_turned(part, "ready", row.code, row.message))
        elif row.retryable and not part.retried:
            start_again.append(part.key)
        else:
            failed.append((part, row))
    running = any(row.state is SliceState.RUNNING for row in status.slices)
    return Judgement(
        updates=tuple(updates),
        failed=tuple(failed),
        unsupported=tuple(unsupported),
        held=tuple(held),
        start_again=() if running else tuple(start_again),
    )


def _turned(part: SliceRecord, state: str, code: str | None, message: str) -> SliceUpdate:
    return SliceUpdate(key=part.key, state=state, code=code, message=message, stale=None)
