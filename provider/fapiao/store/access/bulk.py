"""Rows into tables at the speed of the driver: COPY on PostgreSQL, the driver's own ``executemany`` elsewhere.

A row is a sequence of texts in the order of :func:`columns`; where there is no value stands ``writer.absent``. Texts do
for every column: each database reads numbers, dates and booleans (``0``, ``1``) from text, exactly.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

__all__ = ["CHUNK", "Row", "Writer", "chunks", "columns", "generated_key"]

Row = Sequence[str | None]

CHUNK = 500
"""Values in one ``IN`` list: older SQLite takes 999 parameters in a statement."""
_FIELD, _ROW, _NULL = "\x1f", "\x1d", "\x1eN"
_AWKWARD = {_FIELD: "\\x1f", _ROW: "\\x1d", "\x1e": "\\x1e"}


@cache
def columns(table: sa.Table) -> tuple[str, ...]:
    """Names of the columns that rows give, in order: all but a generated key."""
    key = list(table.primary_key.columns)
    generated = key[0] if len(key) == 1 and key[0].autoincrement is not False else None
    return tuple(column.name for column in table.columns if column is not generated)


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """The values in lists of at most ``CHUNK``."""
    everything = list(values)
    for start in range(0, len(everything), CHUNK):
        yield everything[start : start + CHUNK]


def generated_key(inserted: sa.CursorResult[Any]) -> int:
    """The key that the database gave to a single inserted row."""
    keys = inserted.inserted_primary_key
    if keys is None:
        raise TypeError("the statement inserted no row with a generated key")
    return int(keys[0])


class Writer:
    """Plain inserts into tables through one SQLAlchemy connection's transaction, without SQLAlchemy's work per row."""

    def __init__(self, connection: Connection, schema: str | None) -> None:
        self._connection = connection
        self._schema = schema
        self._copy = connection.dialect.name == "postgresql"
        self._mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        self.absent = _NULL if self._copy else None
        """What a row has in place of a missing value."""
        self.keeps_zones = self._copy
        """Whether times are given with their offset."""

    def insert(self, table: sa.Table, rows: list[Row]) -> None:
        """Insert rows of which none is there yet."""
        if not rows:
            return
        if self._copy:
            self._copy_in(table, rows)
        else:
            self._connection.exec_driver_sql(self._statement("INSERT INTO", table), rows)

    def claim(self, table: sa.Table, rows: list[Row]) -> int:
        """Insert the rows whose key is free, leave the others as they are. Returns how many were inserted.

        Waits for other transactions that claim the same keys; give the rows in the order of their keys.
        """
        if self._copy:
            statement = (
                f"INSERT INTO {self._name(table)} ({self._columns(table)}) SELECT * FROM {self._arrays(table)}"  # noqa: S608 - names of our own tables, values are bound
                " ON CONFLICT DO NOTHING"
            )
            return self._connection.exec_driver_sql(statement, self._transposed(rows)).rowcount
        verb = "INSERT OR IGNORE INTO" if self._connection.dialect.name == "sqlite" else "INSERT IGNORE INTO"
        return self._connection.exec_driver_sql(self._statement(verb, table), rows).rowcount

    def update(self, table: sa.Table, rows: list[Row]) -> None:
        """Write whole rows over those with the same single-column primary key, their first column."""
        if not rows:
            return
        key, *others = columns(table)
        if self._copy:
            sets = ", ".join(f"{self._quote(name)} = fresh.{self._quote(name)}" for name in others)
            statement = (
                f"UPDATE {self._name(table)} AS old SET {sets} FROM {self._arrays(table)}"  # noqa: S608 -- our names
                f" AS fresh ({self._columns(table)}) WHERE old.{self._quote(key)} = fresh.{self._quote(key)}"
            )
            self._connection.exec_driver_sql(statement, self._transposed(rows))
            return
        sets = ", ".join(f"{self._quote(name)} = {self._mark}" for name in others)
        statement = f"UPDATE {self._name(table)} SET {sets} WHERE {self._quote(key)} = {self._mark}"  # noqa: S608 - names of our own tables, values are bound
        self._connection.exec_driver_sql(statement, [(*rest, first) for first, *rest in rows])

    def _arrays(self, table: sa.Table) -> str:
        """PostgreSQL: rows as one array per column, a single statement for all of them."""
        dialect = self._connection.dialect
        kinds = (table.c[name].type.compile(dialect=dialect) for name in columns(table))
        return f"unnest({', '.join(f'%s::{kind}[]' for kind in kinds)})"

    def _transposed(self, rows: list[Row]) -> list[tuple[list[str | None], ...]]:
        """The one set of parameters; in a list, or SQLAlchemy 1.4 takes a tuple of lists for many sets."""
        absent = self.absent
        return [tuple([None if value == absent else value for value in column] for column in zip(*rows, strict=True))]

    def _statement(self, verb: str, table: sa.Table) -> str:
        marks = ", ".join([self._mark] * len(columns(table)))
        return f"{verb} {self._name(table)} ({self._columns(table)}) VALUES ({marks})"

    def _copy_in(self, table: sa.Table, rows: list[Row]) -> None:
        statement = (
            f"COPY {self._name(table)} ({self._columns(table)}) FROM STDIN"
            f" WITH (FORMAT text, DELIMITER E'\\x1f', NULL E'\\x1eN', ENCODING 'UTF8')"
        )
        data = _copy_data(rows)
        cursor: Any = self._connection.connection.cursor()
        try:
            if hasattr(cursor, "copy_expert"):  # psycopg2
                cursor.copy_expert(statement, io.BytesIO(data), size=1 << 20)
            else:  # psycopg 3
                with cursor.copy(statement) as copy:
                    copy.write(data)
        finally:
            cursor.close()

    def _name(self, table: sa.Table) -> str:
        name = self._quote(table.name)
        return f"{self._quote(self._schema)}.{name}" if self._schema else name

    def _columns(self, table: sa.Table) -> str:
        return ", ".join(self._quote(name) for name in columns(table))

    @property
    def _quote(self) -> Callable[[str], str]:
        return self._connection.dialect.identifier_preparer.quote


def _copy_data(rows: list[Row]) -> bytes:
    """Rows in COPY's text format, escaped all at once: fields are divided by characters that text hardly ever has."""
    data = _ROW.join(map(_FIELD.join, rows)).encode()  # type: ignore[arg-type]  # here absent is a text
    if data.count(b"\x1d") != len(rows) - 1 or data.count(b"\x1f") != len(rows) * (len(rows[0]) - 1):
        # A vendor's text has one of them: escape value by value.
        return "".join(_FIELD.join(map(_escaped, row)) + "\n" for row in rows).encode()
    if b"\\" in data:
        data = data.replace(b"\\", b"\\\\")
    if b"\n" in data:
        data = data.replace(b"\n", b"\\n")
    if b"\r" in data:
        data = data.replace(b"\r", b"\\r")
    return data.replace(b"\x1d", b"\n") + b"\n"


def _escaped(value: str | None) -> str:
    if value is None or value == _NULL:
        return _NULL
    for character, escape in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), *_AWKWARD.items()):
        value = value.replace(character, escape)
    return value
