"""Removes raw answers older than a day: what retention rules ask for, without losing the proof."""

from __future__ import annotations

import re
from datetime import datetime

from fapiao.arguments import CHINA
from fapiao.errors import ConfigurationError
from fapiao.store import Database
from fapiao.store.raw.pages import Purged, purge_raw

__all__ = ["purge", "purge_instant"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"\d{6}")


def purge_instant(before: str, now: float) -> float:
    """Epoch seconds at which the named day (``yyyy-mm-dd``) or month (``yyyymm``) begins in China.

    :raises ConfigurationError: no such day, or one that has not begun: nothing could have been read after it.
    """
    text = before.strip()
    try:
        if _DAY.fullmatch(text):
            begin = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=CHINA)
        elif _MONTH.fullmatch(text):
            begin = datetime.strptime(text, "%Y%m").replace(tzinfo=CHINA)
        else:
            raise ValueError
    except ValueError:
        raise ConfigurationError(
            f"The date {text[:40]!r} is not valid.", advice="Give a day such as 2024-12-31 or a month such as 202412."
        ) from None
    if begin.timestamp() > now:
        raise ConfigurationError(
            f"The date {text} is in the future.", advice="Give a day or a month that has begun in China."
        )
    return begin.timestamp()


def purge(database: Database, before: str, now: float, *, dry_run: bool = False) -> Purged:
    """Remove the raw of everything read before a day or month in China. See :func:`fapiao.store.raw.pages.purge_raw`."""
    return purge_raw(database, purge_instant(before, now), now, dry_run=dry_run)
