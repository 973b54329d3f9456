"""Totals from outside (控制总数), stored and held against what is there.

Two things can be held against a total: the invoices that a taxpayer holds of a month, and the input tax that was certified
(已认证) for deduction in a tax period. What counts is written down here, once:

* A month's invoices are the documents held for it (``fapiao_invoice_holding``), from whatever source, each once. Red letters
  (红字) count, with their sign. **Voided invoices (作废) do not count**: neither the bureau's sums nor the bookkeeping has them.
* A tax period's deduction are the documents whose newest state (``fapiao_deduction_current``) is certified, for deduction
  (抵扣; not 退税, not 不抵扣), in that period. Its tax is what is valid for deduction (有效抵扣税额), its amount the document's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import chunks
from fapiao.store.access.database import Database
from fapiao.store.tables.columns import exact_sum
from fapiao.store.tables.control_totals import control_totals
from fapiao.store.tables.deductions import current_deductions
from fapiao.store.tables.invoices import holdings, invoices

__all__ = [
    "ALL_TYPES",
    "DEDUCTION",
    "INVOICES",
    "ComparedTotal",
    "ControlTotal",
    "HeldTotal",
    "StoredTotals",
    "compare_totals",
    "held_places",
    "store_totals",
]

INVOICES = "invoices"
"""A total of the invoices of a month (开票月份)."""
DEDUCTION = "deduction"
"""A total of what was certified for deduction (已认证抵扣) in a tax period (税款所属期)."""
ALL_TYPES = ""
"""The ``doc_type`` of a total over all types."""

_KEY = ("taxpayer_no", "period", "kind", "direction", "doc_type")
_VALUES = ("invoice_count", "amount_excl_tax", "tax_amount", "origin")
_ZERO = Decimal("0.00")


class ControlTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody else says there is. At least one of the three numbers is given."""

    kind: str
    """:data:`INVOICES` or :data:`DEDUCTION`."""
    taxpayer_no: str
    period: str
    """``yyyymm``: the month of issue, or the tax period."""
    direction: str
    doc_type: str = ALL_TYPES
    """Canonical, or :data:`ALL_TYPES`."""
    invoice_count: int | None = None
    amount_excl_tax: Decimal | None = None
    tax_amount: Decimal | None = None
    origin: str = ""
    """Where it is from, in the user's words."""

    @property
    def key(self) -> tuple[str, ...]:
        """What there is one total of."""
        return tuple(getattr(self, name) for name in _KEY)


class StoredTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What :func:`store_totals` did."""

    added: int = 0
    changed: int = 0
    same: int = 0


class HeldTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of that which a total is about."""

    invoice_count: int
    amount_excl_tax: Decimal
    tax_amount: Decimal
    voided: int
    """Voided invoices, which are in none of the numbers. Of a deduction 0."""
    without_amount: int
    """Documents that state no amount or no tax, such as customs certificates (海关缴款书), and count with what they state."""


class ComparedTotal(msgspec.Struct, frozen=True, kw_only=True):
    """A total beside what is stored."""

    total: ControlTotal
    held: HeldTotal


def store_totals(database: Database, totals: Sequence[ControlTotal], now: float) -> StoredTotals:
    """Write totals, all in one transaction; one that is there is replaced if it says something else.

    :param totals: no two of one key.
    :param now: epoch seconds.
    """

    def work(connection: Connection) -> StoredTotals:
        there: dict[tuple[str, ...], tuple[Any, ...]] = {}
        fields = [control_totals.c[name] for name in (*_KEY, *_VALUES)]
        for part in chunks(sorted({total.taxpayer_no for total in totals})):
            for row in connection.execute(sa.select(*fields).where(control_totals.c.taxpayer_no.in_(part))):
                there[tuple(row[: len(_KEY)])] = tuple(row[len(_KEY) :])
        added: list[dict[str, Any]] = []
        changed = 0
        for total in totals:
            said = {name: getattr(total, name) for name in _VALUES}
            before = there.get(total.key)
            if before is None:
                added.append(dict(zip(_KEY, total.key, strict=True)) | said | {"stored_at": now})
            elif before != tuple(said.values()):
                mine = [control_totals.c[name] == value for name, value in zip(_KEY, total.key, strict=True)]
                connection.execute(control_totals.update().where(*mine).values(**said, stored_at=now))
                changed += 1
        if added:
            connection.execute(control_totals.insert(), added)
        return StoredTotals(added=len(added), changed=changed, same=len(totals) - len(added) - changed)

    return database.transact(work)


def compare_totals(
    database: Database,
    kind: str,
    *,
    taxpayers: Collection[str] | None = None,
    first_period: str | None = None,
    last_period: str | None = None,
) -> list[ComparedTotal]:
    """Each stored total beside what is held, ordered by taxpayer, period, direction and type.

    :param kind: :data:`INVOICES` or :data:`DEDUCTION`.
    :param taxpayers: None: of everybody.
    :param first_period: ``yyyymm``, inclusive, as ``last_period``.
    """
    total = control_totals.c
    wanted: list[Any] = [total.kind == kind]
    if first_period is not None:
        wanted.append(total.period >= first_period)
    if last_period is not None:
        wanted.append(total.period <= last_period)
    fields = [total[name] for name in (*_KEY, *_VALUES)]
    query = _held(kind, fields).where(*wanted).group_by(*fields).order_by(*fields[:5])

    def read(connection: Connection) -> list[ComparedTotal]:
        if taxpayers is None:
            return [_compared(row) for row in connection.execute(query)]
        found: list[ComparedTotal] = []
        for part in chunks(sorted(set(taxpayers))):
            found += [_compared(row) for row in connection.execute(query.where(total.taxpayer_no.in_(part)))]
        return found

    return database.read(read)


def held_places(database: Database, kind: str, period: str) -> set[tuple[str, str, str]]:
    """(taxpayer, direction, document type) of which something counts in a period: where there should be a total."""
    if kind == INVOICES:
        query = (
            sa.select(holdings.c.taxpayer_no, holdings.c.direction, invoices.c.doc_type)
            .join_from(holdings, invoices, invoices.c.invoice_key == holdings.c.invoice_key)
            .where(holdings.c.invoice_month == period, invoices.c.state != "void")
        )
    else:
        query = (
            sa.select(current_deductions.c.taxpayer_no, sa.literal("input").label("direction"), invoices.c.doc_type)
            .join_from(current_deductions, invoices, invoices.c.invoice_key == current_deductions.c.invoice_key)
            .where(current_deductions.c.tax_period == period, *_deducted())
        )
    return database.read(lambda connection: {tuple(row) for row in connection.execute(query.distinct())})


def _deducted() -> tuple[Any, ...]:
    return current_deductions.c.is_certified.is_(True), current_deductions.c.usage == "deduct"


def _held(kind: str, fields: Iterable[Any]) -> Any:
    """Totals beside sums over the documents that they are about, without the order and the grouping."""
    total, document = control_totals.c, invoices.c
    of_type = (document.invoice_key.is_not(None)) & (
        (total.doc_type == ALL_TYPES) | (total.doc_type == document.doc_type)
    )
    if kind == INVOICES:
        counted, tax = of_type & (document.state != "void"), document.tax_amount
        voided = _number(of_type & (document.state == "void"))
        place = holdings.c
        which = (place.taxpayer_no == total.taxpayer_no) & (place.invoice_month == total.period)
        joined = control_totals.outerjoin(holdings, which & (place.direction == total.direction))
        joined = joined.outerjoin(invoices, document.invoice_key == place.invoice_key)
    else:
        counted, tax = of_type, current_deductions.c.valid_tax
        voided = sa.literal(0)
        which = (current_deductions.c.taxpayer_no == total.taxpayer_no) & (
            current_deductions.c.tax_period == total.period
        )
        joined = control_totals.outerjoin(current_deductions, sa.and_(which, *_deducted()))
        joined = joined.outerjoin(invoices, document.invoice_key == current_deductions.c.invoice_key)
    unstated = counted & (document.amount_excl_tax.is_(None) | tax.is_(None))
    return sa.select(
        *fields,
        _number(counted).label("held_count"),
        exact_sum(sa.case((counted, document.amount_excl_tax))).label("held_amount"),
        exact_sum(sa.case((counted, tax))).label("held_tax"),
        voided.label("voided"),
        _number(unstated).label("without_amount"),
    ).select_from(joined)


def _number(condition: Any) -> Any:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _compared(row: Any) -> ComparedTotal:
    return ComparedTotal(
        total=ControlTotal(**{name: getattr(row, name) for name in (*_KEY, *_VALUES)}),
        held=HeldTotal(
            invoice_count=int(row.held_count),
            amount_excl_tax=row.held_amount or _ZERO,
            tax_amount=row.held_tax or _ZERO,
            voided=int(row.voided),
            without_amount=int(row.without_amount),
        ),
    )
