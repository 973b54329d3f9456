"""The frozen values that pass between a plugin, the drivers and the use cases. No I/O, no behaviour beyond reading.

A plugin's operation is a *flow*: a generator that yields :class:`Request`, is sent a :class:`Response` for each, and
returns its result. A request is *logical*: it has a path and a body, but no host, no token and no signature; those are
added for every attempt by the driver through the plugin's ``sign`` hook.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

import msgspec

from fapiao.answers import decode
from fapiao.errors import FapiaoError, VendorBroken

__all__ = [
    "DIRECTIONS",
    "Account",
    "Claim",
    "CollectionJob",
    "CollectionStatus",
    "Decision",
    "Flow",
    "LayoutFiles",
    "LayoutLink",
    "LayoutTask",
    "Outcome",
    "Page",
    "Pending",
    "Request",
    "Response",
    "Secret",
    "Signed",
    "SliceKey",
    "SliceQuery",
    "SliceState",
    "SliceStatus",
    "Stamp",
    "SyncQuery",
    "Token",
    "Verdict",
    "Verification",
]

T = TypeVar("T")

INPUT = "input"
OUTPUT = "output"
DIRECTIONS = (INPUT, OUTPUT)
"""The two directions of an invoice as its holder sees it: ``input`` (进项) and ``output`` (销项)."""


class Secret:
    """A value that must not be seen: prints as ``***``, is revealed only where bytes go on the wire or are hashed."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a Secret is never pickled")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's own identity behind a connection. Jobs, quotas and tokens belong to it, not to a connection id."""

    source: str
    name: str
    """What the vendor knows the account by (corp_id, app key, appid); never a secret."""
    base_url: str
    """Scheme, host and port (and a path prefix where a gateway has one), without a trailing slash."""
    login: str
    secret: Secret
    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """The connection's ``extra`` after validation against the plugin's fields, defaults filled in."""
    file_hosts: tuple[str, ...] = ()
    """Hosts from which files may be fetched: the plugin's own and those the connection allows."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One logical HTTP request. Exactly one of ``json`` and ``form`` may be given; ``json`` may hold ``Secret`` values."""

    method: str
    path: str = ""
    query: tuple[tuple[str, str], ...] = ()
    json: Any = None
    form: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    file_url: Secret | None = None
    """Instead of ``path``: a signed address of a file that an answer named. Sent without token and signature, and only to
    hosts that the account allows (``Account.file_hosts``)."""
    idempotent: bool = True
    """False: never sent a second time once it may have reached the vendor (it starts a paid job, say)."""
    authorized: bool = True
    """False for the requests of ``authorize`` itself: sent without a token, never re-authorized."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer, its body already decompressed and within the size limit."""

    status: int
    headers: Mapping[str, str]
    """Lower-case names; repeated headers joined by a comma."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON: floats as ``Decimal``, integers exact however long.

        :raises VendorBroken: HTML, empty, truncated, not UTF-8 or not JSON, with a short excerpt.
        """
        try:
            return decode(self.body.removeprefix(_BOM))
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise VendorBroken(
                f"The answer (HTTP {self.status}, {len(self.body)} bytes) is {self._kind()}."
            ) from problem

    def _kind(self) -> str:
        head = self.body[:64].lstrip().lower()
        if not head:
            return "empty instead of JSON"
        if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
            return "a web page instead of JSON"
        try:
            self.body.decode("utf-8")
        except UnicodeDecodeError:
            return "not UTF-8 text"
        return "not whole JSON (truncated, or another format)"


_BOM = b"\xef\xbb\xbf"

Flow = Generator[Request, Response, T]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What ``authorize`` returns."""

    value: Secret
    expires_at: float | None = None
    """Epoch seconds, where the vendor names an instant."""
    lifetime: float | None = None
    """Seconds from receipt, where the vendor names a duration. With both, the earlier one holds."""
    renew_after: float | None = None
    """Seconds from receipt after which a fresh token is wanted although the old one still works."""


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """Clock and chance for ``sign``, brought by the driver, new for every attempt."""

    epoch_ms: int
    nonce: str
    """32 lower-case hex digits."""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What ``sign`` adds to one attempt. The driver masks every value in ``secrets`` wherever text leaves it."""

    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()


class Decision(str, Enum):
    """What a verdict tells the driver about *this request*."""

    OK = "ok"
    RETRY = "retry"
    REAUTHORIZE = "reauthorize"
    THROTTLED = "throttled"
    REFUSED = "refused"
    BROKEN = "broken"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """``classify``'s judgement of one answer: vendors say HTTP 200 to everything, so the plugin must look inside."""

    decision: Decision
    after: float | None = None
    """Seconds the vendor asks to wait (RETRY, THROTTLED)."""
    error: FapiaoError | None = None
    """REFUSED and BROKEN: what is thrown into the flow. RETRY, THROTTLED: what is raised when the tries are used up."""


OK = Verdict(decision=Decision.OK)


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """*Later*: nothing failed, the operation must be asked for again. The only form of waiting a flow has.

    Give ``after`` (seconds) or ``not_before`` (an aware datetime), not both; without either the host's poll interval
    decides.
    """

    reason: str
    code: str | None = None
    after: float | None = None
    not_before: datetime | None = None

    def due(self, now: float, interval: float) -> float:
        """Epoch seconds at which to ask again; ``interval`` (seconds) where the plugin has no opinion.

        A ``not_before`` that has passed already is no opinion: a vendor is never asked again without a pause.
        """
        if self.not_before is not None and self.not_before.timestamp() > now:
            return self.not_before.timestamp()
        return now + (interval if self.after is None else self.after)


class SliceKey(msgspec.Struct, frozen=True, order=True):
    """(invoice type, direction) within a collection: the unit of completeness. ``type`` is the vendor's own code."""

    type: str
    direction: str

    def __str__(self) -> str:
        return f"{self.type} {self.direction}"


class CollectionJob(msgspec.Struct, frozen=True, kw_only=True):
    """What one vendor job collects."""

    taxpayer_no: str
    invoice_month: str
    """``yyyymm``, China time."""
    slices: tuple[SliceKey, ...]
    job_id: str | None = None
    """The vendor's own id of the job, where it gives one."""


class SliceState(str, Enum):
    """A slice as the vendor's job reports it."""

    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


class SliceStatus(msgspec.Struct, frozen=True, kw_only=True):
    key: SliceKey
    state: SliceState
    code: str | None = None
    """The vendor's own word or code for the state, kept as it came."""
    message: str = ""
    retryable: bool = False
    """FAILED only: starting the job again for this slice may help (once)."""


class CollectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor's answer about a job. Slices it does not name are *not yet known*, never done."""

    slices: tuple[SliceStatus, ...]
    job_id: str | None = None
    nothing_found: bool = False
    """The vendor says that no record matches the whole job (ekuaibao 4000). Each slice is still read for the proof."""
    parts: tuple[tuple[SliceKey, ...], ...] = ()
    """The job covers more than the vendor makes in one (qixiangyun 4888): smaller jobs that make it up together, each of
    fewer slices. They are started in this order, one after the other; ``slices`` still says what became of this one."""
    code: str | None = None
    message: str = ""


class SliceQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which slice ``read_page`` reads."""

    taxpayer_no: str
    invoice_month: str
    key: SliceKey
    job_id: str | None = None


class SyncQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which list a sync reads: a query of the vendor's own, not a job. Made by the plugin's ``sync_query`` from a wish."""

    taxpayer_no: str
    query: str
    """The vendor's code of the list (JCSK ``rzzt``)."""
    tax_period: str | None = None
    """税款所属期, ``yyyymm``."""
    first_on: str | None = None
    """``yyyy-mm-dd``; which date it filters is the query's own meaning."""
    last_on: str | None = None
    zipped: bool = False
    filters: tuple[tuple[str, str], ...] = ()
    """Further filters by the vendor's names, validated, sorted by name."""

    def __str__(self) -> str:
        parts = [self.query, self.tax_period, f"{self.first_on}..{self.last_on}" if self.first_on else None]
        parts += [f"{name}={value}" for name, value in self.filters]
        return " ".join(part for part in parts if part)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one read, exactly as the vendor gave them (JSON objects, floats as Decimal)."""

    records: list[Any]
    total: int | None = None
    """The vendor's own count for the whole slice, if it gives one."""
    remaining: tuple[str, ...] = ()
    """Cursors this page makes known: numbered paging tells all others on the first page, sequential paging the next one."""
    code: str | None = None
    """The vendor's code where it says more than 'ok' (ekuaibao 4000 = no record)."""
    billed: int | None = None
    """Units that the vendor says it charges for this read, where it says so."""
    others: Mapping[SliceKey, list[Any]] = msgspec.field(default_factory=dict)
    """Where one read of a job brings several slices: each further one's records, whole, so that their number is its total.
    Asked for by itself, such a slice gives the same records from the same requests and answers."""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An invoice to be verified (查验) by the factors that are printed on it, and the layout files wanted with it."""

    number: str
    """20 digits of a digital invoice, or 8 digits beside ``invoice_code``."""
    invoice_code: str | None = None
    issued_on: date
    amount_excl_tax: Decimal | None = None
    amount_incl_tax: Decimal | None = None
    check_code: str | None = None
    """校验码, whole or its last six characters."""
    doc_type: str | None = None
    """The canonical type, where it is known: which amount is a factor depends on it."""
    taxpayer_no: str | None = None
    """On whose behalf; layout files are fetched from this taxpayer's account at the bureau."""
    layouts: tuple[str, ...] = ()
    """Kinds of layout files wanted: ``pdf``, ``ofd``, ``xml``."""


class Outcome(str, Enum):
    """What the bureau says about a claim. Each is a result that is kept, none is an error."""

    GENUINE = "genuine"
    NOT_FOUND = "not_found"
    """查无此票; a new digital invoice may appear a day later."""
    DIFFERENT = "different"
    """The number exists, the factors do not match."""
    TOO_OLD = "too_old"
    """Issued more than five years ago: the bureau does not verify it any more."""
    NOT_YET = "not_yet"
    """Dated later than today."""


class LayoutTask(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor's job that makes layout files (版式文件). Its answer may be given only once."""

    task_id: str
    """Text, however long: 19 digits do not survive a float."""
    taxpayer_no: str
    number: str
    """The digital invoice's 20 digits."""


class LayoutLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where one layout file can be fetched. The address is signed: whoever has it has the file."""

    kind: str
    """``pdf``, ``ofd`` or ``xml``."""
    url: Secret


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a claim."""

    outcome: Outcome
    code: str | None = None
    message: str = ""
    record: Any = None
    """The invoice as the bureau states it, raw, for ``normalize``; None unless genuine."""
    request_id: str | None = None
    checked_at: datetime | None = None
    """The vendor's own time, naive China time."""
    task: LayoutTask | None = None
    links: tuple[LayoutLink, ...] = ()
    """Files that are there at once."""


class LayoutFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a layout task that has ended."""

    links: tuple[LayoutLink, ...] = ()
    failed: bool = False
    """The task ended without files (expired, already fetched, refused); ``code`` and ``message`` say why."""
    code: str | None = None
    message: str = ""
