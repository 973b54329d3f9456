"""What a database error means: try the transaction again, the data does not fit, or tell the user. Never with data.

SQLAlchemy's texts carry the parameters, PostgreSQL's details and MySQL's messages carry values of the row, a URL carries
the password. What leaves here is the class, the code and the primary message only.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from sqlalchemy import exc

from fapiao.errors import StoreError

__all__ = ["Stale", "failure", "is_database_error", "is_misfit", "is_transient", "is_unique_clash"]

INIT_ADVICE = (
    "Run 'fapiao init-db --into URL' (or have a database administrator run what 'fapiao init-db --sql' prints)."
)
_TRANSIENT_STATES = frozenset({"40001", "40P01", "55P03"})
"""PostgreSQL: serialization failure, deadlock, lock not available."""
_TRANSIENT_CODES = frozenset({1020, 1205, 1213, 3572})
"""MySQL/MariaDB: record changed since read, lock wait timeout, deadlock, no wait."""
_MISFIT_CODES = frozenset({1048, 1062, 1264, 1265, 1292, 1366, 1406})
"""MySQL/MariaDB: null, duplicate, out of range, truncated, incorrect value (twice), too long."""
_ACCESS_STATES = frozenset({"28000", "28P01", "42501", "3D000"})
_ACCESS_CODES = frozenset({1044, 1045, 1049, 1142, 1227, 1698})
_MISSING_STATES = frozenset({"42P01", "42703", "3F000"})
_MISSING_CODES = frozenset({1146, 1054})


class Stale(Exception):
    """What was looked up has been changed by another process meanwhile: do the transaction again."""


def is_database_error(error: BaseException) -> bool:
    """Whether the error comes from SQLAlchemy or straight from a driver (COPY runs beside SQLAlchemy)."""
    return isinstance(error, exc.SQLAlchemyError) or _family(error) is not None


def is_transient(error: BaseException) -> bool:
    """A deadlock victim, a serialization failure, a busy SQLite: the same transaction can succeed next time."""
    if isinstance(error, Stale):
        return True
    driver = _driver_error(error)
    if _state(driver) in _TRANSIENT_STATES or _code(driver) in _TRANSIENT_CODES:
        return True
    return isinstance(driver, sqlite3.OperationalError) and any(word in str(driver) for word in ("locked", "busy"))


def is_unique_clash(error: BaseException) -> bool:
    """Another row with the same unique key exists: usually another process was first."""
    driver = _driver_error(error)
    if _state(driver) == "23505" or _code(driver) == 1062:
        return True
    return isinstance(driver, sqlite3.IntegrityError) and "UNIQUE" in str(driver)


def is_misfit(error: BaseException) -> bool:
    """The data does not fit its column, or breaks a constraint: a matter of the record, not of the database."""
    driver = _driver_error(error)
    state = _state(driver)
    if state is not None:
        return state[:2] in ("22", "23")
    if _code(driver) in _MISFIT_CODES:
        return True
    return isinstance(driver, sqlite3.IntegrityError | sqlite3.DataError | sqlite3.InterfaceError | OverflowError)


def failure(error: BaseException, place: str) -> StoreError:
    """The error to raise instead, ``from None`` so that no chained text shows what this one leaves out."""
    driver = _driver_error(error)
    state, code = _state(driver), _code(driver)
    said = _message(driver)
    if state in _MISSING_STATES or code in _MISSING_CODES or "no such table" in said:
        return StoreError(f"the tables of fapiao are missing or old in {place}: {said}.", advice=INIT_ADVICE)
    if state in _ACCESS_STATES or code in _ACCESS_CODES:
        advice = "Check the user, its rights and the database's name in the URL or the connection."
    elif is_transient(error):
        advice = "Other processes keep the tables locked; run again: what is committed is kept."
    else:
        advice = "Check that the database can be reached and written to, then run again: what is committed is kept."
    return StoreError(
        f"{place} does not work: {type(driver).__name__}: {said}.", code=_shown(state, code), advice=advice
    )


def _shown(state: str | None, code: int | None) -> str | None:
    return state or (str(code) if code is not None else None)


def _driver_error(error: BaseException) -> BaseException:
    origin = getattr(error, "orig", None)
    return origin if isinstance(origin, BaseException) else error


def _family(error: BaseException) -> str | None:
    root = type(error).__module__.partition(".")[0]
    return root if root in ("sqlite3", "psycopg2", "psycopg", "pymysql", "MySQLdb") else None


def _state(driver: BaseException) -> str | None:
    state = getattr(driver, "sqlstate", None) or getattr(driver, "pgcode", None)
    return state if isinstance(state, str) else None


def _code(driver: BaseException) -> int | None:
    if _family(driver) in ("pymysql", "MySQLdb") and driver.args and isinstance(driver.args[0], int):
        return driver.args[0]
    return None


def _message(driver: BaseException) -> str:
    diagnosis: Any = getattr(driver, "diag", None)
    primary = getattr(diagnosis, "message_primary", None)
    if primary:
        # The primary message of a conversion error quotes the value: invalid input syntax for type numeric: "…"
        return re.sub(r'(: )"[^"]*"', r'\1"…"', str(primary))
    if _code(driver) is not None:
        said = str(driver.args[1]) if len(driver.args) > 1 else ""
        return re.sub(r"(entry|value:?) '(?:[^'\\]|\\.)*'", r"\1 '…'", said)
    said = str(driver).partition("\n")[0]
    return re.sub(r"://[^@/\s]*@", "://***@", said).rstrip(". ") or "no message"
