"""Dates and months in every form vendors send them. All are China time, kept naive as printed.

Nothing here knows what day it is: a record must give the same result when it is interpreted again years later.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import is_blank

__all__ = ["CHINA", "day", "moment", "month", "unshifted"]

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had one offset and no summer time since 1992."""

_FIRST_YEAR, _LAST_YEAR = 1990, 2100
"""Outside lie the placeholders (0000-00-00, 1899-12-30, 1970-01-01, 9999-12-31); VAT invoices begin in 1994."""
_WRITTEN = re.compile(
    r"(?P<year>\d{4})[-/.年](?P<month>\d{1,2})[-/.月](?P<day>\d{1,2})日?"
    r"(?:[T ]*(?P<hour>\d{1,2})[:时](?P<minute>\d{1,2})(?:[:分](?P<second>\d{1,2})?秒?)?(?P<fraction>\.\d{1,9})?)?"
    r" *(?P<zone>Z|[+-]\d{2}:?\d{2})?"
).fullmatch
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})(?:\d{3})?)?").fullmatch
_MONTH = re.compile(r"(\d{4})(?:(\d{2})(?:\d{2}.*)?|[-/.年](\d{1,2})(?:[-/.月].*)?)", re.DOTALL).fullmatch
_EIGHT_HOURS = timedelta(hours=8)
_MIDNIGHT_UTC = time(16)


def moment(raw: Any, problems: Problems, field: str) -> tuple[datetime | None, date | None]:
    """(time, day) of an instant; the time is None where only a day is stated.

    Reads ``yyyy-MM-dd[ HH:mm:ss]``, ``yyyyMMdd[HHmmss[SSS]]``, ``yyyy/M/d``, ``yyyy年M月d日``, epoch milliseconds of
    13 digits; text or JSON number. A stated zone is converted to China time.
    """
    if type(raw) is str and len(raw) == 19 and raw[4] == "-" and raw[13] == ":" and raw[16] == ":" and raw[10] in " T":
        try:
            at = datetime.fromisoformat(raw)
        except ValueError:
            pass
        else:
            if _FIRST_YEAR <= at.year <= _LAST_YEAR:
                return at, at.date()
    read = _read(raw, problems, field)
    if read is None:
        return None, None
    at, timed = read
    return (at if timed else None), at.date()


def day(raw: Any, problems: Problems, field: str) -> date | None:
    """Only the day of what :func:`moment` reads."""
    if type(raw) is str and len(raw) == 10 and raw[4] == "-" and raw[7] == "-":
        try:
            on = date.fromisoformat(raw)
        except ValueError:
            pass
        else:
            if _FIRST_YEAR <= on.year <= _LAST_YEAR:
                return on
    read = _read(raw, problems, field)
    return None if read is None else read[0].date()


def month(raw: Any, problems: Problems, field: str) -> str | None:
    """A month as ``yyyymm``, from 202411, "202411", "2024-11", "2024年11月" or any date."""
    if type(raw) is int:
        if _FIRST_YEAR * 100 < raw <= _LAST_YEAR * 100 + 12 and 1 <= raw % 100 <= 12:
            return str(raw)
        text = str(raw) if 0 <= raw < 10**8 else ""
    elif type(raw) is str:
        text = raw.strip()
    else:
        text = _digits(raw, problems, field) or ""
        if not text:
            return None
    if is_blank(text) and type(raw) is str:
        return None
    match = _MONTH(text if text.isascii() else unicodedata.normalize("NFKC", text))
    if match:
        number = int(match[2] or match[3])
        if _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR and 1 <= number <= 12:
            return f"{match[1]}{number:02d}"
    problems.add("D1", field)
    return None


def unshifted(at: datetime | None, problems: Problems, field: str, expected: date | None = None) -> datetime | None:
    """Move a time of exactly 16:00:00 to the midnight it was before a vendor took it for UTC, and report it (D4).

    For interfaces known to do so only: 16:00:00 is also an honest time of issue. Where the caller knows the day that
    was asked for (``expected``), only a time on the day before it is moved.
    """
    if at is None or at.time() != _MIDNIGHT_UTC:
        return at
    moved = at + _EIGHT_HOURS
    if expected is not None and moved.date() != expected:
        return at
    problems.add("D4", field)
    return moved


def _read(raw: Any, problems: Problems, field: str) -> tuple[datetime, bool] | None:
    """(China time, whether a time of day was stated), or None, reported unless blank."""
    if is_blank(raw):
        return None
    text = _digits(raw, problems, field)
    if text is None:
        return None
    try:
        read = _parse(text)
    except (ValueError, OverflowError):
        read = None
    if read is not None and _FIRST_YEAR <= read[0].year <= _LAST_YEAR:
        return read
    placeholder = read is not None or not text.strip("0-/:. ")
    problems.add("D2" if placeholder else "D1", field)
    return None


def _digits(raw: Any, problems: Problems, field: str) -> str | None:
    kind = type(raw)
    if kind is str:
        text: str = raw.strip()
        return text if text.isascii() else unicodedata.normalize("NFKC", text).strip()
    if kind is int and 0 <= raw < 10**18:
        return str(raw)
    if kind is Decimal and raw.is_finite() and 0 <= raw.adjusted() < 18 and raw == raw.to_integral_value():
        return str(int(raw))
    if kind is float:
        problems.add("V1", field)
    elif not is_blank(raw):
        problems.add("D1", field)
    return None


def _parse(text: str) -> tuple[datetime, bool] | None:
    if text.isdigit():
        if len(text) == 13:  # epoch milliseconds, seen in tax-bureau JSON
            at = datetime.fromtimestamp(0, CHINA).replace(tzinfo=None) + timedelta(milliseconds=int(text))
            return at, True
        match = _COMPACT(text)
        if match is None:
            return None
        year, month_, day_, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime.combine(date(year, month_, day_), time(hour, minute, second)), match[4] is not None
    match = _WRITTEN(text)
    if match is None:
        return None
    on = date(int(match["year"]), int(match["month"]), int(match["day"]))
    if match["hour"] is None:
        return datetime.combine(on, time.min), False
    at = datetime.combine(on, time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0)))
    return _china(at, match["zone"]), True


def _china(at: datetime, zone: str | None) -> datetime:
    if zone is None:
        return at
    if zone == "Z":
        return at + _EIGHT_HOURS
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return at - (offset if zone[0] == "+" else -offset) + _EIGHT_HOURS
