"""Keeps secrets and personal data out of every text that leaves the process: logs, errors, excerpts of answers.

Values are masked where they are known: whoever learns a secret (the connection, the driver after a login) registers it.
A vendor may carry its token in the query string, so the percent-encoded forms of a value are masked as well. Names that
speak of secrets (``accessToken=…``) are masked without registration, as a second net.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote, quote_plus

__all__ = [
    "RedactingFilter",
    "excerpt",
    "guard_loggers",
    "holds_registered",
    "impersonal",
    "is_clean",
    "on_register",
    "redact",
    "register",
]

MASK = "***"
SHORTEST = 5
"""Values below this length are not masked by substring: they would hit ordinary words (Airflow's masker has the same)."""
LASTING = 2048
PASSING = 512

_lock = threading.Lock()
_lasting: OrderedDict[str, tuple[str, ...]] = OrderedDict()
_passing: OrderedDict[str, tuple[str, ...]] = OrderedDict()
_forms: tuple[str, ...] | None = ()
_callbacks: list[Callable[[str], None]] = []

_NAMED = re.compile(
    r"""((?:access|refresh|auth|id)[_-]?token|app[_-]?(?:security|secret)|client[_-]?secret|pass(?:word|wd)|req[_-]?sign|signature)
        (["']?\s*[=:]\s*["']?)(?!\*\*\*)[^\s&"',;)}\]]+""",
    re.IGNORECASE | re.VERBOSE,
)
_USERINFO = re.compile(r"(://)[^/\s@:]+:[^/\s@]+@")
_DIGITS = re.compile(r"\d{7,}[Xx]?")
_ENCODED = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|[A-Za-z0-9+/_-]{40,}={0,2}")
"""Escaped characters, and what may be Base64: both hide the same as plain text shows."""
_FOREIGN = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f]|[^\x00-\x7f])+")
_QUOTED_CHINESE = re.compile(r'"[^"\\]*[^\x00-\x7f][^"\\]*"?')


def register(value: str, *, passing: bool = False) -> None:
    """Mask ``value`` from now on, in plain, percent-encoded and JSON-escaped form. Thread-safe.

    ``passing`` is for what changes with every request (signatures): only the newest are kept and no callback hears of
    them. Lasting values (passwords, tokens) are kept for thousands of registrations; registering again keeps them young.
    """
    global _forms
    if len(value) < SHORTEST:
        return
    with _lock:
        if value in _lasting:
            _lasting.move_to_end(value)
            return
        if passing and value in _passing:
            _passing.move_to_end(value)
            return
        kept, limit = (_passing, PASSING) if passing else (_lasting, LASTING)
        kept[value] = _spellings(value)
        while len(kept) > limit:
            kept.popitem(last=False)
        _forms = None
        callbacks = () if passing else tuple(_callbacks)
    for callback in callbacks:
        callback(value)


def on_register(callback: Callable[[str], None]) -> None:
    """Call ``callback`` with every lasting value, those known already included (for the masker of a host application)."""
    with _lock:
        if callback in _callbacks:
            return
        _callbacks.append(callback)
        known = tuple(_lasting)
    for value in known:
        callback(value)


def redact(text: str) -> str:
    """``text`` with every registered value, and every value of a name that speaks of secrets, as ``***``."""
    for form in _known_forms():
        if form in text:
            text = text.replace(form, MASK)
    text = _NAMED.sub(r"\1\2" + MASK, text)
    return _USERINFO.sub(r"\1" + MASK + "@", text)


def holds_registered(text: str) -> bool:
    """Whether ``text`` holds a registered value in any of its spellings; names that speak of secrets do not count."""
    return any(form in text for form in _known_forms())


def is_clean(text: str) -> bool:
    """Whether ``text`` holds nothing that :func:`redact` would mask."""
    return redact(text) == text


def excerpt(body: bytes, limit: int = 200) -> str:
    """The beginning of an answer for an error text: readable, on one line, redacted.

    Numbers of seven and more digits (identity cards, telephones, tax numbers) are masked. Of JSON, Chinese texts
    and encoded ones are masked too: they may be names of persons; of a web page they are what one wants to read.
    """
    head = body[: limit * 8]
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as problem:
        # A character cut in two at the end is not another charset.
        cut = len(body) > len(head) and problem.start >= len(head) - 3
        text = head.decode("utf-8" if cut else "gb18030", errors="replace")
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    text = redact(text)
    if text.startswith(("{", "[")):
        text = _QUOTED_CHINESE.sub('"…"', text)
        text = _ENCODED.sub("…", text)
    text = _DIGITS.sub(MASK, text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def impersonal(path: str) -> str:
    """A request's path for those who count requests: redacted, without long numbers and without words of no alphabet."""
    return _DIGITS.sub(MASK, _FOREIGN.sub(MASK, redact(path)))


class RedactingFilter(logging.Filter):
    """Masks message, arguments and traceback of every record that passes it. For handlers, and for single loggers."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = f"{record.msg} {record.args}"
        record.msg, record.args = redact(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def guard_loggers(*names: str) -> None:
    """Put the filter on loggers of libraries that log whole URLs; a token in the query string must not pass there."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(known, RedactingFilter) for known in logger.filters):
            logger.addFilter(RedactingFilter())


_FORMATTER = logging.Formatter()


def _spellings(value: str) -> tuple[str, ...]:
    encoded = quote(value, safe="")
    forms = {
        value,
        encoded,
        quote(value, safe="/"),
        quote(value, safe="/:$"),
        quote_plus(value),
        encoded.replace("%", "%25"),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
    }
    forms |= {re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), form) for form in forms}
    return tuple(forms)


def _known_forms() -> tuple[str, ...]:
    """Every spelling, longest first, so that a value that contains another is masked whole."""
    global _forms
    known = _forms
    if known is None:
        with _lock:
            known = tuple(
                sorted(
                    {form for kept in (_lasting, _passing) for forms in kept.values() for form in forms},
                    key=len,
                    reverse=True,
                )
            )
            _forms = known
    return known
