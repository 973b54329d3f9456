"""What a user asks for, checked before any vendor is called: month, tax number, types, directions, refresh."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.spec import Descriptor
from fapiao.wire import DIRECTIONS, SliceKey

__all__ = [
    "CHINA",
    "CollectRequest",
    "StartedJob",
    "age_in_seconds",
    "begun_month",
    "china_month",
    "collect_request",
    "taxpayer_number",
]

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has had one zone and no daylight saving since 1991; no time zone database is needed."""

_TAXPAYER = re.compile(r"[0-9A-Z]{9,20}")
_MONTH = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])")
_AGE = re.compile(r"(\d+)(s|m|h|d)")
_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class CollectRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A validated wish to collect one taxpayer's month."""

    taxpayer_no: str
    invoice_month: str
    slices: tuple[SliceKey, ...]
    refresh: float | None = 0.0
    """Seconds: a complete generation closed less than this ago is good enough. 0 = always collect, None = never again."""
    accept_rejected: bool = False
    """Rejected records are recorded but do not fail the run."""
    poll_interval: float | None = None
    """Seconds between two looks at the job; None = as the source advises."""


class StartedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's job that was started for the same taxpayer and month, and that the ledger may not know of."""

    started_at: float
    """Epoch seconds."""
    job_id: str | None = None
    """Where the vendor gives one."""


def china_month(now: float) -> str:
    """The month (``yyyymm``) that it is in China at an epoch second."""
    return datetime.fromtimestamp(now, CHINA).strftime("%Y%m")


def collect_request(
    descriptor: Descriptor,
    *,
    taxpayer_no: str,
    invoice_month: str,
    now: float,
    types: Iterable[str] = (),
    directions: Iterable[str] = (),
    refresh: str = "always",
    on_rejected: str = "fail",
    poll_interval: float | None = None,
) -> CollectRequest:
    """Check everything a user may get wrong; the first fault becomes one clear sentence.

    ``types`` are the vendor's codes or canonical names, none means all; ``directions`` likewise. ``refresh`` is
    ``always``, ``never`` or ``older-than:6h`` (s, m, h, d). ``on_rejected`` is ``fail`` or ``accept``.

    :raises ConfigurationError: a value that cannot be right; names the allowed ones.
    """
    if on_rejected not in ("fail", "accept"):
        raise _wrong("on_rejected", on_rejected, "fail or accept")
    if poll_interval is not None and not 0 < poll_interval <= 86400:
        raise _wrong("poll interval", poll_interval, "a number of seconds above 0 and up to 86400")
    return CollectRequest(
        taxpayer_no=taxpayer_number(taxpayer_no),
        invoice_month=begun_month(invoice_month, now),
        slices=_slices(descriptor, list(types), list(directions)),
        refresh=_refresh(refresh),
        accept_rejected=on_rejected == "accept",
        poll_interval=poll_interval,
    )


def taxpayer_number(value: str) -> str:
    """A taxpayer number (纳税人识别号) without spaces and hyphens, in capital letters.

    :raises ConfigurationError: it cannot be one.
    """
    text = re.sub(r"[\s-]", "", str(value)).upper()
    if not _TAXPAYER.fullmatch(text):
        raise _wrong(
            "taxpayer number", value, "9 to 20 digits and capital letters (纳税人识别号), such as 91990000MA00000XXX"
        )
    return text


def begun_month(value: str, now: float) -> str:
    """A month ``yyyymm`` that has begun in China at the epoch second ``now``.

    :raises ConfigurationError: it is none, or has not.
    """
    text = str(value).strip()
    if not _MONTH.fullmatch(text):
        raise _wrong("month", value, "yyyymm, such as 202411")
    if text > china_month(now):
        raise ConfigurationError(
            f"The month {text} has not begun in China.",
            invoice_month=text,
            advice="Give a month up to the current one.",
        )
    return text


def _slices(descriptor: Descriptor, types: Sequence[str], directions: Sequence[str]) -> tuple[SliceKey, ...]:
    for direction in directions:
        if direction not in DIRECTIONS:
            raise _wrong("direction", direction, "input (进项) or output (销项)")
    by_name = {kind.code: kind for kind in descriptor.types} | {kind.doc_type: kind for kind in descriptor.types}
    wanted = []
    for name in types:
        if name not in by_name:
            known = ", ".join(kind.code for kind in descriptor.types)
            raise _wrong("invoice type", name, f"for {descriptor.name}: {known}")
        wanted.append(by_name[name].code)
    keys = tuple(
        key
        for key in descriptor.slices()
        if (not wanted or key.type in wanted) and (not directions or key.direction in directions)
    )
    if not keys:
        raise ConfigurationError(
            "The wanted types and directions have nothing in common.", advice="Leave one of them out to see more."
        )
    return keys


def _refresh(value: str) -> float | None:
    if value == "always":
        return 0.0
    if value == "never":
        return None
    age = _AGE.fullmatch(value.removeprefix("older-than:"))
    if not age or not value.startswith("older-than:"):
        raise _wrong("refresh", value, "always, never or older-than:6h (s, m, h, d)")
    return float(int(age[1]) * _UNIT[age[2]])


def age_in_seconds(value: str) -> float:
    """An age: ``90``, ``90s``, ``15m``, ``12h`` or ``7d``.

    :raises ConfigurationError: it is none.
    """
    age = _AGE.fullmatch(value.strip())
    if age:
        return float(int(age[1]) * _UNIT[age[2]])
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise _wrong("age", value, "seconds, or a number with s, m, h or d, such as 12h")
    return seconds


def _wrong(what: str, value: object, allowed: str) -> ConfigurationError:
    shown = str(value)[:40]
    return ConfigurationError(f"The {what} {shown!r} is not valid.", advice=f"Allowed: {allowed}.")
