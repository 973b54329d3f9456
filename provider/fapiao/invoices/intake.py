"""The gate between a plugin's mapping and the store: identity, checks, one verdict per record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from fapiao.invoices import red_letter
from fapiao.invoices.checks import check
from fapiao.invoices.identity import Number, identify
from fapiao.invoices.model import Finding, Invoice, Line, NormalizeContext, Rejected, Severity
from fapiao.invoices.problems import finding

__all__ = ["Examined", "examine"]


class Examined(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record after the gate. Exactly one of ``invoice`` and ``rejected`` is set."""

    ordinal: int
    """Position in its page, from 0."""
    raw: Any
    """The record as the vendor gave it."""
    invoice: Invoice | None
    numbers: tuple[Number, ...]
    """What identifies the invoice, strongest scheme first; empty for a rejected record."""
    findings: tuple[Finding, ...]
    """Everything the mapping and the rules remarked on a loaded invoice."""
    rejected: tuple[Finding, ...]
    """Everything wrong with a quarantined record, the rejecting reasons first."""
    red: red_letter.RedReference | None = None
    """What a red-letter invoice says about its blue one."""


def examine(
    raw: Any,
    ordinal: int,
    result: Invoice | Rejected,
    context: NormalizeContext,
    fetched_at: datetime | None = None,
) -> Examined:
    """Judge one mapped record. Pure: the same arguments give the same verdict.

    ``fetched_at`` is the naive China time of the answer the record was in; with it a date of issue in the future is
    found (D3). Numbers that cannot be used are taken out of the invoice, the record keeps them.

    What a plugin got wrong (a result of another type, a value of another type) rejects the one record (V6): the
    others of the page are not its fault.
    """
    if type(result) is Rejected and result.reasons:
        return _rejection(raw, ordinal, result.reasons)
    if type(result) is not Invoice:
        return _rejection(raw, ordinal, (_broken(f"normalize returned {_described(result)}"),))
    try:
        return _examine(raw, ordinal, result, context, fetched_at)
    except (TypeError, AttributeError, ArithmeticError) as problem:
        # Structs check no types when they are built, so a plugin's slip shows here first.
        wrong = wrongly_typed(result) or [f"values that the rules cannot judge ({type(problem).__name__})"]
        return _rejection(raw, ordinal, (_broken(f"normalize gave {', '.join(wrong)}"),))


def _examine(
    raw: Any, ordinal: int, invoice: Invoice, context: NormalizeContext, fetched_at: datetime | None
) -> Examined:
    identity = identify(invoice)
    findings = invoice.findings + identity.findings
    changes: dict[str, Any] = {}
    issued_on = invoice.issued_on
    is_future = fetched_at is not None and issued_on is not None and issued_on > (fetched_at + _ONE_DAY).date()
    if findings:
        if any(item.severity is Severity.REJECT for item in findings):
            red = red_letter.of(invoice)
            early = (finding("D3", "issued_on"),) if is_future else ()
            return _rejection(raw, ordinal, findings + early + tuple(check(invoice, identity.numbers, context, red)))
        changes = {item.field: None for item in identity.findings if item.field in _NUMBER_FIELDS}
    if is_future:
        findings += (finding("D3", "issued_on"),)
        changes |= {"issued_on": None, "issued_at": None}
    if len(invoice.lines) > 1 and not _ascending(invoice):
        findings += (finding("L3", "lines"),)
        changes["lines"] = tuple(
            msgspec.structs.replace(line, line_no=position) for position, line in enumerate(invoice.lines, 1)
        )
    if changes:
        invoice = msgspec.structs.replace(invoice, **changes)
    red = red_letter.of(invoice) if invoice.is_red else None
    remarks = check(invoice, identity.numbers, context, red)
    if remarks:
        # A day in the future was stated: D7 would say that none was.
        findings += tuple(item for item in remarks if not (is_future and item.rule == "D7"))
    return Examined(
        ordinal=ordinal,
        raw=raw,
        invoice=invoice,
        numbers=identity.numbers,
        findings=findings,
        rejected=(),
        red=red,
    )


_ONE_DAY = timedelta(days=1)
_NUMBER_FIELDS = frozenset(("digital_number", "invoice_code", "invoice_number", "customs_no"))


def _ascending(invoice: Invoice) -> bool:
    """Whether no two lines share a number; vendors number in order, so the comparison is cheap."""
    last = 0
    for line in invoice.lines:
        if line.line_no <= last:
            numbers = {other.line_no for other in invoice.lines}
            return len(numbers) == len(invoice.lines) and min(numbers) > 0
        last = line.line_no
    return True


def _rejection(raw: Any, ordinal: int, reasons: tuple[Finding, ...]) -> Examined:
    ordered = sorted(reasons, key=lambda item: item.severity is not Severity.REJECT)  # stable
    return Examined(ordinal=ordinal, raw=raw, invoice=None, numbers=(), findings=(), rejected=tuple(ordered))


def _described(result: object) -> str:
    return "a Rejected without a reason" if type(result) is Rejected else f"a {type(result).__name__}"


def _broken(what: str) -> Finding:
    return finding("V6", "", f"The plugin broke the contract: {what}.")


def wrongly_typed(invoice: Invoice) -> list[str]:
    """Which values of an invoice and its lines have a type the model does not allow: ``lines[2].tax_amount as float``."""
    wrong = [f"{name} as {found}" for name, found in _wrong_values(invoice)]
    for name in ("lines", "trips", "special_businesses", "findings"):
        if type(getattr(invoice, name)) is not tuple:
            return [*wrong, f"{name} as {type(getattr(invoice, name)).__name__}"]
    for position, line in enumerate(invoice.lines):
        if type(line) is not Line:
            wrong.append(f"lines[{position}] as {type(line).__name__}")
        else:
            wrong += [f"lines[{position}].{name} as {found}" for name, found in _wrong_values(line)]
    return wrong


def _wrong_values(struct: Invoice | Line) -> Iterator[tuple[str, str]]:
    for name, allowed in _ALLOWED[type(struct)].items():
        value = getattr(struct, name)
        if not isinstance(value, allowed) or (type(value) is Decimal and not value.is_finite()):
            yield name, str(value) if type(value) is Decimal else type(value).__name__


def _allowed(kind: type[msgspec.Struct]) -> dict[str, tuple[type, ...]]:
    """Plain types per field, from the annotations; containers are left to what reads them."""
    allowed: dict[str, tuple[type, ...]] = {}
    for field in msgspec.structs.fields(kind):
        members = get_args(field.type) if get_origin(field.type) in (Union, UnionType) else (field.type,)
        if all(isinstance(member, type) and get_origin(member) is None for member in members):
            allowed[field.name] = members
    return allowed


_ALLOWED: Mapping[type[msgspec.Struct], Mapping[str, tuple[type, ...]]] = {
    kind: _allowed(kind) for kind in (Invoice, Line)
}
