"""The proof follows what pages say now: numbers, states of slices, state of the generation, what is absent from it.

A slice never becomes *complete* unless its numbers prove it: every known page committed, the vendor's count equal to
loaded + rejected, no number twice, one total on all pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import chunks
from fapiao.store.access.database import Database
from fapiao.store.ledger import closing, proof
from fapiao.store.ledger.records import CLOSED_STATES, ReadProgress, Tally
from fapiao.store.reports.coverage import PROVEN
from fapiao.store.rereading.changes import Changes, SliceChange
from fapiao.store.tables.invoices import findings
from fapiao.store.tables.ledger import collections, counters, pages, slices

__all__ = ["mark", "reprove_marked"]

_READ_TO_END = ("complete", "empty", "rejected", "incomplete")
_NUMBERS = ("expected", "loaded", "rejected", "amount_excl_tax", "tax_amount")


_MARK = "reprove "
"""Begins the names in ``fapiao_counter`` under which generations wait for their proof: a kill does not forget them."""


def mark(connection: Connection, collection_ids: Iterable[int]) -> None:
    """The proof of these generations must follow what this transaction changes."""
    for collection_id in sorted(set(collection_ids)):
        mine = counters.c.name == f"{_MARK}{collection_id}"
        if connection.execute(counters.update().where(mine).values(next_value=1)).rowcount == 0:
            connection.execute(counters.insert().values(name=f"{_MARK}{collection_id}", next_value=1))


def reprove_marked(database: Database, now: float) -> Changes:
    """Every generation whose records changed, and the later ones of its collection, each in a transaction.

    Generations that nothing changed in keep their numbers as they were when they were closed.
    """
    changes = Changes()
    for collection_id, marks in database.read(_waiting):

        def work(connection: Connection, collection_id: int = collection_id, marks: list[str] = marks) -> Changes:
            if marks:  # the last of its collection: all are done
                connection.execute(counters.delete().where(counters.c.name.in_(marks)))
            return _reprove(connection, collection_id, now)

        changes.add(database.transact(work))
    return changes


def _waiting(connection: Connection) -> list[tuple[int, list[str]]]:
    """Generations to prove, oldest first, and with the newest of each collection the marks that are done with it."""
    names = connection.execute(
        sa.select(counters.c.name).where(counters.c.name.startswith(_MARK, autoescape=True)).order_by(counters.c.name)
    ).scalars()
    marked = {int(name.removeprefix(_MARK)): name for name in names}
    table = collections.c
    fields = (table.source, table.account, table.taxpayer_no, table.invoice_month, table.kind, table.query)
    first: dict[tuple[Any, ...], tuple[int, list[str]]] = {}
    for part in chunks(sorted(marked)):
        query = sa.select(*fields, table.generation, table.collection_id).where(table.collection_id.in_(part))
        for *key, generation, collection_id in connection.execute(query):
            lowest, done = first.get(tuple(key), (generation, []))
            first[tuple(key)] = (min(lowest, generation), [*done, marked[collection_id]])
    waiting: list[tuple[int, list[str]]] = []
    for kind, (generation, done) in sorted(first.items()):
        same = [column == value for column, value in zip(fields, kind, strict=True)]
        query = sa.select(table.collection_id).where(*same, table.generation >= generation).order_by(table.generation)
        ids = list(connection.execute(query).scalars())
        waiting += [(collection_id, []) for collection_id in ids[:-1]] + [(ids[-1], done)]
    return waiting


def _reprove(connection: Connection, collection_id: int, now: float) -> Changes:
    """An open generation is left alone: its own run proves it when it closes."""
    changes = Changes()
    query = sa.select(collections).where(collections.c.collection_id == collection_id)
    job = connection.execute(query.with_for_update()).first()
    if job is None or job.state not in CLOSED_STATES:
        return changes
    parts = connection.execute(
        sa.select(slices).where(slices.c.collection_id == collection_id).order_by(slices.c.slice_id)
    ).all()
    read = set(
        connection.execute(
            sa.select(pages.c.slice_id)
            .where(pages.c.slice_id.in_(sa.select(slices.c.slice_id).where(slices.c.collection_id == collection_id)))
            .distinct()
        ).scalars()
    )
    states: list[str] = []
    for part in parts:
        after = _slice(connection, part) if part.slice_id in read else {}
        states.append(after.get("state", part.state))
        if after:
            connection.execute(
                slices.update().where(slices.c.slice_id == part.slice_id).values(**after, changed_at=now)
            )
            changes.slices.append(_told(job, part, after))
            changes.rows += 1
    accepted = any(part.state == "rejected" for part in parts) and job.state == "complete"
    state = _state(job.state, states, accepted=accepted)
    if state != job.state:
        connection.execute(collections.update().where(collections.c.collection_id == collection_id).values(state=state))
        changes.rows += 1
    if job.kind == "collect" and state != "abandoned":
        changes.rows += _closing(connection, job, [part.slice_id for part in parts], now, changes)
    return changes


def _slice(connection: Connection, part: Any) -> dict[str, Any]:
    """The columns of a slice that read otherwise now. One that failed without numbers never had any."""
    counted = part.state == "failed" and (part.expected is not None or part.loaded or part.rejected)
    if part.state not in _READ_TO_END and not counted:
        return {}
    tally = proof.tally(connection, part.slice_id, part.read_no)
    now: dict[str, Any] = {name: getattr(tally, name) for name in _NUMBERS}
    if part.state in _READ_TO_END:
        now |= _judged(part, tally, proof.progress(connection, part.slice_id, part.read_no))
    return {name: value for name, value in now.items() if getattr(part, name) != value}


def _judged(part: Any, tally: Tally, progress: ReadProgress) -> dict[str, Any]:
    wrong = _trouble(tally)
    if wrong is None and progress.known - progress.committed:
        wrong = f"{len(progress.known - progress.committed)} pages that the others name were not read"
    if wrong is not None:
        # The text of an incomplete slice may be the reader's own, from a reading that was cut off: it stays.
        return {} if part.state == "incomplete" else {"state": "incomplete", "vendor_message": wrong}
    if part.state == "incomplete" and tally.expected is None:
        return {}  # without the vendor's count nothing proves it
    state = "rejected" if tally.rejected else "complete" if tally.loaded else "empty"
    return {"state": state} | ({"vendor_message": ""} if part.state == "incomplete" else {})


def _trouble(tally: Tally) -> str | None:
    """Why the records do not prove the slice; None when they do. The same rules as while it is read."""
    if tally.totals_differ:
        return "the vendor's total changed between pages"
    if tally.duplicates:
        return f"{tally.duplicates} numbers came more than once"
    if tally.expected is not None and tally.expected != tally.loaded + tally.rejected:
        return f"the vendor counts {tally.expected}, its pages held {tally.loaded + tally.rejected}"
    return None


def _state(before: str, states: list[str], *, accepted: bool) -> str:
    """Of the generation. One that was accepted with rejected records stays so."""
    if before == "abandoned":
        return before
    fine = PROVEN | {"rejected"} if accepted else PROVEN
    return "complete" if all(state in fine for state in states) else "incomplete"


def _closing(connection: Connection, job: Any, slice_ids: list[int], now: float, changes: Changes) -> int:
    """The findings that would be written if the generation were closed now."""
    table = findings.c
    row = connection.execute(sa.select(collections).where(collections.c.collection_id == job.collection_id)).one()
    wanted = set(closing.closing_findings(connection, row))
    have: dict[closing.ClosingFinding, int] = {}
    fields = [table[name] for name in closing.ClosingFinding.__struct_fields__]
    for part in chunks(slice_ids):
        query = sa.select(table.finding_id, *fields).where(
            table.slice_id.in_(part), table.rule.in_(closing.CLOSING_RULES), table.page_id.is_(None)
        )
        for finding_id, *told in connection.execute(query):
            have[closing.ClosingFinding(*told)] = finding_id
    over = have.keys() - wanted
    for part in chunks(sorted(have[item] for item in over)):
        connection.execute(findings.delete().where(table.finding_id.in_(part)))
    new = sorted(wanted - have.keys())
    closing.record(connection, new, now)
    changes.findings_lost.update(item.rule for item in over)
    changes.findings_gained.update(item.rule for item in new)
    return len(over) + len(new)


def _told(job: Any, part: Any, after: dict[str, Any]) -> SliceChange:
    def text(values: dict[str, Any]) -> str:
        expected = "unknown" if values["expected"] is None else values["expected"]
        return f"{values['state']}: {values['loaded']} loaded, {values['rejected']} rejected of {expected}"

    before = {name: getattr(part, name) for name in ("state", *_NUMBERS)}
    return SliceChange(
        source=job.source,
        taxpayer_no=job.taxpayer_no,
        invoice_month=job.invoice_month,
        generation=job.generation,
        slice=f"{part.type} {part.direction}",
        before=text(before),
        after=text(before | after),
    )
