"""Which numbers identify a document, and which only look like numbers.

A document is one document however many vendors show it: every complete number it goes by leads to it. A number that
is masked, truncated, all zeros or went through a binary float never becomes a key: two different documents may share
what is left of it.
"""

from __future__ import annotations

import re
from datetime import date

import msgspec

from fapiao.invoices.codes import DOC_TYPES, UNKNOWN, Scheme
from fapiao.invoices.model import Finding, Invoice, Severity
from fapiao.invoices.problems import finding
from fapiao.invoices.texts import is_masked

__all__ = ["FIELDS", "Identification", "Number", "cross_check", "identify", "numbers_of"]

_CUSTOMS = re.compile(r"\d{18}-[A-Z]\d{2}").fullmatch
_CUSTOMS_OLD = re.compile(r"\(?\d{4}\)?\d{9}-[A-Z]\d{2}").fullmatch
"""H883 before 2018: (YYMM) and nine digits."""
_FLOAT = re.compile(r"\d+(?:\.\d+)?[eE][+-]?\d+|\d+\.\d*").fullmatch


class Number(msgspec.Struct, frozen=True, order=True, gc=False):
    """One number a document goes by. (scheme, value) leads to exactly one document."""

    scheme: str
    """One of :class:`fapiao.invoices.codes.Scheme`."""
    value: str


class Identification(msgspec.Struct, frozen=True, gc=False):
    """What :func:`identify` found: usable numbers, strongest scheme first, and what is wrong with the others."""

    numbers: tuple[Number, ...]
    findings: tuple[Finding, ...]
    """Rejecting ones only where no number is left; their fields hold what must not be stored as a number."""


def numbers_of(invoice: Invoice) -> tuple[Number, ...]:
    """Every complete number of the invoice: digital20, code_no, customs, certificate, in this order."""
    found: tuple[Number, ...] = ()
    digital = invoice.digital_number
    if digital is not None and _digits(digital, 20):
        found = (Number(Scheme.DIGITAL20, digital),)
    code, number = invoice.invoice_code, invoice.invoice_number
    if code is not None and number is not None and _digits(number, 8) and (_digits(code, 12) or _digits(code, 10)):
        found += (Number(Scheme.CODE_NO, f"{code}:{number}"),)
    if invoice.customs_no is not None and _is_customs(invoice.customs_no):
        found += (Number(Scheme.CUSTOMS, invoice.customs_no),)
    if invoice.certificate_no is not None and invoice.buyer_tax_no is not None:
        certificate, payer = invoice.certificate_no, invoice.buyer_tax_no
        if _certificate_fault(certificate) is None and not is_masked(payer):
            found += (Number(Scheme.CERTIFICATE, f"{payer}:{certificate}"),)
    return found


def identify(invoice: Invoice) -> Identification:
    """The invoice's numbers with every fault of the ones that cannot be used.

    A faulty number is a warning where another one identifies the document, and a rejection (with N0) where none does.
    """
    numbers = numbers_of(invoice)
    if len(numbers) == _stated(invoice) and numbers:
        return Identification(numbers, ())
    faults = _faults(invoice)
    if numbers:
        return Identification(
            numbers, tuple(msgspec.structs.replace(fault, severity=Severity.WARNING) for fault in faults)
        )
    if not faults:
        faults.append(finding("N0", "invoice_number", "The record carries no number at all."))
    elif not any(fault.rule == "N0" for fault in faults):
        faults.append(finding("N0", faults[0].field))
    return Identification((), tuple(faults))


def cross_check(invoice: Invoice, numbers: tuple[Number, ...]) -> list[Finding]:
    """N2, N4Y, N5L, N6, N7: do the numbers fit the document type and the day of issue?"""
    found: list[Finding] = []
    kind = DOC_TYPES.get(invoice.doc_type, DOC_TYPES[UNKNOWN])
    first = numbers[0]
    if len(numbers) == 1 and len(kind.needs) == 1 and first.scheme == kind.needs[0] and not kind.expects:
        pass  # the usual case: one number, of the one scheme the type has
    else:
        _check_schemes(kind.needs, kind.expects, numbers, found)
    if invoice.digital_number is not None and first.scheme == Scheme.DIGITAL20:
        if invoice.issued_on is not None and first.value[:2] != f"{invoice.issued_on.year % 100:02d}":
            found.append(_year_fault(first.value[:2], invoice.issued_on))
        if kind.needs == (Scheme.DIGITAL20,) and invoice.invoice_code is not None:
            found.append(finding("N6", "invoice_code", "A digital invoice without a paper face has no invoice code."))
    elif invoice.invoice_code is not None:
        _check_code_kind(invoice.doc_type, invoice.invoice_code, found)
    elif first.scheme == Scheme.CUSTOMS and not (first.value[-3] == "L" and _CUSTOMS(first.value)):
        found.append(finding("N5L", "customs_no"))
    return found


def _check_schemes(
    needs: tuple[str, ...], expects: tuple[str, ...], numbers: tuple[Number, ...], found: list[Finding]
) -> None:
    schemes = {number.scheme for number in numbers}
    if expects:
        if not schemes.issuperset(needs + expects):
            found.append(finding("N7", "digital_number" if Scheme.CODE_NO in schemes else "invoice_number"))
    elif needs and not schemes.issuperset(needs):
        found.append(finding("N6", FIELDS[needs[0]]))


def _year_fault(year: str, on: date) -> Finding:
    # A number may be drawn before and the invoice issued after midnight of New Year's Eve.
    turned = (on.month == 1 and on.day <= 3 and year == f"{(on.year - 1) % 100:02d}") or (
        on.month == 12 and on.day >= 29 and year == f"{(on.year + 1) % 100:02d}"
    )
    return finding("N4Y", "digital_number", severity=Severity.INFO if turned else None)


FIELDS = {
    Scheme.DIGITAL20: "digital_number",
    Scheme.CODE_NO: "invoice_number",
    Scheme.CUSTOMS: "customs_no",
    Scheme.CERTIFICATE: "certificate_no",
}
"""Where an invoice has the number of a scheme."""

_CODE_TAILS = {
    "04": ("vat_ordinary_paper",),
    "05": ("vat_ordinary_paper",),
    "06": ("vat_roll",),
    "07": ("vat_roll",),
    "11": ("vat_ordinary_e",),
    "12": ("toll_e", "vat_ordinary_e"),  # one vendor lists tolls among the electronic ordinary invoices
    "13": ("vat_special_e",),
    "17": ("used_car_paper",),
}
"""Digits 11–12 of a 12-digit code that begins with 0."""
_SPECIAL_TAILS = ("130", "140", "160", "170")
"""The end of a 10-digit code of a special invoice (增值税专用发票)."""
_CODED_TYPES = frozenset(name for names in _CODE_TAILS.values() for name in names) | {"vat_special_paper"}


def _check_code_kind(doc_type: str, code: str, found: list[Finding]) -> None:
    if doc_type not in _CODED_TYPES:
        return
    if len(code) == 12 and code[0] == "0":
        fitting = _CODE_TAILS.get(code[10:])
        fits = fitting is None or doc_type in fitting
    elif len(code) == 10:
        fits = code.endswith(_SPECIAL_TAILS) == (doc_type == "vat_special_paper")
    else:
        return
    if not fits:
        found.append(finding("N2", "invoice_code"))


def _stated(invoice: Invoice) -> int:
    """How many numbers the invoice would have if all were usable."""
    stated = 0
    if invoice.digital_number is not None:
        stated += 1
    if invoice.invoice_code is not None or invoice.invoice_number is not None:
        stated += 1
    if invoice.customs_no is not None:
        stated += 1
    if invoice.certificate_no is not None:
        stated += 1
    return stated


def _faults(invoice: Invoice) -> list[Finding]:
    faults: list[Finding] = []
    if invoice.digital_number is not None and not _digits(invoice.digital_number, 20):
        faults.append(_fault("N4", "digital_number", invoice.digital_number))
    code, number = invoice.invoice_code, invoice.invoice_number
    if number is not None and not _digits(number, 8):
        faults.append(_fault("N3", "invoice_number", number))
    if code is not None and not (_digits(code, 12) or _digits(code, 10)):
        faults.append(_fault("N1", "invoice_code", code))
    if number is not None and code is None:
        faults.append(finding("N0", "invoice_code", "An 8-digit number identifies nothing without its invoice code."))
    if invoice.customs_no is not None and not _is_customs(invoice.customs_no):
        faults.append(_fault("N5", "customs_no", invoice.customs_no))
    if invoice.certificate_no is not None:
        reason = _certificate_fault(invoice.certificate_no)
        if reason is not None:
            faults.append(finding("N0", "certificate_no", f"The certificate number is {reason}."))
        elif invoice.buyer_tax_no is None or is_masked(invoice.buyer_tax_no):
            faults.append(finding("N10", "certificate_no"))
    return faults


def _fault(rule: str, field: str, text: str) -> Finding:
    sentence = finding(rule, field).message.rstrip(".")
    return finding(rule, field, f"{sentence}; this one is {_look(text)}.")


def _look(text: str) -> str:
    """What is wrong with a number, without showing it."""
    if is_masked(text):
        return "masked"
    if text and not text.strip("0"):
        return "all zeros"
    if _FLOAT(text):
        return "a floating-point number: digits are lost"
    if not (text.isascii() and text.isalnum()):
        return f"{len(text)} characters long with signs in it"
    return f"{len(text)} {'digits' if text.isdigit() else 'characters'} long"


def _certificate_fault(text: str) -> str | None:
    if len(text) < 8 or is_masked(text) or not text.strip("0") or _FLOAT(text):
        return _look(text)
    return None


def _digits(text: str, length: int) -> bool:
    return len(text) == length and text.isdigit() and text.isascii() and text.strip("0") != ""


def _is_customs(text: str) -> bool:
    return (_CUSTOMS(text) is not None or _CUSTOMS_OLD(text) is not None) and text[:-4].strip("0()") != ""
