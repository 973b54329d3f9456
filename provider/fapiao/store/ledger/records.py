"""The frozen values the ledger gives and takes."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from fapiao.store.ledger.tasks import TaskReference
from fapiao.wire import SliceKey

__all__ = [
    "CLOSED_STATES",
    "FINAL_SLICE_STATES",
    "AbsentInvoice",
    "CollectionKey",
    "CollectionRecord",
    "ReadProgress",
    "SliceRecord",
    "SliceUpdate",
    "Tally",
]

CLOSED_STATES = frozenset({"complete", "incomplete", "abandoned"})
"""Collection states from which nothing leads on; the open ones are ``intended``, ``starting``, ``started``."""
FINAL_SLICE_STATES = frozenset({"complete", "empty", "unsupported", "rejected", "incomplete", "failed"})
"""Slice states that are proven or given up; before them come ``waiting``, ``ready``, ``reading``."""


class CollectionKey(msgspec.Struct, frozen=True, order=True):
    """What is collected, whatever the generation."""

    source: str
    account: str
    taxpayer_no: str
    invoice_month: str
    """``yyyymm``; of a sync the tax period that is asked for, or empty."""
    kind: str = "collect"
    """``collect``: a job of the vendor's; ``sync``: lists."""
    query: str = ""
    """Of a sync: what is asked for, as text."""


class CollectionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One generation. Times are epoch seconds, UTC."""

    collection_id: int
    key: CollectionKey
    generation: int
    state: str
    vendor_job_id: str | None
    """Of the job started last."""
    joined: bool
    """The vendor's job was active before we asked."""
    start_sent_at: float | None
    started_at: float | None
    restarts: int
    requests: int
    opened_at: float
    closed_at: float | None
    vendor_code: str | None
    vendor_message: str | None
    part: int = 0
    """The part of the month whose job was started last, or is to be started now."""
    task: TaskReference | None = None
    """The Airflow task that worked on it last; None: the command line did."""


class SliceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One (invoice type, direction) of a generation."""

    slice_id: int
    collection_id: int
    key: SliceKey
    state: str
    read_no: int
    """From 1; a slice that did not add up is read again."""
    expected: int | None
    """The vendor's own count, None where it gives none."""
    loaded: int
    rejected: int
    amount_excl_tax: Decimal | None
    tax_amount: Decimal | None
    vendor_code: str | None
    vendor_message: str | None
    stale: bool
    """Its readiness at the vendor may belong to an earlier job."""
    retried: bool
    """The vendor was asked for it a second time."""
    part: int = 0
    """Slices of one part are collected by one job; parts are started in the order of their numbers."""
    vendor_job_id: str | None = None


class SliceUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """News about a slice that is not final."""

    key: SliceKey
    state: str
    code: str | None = None
    message: str | None = None
    stale: bool | None = None
    """None leaves it as it is."""


class ReadProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one reading of a slice is."""

    committed: frozenset[str]
    """Cursors of committed pages; empty text is the first page."""
    known: frozenset[str]
    """The first page's and all cursors that committed pages have named."""
    total: int | None
    """The vendor's count as the page fetched last states it."""
    totals_differ: bool


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What the current reading of a slice adds up to: the proof is ``expected == loaded + rejected``."""

    expected: int | None
    records: int
    """Records of all committed pages."""
    loaded: int
    """Distinct invoices among them."""
    rejected: int
    """Quarantined records among them."""
    duplicates: int
    """Invoices that came more than once."""
    totals_differ: bool
    amount_excl_tax: Decimal
    """Over all loaded records as this reading states them."""
    tax_amount: Decimal


class AbsentInvoice(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice that an earlier generation had in a slice and this one has not."""

    slice_id: int
    """The slice of this generation."""
    invoice_key: int
    generation: int
    """The earlier one."""
