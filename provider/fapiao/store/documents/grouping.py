"""Sorts the records of a batch by document: records that share a number are about the same one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from fapiao.invoices.intake import Examined
from fapiao.invoices.model import Finding, Invoice
from fapiao.store.documents.rows import content_of

__all__ = ["Group", "NumberKey", "PageLoad", "Place", "Stated", "StoredPage", "group_records"]

NumberKey = tuple[str, str]
"""(scheme, value)."""


class PageLoad(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One page that was read, its records examined, ready to be loaded."""

    slice_id: int
    collection_id: int
    read_no: int
    cursor: str
    """Empty for the first page."""
    source: str
    api: str
    fetched_at: float
    """Epoch seconds."""
    total: int | None
    """The vendor's own count for the slice, as this page states it."""
    remaining: tuple[str, ...]
    record_count: int
    transcript: bytes
    """Requests and answers in order, compressed."""
    transcript_sha256: str
    taxpayer_no: str
    direction: str
    invoice_month: str
    type: str
    records: Sequence[Examined]
    billed: int | None = None
    """Units that the vendor says it charges for this read."""
    keeps_raw: bool = True
    """False: records may hold personal data that the policy does not keep, so their raw is not stored."""


class StoredPage(msgspec.Struct, frozen=True, gc=False):
    """A page of this batch with the row it got, its texts made once."""

    load: PageLoad
    seen: float
    slice_id: str
    read_no: str
    page_id: str


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a record came from."""

    page: StoredPage
    ordinal: str
    stated: Invoice | None = None
    """The invoice as this record states it, where it tells the holder's deduction."""


class Stated:
    """What one source says about the document: one content, met once or more often in the batch."""

    __slots__ = ("api", "content", "content_hash", "findings", "first", "invoice", "last", "place", "source")

    def __init__(
        self, place: Place, invoice: Invoice, content: str, content_hash: str, findings: tuple[Finding, ...]
    ) -> None:
        self.place = place
        self.invoice = invoice
        self.content = content
        self.content_hash = content_hash
        self.findings = findings
        self.source = place.page.load.source
        self.api = place.page.load.api
        self.first = self.last = place.page.seen


class Group:
    """All records of the batch that are about one document, as far as their own numbers tell."""

    __slots__ = ("numbers", "places", "stated")

    def __init__(self, numbers: tuple[NumberKey, ...]) -> None:
        self.numbers = numbers
        self.stated: list[Stated] = []
        self.places: list[Place] = []

    def add(self, record: Examined, invoice: Invoice, place: Place) -> None:
        """One more record; a content that is here already is only seen again."""
        self.places.append(place)
        kept, content, content_hash = content_of(invoice)
        load = place.page.load
        for stated in self.stated:
            if stated.content_hash == content_hash and stated.source == load.source and stated.api == load.api:
                stated.first = min(stated.first, place.page.seen)
                stated.last = max(stated.last, place.page.seen)
                return
        self.stated.append(Stated(place, kept, content, content_hash, record.findings))

    def absorb(self, other: Group) -> None:
        """Another group turned out to be about the same document."""
        self.numbers = (*self.numbers, *(number for number in other.numbers if number not in self.numbers))
        self.places += other.places
        for more in other.stated:
            for stated in self.stated:
                if (stated.source, stated.api, stated.content_hash) == (more.source, more.api, more.content_hash):
                    if more.first < stated.first:
                        stated.place, stated.findings = more.place, more.findings
                    stated.first = min(stated.first, more.first)
                    stated.last = max(stated.last, more.last)
                    break
            else:
                self.stated.append(more)


def group_records(pages: Iterable[StoredPage]) -> list[Group]:
    """Every loaded record in exactly one group; no number is in two groups.

    :param pages: in the order in which they were read: a content that is met again stays where it was met first.
    :raises ValueError: a record without any number.
    """
    owners: dict[NumberKey, Group] = {}
    for page in pages:
        for record in page.load.records:
            invoice = record.invoice
            if invoice is None:
                continue
            numbers = tuple([(number.scheme, number.value) for number in record.numbers])
            if not numbers:
                raise ValueError("a record without any number reached the store")
            group = owners.get(numbers[0])
            if group is None and len(numbers) == 1:  # the usual case
                group = owners[numbers[0]] = Group(numbers)
            elif group is None or group.numbers != numbers:
                group = _joined(owners, numbers)
            told = None if invoice.deduction is None else invoice
            group.add(record, invoice, Place(page, str(record.ordinal), told))
    return list(dict.fromkeys(owners.values()))


def _joined(owners: dict[NumberKey, Group], numbers: tuple[NumberKey, ...]) -> Group:
    """The one group of all these numbers; groups that had some of them become one."""
    found = dict.fromkeys(owners[number] for number in numbers if number in owners)
    group = next(iter(found), None) or Group(())
    for other in found:
        if other is not group:
            group.absorb(other)
    group.numbers = tuple(dict.fromkeys(group.numbers + numbers))
    for number in group.numbers:
        owners[number] = group
    return group
