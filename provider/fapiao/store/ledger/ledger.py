"""The ledger of collections: which generation is open, what its slices are, what is proven. Every step is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.errors import StoreError
from fapiao.store.access.bulk import generated_key
from fapiao.store.access.database import Database
from fapiao.store.documents.announcing import announce_slices
from fapiao.store.ledger import closing, proof
from fapiao.store.ledger.records import (
    CLOSED_STATES,
    FINAL_SLICE_STATES,
    AbsentInvoice,
    CollectionKey,
    CollectionRecord,
    ReadProgress,
    SliceRecord,
    SliceUpdate,
    Tally,
)
from fapiao.store.ledger.tasks import TaskReference, task_of, task_values
from fapiao.store.tables.ledger import collections, pages, slices
from fapiao.wire import SliceKey

__all__ = ["Ledger", "collection_row", "continued", "open_generation"]

_REPLACED = "given up: the month was asked for with other slices"


class Ledger:
    """Reads and writes collections and slices. ``now`` is epoch seconds, UTC. Several threads may use one.

    :raises fapiao.errors.StoreError: from every method, when the database does not work or an id does not exist.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # Generations

    def latest_closed(self, key: CollectionKey, wanted: Sequence[SliceKey]) -> CollectionRecord | None:
        """The newest closed, not abandoned generation with exactly these slices."""

        def look(connection: Connection) -> CollectionRecord | None:
            closed = collections.c.state.in_(sorted(CLOSED_STATES - {"abandoned"}))
            query = sa.select(collections).where(_is(key), closed).order_by(collections.c.generation.desc())
            for row in connection.execute(query).all():
                if _keys(connection, row.collection_id) == set(wanted):
                    return _collection(row)
            return None

        return self._database.read(look)

    def open(self, key: CollectionKey, wanted: Sequence[SliceKey], now: float) -> CollectionRecord:
        """The open generation if its slices are exactly ``wanted``, else the next one, in state *intended*.

        An open generation with other slices is closed as *abandoned*, its unfinished slices as *failed*. Processes that
        call at once get the same collection: the generation's number is unique, and who comes second looks again.
        """

        opened, given_up = self._database.transact(lambda connection: open_generation(connection, key, wanted, now))
        announce_slices(self._database, given_up)
        return opened

    def collection(self, collection_id: int) -> CollectionRecord:
        """One generation as it is now."""
        return self._database.read(lambda connection: _collection(_row(connection, collection_id)))

    def slices(self, collection_id: int) -> list[SliceRecord]:
        """Its slices, by type and direction."""
        query = sa.select(slices).where(slices.c.collection_id == collection_id)
        query = query.order_by(slices.c.type, slices.c.direction)
        return self._database.read(lambda connection: [_slice(row) for row in connection.execute(query)])

    # The vendor's job

    def note_prior(self, collection_id: int, keys: Iterable[SliceKey]) -> None:
        """These slices were finished at the vendor before our start: that does not prove anything about our job."""
        wanted = set(keys)
        self._each_slice(collection_id, wanted, lambda _: {"stale": True})

    def starting(self, collection_id: int, now: float, *, after: float | None = None) -> bool:
        """Committed before the start is sent, so that a kill leaves a trace of it.

        :param after: when the start was sent whose answer was lost, if one was.
        :returns: False: another process has sent one meanwhile, so the caller must not.
        """

        def work(connection: Connection) -> bool:
            row = _row(connection, collection_id, lock=True)
            if row.state not in ("intended", "starting") or row.start_sent_at != after:
                return False
            connection.execute(
                collections.update()
                .where(collections.c.collection_id == collection_id)
                .values(state="starting", start_sent_at=now)
            )
            return True

        return self._database.transact(work)

    def not_started(self, collection_id: int, code: str | None, message: str | None) -> None:
        """The vendor started nothing and says when to ask again."""
        self._change(collection_id, state="intended", start_sent_at=None, vendor_code=code, vendor_message=message)

    def started(self, collection_id: int, now: float, job_id: str | None, joined: bool) -> None:
        """The job of the current part runs; ``joined``: it was active before we asked."""

        def work(connection: Connection) -> None:
            part = _row(connection, collection_id, lock=True).part
            connection.execute(
                slices.update()
                .where(slices.c.collection_id == collection_id, slices.c.part == part)
                .values(vendor_job_id=job_id)
            )
            connection.execute(
                collections.update()
                .where(collections.c.collection_id == collection_id)
                .values(
                    state="started",
                    started_at=now,
                    vendor_job_id=job_id,
                    joined=joined,
                    vendor_code=None,
                    vendor_message=None,
                )
            )

        self._database.transact(work)

    def divide(
        self, seen: CollectionRecord, parts: Sequence[Iterable[SliceKey]], now: float, *, retried: bool = False
    ) -> bool:
        """These slices need jobs of their own: they wait as parts that are numbered on from the last one.

        ``retried``: because they failed, which is done once for each.

        :param seen: the generation as it was when that was decided.
        :returns: False: another process has done so meanwhile, and nothing is changed.
        """
        collection_id = seen.collection_id
        wanted = {key for keys in parts for key in keys}
        changes: dict[str, Any] = {"state": "waiting", "vendor_job_id": None, "changed_at": now}
        if retried:
            changes["retried"] = True

        def work(connection: Connection) -> bool:
            _row(connection, collection_id, lock=True)
            known = [
                row for row in _slices_of(connection, collection_id) if SliceKey(row.type, row.direction) in wanted
            ]
            if any(row.part > seen.part or (retried and row.retried) for row in known):
                return False
            last = sa.select(sa.func.max(slices.c.part)).where(slices.c.collection_id == collection_id)
            number: int = connection.execute(last).scalar_one()
            for keys in parts:
                number += 1
                values = changes | {"part": number}
                _update_slices(connection, collection_id, set(keys), lambda _, values=values: values)  # type: ignore[misc]  # bound now
            connection.execute(
                collections.update()
                .where(collections.c.collection_id == collection_id)
                .values(restarts=collections.c.restarts + len(parts))
            )
            return True

        return self._database.transact(work)

    def turn_to(self, collection_id: int, part: int) -> bool:
        """The job of this part is the next one to be started. False: another process has turned to it already."""
        values = {"state": "intended", "part": part, "start_sent_at": None, "started_at": None, "vendor_job_id": None}
        earlier = sa.and_(collections.c.collection_id == collection_id, collections.c.part < part)
        return self._database.transact(
            lambda connection: connection.execute(collections.update().where(earlier).values(**values)).rowcount == 1
        )

    def apply(self, collection_id: int, updates: Sequence[SliceUpdate], now: float) -> None:
        """Write down what the vendor says about slices; a slice that is final stays as it is."""
        if not updates:
            return
        news = {update.key: update for update in updates}

        def values(row: Any) -> dict[str, Any] | None:
            if row.state in FINAL_SLICE_STATES:
                return None
            update = news[SliceKey(row.type, row.direction)]
            changes: dict[str, Any] = {
                "state": update.state, "vendor_code": update.code, "vendor_message": update.message, "changed_at": now,
            }  # fmt: skip
            if update.state in FINAL_SLICE_STATES:
                changes["closed_at"] = now
            if update.stale is not None:
                changes["stale"] = update.stale
            return changes

        self._each_slice(collection_id, set(news), values)

    def worked_on(self, collection_id: int, task: TaskReference | None) -> None:
        """Who works on the open generation now: a task of Airflow's, or (None) the command line."""
        still_open = sa.and_(
            collections.c.collection_id == collection_id, collections.c.state.not_in(sorted(CLOSED_STATES))
        )
        values = task_values(task)
        self._database.transact(
            lambda connection: connection.execute(collections.update().where(still_open).values(**values)).rowcount
        )

    def add_requests(self, collection_id: int, count: int) -> None:
        """Count requests that were sent for this generation."""
        self._change(collection_id, requests=collections.c.requests + count)

    # Reading and proof

    def progress(self, slice_id: int, read_no: int) -> ReadProgress:
        """Which pages of this reading are committed, and which are known."""
        return self._database.read(lambda connection: proof.progress(connection, slice_id, read_no))

    def read_again(self, slice_id: int, now: float) -> SliceRecord:
        """Begin the slice's next reading. The pages read stay as raw, their records no longer count."""

        def work(connection: Connection) -> SliceRecord:
            connection.execute(
                slices.update()
                .where(slices.c.slice_id == slice_id)
                .values(read_no=slices.c.read_no + 1, state="reading", changed_at=now, **_NOTHING)
            )
            return _slice(_slice_row(connection, slice_id))

        return self._database.transact(work)

    def tally(self, slice_id: int) -> Tally:
        """What the slice's current reading adds up to."""
        return self._database.read(
            lambda connection: proof.tally(connection, slice_id, _slice_row(connection, slice_id).read_no)
        )

    def billed(self, collection_id: int) -> dict[int, int | None]:
        """Units that the vendor charged per slice, over all committed reads; None where it named none."""
        query = (
            sa.select(slices.c.slice_id, sa.func.sum(pages.c.billed))
            .select_from(slices.outerjoin(pages, pages.c.slice_id == slices.c.slice_id))
            .where(slices.c.collection_id == collection_id)
            .group_by(slices.c.slice_id)
        )
        return self._database.read(
            lambda connection: {
                slice_id: None if units is None else int(units) for slice_id, units in connection.execute(query)
            }
        )

    def close_slice(
        self, slice_id: int, state: str, tally: Tally | None, code: str | None, message: str | None, now: float
    ) -> None:
        """Give the slice its final state with the numbers that prove it, where there are any."""
        if state not in FINAL_SLICE_STATES:
            raise ValueError(f"{state} is not a final state of a slice: {', '.join(sorted(FINAL_SLICE_STATES))}")
        numbers = {} if tally is None else {
            "expected": tally.expected,
            "loaded": tally.loaded,
            "rejected": tally.rejected,
            "amount_excl_tax": tally.amount_excl_tax,
            "tax_amount": tally.tax_amount,
        }  # fmt: skip

        def work(connection: Connection) -> None:
            connection.execute(
                slices.update()
                .where(slices.c.slice_id == slice_id)
                .values(state=state, vendor_code=code, vendor_message=message, changed_at=now, closed_at=now, **numbers)
            )

        self._database.transact(work)
        announce_slices(self._database, [slice_id])

    def absent(self, collection_id: int) -> list[AbsentInvoice]:
        """Invoices that the slices' previous closed generation had and this one has not.

        Only slices that were read to their end now can miss something; unsupported and failed ones say nothing.
        """
        return self._database.read(lambda connection: proof.absent(connection, _row(connection, collection_id)))

    def close(self, collection_id: int, state: str, now: float) -> None:
        """Close the generation; what that shows (see ``closing``) is written down. Closing twice is once."""
        if state not in CLOSED_STATES:
            raise ValueError(f"{state} is not a closed state: {', '.join(sorted(CLOSED_STATES))}")

        def work(connection: Connection) -> None:
            row = _row(connection, collection_id, lock=True)
            if row.state in CLOSED_STATES:
                return
            connection.execute(
                collections.update()
                .where(collections.c.collection_id == collection_id)
                .values(state=state, closed_at=now)
            )
            if state != "abandoned" and row.kind == "collect":  # what a list lacks now has moved on to another one
                closing.record(connection, closing.closing_findings(connection, row), now)

        self._database.transact(work)

    # Small steps

    def _change(self, collection_id: int, **values: Any) -> None:
        self._database.transact(
            lambda connection: (
                connection.execute(
                    collections.update().where(collections.c.collection_id == collection_id).values(**values)
                ).rowcount
            )
        )

    def _each_slice(
        self, collection_id: int, wanted: set[SliceKey], values: Callable[[Any], dict[str, Any] | None]
    ) -> None:
        if wanted:
            self._database.transact(lambda connection: _update_slices(connection, collection_id, wanted, values))


def open_generation(
    connection: Connection, key: CollectionKey, wanted: Sequence[SliceKey], now: float
) -> tuple[CollectionRecord, list[int]]:
    """What :meth:`Ledger.open` does, within a transaction of the caller's, and the slices that were given up."""
    if not wanted:
        raise ValueError("a collection needs at least one slice")
    given_up: list[int] = []
    latest = _latest(connection, key, lock=True)
    if latest is not None and latest.state not in CLOSED_STATES:
        if _keys(connection, latest.collection_id) == set(wanted):
            return _collection(latest), []
        given_up = _abandon(connection, latest.collection_id, now)
    inserted = connection.execute(
        collections.insert().values(
            source=key.source,
            account=key.account,
            taxpayer_no=key.taxpayer_no,
            invoice_month=key.invoice_month,
            kind=key.kind,
            query=key.query,
            generation=1 if latest is None else latest.generation + 1,
            state="intended",
            joined=False,
            restarts=0,
            requests=0,
            opened_at=now,
        )
    )
    collection_id = generated_key(inserted)
    connection.execute(slices.insert(), [_new_slice(collection_id, part, now) for part in sorted(set(wanted))])
    return _collection(_row(connection, collection_id)), given_up


def continued(connection: Connection, key: CollectionKey, wanted: Sequence[SliceKey]) -> CollectionRecord | None:
    """The open generation with exactly these slices, if there is one; nothing is changed."""
    latest = _latest(connection, key)
    if latest is None or latest.state in CLOSED_STATES or _keys(connection, latest.collection_id) != set(wanted):
        return None
    return _collection(latest)


def collection_row(connection: Connection, collection_id: int) -> CollectionRecord:
    """One generation as it is now, within a transaction of the caller's."""
    return _collection(_row(connection, collection_id))


_NOTHING: dict[str, Any] = {"expected": None, "loaded": 0, "rejected": 0, "amount_excl_tax": None, "tax_amount": None}


def _is(key: CollectionKey) -> Any:
    return sa.and_(
        collections.c.source == key.source,
        collections.c.account == key.account,
        collections.c.taxpayer_no == key.taxpayer_no,
        collections.c.invoice_month == key.invoice_month,
        collections.c.kind == key.kind,
        collections.c.query == key.query,
    )


def _latest(connection: Connection, key: CollectionKey, *, lock: bool = False) -> Any:
    query = sa.select(collections).where(_is(key)).order_by(collections.c.generation.desc()).limit(1)
    return connection.execute(query.with_for_update() if lock else query).first()


def _new_slice(collection_id: int, key: SliceKey, now: float) -> dict[str, Any]:
    return {
        "collection_id": collection_id, "type": key.type, "direction": key.direction, "state": "waiting", "read_no": 1,
        "stale": False, "retried": False, "changed_at": now, **_NOTHING,
    }  # fmt: skip


def _abandon(connection: Connection, collection_id: int, now: float) -> list[int]:
    """Close the generation; the slices that were not final."""
    unfinished = sa.and_(slices.c.collection_id == collection_id, slices.c.state.not_in(sorted(FINAL_SLICE_STATES)))
    given_up = [slice_id for (slice_id,) in connection.execute(sa.select(slices.c.slice_id).where(unfinished))]
    connection.execute(
        slices.update()
        .where(unfinished)
        .values(state="failed", vendor_message=_REPLACED, changed_at=now, closed_at=now)
    )
    connection.execute(
        collections.update()
        .where(collections.c.collection_id == collection_id)
        .values(state="abandoned", closed_at=now)
    )
    return given_up


def _update_slices(
    connection: Connection,
    collection_id: int,
    wanted: set[SliceKey],
    values: Callable[[Any], dict[str, Any] | None],
) -> None:
    query = sa.select(slices).where(slices.c.collection_id == collection_id).order_by(slices.c.slice_id)
    for row in connection.execute(query.with_for_update()).all():
        if SliceKey(row.type, row.direction) not in wanted:
            continue
        changes = values(row)
        if changes is not None:
            connection.execute(slices.update().where(slices.c.slice_id == row.slice_id).values(**changes))


def _keys(connection: Connection, collection_id: int) -> set[SliceKey]:
    return {SliceKey(row.type, row.direction) for row in _slices_of(connection, collection_id)}


def _slices_of(connection: Connection, collection_id: int) -> Any:
    query = sa.select(slices.c.type, slices.c.direction, slices.c.part, slices.c.retried)
    return connection.execute(query.where(slices.c.collection_id == collection_id)).all()


def _row(connection: Connection, collection_id: int, *, lock: bool = False) -> Any:
    query = sa.select(collections).where(collections.c.collection_id == collection_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise _unknown("collection", collection_id)
    return row


def _slice_row(connection: Connection, slice_id: int) -> Any:
    row = connection.execute(sa.select(slices).where(slices.c.slice_id == slice_id)).first()
    if row is None:
        raise _unknown("slice", slice_id)
    return row


def _unknown(what: str, number: int) -> StoreError:
    return StoreError(
        f"the ledger has no {what} {number}.", advice="Use the database in which the collection was started."
    )


def _collection(row: Any) -> CollectionRecord:
    return CollectionRecord(
        collection_id=row.collection_id,
        key=CollectionKey(row.source, row.account, row.taxpayer_no, row.invoice_month, row.kind, row.query),
        generation=row.generation,
        state=row.state,
        vendor_job_id=row.vendor_job_id,
        joined=row.joined,
        start_sent_at=row.start_sent_at,
        started_at=row.started_at,
        restarts=row.restarts,
        requests=row.requests,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        vendor_code=row.vendor_code,
        vendor_message=row.vendor_message,
        part=row.part,
        task=task_of(row),
    )


def _slice(row: Any) -> SliceRecord:
    return SliceRecord(
        slice_id=row.slice_id,
        collection_id=row.collection_id,
        key=SliceKey(row.type, row.direction),
        state=row.state,
        read_no=row.read_no,
        expected=row.expected,
        loaded=row.loaded,
        rejected=row.rejected,
        amount_excl_tax=row.amount_excl_tax,
        tax_amount=row.tax_amount,
        vendor_code=row.vendor_code,
        vendor_message=row.vendor_message,
        stale=row.stale,
        retried=row.retried,
        part=row.part,
        vendor_job_id=row.vendor_job_id,
    )
