"""The numbers a document goes by, cleaned as text. Whether they identify anything is judged in ``identity``.

Twenty digits do not fit a binary float: a number that went through one, or through a spreadsheet, is recognisable by
its exponent and is kept as it looks, so that ``identity`` can refuse it by name.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple

from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import identifier

__all__ = ["DocumentNumbers", "customs_number", "document_numbers", "invoice_code", "invoice_number", "number"]

_CUSTOMS = re.compile(r"(\d{18}|\(?(\d{4})\)?(\d{9}))[-/*_\u2010-\u2015\u2212]?([A-Z]\d{2})").fullmatch
_TWENTY_DIGITS = re.compile(r"\d{20}", re.ASCII).fullmatch


_LONGEST = 32
"""Vendors give numbers of up to 30 characters; the tables hold this many."""


class DocumentNumbers(NamedTuple):
    """Code, 8-digit number and 20-digit number of one document; see :func:`document_numbers`."""

    invoice_code: str | None
    invoice_number: str | None
    digital_number: str | None


def number(raw: Any, problems: Problems, field: str) -> str | None:
    """Any number of a document as text: NFKC, no white space; a JSON number digit by digit; None where blank."""
    if type(raw) is str and raw.isalnum() and raw.isascii() and len(raw) <= _LONGEST:
        return raw if raw not in ("null", "None", "NULL", "none", "Null") else None
    if type(raw) is Decimal:
        # Exponent 0 is an integer written in full; anything else went through a float: keep the look of it.
        text: str | None = str(raw)
    else:
        text = identifier(raw, problems, field)
    if text is not None and len(text) > _LONGEST:
        problems.add("V7", field)
        return None
    return text


def invoice_number(raw: Any, problems: Problems, field: str) -> str | None:
    """发票号码 of a tax-control invoice. An integer of fewer than 8 digits lost its zeros and gets them back (N9)."""
    text = number(raw, problems, field)
    if type(raw) is int and text is not None and 0 < raw < 10**7:
        problems.add("N9", field)
        return text.zfill(8)
    return text


def invoice_code(raw: Any, problems: Problems, field: str) -> str | None:
    """发票代码. An integer of 11 digits lost the leading zero of a 12-digit code and gets it back (N9)."""
    text = number(raw, problems, field)
    if type(raw) is int and text is not None and len(text) == 11:
        problems.add("N9", field)
        return "0" + text
    return text


def customs_number(raw: Any, problems: Problems, field: str) -> str | None:
    """海关缴款书号码 as ``18 digits-L01``: the separator may be ``-``, ``/``, ``*`` or nothing, the letter lower case.

    One of the old numbering (H883) is ``(YYMM)9 digits-L01``, also where the brackets were left out.
    """
    text = number(raw, problems, field)
    if text is None:
        return None
    text = text.upper()
    match = _CUSTOMS(text)
    if match is None:
        return text
    return f"{match[1] if match[2] is None else f'({match[2]}){match[3]}'}-{match[4]}"


def document_numbers(code: Any, short: Any, digital: Any, problems: Problems) -> DocumentNumbers:
    """Sort a vendor's code, number and 20-digit number into the canonical three.

    Vendors put the 20-digit number into the field of the 8-digit one and leave the code empty; paper faces of digital
    invoices carry code, number and, in another field, the 20 digits. A document's own 20 digits hold, whatever stands in
    that other field.
    """
    clean_code = invoice_code(code, problems, "invoice_code")
    clean_short = invoice_number(short, problems, "invoice_number")
    clean_digital = number(digital, problems, "digital_number")
    if clean_short is not None and _TWENTY_DIGITS(clean_short) and clean_short.strip("0"):
        if clean_digital is not None and clean_digital != clean_short:
            problems.add(
                "N6", "digital_number", "Another digital number stands beside the document's own one, which holds."
            )
        return DocumentNumbers(clean_code, None, clean_short)
    if (
        clean_short is not None
        and clean_digital is None
        and len(clean_short) > 8
        and (clean_code is None or len(clean_short) == 20)
    ):
        return DocumentNumbers(clean_code, None, clean_short)
    return DocumentNumbers(clean_code, clean_short, clean_digital)
