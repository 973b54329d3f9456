"""Reconciles what is stored with totals from outside (控制总数): rule C6 for a month's invoices, C10 for a tax period's deduction.

A month that is *complete* has all that the vendors count. Whether the vendors count all that there is, only somebody else's
total can tell. What is counted on our side is written down in :mod:`fapiao.store.reports.control_totals`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from fapiao.store import CoverageRow, Database, coverage, known_taxpayers
from fapiao.store.reports.control_totals import ALL_TYPES, INVOICES, ComparedTotal, compare_totals, held_places
from fapiao.store.reports.coverage import PROVEN

__all__ = ["MEASURES", "Measure", "ReconciledTotal", "Reconciliation", "Untotalled", "reconcile", "reconciled_totals"]

N = TypeVar("N", int, Decimal)

MEASURES = {"invoice_count": "count", "amount_excl_tax": "amount excl. tax", "tax_amount": "tax"}
"""The three numbers of a total and what they are called."""


class Measure(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """One number of a total beside ours."""

    expected: N
    """What the total says."""
    stored: N
    difference: N
    """Stored − expected: negative where something is missing here."""


class ReconciledTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A total, what is stored of it, and what to do where they differ. What a total does not say is None."""

    kind: str
    taxpayer_no: str
    period: str
    direction: str
    doc_type: str
    """Canonical; empty: all types together."""
    origin: str
    invoice_count: Measure[int] | None
    amount_excl_tax: Measure[Decimal] | None
    tax_amount: Measure[Decimal] | None
    voided: int
    """Voided invoices (作废), which are not counted."""
    without_amount: int
    """Documents that state no amount or no tax."""
    advice: tuple[str, ...] = ()
    """What to do next, most likely first; empty where nothing differs."""

    @property
    def measures(self) -> dict[str, Measure[Any]]:
        """What the total says, by the names of :data:`MEASURES`."""
        found = {name: getattr(self, name) for name in MEASURES}
        return {name: measure for name, measure in found.items() if measure is not None}

    @property
    def differs(self) -> bool:
        """Whether any number differs, by however little."""
        return any(measure.difference for measure in self.measures.values())

    @property
    def about(self) -> str:
        """``input``, or ``input digital_special``."""
        return f"{self.direction} {self.doc_type}".rstrip()


class Untotalled(msgspec.Struct, frozen=True, order=True):
    """Something that should have a total and has none."""

    taxpayer_no: str
    direction: str
    """Empty: nothing is held, and there is no total that says so."""
    doc_types: tuple[str, ...] = ()
    """Canonical types that are held and that no total is about."""


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """Every total of a period beside what is stored."""

    kind: str
    period: str
    totals: tuple[ReconciledTotal, ...]
    untotalled: tuple[Untotalled, ...]
    """What has no total; only where totals are required."""

    @property
    def is_equal(self) -> bool:
        """Nothing differs, and no total that is required is missing."""
        return not self.untotalled and not any(total.differs for total in self.totals)


def reconcile(
    database: Database, kind: str, period: str, *, taxpayers: Collection[str] | None = None, require: bool = False
) -> Reconciliation:
    """Hold every total of a period against what is stored.

    :param kind: ``invoices`` (of a month) or ``deduction`` (of a tax period).
    :param period: ``yyyymm``.
    :param taxpayers: None: everybody of whom there is a total, or, with ``require``, who was ever collected or synced.
    :param require: look for what has no total: each taxpayer needs one for each direction of which it holds something, over
        all types or for every type held, and at least one where it holds nothing.
    """
    found = reconciled_totals(database, kind, taxpayers=taxpayers, first_period=period, last_period=period)
    totals = _advised(database, kind, period, found)
    untotalled: tuple[Untotalled, ...] = ()
    if require:
        asked = "collect" if kind == INVOICES else "sync"
        wanted = set(known_taxpayers(database, kind=asked) if taxpayers is None else taxpayers)
        untotalled = tuple(sorted(_untotalled(database, kind, period, wanted, totals)))
    return Reconciliation(kind=kind, period=period, totals=tuple(totals), untotalled=untotalled)


def reconciled_totals(
    database: Database,
    kind: str,
    *,
    taxpayers: Collection[str] | None = None,
    first_period: str | None = None,
    last_period: str | None = None,
) -> list[ReconciledTotal]:
    """Totals of several periods beside what is stored, ordered by taxpayer, period, direction and type; without advice.

    :param first_period: ``yyyymm``, inclusive, as ``last_period``.
    """
    compared = compare_totals(database, kind, taxpayers=taxpayers, first_period=first_period, last_period=last_period)
    return [_reconciled(each) for each in compared]


def _advised(database: Database, kind: str, period: str, totals: list[ReconciledTotal]) -> list[ReconciledTotal]:
    """The same with what to do where something differs: the ledger is looked at for those only."""
    ledger: dict[str, list[CoverageRow]] = {}
    for taxpayer_no in {total.taxpayer_no for total in totals if total.differs}:
        window = {"first_month": period, "last_month": period} if kind == INVOICES else {}
        ledger[taxpayer_no] = coverage(database, taxpayer_no=taxpayer_no, **window)

    def advised(total: ReconciledTotal) -> ReconciledTotal:
        if not total.differs:
            return total
        rows = ledger[total.taxpayer_no]
        say = _of_month if kind == INVOICES else _of_deduction
        return msgspec.structs.replace(total, advice=tuple(say(total, rows)))

    return [advised(total) for total in totals]


def _reconciled(compared: ComparedTotal) -> ReconciledTotal:
    total, held = compared.total, compared.held
    return ReconciledTotal(
        kind=total.kind,
        taxpayer_no=total.taxpayer_no,
        period=total.period,
        direction=total.direction,
        doc_type=total.doc_type,
        origin=total.origin,
        invoice_count=_measure(total.invoice_count, held.invoice_count),
        amount_excl_tax=_measure(total.amount_excl_tax, held.amount_excl_tax),
        tax_amount=_measure(total.tax_amount, held.tax_amount),
        voided=held.voided,
        without_amount=held.without_amount,
    )


def _measure(expected: N | None, stored: N) -> Measure[N] | None:
    return None if expected is None else Measure(expected=expected, stored=stored, difference=stored - expected)


def _of_month(total: ReconciledTotal, rows: Iterable[CoverageRow]) -> Iterable[str]:
    """Why a month may differ: what the ledger has not proven first, then what is counted otherwise."""
    about = f"--taxpayer {total.taxpayer_no} --from {total.period} --to {total.period}"
    closed = [
        row
        for row in rows
        if (row.kind, row.invoice_month, row.direction) == ("collect", total.period, total.direction)
        and row.closed_at is not None
    ]
    if not closed:
        yield f"No collection of this month and direction has been finished: run 'fapiao collect' for {total.period}."
    unproven = [row for row in closed if row.state not in PROVEN and row.state != "rejected"]
    if unproven:
        types = ", ".join(sorted({row.type for row in unproven}))
        yield f"The month is not proven (types {types}): see 'fapiao coverage {about}', and collect it again."
    yield from _quarantined(closed)
    yield from _otherwise(total)
    if closed and not unproven and not any(row.rejected for row in closed):
        yield (
            "Everything that the vendors count is here: ask for the list behind the total. Red letters (红字) count with their "
            "sign, voided invoices (作废) do not count, and a month is that of the date of issue (开票月份)."
        )


def _of_deduction(total: ReconciledTotal, rows: Iterable[CoverageRow]) -> Iterable[str]:
    # A sync is of the tax period that it asked for, or of none.
    closed = [
        row
        for row in rows
        if row.kind == "sync" and row.invoice_month in ("", total.period) and row.closed_at is not None
    ]
    if not closed:
        yield "No list of deductions has been synced to its end: run 'fapiao sync' with the lists of certified invoices."
    unproven = sorted({row.query for row in closed if row.state not in PROVEN and row.state != "rejected"})
    if unproven:
        yield f"Lists are not proven ({', '.join(unproven)}): see 'fapiao coverage --taxpayer {total.taxpayer_no}', sync again."
    yield from _quarantined(closed)
    yield from _otherwise(total)
    if closed and not unproven and not any(row.rejected for row in closed):
        yield (
            "The lists synced are whole: was the list of this tax period among them, and after it was confirmed (确认)? Only what "
            "is certified for deduction (抵扣) counts, not 退税 and not 不抵扣, with its valid tax (有效抵扣税额)."
        )


def _quarantined(rows: Sequence[CoverageRow]) -> Iterable[str]:
    rejected = sum(row.rejected for row in rows)
    if rejected:
        yield f"{rejected} records are quarantined: their reasons are in fapiao_rejected."


def _otherwise(total: ReconciledTotal) -> Iterable[str]:
    count = total.invoice_count
    if total.voided and (count is None or count.difference < 0):
        yield f"{total.voided} voided invoices (作废) are stored and not counted: the total may have them."
    if total.without_amount:
        yield f"{total.without_amount} documents state no amount or no tax, such as 海关缴款书: the total may have an amount for them."
    if any(measure.difference > 0 for measure in total.measures.values()):
        yield "More is stored than the total says: it may be older than the newest documents. Take it anew."


def _untotalled(
    database: Database, kind: str, period: str, wanted: set[str], totals: Collection[ReconciledTotal]
) -> Iterable[Untotalled]:
    have = {(total.taxpayer_no, total.direction, total.doc_type) for total in totals}
    held: dict[tuple[str, str], set[str]] = {}
    for taxpayer_no, direction, doc_type in held_places(database, kind, period):
        if taxpayer_no in wanted:
            held.setdefault((taxpayer_no, direction), set()).add(doc_type)
    for (taxpayer_no, direction), doc_types in held.items():
        if (taxpayer_no, direction, ALL_TYPES) not in have:
            bare = sorted(name for name in doc_types if (taxpayer_no, direction, name) not in have)
            if bare:
                yield Untotalled(taxpayer_no, direction, tuple(bare))
    silent = wanted - {taxpayer_no for taxpayer_no, _ in held} - {taxpayer_no for taxpayer_no, _, _ in have}
    yield from (Untotalled(taxpayer_no, "") for taxpayer_no in silent)
