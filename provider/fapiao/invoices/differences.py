"""Where two statements about one invoice differ, field by field: the bureau's answer beside what was collected."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.invoices.codes import UNKNOWN
from fapiao.invoices.lines import SYNTHETIC
from fapiao.invoices.model import Invoice, Line
from fapiao.invoices.tax_numbers import same_party
from fapiao.invoices.texts import is_masked

__all__ = ["Difference", "differences"]


class Difference(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One field that is stated differently; both values as text."""

    field: str
    """Path of the canonical field, such as ``lines[2].tax_amount`` (from 0)."""
    stored: str
    stated: str


_NUMBERS = ("invoice_code", "invoice_number", "digital_number", "customs_no", "certificate_no", "issued_on")
_PARTIES = ("seller_tax_no", "buyer_tax_no")
_NAMES = ("seller_name", "buyer_name")
_AMOUNTS = ("amount_excl_tax", "tax_amount", "amount_incl_tax")
_LINE_TEXTS = ("item_name", "spec_model", "unit")
_LINE_NUMBERS = ("quantity", "amount_excl_tax", "tax_rate", "tax_amount")
_VAGUE_TYPES = frozenset({UNKNOWN, "other_receipt", "digital_generic"})


def differences(stored: Invoice, stated: Invoice) -> tuple[Difference, ...]:
    """What ``stated`` says differently from ``stored``.

    What one of them does not say, or says masked, is no difference; neither are blanks and full-width forms of letters,
    nor an amount that was computed.
    """
    return tuple(_head(stored, stated)) + tuple(_lines(stored.lines, stated.lines))


def _head(stored: Invoice, stated: Invoice) -> Iterator[Difference]:
    if stored.doc_type != stated.doc_type and not _VAGUE_TYPES & {stored.doc_type, stated.doc_type}:
        yield _difference("doc_type", stored.doc_type, stated.doc_type)
    if stored.state != stated.state and UNKNOWN not in (stored.state, stated.state):
        yield _difference("state", stored.state, stated.state)
    if stored.is_red != stated.is_red:
        yield _difference("is_red", stored.is_red, stated.is_red)
    for name in (*_NUMBERS, *_PARTIES, *_NAMES, *_AMOUNTS):
        ours, theirs = getattr(stored, name), getattr(stated, name)
        if ours is None or theirs is None or name in stored.amounts_derived or name in stated.amounts_derived:
            continue
        if name in _PARTIES and not (is_masked(ours) or is_masked(theirs)) and same_party(ours, theirs):
            continue
        if not _same(ours, theirs):
            yield _difference(name, ours, theirs)


def _lines(stored: tuple[Line, ...], stated: tuple[Line, ...]) -> Iterator[Difference]:
    if not stored or not stated or SYNTHETIC in (stored[0].kind, stated[0].kind):
        return
    if len(stored) != len(stated):
        yield _difference("lines", f"{len(stored)} lines", f"{len(stated)} lines")
        return
    for position, (ours, theirs) in enumerate(zip(stored, stated, strict=True)):
        for name in (*_LINE_TEXTS, *_LINE_NUMBERS):
            mine, other = getattr(ours, name), getattr(theirs, name)
            if mine is not None and other is not None and not _same(mine, other):
                yield _difference(f"lines[{position}].{name}", mine, other)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return is_masked(one) or is_masked(other) or _plain(one) == _plain(other)
    return bool(one == other)


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _difference(field: str, stored: Any, stated: Any) -> Difference:
    return Difference(field=field, stored=_text(stored), stated=_text(stated))


def _text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
