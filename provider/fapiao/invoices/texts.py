"""Texts: what counts as empty, names, remarks, identifiers, yes/no, counts.

Names (parties, goods, places) are kept as printed. No Unicode normalisation touches them, because NFKC folds CJK
compatibility ideographs into other characters of a company's registered name; full-width brackets and rare Han
characters stay. Only what is invisible or damage of the transport goes: control and zero-width characters, HTML
entities, white space around the text. Identifiers and numbers, in contrast, are folded with NFKC and lose all
white space: there a full-width digit is a typing accident.
"""

from __future__ import annotations

import html
import re
import unicodedata
from decimal import Decimal
from typing import Any

from fapiao.invoices.problems import Problems

__all__ = [
    "HASHED",
    "HIDDEN",
    "LONGEST_IDENTIFIER",
    "code",
    "count",
    "flag",
    "identifier",
    "is_blank",
    "is_masked",
    "is_withheld",
    "name",
    "plain_text",
    "remark",
    "unknown_fields",
]

LONGEST_IDENTIFIER = 64
"""Characters of an :func:`identifier` or :func:`code`; the tables have columns of this width."""
_BLANK_WORDS = frozenset(("", "null", "None", "NULL", "none", "Null"))
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_BREAK = re.compile(r"[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_BROKEN_WORD = re.compile(r"([!-~]) *\n+ *([!-~])")
_INVISIBLE = {
    **dict.fromkeys(range(0x20)),
    **dict.fromkeys(range(0x7F, 0xA0)),
    **dict.fromkeys((0xAD, 0x61C, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF)),
    **dict.fromkeys(range(0x202A, 0x202F)),
    **dict.fromkeys(range(0x2066, 0x206A)),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # lone surrogates cannot be written as UTF-8
    0xA0: " ",
}
_INVISIBLE_BUT_LAYOUT = {key: to for key, to in _INVISIBLE.items() if key not in (0x09, 0x0A, 0x200D)}
_SPACES = re.compile(r"\s+")


def is_blank(raw: Any) -> bool:
    """Whether ``raw`` is one of the forms that mean *nothing*: None, "", blanks, "null", "None", [], {}."""
    if raw is None:
        return True
    if type(raw) is str:
        return raw in _BLANK_WORDS or raw.strip() in _BLANK_WORDS
    return type(raw) in (list, dict, tuple) and not raw


HIDDEN = "***"
"""What stands for a text of which a policy lets nothing be seen, see ``fapiao.invoices.withholding``."""
HASHED = re.compile(r"HMAC[A-Z2-7]{26}")
"""What stands for a text that a policy has hashed."""


def is_masked(text: str) -> bool:
    """Whether a vendor hid a part of ``text`` (``****7366``, ``张*``, ``91**********``), or a policy masked or hashed it."""
    return "*" in text or "＊" in text or (text.startswith("HMAC") and HASHED.match(text) is not None)


def is_withheld(remark: str) -> bool:
    """Whether a policy has masked or hashed a remark, in which a ``*`` of its own means nothing."""
    first = remark.partition("\n")[0]
    return first == HIDDEN or HASHED.fullmatch(first) is not None


def plain_text(text: str) -> str:
    """What two ways of writing one text have in common: NFKC, without entities, white space and what is invisible."""
    if text.isascii() and text.isalnum():
        return text
    folded = unicodedata.normalize("NFKC", _ENTITY.sub(_unescape, text).translate(_INVISIBLE))
    return _SPACES.sub("", folded.translate(_INVISIBLE))


def name(raw: Any, problems: Problems, field: str) -> str | None:
    """One line of text as printed: a name, address, place, unit, model; see the module for what is removed."""
    if type(raw) is str:
        if raw.isprintable() and "&" not in raw:  # no control, zero-width, NBSP: the rule, not the exception
            text = raw.strip()
            return None if text in _BLANK_WORDS else text
    else:
        if raw is None:
            return None
        unreadable = _as_text(raw, problems, field)
        if unreadable is None:
            return None
        raw = unreadable
    text = _ENTITY.sub(_unescape, raw)
    text = _BREAK.sub("\n", text)
    text = _BROKEN_WORD.sub(r"\1 \2", text).translate(_INVISIBLE).strip()
    return None if text in _BLANK_WORDS else text


def remark(raw: Any, problems: Problems, field: str) -> str | None:
    """Text that may have several lines (备注): line breaks, tabs and joined emoji survive."""
    if type(raw) is str:
        if raw.isprintable() and "&" not in raw:
            text = raw.strip()
            return None if text in _BLANK_WORDS else text
    else:
        if raw is None:
            return None
        unreadable = _as_text(raw, problems, field)
        if unreadable is None:
            return None
        raw = unreadable
    text = _ENTITY.sub(_unescape, raw).replace("\r\n", "\n").replace("\r", "\n")
    text = text.translate(_INVISIBLE_BUT_LAYOUT).strip()
    return None if text in _BLANK_WORDS else text


def identifier(raw: Any, problems: Problems, field: str) -> str | None:
    """A number or id that people type (engine number, contract number): NFKC, without white space; None and V7
    where it is longer than :data:`LONGEST_IDENTIFIER`."""
    if type(raw) is str:
        if (raw.isascii() and raw.isalnum() and len(raw) <= LONGEST_IDENTIFIER) or not raw:  # the rule
            return None if raw in _BLANK_WORDS else raw
        text = raw
    else:
        if raw is None:
            return None
        as_text = _as_text(raw, problems, field)
        if as_text is None:
            return None
        text = as_text
    if not text.isascii():
        # Twice: "¸" becomes a space with a combining mark, which joins the letter before it once the space is gone.
        text = unicodedata.normalize("NFKC", text.translate(_INVISIBLE))
        text = unicodedata.normalize("NFKC", _SPACES.sub("", text.translate(_INVISIBLE)))
    elif not text.isprintable() or " " in text:
        text = _SPACES.sub("", text.translate(_INVISIBLE))
    if len(text) > LONGEST_IDENTIFIER:
        problems.add("V7", field)
        return None
    return None if text in _BLANK_WORDS else text


code = identifier
"""A vendor's code (``"0"``, ``0``, ``"01"``) as text, for the plugin's tables."""

_YES = frozenset(("Y", "YES", "1", "TRUE", "T", "是"))
_NO = frozenset(("N", "NO", "0", "FALSE", "F", "否"))


def flag(raw: Any, problems: Problems, field: str) -> bool | None:
    """Yes or no: ``Y``/``N``, ``1``/``0``, ``true``/``false``, ``是``/``否``; anything else is None and V5."""
    if raw is None or type(raw) is bool:
        return raw
    text = identifier(raw, problems, field)
    if text is None:
        return None
    word = text.upper()
    if word in _YES:
        return True
    if word in _NO:
        return False
    problems.add("V5", field)
    return None


def count(raw: Any, problems: Problems, field: str) -> int | None:
    """A whole number from 0 to 2³¹-1, as JSON number or text; anything else is None and V4."""
    if type(raw) is int:
        number = raw
    else:
        text = identifier(raw, problems, field)
        if text is None:
            return None
        text = text.removesuffix(".0")
        if not (text.isascii() and text.isdigit()) or len(text) > 10:
            problems.add("V4", field)
            return None
        number = int(text)
    if 0 <= number < 2**31:
        return number
    problems.add("V4", field)
    return None


def unknown_fields(raw: dict[str, Any], known: frozenset[str]) -> dict[str, Any] | None:
    """The fields of ``raw`` that the plugin does not know, as they came, without the empty ones; None if there are none."""
    if raw.keys() <= known:
        return None
    return {key: raw[key] for key in raw if key not in known and not is_blank(raw[key])} or None


def _as_text(raw: Any, problems: Problems, field: str) -> str | None:
    kind = type(raw)
    if kind is int:
        if -(10**40) < raw < 10**40:
            return str(raw)
        problems.add("V2", field)
        return None
    if kind is Decimal:
        return format(raw, "f") if -40 < raw.adjusted() < 40 else str(raw)
    if kind is float:
        problems.add("V1", field)
        return None
    if not is_blank(raw):
        problems.add("V2", field)
    return None


def _unescape(match: re.Match[str]) -> str:
    return html.unescape(match.group())
