"""Which document a number belongs to: look it up, else claim it. The unique number is what keeps documents single."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from fapiao.store.access.bulk import Row, Writer, chunks
from fapiao.store.documents.grouping import Group, NumberKey
from fapiao.store.tables.invoices import numbers

__all__ = ["Document", "assign", "owners_of"]


class Document:
    """What a batch says about one document."""

    __slots__ = ("group", "is_new", "keys")

    def __init__(self, keys: set[int], group: Group, is_new: bool) -> None:
        self.keys = keys
        """One key; several where known documents turned out to be the same one and have to be merged."""
        self.group = group
        self.is_new = is_new
        """Claimed just now: nothing of it is in the database except its numbers."""


def assign(connection: Connection, writer: Writer, groups: list[Group], fresh: Iterator[int]) -> list[Document]:
    """Give every group its document; numbers that nobody has are claimed, for a key from ``fresh`` where all are new.

    Claims go in sorted by number, so that two processes with overlapping batches wait for each other in one order.
    """
    owners = owners_of(connection, (number for group in groups for number in group.numbers))
    chosen: list[int] = []
    new: set[int] = set()
    claims: dict[NumberKey, int] = {}
    for group in groups:
        key = min((owners[number] for number in group.numbers if number in owners), default=None)
        if key is None:
            key = next(fresh)
            new.add(key)
        chosen.append(key)
        for number in group.numbers:
            if number not in owners:
                claims[number] = key
    won = _claim(connection, writer, claims)
    owners.update(won)
    documents = _Documents()
    for key, group in zip(chosen, groups, strict=True):
        keys = {owners[number] for number in group.numbers}
        if key in new and keys != {key}:
            # Another process was first with one of the numbers: what we won of the others becomes its document's.
            keys.discard(key)
            connection.execute(numbers.update().where(numbers.c.invoice_key == key).values(invoice_key=min(keys)))
        documents.add(Document(keys, group, is_new=key in keys and key in new))
    return documents.all()


class _Documents:
    """Joins groups that are about the same known document although they share no number among themselves."""

    def __init__(self) -> None:
        self._by_key: dict[int, Document] = {}

    def add(self, document: Document) -> None:
        for key in list(document.keys):
            other = self._by_key.get(key)
            if other is not None and other is not document:
                other.keys |= document.keys
                other.group.absorb(document.group)
                document = other
        for key in document.keys:
            self._by_key[key] = document

    def all(self) -> list[Document]:
        return list({id(document): document for document in self._by_key.values()}.values())


def _claim(connection: Connection, writer: Writer, claims: dict[NumberKey, int]) -> dict[NumberKey, int]:
    """Insert the numbers; returns the owner of each, which is another one's key where a rival was first."""
    if not claims:
        return {}
    rows: list[Row] = [(scheme, value, str(key)) for (scheme, value), key in sorted(claims.items())]
    if writer.claim(numbers, rows) == len(rows):
        return claims
    return owners_of(connection, claims)


def owners_of(connection: Connection, wanted: Iterable[NumberKey]) -> dict[NumberKey, int]:
    """Which documents have the numbers."""
    by_scheme: dict[str, list[str]] = defaultdict(list)
    for scheme, value in wanted:
        by_scheme[scheme].append(value)
    owners: dict[NumberKey, int] = {}
    for scheme, values in by_scheme.items():
        for part in chunks(values):
            query = sa.select(numbers.c.value, numbers.c.invoice_key)
            query = query.where(numbers.c.scheme == scheme, numbers.c.value.in_(part))
            for value, key in connection.execute(query):
                owners[scheme, value] = key
    return owners
