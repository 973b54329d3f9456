"""Column types that keep money exact and times unambiguous on every database, and the options of every table."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

__all__ = [
    "TABLE_OPTIONS",
    "EpochTime",
    "ExactDecimal",
    "big_key",
    "clock_time",
    "epoch_seconds",
    "exact_sum",
    "json_text",
    "long_bytes",
    "long_text",
    "money",
    "quantity",
    "rate",
]

if TYPE_CHECKING:
    from sqlalchemy.types import TypeDecorator

    _Decimals = TypeDecorator[Decimal]
    _Epochs = TypeDecorator[float]
    _Sums = GenericFunction[Decimal]
else:  # SQLAlchemy 1.4's classes take no type arguments at run time
    from sqlalchemy.types import TypeDecorator

    _Decimals = _Epochs = TypeDecorator
    _Sums = GenericFunction

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_SERVERS = ("mysql", "mariadb")
_JSON = msgspec.json.Encoder(decimal_format="number")

TABLE_OPTIONS: dict[str, Any] = {
    f"{server}_{option}": value
    for server in _SERVERS
    for option, value in (
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_bin"),  # numbers and codes are compared byte by byte; some hold rare names in 4-byte UTF-8
        ("row_format", "DYNAMIC"),
    )
}


def json_text(value: Any) -> str:
    """A value as the JSON text of a column; decimals are the numbers they were in the vendor's answer."""
    return _JSON.encode(value).decode()


class ExactDecimal(_Decimals):
    """``NUMERIC(precision, scale)`` on servers. On SQLite, whose NUMERIC is a float, the decimal's text.

    Sums and comparisons of the text are exact through ``decimal_sum`` and ``decimal_cmp``, which every connection of
    ``fapiao.store`` has and the ``sqlite3`` command line brings with it; see :func:`exact_sum`.
    """

    impl = sa.Numeric
    cache_ok = True

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision=precision, scale=scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Any) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.Numeric(self.precision, self.scale))

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return format(value, "f")

    def process_result_value(self, value: Any, dialect: Any) -> Decimal | None:
        return value if value is None or isinstance(value, Decimal) else Decimal(value)


class EpochTime(_Epochs):
    """An instant of the pipeline: epoch seconds in Python, a UTC timestamp with microseconds in the database."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        if dialect.name in _SERVERS:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: float | None, dialect: Any) -> Any:
        if value is None:
            return None
        instant = datetime.fromtimestamp(value, timezone.utc)
        return instant if dialect.name == "postgresql" else instant.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> float | None:
        if value is None:
            return None
        if value.tzinfo is None:
            value = value.replace(tzinfo=timezone.utc)
        return (value - _EPOCH) // _MICROSECOND / 1_000_000


class exact_sum(_Sums):  # noqa: N801 -- used like a SQL function
    """``SUM`` that stays exact on SQLite too; NULL over no rows."""

    type = ExactDecimal(38, 2)
    inherit_cache = True
    name = "exact_sum"


@compiles(exact_sum)
def _server_sum(element: Any, compiler: Any, **options: Any) -> str:
    return f"sum({compiler.process(element.clauses, **options)})"


@compiles(exact_sum, "sqlite")
def _sqlite_sum(element: Any, compiler: Any, **options: Any) -> str:
    return f"decimal_sum({compiler.process(element.clauses, **options)})"


def money() -> ExactDecimal:
    """Yuan with two decimals."""
    return ExactDecimal(18, 2)


def quantity() -> ExactDecimal:
    """Quantities and unit prices; samples carry 15 decimals."""
    return ExactDecimal(38, 18)


def rate() -> ExactDecimal:
    """A tax rate as a fraction."""
    return ExactDecimal(9, 6)


def big_key() -> Any:
    """A 64-bit key; SQLite numbers only ``INTEGER`` primary keys by itself."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def clock_time() -> Any:
    """Naive China time as printed on the document."""
    return _both(sa.DateTime(), mysql.DATETIME(fsp=6))


def epoch_seconds() -> Any:
    """Epoch seconds as a double: reservations are computed with, in fractions of a second, by the database."""
    return _both(sa.Float(53), mysql.DOUBLE(asdecimal=False))


def long_text() -> Any:
    """Text of any length: MySQL's own TEXT ends at 64 KiB."""
    return _both(sa.Text(), mysql.LONGTEXT())


def long_bytes() -> Any:
    """Bytes of any length: MySQL's own BLOB ends at 64 KiB."""
    return _both(sa.LargeBinary(), mysql.LONGBLOB())


def _both(portable: Any, special: Any) -> Any:
    for server in _SERVERS:
        portable = portable.with_variant(special, server)
    return portable
