"""The ``InvoiceObserver`` hook specification: what may be watched while fapiao works, and the values that are told.

An observer is an object whose methods are marked with ``fapiao.hookimpl``. An entry point of the group
``fapiao.observers`` names a callable without arguments (a class will do) that returns the observer, or None where it has
nothing to do; it is called once in a process.

* **An observer only looks.** What it returns is ignored, and what it raises is logged under its name and changes nothing.
* **It is called at once, in the thread that did the work**, from several threads at the same time; in the triggerer in a
  thread beside the event loop. The work waits for it meanwhile.
* **It is told after the fact**: a page is told when its transaction is committed. A process that is killed between the two
  tells nothing; the ledger is the truth, an observer is a view of it.
* **No value holds a secret or personal data**: no names, no invoice numbers, no bodies, no messages of a vendor. The
  taxpayer's own number is told, unless it is a citizen's (then ``***``).

A hook may take fewer parameters than are specified here, and events gain fields; both without a new major version.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pluggy

from fapiao.spec import PROJECT

__all__ = ["HOOKS", "AttemptFinished", "Event", "InvoiceObserver", "PageCommitted", "RecordRejected", "SliceClosed"]

_hookspec = pluggy.HookspecMarker(PROJECT)


class AttemptFinished(msgspec.Struct, frozen=True, kw_only=True):
    """One try of one logical request, logins included, and what the driver makes of it."""

    at: float
    """Epoch seconds, when the answer (or its loss) was known."""
    source: str
    account: str
    method: str
    path: str
    """The logical path, long numbers in it masked; ``of a file`` for a layout file, whose address is a secret."""
    number: int
    """Which try of this request, from 1."""
    outcome: str
    """``delivered`` to the flow, ``again`` (it will be sent again), ``renew`` (after a new login) or ``failed``."""
    seconds: float
    """From sending to the end of the answer, waiting for quota and permits not included."""
    status: int | None = None
    """HTTP status; None where no answer came."""
    bytes: int = 0
    """Size of the answer's body, decompressed."""
    lost: str | None = None
    """Where no answer came: how it was lost (``fapiao.engine.failure.Lost``)."""
    error: str | None = None
    """*failed*: the name of the error that the flow gets (``fapiao.errors``)."""
    code: str | None = None
    """*failed*: the vendor's own code, where it gave one."""


class PageCommitted(msgspec.Struct, frozen=True, kw_only=True):
    """A page is in the database: its raw answer, its invoices and the progress, in one transaction."""

    at: float
    """Epoch seconds of the vendor's answer."""
    source: str
    api: str
    """``collect``, ``sync``, ``verify`` or ``file``."""
    taxpayer_no: str
    invoice_month: str
    """``yyyymm``; empty where the question names none."""
    type: str
    direction: str
    collection_id: int
    slice_id: int
    page_id: int
    """``fapiao_page.page_id``."""
    read_no: int
    records: int
    loaded: int
    rejected: int
    total: int | None
    """The vendor's own count for the whole slice, as this page states it."""
    transcript_sha256: str
    """Of the stored raw answers, hexadecimal."""


class RecordRejected(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a committed page is in quarantine (``fapiao_rejection``)."""

    at: float
    """Epoch seconds of the vendor's answer."""
    source: str
    api: str
    taxpayer_no: str
    invoice_month: str
    type: str
    direction: str
    collection_id: int
    slice_id: int
    page_id: int
    ordinal: int
    """Position in its page, from 0."""
    rules: tuple[str, ...]
    """Everything found wrong: the rules …"""
    fields: tuple[str, ...]
    """… and for each the canonical field it is about."""


class SliceClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of a collection, or a list of a sync, has its final state and the numbers that prove it."""

    at: float
    """Epoch seconds, when it was closed."""
    source: str
    account: str
    kind: str
    """``collect`` or ``sync``."""
    taxpayer_no: str
    invoice_month: str
    type: str
    direction: str
    collection_id: int
    generation: int
    slice_id: int
    state: str
    """``complete``, ``empty``, ``unsupported``, ``rejected``, ``incomplete`` or ``failed``."""
    expected: int | None
    loaded: int
    rejected: int
    amount_excl_tax: Decimal | None
    tax_amount: Decimal | None
    code: str | None
    """The vendor's own code for the state, where it gave one."""


Event = AttemptFinished | PageCommitted | RecordRejected | SliceClosed


class InvoiceObserver:
    """The hooks of an observer; each is optional."""

    @_hookspec
    def attempt_finished(self, event: AttemptFinished) -> None:
        """After every try of every request, before the driver acts on it."""

    @_hookspec
    def page_committed(self, event: PageCommitted) -> None:
        """After the commit of a page. A page that another process had committed before is not told again."""

    @_hookspec
    def record_rejected(self, event: RecordRejected) -> None:
        """After ``page_committed`` of its page, once for each record in quarantine."""

    @_hookspec
    def slice_closed(self, event: SliceClosed) -> None:
        """After a slice was closed. One that is read again tells only the state it ends with."""


HOOKS: Mapping[type[Event], str] = {
    AttemptFinished: "attempt_finished",
    PageCommitted: "page_committed",
    RecordRejected: "record_rejected",
    SliceClosed: "slice_closed",
}
"""Which hook is told which event."""
