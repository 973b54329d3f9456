"""Rule C7: numbers that are missing between a taxpayer's own tax-control invoices (税控发票), when a generation closes.

A taxpayer issues the numbers of one invoice code (发票代码) in order, and each is issued or voided, so a number that
lies between two known ones and is in no list points at an invoice that was not delivered. It proves nothing: blank
numbers are handed back to the bureau (退票), and a code may be bought in several allotments (领购) with other
taxpayers' numbers between them. So it is a warning where few numbers are missing, information where many are, and
never an error. Digital invoices have no gaps to look for: their numbers are given by the bureau to everybody in turn.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.codes import DOC_TYPES, Scheme
from fapiao.invoices.model import Severity
from fapiao.store.access.bulk import chunks
from fapiao.store.tables.invoices import holdings, invoices, numbers
from fapiao.store.tables.ledger import slice_records, slices

__all__ = ["GAP_RULE", "MOST_GAPS", "MOST_MISSING", "Gap", "number_gaps"]

GAP_RULE = "C7"
MOST_GAPS = 100
"""Findings per invoice code and generation: beyond it the list says nothing that its beginning does not."""
MOST_MISSING = 100
"""Missing numbers in a row that are still a warning; more look like the border of two allotments (领购段)."""
_TAX_CONTROL = tuple(name for name, kind in DOC_TYPES.items() if kind.needs == (Scheme.CODE_NO,) and not kind.expects)
_READ_TO_END = ("complete", "rejected")


class Gap(msgspec.Struct, frozen=True):
    """Numbers of one invoice code that nobody has delivered, between two that were."""

    slice_id: int
    invoice_key: int
    """The invoice right after the gap, or right before it where the one after it is of another generation."""
    invoice_code: str
    first: int
    last: int
    more: int = 0
    """Further gaps of the same code that are not told one by one."""

    @property
    def severity(self) -> Severity:
        """What the gap is worth."""
        return Severity.WARNING if self.last - self.first < MOST_MISSING else Severity.INFO

    @property
    def message(self) -> str:
        """The finding's sentence: ``Code 099002400111 lacks 00000123–00000127 (5 numbers).``"""
        count = self.last - self.first + 1
        span = f"{self.first:08d}" if count == 1 else f"{self.first:08d}–{self.last:08d}"
        told = f"Code {self.invoice_code} lacks {span} ({count} number{'s'[: count > 1]})."
        if self.severity is Severity.INFO:
            told += " So many in a row are rather the border of two allotments."
        return told + (f" {self.more} more gaps of this code are not listed." if self.more else "")


def number_gaps(connection: Connection, collection: Any) -> list[Gap]:
    """The gaps in the output numbers of a generation, up to the nearest number of the months on either side.

    A number counts as present whenever the taxpayer holds it as output, in whatever month it was collected and whatever
    its state: voided invoices (作废) use up a number too. Slices that were not read to their end are left out.
    """
    found: list[Gap] = []
    for code, mine in sorted(_own_numbers(connection, collection.collection_id).items()):
        below, above = _neighbours(connection, collection, code, mine[0], mine[-1])
        first = mine[0] if below is None else below
        last = mine[-1] if above is None else above
        edges = list(_edges(mine, _present(connection, collection.taxpayer_no, code, first, last)))
        told = edges[:MOST_GAPS]
        owners = _owners(connection, collection.collection_id, code, [own for own, _, _ in told])
        gaps = [Gap(*owners[own], code, start, end) for own, start, end in told]
        if len(edges) > MOST_GAPS:
            gaps[-1] = msgspec.structs.replace(gaps[-1], more=len(edges) - MOST_GAPS)
        found += gaps
    return found


def _own_numbers(connection: Connection, collection_id: int) -> dict[str, array[int]]:
    """Invoice code → the generation's own output numbers, ascending; eight bytes each, a month may have a million."""
    own: dict[str, array[int]] = {}
    query = _records(sa.select(numbers.c.value), collection_id).distinct().order_by(numbers.c.value)
    for value in connection.execute(query).scalars():
        code, number = value.split(":")
        own.setdefault(code, array("q")).append(int(number))
    return own


def _owners(connection: Connection, collection_id: int, code: str, own: list[int]) -> dict[int, tuple[int, int]]:
    """Number → its slice and document."""
    owners: dict[int, tuple[int, int]] = {}
    query = _records(sa.select(numbers.c.value, sa.func.min(slices.c.slice_id), numbers.c.invoice_key), collection_id)
    query = query.group_by(numbers.c.value, numbers.c.invoice_key)
    for part in chunks(sorted(set(own))):
        wanted = query.where(numbers.c.value.in_([_value(code, number) for number in part]))
        for value, slice_id, key in connection.execute(wanted):
            owners[int(value.split(":")[1])] = (slice_id, key)
    return owners


def _records(query: Any, collection_id: int) -> Any:
    """The query over the numbers of the generation's own tax-control invoices."""
    same_reading = sa.and_(slice_records.c.slice_id == slices.c.slice_id, slice_records.c.read_no == slices.c.read_no)
    return query.select_from(
        slices.join(slice_records, same_reading)
        .join(numbers, numbers.c.invoice_key == slice_records.c.invoice_key)
        .join(invoices, invoices.c.invoice_key == slice_records.c.invoice_key)
    ).where(
        slices.c.collection_id == collection_id,
        slices.c.direction == "output",
        slices.c.state.in_(_READ_TO_END),
        numbers.c.scheme == Scheme.CODE_NO,
        invoices.c.doc_type.in_(_TAX_CONTROL),
    )


def _neighbours(
    connection: Connection, collection: Any, code: str, first: int, last: int
) -> tuple[int | None, int | None]:
    """The nearest numbers outside the span that the months on either side have; farther months prove nothing."""
    before, after = _months_around(collection.invoice_month)
    sides = (
        (sa.func.max(numbers.c.value), before, _value(code, 0), _value(code, first - 1)),
        (sa.func.min(numbers.c.value), after, _value(code, last + 1), _value(code, 99_999_999)),
    )
    nearest: list[int | None] = []
    for edge, month, low, high in sides:
        query = _held(sa.select(edge), collection.taxpayer_no, low, high, month)
        value = connection.execute(query).scalar()
        nearest.append(None if value is None else int(value.split(":")[1]))
    return nearest[0], nearest[1]


def _present(connection: Connection, taxpayer_no: str, code: str, first: int, last: int) -> array[int]:
    query = _held(sa.select(numbers.c.value), taxpayer_no, _value(code, first), _value(code, last))
    values = connection.execute(query.order_by(numbers.c.value)).scalars()
    return array("q", (int(value.split(":")[1]) for value in values))


def _held(query: Any, taxpayer_no: str, low: str, high: str, month: str | None = None) -> Any:
    """The query over numbers that the taxpayer holds as output.

    The aggregate keeps planners from turning this into a join, which without statistics of a table just filled they do
    by looking through all holdings of the taxpayer for each number.
    """
    held_in = (
        sa.select(sa.func.max(holdings.c.invoice_month))
        .where(
            holdings.c.invoice_key == numbers.c.invoice_key,
            holdings.c.taxpayer_no == taxpayer_no,
            holdings.c.direction == "output",
        )
        .scalar_subquery()
    )
    return query.where(
        numbers.c.value.between(low, high),
        numbers.c.scheme == Scheme.CODE_NO,
        held_in.is_not(None) if month is None else held_in == month,
    )


def _edges(mine: array[int], present: array[int]) -> Iterator[tuple[int, int, int]]:
    """(own number beside it, first, last missing) between two numbers of which one at least is the generation's own.

    Gaps between two numbers of other months are told by those.
    """
    for before, after in pairwise(present):
        if after - before > 1:
            own = next((number for number in (after, before) if _has(mine, number)), None)
            if own is not None:
                yield own, before + 1, after - 1


def _has(ascending: array[int], number: int) -> bool:
    place = bisect_left(ascending, number)
    return place < len(ascending) and ascending[place] == number


def _value(code: str, number: int) -> str:
    return f"{code}:{max(number, 0):08d}"


def _months_around(month: str) -> tuple[str, str]:
    first = date(int(month[:4]), int(month[4:]), 1)
    return f"{first - timedelta(days=1):%Y%m}", f"{first + timedelta(days=31):%Y%m}"
