"""The input documents of a taxpayer and how they stand at one of two times: what the tax bureau knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.draws import Draws
from fapiao.testing.numbering import taxpayer_ordinal
from fapiao.testing.parties import taxpayer
from fapiao.testing.truth import true_slice
from fapiao_jcsk.simulator.scenario import JcskScenario

__all__ = ["LISTS", "Archive", "Change", "Document", "Shown"]

LISTS = ("10", "11", "12", "15", "17", "40")
"""The lists that the document's text names."""

_SHARES = {"10": 0.35, "11": 0.45, "12": 0.05, "15": 0.05, "17": 0.02, "40": 0.6}
_ROOM = 100_000
"""Documents per list, so that lists share no number."""

_PATTERN = (
    "digital_special", "digital_ordinary", "digital_special", "rail_e", "digital_special", "vat_special_paper", "digital_special",
    "digital_toll", "digital_special", "air_e", "customs_vat", "digital_special", "digital_paper_special", "digital_special",
    "toll_e", "digital_special", "vat_special_e", "digital_motor", "digital_special", "tax_certificate",
)  # fmt: skip
"""Twenty documents in their order; then again, of the next month."""
_TIMES = {kind: _PATTERN.count(kind) for kind in _PATTERN}
_RANKS = tuple(_PATTERN[:place].count(kind) for place, kind in enumerate(_PATTERN))
_CENT = Decimal("0.01")
_MOVING = ("10", "11")
"""Lists between which documents move from the first time to the second."""


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One input document."""

    home: str
    """The list it is in at the first time."""
    position: int
    """Its place in that list."""
    invoice: Invoice
    period: str
    """The tax period that it is, or will be, selected for."""


class Shown(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document as it stands at one time: a row of the list ``code``."""

    document: Document
    code: str
    state: str
    """Canonical state of the document."""
    checked_at: datetime | None = None
    certified_at: datetime | None = None
    mode: str = ""
    management: str = "0"
    abnormal: str = ""
    reason: str = ""
    valid_tax: Decimal | None = None

    @property
    def period(self) -> str:
        """税款所属期; empty while the document is not certified."""
        return self.document.period if self.certified_at else ""


class Change(msgspec.Struct, frozen=True, order=True):
    """What a second sync must report about one document."""

    kind: Literal["abnormal", "certified", "checked", "red", "revoked"]
    number: str
    """The strongest number of the document: 20 digits, ``code:number``, customs or certificate number."""


class Archive:
    """All documents of a scenario, made when first asked for. Safe for many threads."""

    def __init__(self, scenario: JcskScenario) -> None:
        self._scenario = scenario
        self._homes: dict[tuple[str, str], list[Document]] = {}
        self._lists: dict[tuple[str, str, int], list[Shown]] = {}
        self._lock = threading.Lock()

    def listed(self, taxpayer_no: str, code: str, revision: int) -> list[Shown]:
        """The rows of one list in the vendor's order."""
        key = (taxpayer_no, code, revision)
        with self._lock:
            if key not in self._lists:
                # A list begins with its own; what has moved in from the other one follows.
                sources = [code, *(other for other in _MOVING if other != code and code in _MOVING)]
                self._lists[key] = [
                    shown
                    for home in sources
                    for shown in (self._standing(document, revision) for document in self._home(taxpayer_no, home))
                    if shown.code == code
                ]
            return self._lists[key]

    def changes(self, taxpayer_no: str) -> Iterator[Change]:
        """What differs between the two times, document by document."""
        for home in ("10", "11"):
            with self._lock:
                documents = self._home(taxpayer_no, home)
            for document in documents:
                kind = _change(document)
                if kind is not None:
                    yield Change(kind, strongest_number(document.invoice))

    def _home(self, taxpayer_no: str, home: str) -> list[Document]:
        key = (taxpayer_no, home)
        if key not in self._homes:
            count = self._count(taxpayer_no, home)
            self._homes[key] = [self._document(taxpayer_no, home, position) for position in range(count)]
        return self._homes[key]

    def _count(self, taxpayer_no: str, home: str) -> int:
        scenario = self._scenario
        if taxpayer_no not in scenario.taxpayers:
            return 0
        fixed = scenario.fixed_count(taxpayer_no, "", home, "input")
        return int(scenario.volume * _SHARES[home]) if fixed is None else fixed

    def _document(self, taxpayer_no: str, home: str, position: int) -> Document:
        scenario = self._scenario
        months = scenario.past_periods if home == "40" else scenario.months
        block, slot = divmod(position, len(_PATTERN))
        kind, month = _PATTERN[slot], months[block % len(months)]
        index = LISTS.index(home) * _ROOM + (block // len(months)) * _TIMES[kind] + _RANKS[slot]
        if kind == "tax_certificate":
            invoice = _certificate(scenario.seed, taxpayer_no, month, index)
        else:
            invoice = true_slice(scenario.seed, taxpayer_no, month, kind, "input").invoice(index)
        return Document(
            home=home, position=position, invoice=invoice, period=month if home == "40" else scenario.tax_period
        )

    def _standing(self, document: Document, revision: int) -> Shown:
        base = _first_standing(document)
        change = _change(document) if revision == 2 else None
        replace = msgspec.structs.replace
        if change == "abnormal":
            return replace(base, management="2", abnormal="2")
        if change == "red":
            return replace(base, state="red_full")
        if change == "revoked":
            return replace(base, code="10", checked_at=None, certified_at=None, mode="")
        if change in ("certified", "checked"):
            certified = _moment(document, 20) if change == "certified" else None
            return replace(base, code="11", checked_at=_moment(document, 19), certified_at=certified, mode="1")
        return base


def strongest_number(invoice: Invoice) -> str:
    """The number that the document is known by."""
    if invoice.digital_number:
        return invoice.digital_number
    if invoice.invoice_code:
        return f"{invoice.invoice_code}:{invoice.invoice_number}"
    return invoice.customs_no or invoice.certificate_no or ""


def _change(document: Document) -> Literal["abnormal", "certified", "checked", "red", "revoked"] | None:
    """Every tenth document of the two lists meets each fate; one that is red, void or suspect already meets none."""
    invoice, place = document.invoice, document.position % 10
    if invoice.is_red or invoice.state not in ("normal", "unknown") or _is_suspect(document):
        return None
    if place == 3:
        return "abnormal"
    if place == 4 and invoice.doc_type not in ("customs_vat", "tax_certificate"):
        return "red"
    if document.home == "10":
        return "certified" if place == 1 else "checked" if place == 2 else None
    if document.home == "11":
        return "revoked" if place == 1 else "certified" if place == 5 else None
    return None


def _first_standing(document: Document) -> Shown:
    home, invoice = document.home, document.invoice
    tax = invoice.tax_amount
    if document.position % 25 == 7 and tax is not None and tax > 0:
        tax = (tax / 2).quantize(_CENT, ROUND_HALF_UP)
    shown = Shown(
        document=document,
        code=home,
        state="normal" if invoice.state == "unknown" else invoice.state,
        management="1" if _is_suspect(document) else "0",
        valid_tax=tax,
    )
    if home in ("10", "12"):
        return shown
    # Of what is selected in the current period, a fifth is not yet certified.
    only_checked = home == "11" and document.position % 10 in (5, 6)
    return msgspec.structs.replace(
        shown,
        checked_at=_moment(document, 5),
        certified_at=None if only_checked else _moment(document, 8),
        mode={"15": "4", "17": "2"}.get(home, "1"),
        reason=str(1 + document.position % 5) if home == "15" else "",
    )


def _is_suspect(document: Document) -> bool:
    return document.position % 50 == 49


def _moment(document: Document, day: int) -> datetime:
    """A time in the month after the tax period, when it is declared."""
    year, month = int(document.period[:4]), int(document.period[4:])
    first = date(year + month // 12, month % 12 + 1, 1)
    return datetime(first.year, first.month, day, 9) + timedelta(seconds=document.position * 37 % 28_800)  # noqa: DTZ001 - China time, naive as printed


def _certificate(seed: int, taxpayer_no: str, month: str, index: int) -> Invoice:
    """代扣代缴完税凭证: the taxpayer paid the tax of a foreign seller, so it names no seller and no price."""
    words = Draws(seed, taxpayer_no, month, "tax_certificate").words(index)
    owner = taxpayer(taxpayer_no)
    return Invoice(
        doc_type="tax_certificate",
        doc_type_raw="tax_certificate",
        certificate_no=f"399{month}{taxpayer_ordinal(taxpayer_no):06d}{index:06d}",
        issued_on=date(int(month[:4]), int(month[4:]), 1 + words[0] % 28),
        invoice_month=month,
        buyer_tax_no=owner.tax_no,
        buyer_name=owner.name,
        tax_amount=Decimal(words[1] % 10_000_000 + 1) * _CENT,
        state="normal",
    )
