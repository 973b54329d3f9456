"""Taxpayer identification numbers (纳税人识别号): normalised, judged, never a reason to reject an invoice.

Real ledgers contain wrong numbers typed by sellers, so every judgement here is information or a warning.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import identifier, is_masked

__all__ = ["check_digit", "is_citizen", "is_company", "is_personal", "judge", "same_party", "tax_number"]

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100-2015: 31 characters, without I O S V Z."""
_WEIGHTS = tuple(pow(3, position, 31) for position in range(17))
_USCC = re.compile(r"[1-9ANY][0-9A-HJ-NP-RTUWXY]\d{6}[0-9A-HJ-NP-RTUWXY]{10}").fullmatch
"""统一社会信用代码: department (1–9, A 军队, N 农村集体经济组织, Y 其他), kind, region, body, check character."""
_CITIZEN = re.compile(r"[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dX]").fullmatch
_OLD_CITIZEN = re.compile(r"[1-9]\d{7}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}").fullmatch
_ISO_7064 = "10X98765432"
_CITIZEN_WEIGHTS = tuple(pow(2, 17 - position, 11) for position in range(17))
_OLD = re.compile(r"\d{6}[0-9A-Z]{9}|\d{15}[0-9A-Z]{2}|\d{17}[\dX][0-9A-Z]{2}").fullmatch
_ORGANISATION = re.compile(r"\d{8}-?[\dX]").fullmatch
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_HYPHENS = str.maketrans("", "", "-\u2010\u2011\u2012\u2013\u2014\u2212")


_LONGEST = 32
"""No tax number is longer than 20; the tables hold this many."""


def tax_number(raw: Any, problems: Problems, field: str) -> str | None:
    """T1: NFKC, without white space and hyphens, upper case. Masked numbers come back with their ``*``."""
    if type(raw) is str and raw.isalnum() and raw.isascii() and len(raw) <= _LONGEST:
        return raw.upper() if raw not in ("null", "None", "NULL", "none", "Null") else None
    text = identifier(raw, problems, field)
    if text is None:
        return None
    text = text.translate(_HYPHENS).upper()
    if len(text) > _LONGEST:
        problems.add("V7", field)
        return None
    return text or None


@lru_cache(maxsize=65536)
def judge(number: str) -> str | None:
    """The rule (T2–T6) that remarks on a normalised tax number, or None. Parties repeat, hence the cache."""
    if is_masked(number):
        return "T6"
    if len(number) == 18:
        if (
            _CITIZEN(number)
            and _ISO_7064[sum(int(c) * w for c, w in zip(number[:17], _CITIZEN_WEIGHTS, strict=True)) % 11]
            == number[17]
        ):
            # A citizen's number has a check character of its own; department 1-9 and region look alike in both.
            return None if _USCC(number) and check_digit(number[:17]) == number[17] else "T3"
        if _USCC(number):
            return None if check_digit(number[:17]) == number[17] else "T2"
        return "T5"
    if _OLD(number):
        return "T4"
    return "T5"


def check_digit(first_17: str) -> str:
    """The check character of GB 32100-2015 for the first 17 characters of a unified social credit code.

    :raises ValueError: a character outside the standard's alphabet.
    """
    total = sum(_ALPHABET.index(character) * weight for character, weight in zip(first_17, _WEIGHTS, strict=True))
    return _ALPHABET[-total % 31]


def is_personal(number: str) -> bool:
    """Whether a taxpayer's number is, or is made of, a citizen's identity number: a sole trader's or a person's.

    In doubt it is; an old 15-digit number with a date in its middle is not told from a company's.
    """
    if len(number) in (15, 17):
        return bool(_OLD_CITIZEN(number[:15]))
    if len(number) not in (18, 20) or not _CITIZEN(number[:18]):
        return False
    return not (len(number) == 18 and _USCC(number) and check_digit(number[:17]) == number[17])


def is_citizen(number: str) -> bool:
    """Whether a number is a citizen's identity number of 18 characters, or of 20 with one in front (a sole trader's).

    Unlike :func:`is_personal` it leaves the old numbers of 15 and 17 alone: in doubt they are companies'.
    """
    return len(number) in (18, 20) and is_personal(number)


def is_company(text: str) -> bool:
    """Whether a text is a unified social credit code (统一社会信用代码) or, before 2015, an organisation code (组织机构代码, GB
    11714) of digits, with its check character."""
    number = text.strip().upper()
    if len(number) == 18:
        return _USCC(number) is not None and check_digit(number[:17]) == number[17]
    if _ORGANISATION(number) is None:
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(number[:8], _ORGANISATION_WEIGHTS, strict=True)) % 11
    return number[-1] == "0X987654321"[rest]


def same_party(one: str, other: str) -> bool:
    """Whether two numbers are one taxpayer's: equal, or the 15-character form of before 2016 inside the 18-character one."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    return len(short) == 15 and len(long) == 18 and long[2:17] == short
