"""Documents that are in the database already: what was said again is dated, what is new is folded in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.invoices.folding import Folded, Observation, fold
from fapiao.store.access.bulk import Row, Writer, chunks
from fapiao.store.documents.grouping import Group, Stated
from fapiao.store.documents.merging import CHILDREN
from fapiao.store.documents.rows import RowSet, from_content
from fapiao.store.documents.state_history import Sighted, state_history, state_source
from fapiao.store.tables.columns import EpochTime
from fapiao.store.tables.invoices import findings, holdings, invoices, observations, states

__all__ = ["Seen", "Settlement", "hold", "observe", "refold", "settle"]

_Identity = tuple[str, str, str]
"""(source, api, content hash)."""


class Settlement(msgspec.Struct, frozen=True):
    """How many known documents were rewritten, and how many were only seen again."""

    changed: int
    same: int


class Seen(msgspec.Struct):
    """One observation as it will stand after this transaction (epoch seconds)."""

    first: float
    last: float
    before: float | None
    """When it was seen last before this transaction; None where it is new."""
    new: Stated | None = None
    met: tuple[float, float] | None = None
    """When this transaction's pages have met it first and last."""

    def times(self) -> set[float]:
        """All moments at which it is known to have been seen."""
        return {at for at in (self.first, self.last, self.before, *(self.met or ())) if at is not None}


def observe(rows: RowSet, key: str, stated: Stated) -> None:
    """Add an observation that is not in the database yet, with the findings about its record."""
    place = stated.place
    rows.add(
        observations, key, stated.source, stated.api, stated.content_hash, stated.content, place.page.page_id,
        place.ordinal, rows.stamp(stated.first), rows.stamp(stated.last),
    )  # fmt: skip
    if stated.findings:
        rows.findings(stated.findings, key, place.page.slice_id, place.page.page_id, place.ordinal)


def hold(rows: RowSet, key: str, group: Group, known: frozenset[tuple[str, str]] = frozenset()) -> None:
    """Add the group's holdings but the ``known`` (taxpayer_no, direction).

    A record without a direction comes from a question about the document alone (a verification, a file): it tells nothing
    about who holds it.
    """
    if len(group.places) == 1 and not known:
        load = group.places[0].page.load
        if not load.direction:
            return
        seen = rows.stamp(group.places[0].page.seen)
        rows.add(holdings, key, load.taxpayer_no, load.direction, load.invoice_month or _issued(group), seen, seen)
        return
    spans: dict[tuple[str, str], tuple[str, float, float]] = {}
    for place in group.places:
        load, seen_at = place.page.load, place.page.seen
        if not load.direction:
            continue
        holder = (load.taxpayer_no, load.direction)
        month, first, last = spans.get(holder, (load.invoice_month, seen_at, seen_at))
        spans[holder] = (month, min(first, seen_at), max(last, seen_at))
    for (taxpayer_no, direction), (month, first, last) in spans.items():
        if (taxpayer_no, direction) not in known:
            rows.add(
                holdings, key, taxpayer_no, direction, month or _issued(group), rows.stamp(first), rows.stamp(last)
            )


def _issued(group: Group) -> str:
    """The month of issue, for lists that are not about one; empty where no record states a day."""
    days = [stated.invoice.issued_on for stated in group.stated if stated.invoice.issued_on is not None]
    return f"{min(days):%Y%m}" if days else ""


def settle(
    connection: Connection, writer: Writer, rows: RowSet, known: dict[int, Group], merged: set[int]
) -> Settlement:
    """Bring known documents, locked before, up to date. ``merged`` ones are folded whatever was said about them."""
    again: dict[int, dict[_Identity, Seen]] = {}
    touched: dict[tuple[str, str, float], list[tuple[int, str]]] = defaultdict(list)
    for part in chunks(sorted(known)):
        stored = _stored(connection, part)
        for key in part:
            have = stored[key]
            if _note(have, known[key], touched, key) or key in merged:
                again[key] = have
            for seen in have.values():
                if seen.new is not None:
                    observe(rows, str(key), seen.new)
        _hold_again(connection, rows, {key: known[key] for key in part})
    _touch(connection, touched)
    for part in chunks(sorted(again)):
        refold(connection, writer, rows, {key: again[key] for key in part})
    changed = sum(
        1 for key, have in again.items() if key in merged or any(seen.new is not None for seen in have.values())
    )
    return Settlement(changed=changed, same=len(known) - changed)


def _stored(connection: Connection, keys: list[int]) -> dict[int, dict[_Identity, Seen]]:
    table = observations.c
    stored: dict[int, dict[_Identity, Seen]] = {key: {} for key in keys}
    query = sa.select(
        table.invoice_key, table.source, table.api, table.content_hash, table.first_seen_at, table.last_seen_at
    ).where(table.invoice_key.in_(keys))
    for key, source, api, content_hash, first, last in connection.execute(query):
        stored[key][source, api, content_hash] = Seen(first, last, last)
    return stored


def _note(
    have: dict[_Identity, Seen], group: Group, touched: dict[tuple[str, str, float], list[tuple[int, str]]], key: int
) -> bool:
    """Enter what the group states into the document's observations. True when it has to be folded anew.

    What one lone observation says again changes nothing; of several, the one seen last may be another one now. What is
    loaded late, out of a page fetched before, may be the first to have seen the document.
    """
    anew = False
    for stated in group.stated:
        identity = (stated.source, stated.api, stated.content_hash)
        seen = have.get(identity)
        if seen is None:
            have[identity] = Seen(stated.first, stated.last, None, stated, (stated.first, stated.last))
            anew = True
            continue
        for at in {stated.first, stated.last}:
            if at < seen.first or at > seen.last:
                touched[stated.source, stated.api, at].append((key, stated.content_hash))
                anew = anew or at < seen.first or len(have) > 1
        seen.met = (stated.first, stated.last)
        seen.first = min(seen.first, stated.first)
        seen.last = max(seen.last, stated.last)
    return anew


def _touch(connection: Connection, touched: dict[tuple[str, str, float], list[tuple[int, str]]]) -> None:
    table = observations.c
    for (source, api, at), met in sorted(touched.items()):
        for part in chunks(met):
            connection.execute(
                observations.update()
                .where(
                    table.invoice_key.in_([key for key, _ in part]),
                    table.source == source,
                    table.api == api,
                    table.content_hash.in_([content_hash for _, content_hash in part]),
                )
                .values(**_widened(table, at))
            )


def _hold_again(connection: Connection, rows: RowSet, groups: dict[int, Group]) -> None:
    table = holdings.c
    have: dict[int, set[tuple[str, str]]] = defaultdict(set)
    query = sa.select(table.invoice_key, table.taxpayer_no, table.direction).where(table.invoice_key.in_(list(groups)))
    for key, taxpayer_no, direction in connection.execute(query):
        have[key].add((taxpayer_no, direction))
    again: dict[tuple[str, str, float], set[int]] = defaultdict(set)
    for key, group in groups.items():
        held = frozenset(have[key])
        hold(rows, str(key), group, held)
        for place in group.places:
            load = place.page.load
            if (load.taxpayer_no, load.direction) in held:
                again[load.taxpayer_no, load.direction, place.page.seen].add(key)
    for (taxpayer_no, direction, at), keys in sorted(again.items()):
        connection.execute(
            holdings.update()
            .where(
                table.invoice_key.in_(sorted(keys)),
                # Not the bare column: a planner without statistics would go through all that the taxpayer holds.
                sa.func.coalesce(table.taxpayer_no, "") == taxpayer_no,
                table.direction == direction,
            )
            .values(**_widened(table, at))
        )


def _widened(table: Any, at: float) -> dict[str, Any]:
    instant = sa.literal(at, EpochTime())
    return {
        "first_seen_at": sa.case((table.first_seen_at > instant, instant), else_=table.first_seen_at),
        "last_seen_at": sa.case((table.last_seen_at < instant, instant), else_=table.last_seen_at),
    }


def refold(connection: Connection, writer: Writer, rows: RowSet, documents: dict[int, dict[_Identity, Seen]]) -> None:
    """Fold documents, locked before, from all their observations and write head, children, state and conflicts.

    What is added to ``rows`` has to be written afterwards.
    """
    keys = sorted(documents)
    contents = _contents(connection, keys)
    last_states = _last_states(connection, keys)
    heads: list[Row] = []
    for table in CHILDREN:
        connection.execute(table.delete().where(table.c.invoice_key.in_(keys)))
    connection.execute(findings.delete().where(findings.c.invoice_key.in_(keys), findings.c.slice_id.is_(None)))
    for key in keys:
        said = [
            Observation(
                source=source,
                api=api,
                observed_at=seen.last,
                invoice=from_content(
                    contents[key, source, api, content_hash] if seen.new is None else seen.new.content
                ),
            )
            for (source, api, content_hash), seen in sorted(documents[key].items())
        ]
        folded = fold(said)
        first = min(seen.first for seen in documents[key].values())
        sources = ",".join(sorted({part.source for part in said}))
        heads.append(rows.document(str(key), folded.invoice, sources, rows.stamp(first)))
        rows.findings(folded.conflicts, str(key), None, None, None)
        seq, last = last_states.get(key, (0, None))
        for state, state_raw, who in _states_since(last, folded, said, sorted(documents[key].items())):
            seq += 1
            rows.add(states, str(key), str(seq), state, state_raw, who.source, rows.stamp(who.observed_at))
    writer.update(invoices, heads)


def _states_since(
    last: str | None, folded: Folded, said: list[Observation], seen: list[tuple[_Identity, Seen]]
) -> Iterator[tuple[str, str | None, Observation]]:
    """The states the document came into after ``last``: at each moment that the database did not know of yet.

    What was fetched before those moments and comes late adds the state that it leads to now, and no past.
    """
    known = max((one.before for _, one in seen if one.before is not None), default=0.0)
    moments = sorted({at for _, one in seen for at in one.times() if at > known})
    if len(moments) > 1:
        sighted = [
            Sighted(part.source, part.api, part.invoice, one.times()) for part, (_, one) in zip(said, seen, strict=True)
        ]
        yield from state_history(sighted, moments, last)
    elif folded.invoice.state != last:
        yield folded.invoice.state, folded.invoice.state_raw, state_source(said, folded.invoice.state)


def _contents(connection: Connection, keys: list[int]) -> dict[tuple[int, str, str, str], str]:
    table = observations.c
    query = sa.select(table.invoice_key, table.source, table.api, table.content_hash, table.content)
    found = connection.execute(query.where(table.invoice_key.in_(keys)))
    return {(key, source, api, content_hash): content for key, source, api, content_hash, content in found}


def _last_states(connection: Connection, keys: list[int]) -> dict[int, tuple[int, str]]:
    table = states.c
    query = sa.select(table.invoice_key, table.seq, table.state).where(table.invoice_key.in_(keys))
    return {key: (seq, state) for key, seq, state in connection.execute(query.order_by(table.seq))}
