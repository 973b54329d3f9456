"""The gate before a month is closed: is every slice of every taxpayer proven, and if not, what is missing.

With control totals it also asks whether what is stored agrees with what somebody outside says (rule C6).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fapiao.arguments import CollectRequest
from fapiao.errors import ConfigurationError
from fapiao.reports.reconciling import MEASURES, ReconciledTotal, Untotalled, reconcile
from fapiao.store import CoverageRow, Database, coverage
from fapiao.store.reports.control_totals import INVOICES
from fapiao.store.reports.coverage import PROVEN
from fapiao.wire import SliceKey

__all__ = ["CONTROL_TOTALS", "Gap", "Gate", "gate"]

CONTROL_TOTALS = ("ignore", "compare", "require")
"""What becomes of totals from outside: not looked at; those that are stored must agree; they must be there, too."""

NEVER = "never collected"


class Gap(msgspec.Struct, frozen=True, order=True):
    """Something that is not proven: a slice, or a taxpayer's whole month."""

    taxpayer_no: str
    what: str
    """``81 input``, ``all slices``, or ``input control total``."""
    why: str
    """One clause with the numbers."""


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger proves about one month. Small and without personal data, except the gaps' tax numbers."""

    source: str
    invoice_month: str
    taxpayers: int
    slices: int
    """Asked about: taxpayers × types × directions."""
    invoices: int
    """Loaded, over all proven slices."""
    rejected: int
    control_totals: int
    """Totals from outside that were compared."""
    gaps: tuple[Gap, ...]

    @property
    def is_open(self) -> bool:
        """Nothing is missing."""
        return not self.gaps

    def table(self, most: int = 500) -> str:
        """The gaps for people, a line each."""
        rows = [("taxpayer", "slice", "why"), *((gap.taxpayer_no, gap.what, gap.why) for gap in self.gaps[:most])]
        first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
        lines = [f"{row[0]:<{first}}  {row[1]:<{second}}  {row[2]}" for row in rows]
        return "\n".join(lines + ([f"and {len(self.gaps) - most} more"] if len(self.gaps) > most else []))


def gate(
    database: Database,
    source: str,
    account: str,
    requests: Sequence[CollectRequest],
    now: float,
    max_age: float | None,
    control_totals: str = "ignore",
) -> Gate:
    """Hold the latest closed generation of every wanted slice against what a complete month is.

    A generation that is still open proves nothing and takes nothing away: the closed one before it counts.

    :param requests: one per taxpayer, all of one month.
    :param max_age: seconds; what was proven longer ago is a gap.
    :param control_totals: one of :data:`CONTROL_TOTALS`. A total is about all that a taxpayer holds in a direction that was asked
        about, from whatever source and account; one that differs is a gap, and with ``require`` also what has none.
    :raises ConfigurationError: ``control_totals`` is none of them.
    """
    if control_totals not in CONTROL_TOTALS:
        raise ConfigurationError(
            f"The choice {str(control_totals)[:40]!r} for control totals is not valid.",
            advice=f"Allowed: {', '.join(CONTROL_TOTALS)}.",
        )
    month = requests[0].invoice_month
    one = requests[0].taxpayer_no if len(requests) == 1 else None
    rows = coverage(database, source=source, account=account, taxpayer_no=one, first_month=month, last_month=month)
    known: dict[str, dict[SliceKey, CoverageRow]] = {}
    unfinished: dict[str, set[SliceKey]] = {}
    for row in rows:
        if row.kind == "collect":
            key = SliceKey(row.type, row.direction)
            if row.closed_at is None:
                unfinished.setdefault(row.taxpayer_no, set()).add(key)
            else:
                known.setdefault(row.taxpayer_no, {})[key] = row
    gaps: list[Gap] = []
    proven: list[CoverageRow] = []
    for request in requests:
        closed = known.get(request.taxpayer_no, {})
        open_keys = unfinished.get(request.taxpayer_no, set())
        if not any(key in closed for key in request.slices):
            under_way = any(key in open_keys for key in request.slices)
            gaps.append(Gap(request.taxpayer_no, "all slices", "not finished yet" if under_way else NEVER))
            continue
        for key in request.slices:
            latest = closed.get(key)
            why = _why(latest, key in open_keys, request.accept_rejected, now, max_age)
            if why is not None:
                gaps.append(Gap(request.taxpayer_no, str(key), why))
            elif latest is not None:
                proven.append(latest)
    compared = 0
    if control_totals != "ignore":
        compared, differing = _held_against_totals(database, requests, require=control_totals == "require")
        gaps += differing
    return Gate(
        source=source,
        invoice_month=month,
        taxpayers=len(requests),
        slices=sum(len(request.slices) for request in requests),
        invoices=sum(row.loaded for row in proven),
        rejected=sum(row.rejected for row in proven),
        control_totals=compared,
        gaps=tuple(sorted(gaps)),
    )


def _held_against_totals(
    database: Database, requests: Sequence[CollectRequest], *, require: bool
) -> tuple[int, list[Gap]]:
    """How many totals were compared, and what differs or is missing of them."""
    wanted = {request.taxpayer_no: {key.direction for key in request.slices} for request in requests}
    found = reconcile(database, INVOICES, requests[0].invoice_month, taxpayers=wanted, require=require)
    totals = [total for total in found.totals if total.direction in wanted[total.taxpayer_no]]
    gaps = [
        Gap(total.taxpayer_no, f"{total.about} control total", _differs(total)) for total in totals if total.differs
    ]
    gaps += [
        Gap(part.taxpayer_no, f"{part.direction} control total".strip(), _untotalled(part))
        for part in found.untotalled
        if part.direction in ("", *wanted[part.taxpayer_no])
    ]
    return len(totals), gaps


def _differs(total: ReconciledTotal) -> str:
    numbers = [
        f"{MEASURES[name]}: expected {measure.expected}, stored {measure.stored}, difference {measure.difference}"
        for name, measure in total.measures.items()
        if measure.difference
    ]
    return "; ".join([*numbers, *total.advice[:1]])


def _untotalled(part: Untotalled) -> str:
    what = f"for {', '.join(part.doc_types)}" if part.doc_types else "although nothing is held: it would have to say 0"
    return f"none is stored {what}; store it with 'fapiao control-totals'"


def _why(
    row: CoverageRow | None, is_open: bool, accept_rejected: bool, now: float, max_age: float | None
) -> str | None:
    if row is None or row.closed_at is None:
        return "not finished yet" if is_open else NEVER
    if row.state not in PROVEN and not (accept_rejected and row.state == "rejected"):
        expected = "unknown" if row.expected is None else row.expected
        by = f"; collected by {row.task}" if row.task else ""
        return f"{row.state}: expected {expected}, loaded {row.loaded}, rejected {row.rejected}{by}"
    if max_age is not None and now - row.closed_at > max_age:
        return f"proven {_span(now - row.closed_at)} ago, at most {_span(max_age)} are allowed"
    return None


def _span(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
