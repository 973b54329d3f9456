"""The ``InvoiceSource`` hook specification: what one vendor plugin implements.

A plugin is an object (usually an instance of one class) whose methods are marked with ``fapiao.hookimpl`` and which is
named by an entry point of the group ``fapiao.sources``; the entry point's name is the source's name. Each plugin has a
plugin manager of its own, so no hook ever needs to ask whether it is meant.

Three rules hold for every hook:

* **No I/O.** No network, files, clock, randomness, environment, threads. What a flow needs from outside it gets by
  yielding a :class:`~fapiao.wire.Request`; what time it is only ``sign`` is told, in its stamp.
* **A flow is a generator** that yields requests and returns its result; helpers are called with ``yield from``.
* **No parameter has a default and none is keyword-only**: pluggy never fills those. Leave out what you do not need.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pluggy

from fapiao.deprecations import Deprecation
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.wire import (
    Account,
    Claim,
    CollectionJob,
    CollectionStatus,
    Flow,
    LayoutFiles,
    LayoutTask,
    Page,
    Pending,
    Request,
    Response,
    Signed,
    SliceKey,
    SliceQuery,
    Stamp,
    SyncQuery,
    Token,
    Verdict,
    Verification,
)

__all__ = [
    "PROJECT",
    "SPEC_VERSION",
    "Capability",
    "Descriptor",
    "Field",
    "InvoiceSource",
    "InvoiceType",
    "Quota",
    "hookimpl",
    "hookspec",
]

PROJECT = "fapiao"
SPEC_VERSION = "1"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the connection, in the form, the environment and the command line alike."""

    name: str
    title: str
    """English label for the form."""
    kind: str = "text"
    """``text``, ``secret``, ``integer``, ``number`` or ``boolean``."""
    place: str = "extra"
    """Where the connection keeps it: ``host``, ``login``, ``password`` or ``extra`` (under ``name``)."""
    required: bool = False
    default: Any = None
    help: str = ""
    """One sentence; a vendor's own name of the value and where to find it."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """How often the vendor lets an account call the paths that start with ``path`` ("" = all others)."""

    path: str
    requests_per_second: float


class InvoiceType(msgspec.Struct, frozen=True, kw_only=True):
    """One invoice type (发票类型) that the source can collect."""

    code: str
    """The vendor's code."""
    title: str
    """The vendor's Chinese name."""
    doc_type: str
    """The canonical type, one of ``fapiao.invoices.codes.DOC_TYPES``."""
    directions: tuple[str, ...] = ("input", "output")


class Capability:
    """What a source can do. A capability demands its hooks (see ``REQUIRED_HOOKS``)."""

    COLLECT = "collect"
    SYNC = "sync"
    VERIFY = "verify"
    FILES = "files"


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """What ``describe()`` returns: all that is known about a source without any call."""

    name: str
    """The entry point's name; lower-case letters and digits, no underscore (it becomes the connection type)."""
    title: str
    spec: str
    """The major version of this specification that the plugin was written for."""
    capabilities: frozenset[str]
    fields: tuple[Field, ...]
    account_field: str
    """Name of the field that identifies the account at the vendor (never the secret one)."""
    default_host: str
    """Base URL where the connection names none."""
    console_url: str = ""
    """Where people look at the same jobs: an https address, in which ``{host}`` stands for the connection's own base URL. Airflow
    links to it from tasks; a connection may name another one (``console_url``). Empty: none is known."""
    quotas: tuple[Quota, ...] = ()
    max_concurrency: int = 8
    """Requests of one account under way at once, over all processes."""
    types: tuple[InvoiceType, ...] = ()
    poll_interval: float = 30.0
    """Seconds between two looks at a running job, where the vendor gives no other advice."""
    lists: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Capability *sync*: the lists that can be asked for, code → what it is. A connection may know further ones."""
    codes: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    """Named code tables for documentation: table → raw code → meaning."""
    personal: Mapping[str, str] | None = None
    """Which fields of the answers are personal data, wherever they stand: the vendor's name of the field (``clerk``; with the
    name that its object stands under where that matters, ``buyer.name``) → the canonical field that is made of it, or a class of ``fapiao.invoices.personal_data``. None: not declared; answers of such a source are
    stored only where raw is encrypted, unless the database's policy keeps everything."""
    known_fields: frozenset[str] | None = None
    """Every field name of the answers that the plugin knows, those of envelopes too. Needed only where a policy does not keep
    what is unknown; None: not declared."""
    encoded_fields: tuple[str, ...] = ()
    """Fields whose text is JSON in Base64, compressed or not: personal data is looked for inside."""

    def slices(self) -> tuple[SliceKey, ...]:
        """Every slice the source can collect, in the order of its types."""
        return tuple(SliceKey(kind.code, direction) for kind in self.types for direction in kind.directions)


class InvoiceSource:
    """The hooks of one vendor plugin. ``firstresult`` everywhere: exactly one implementation answers."""

    @hookspec(firstresult=True)
    def describe(self) -> Descriptor:
        """Pure. Called when the plugin is loaded and whenever a form or a document is generated; constant."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def authorize(self, account: Account) -> Flow[Token]:
        """Flow (optional). Logs in and returns a token; yields only requests with ``authorized=False``.

        Called when no shared token is valid, and once more when ``classify`` says REAUTHORIZE. Credentials travel as
        ``account.secret`` (a :class:`~fapiao.wire.Secret`) inside the request's JSON, never as plain text.

        :raises fapiao.errors.CredentialError: thrown by ``classify`` or raised here when the vendor refuses them.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def sign(self, request: Request, account: Account, token: Token | None, stamp: Stamp, body: bytes) -> Signed:
        """Pure (optional). Called for every attempt with a new stamp, so that a retry is never refused as a replay.

        ``body`` is exactly what will be sent; ``token`` is None for requests with ``authorized=False``.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def classify(self, request: Request, response: Response) -> Verdict:
        """Pure. Judges every answer before the flow sees it; an unknown code is never OK.

        Answers that a flow turns into a result (no records, a job still running) are OK here.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        """Flow, capability *collect*. Starts the vendor's job; its request has ``idempotent=False``.

        Called after ``collection_status`` showed no active job: once per generation, and once for each further job
        that the generation needs, because slices failed in passing or the status named ``parts``. A slice belongs to
        the job that was started for it last; its pages are read with that job's id. ``Pending`` says that the vendor
        started nothing and when to ask again.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def collection_status(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        """Flow, capability *collect*. One look at the job; starts nothing; a slice without news is left out."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def read_page(self, account: Account, query: SliceQuery | SyncQuery, cursor: str | None) -> Flow[Page | Pending]:
        """Flow, capabilities *collect* and *sync*. One page; ``cursor`` None is the first, else one of ``Page.remaining``.

        An empty slice is a ``Page`` without records. Pages of one slice may be asked for concurrently and in any order.
        Of a job with an id one slice is asked for first: if its page names ``others``, they are loaded with it.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def sync_query(self, account: Account, wish: SyncQuery) -> SyncQuery:
        """Pure, capability *sync*. Validates which filters may go with which query and returns the query to read.

        :raises fapiao.errors.ConfigurationError: everything that is wrong with the wish, with the allowed values.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def verify(self, account: Account, claim: Claim) -> Flow[Verification | Pending]:
        """Flow, capability *verify*. One invoice; "does not exist" and "does not match" are results, not errors.

        A record that it returns is normalised under the context ``api="verify"``: codes differ from those of lists.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def layout_files(self, account: Account, task: LayoutTask) -> Flow[LayoutFiles | Pending]:
        """Flow, capability *files*. Asks for the links of a finished task; ``Pending`` while it runs.

        Where the vendor answers a finished task only once, the request has ``idempotent=False``: the links are
        committed together with the answer, and a lost answer is not asked for again as if nothing had happened.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        """Pure. One raw record as a canonical invoice, or a rejection that lists everything wrong with it.

        Run again over stored raw records after a mapping fix; byte-identical for the same input. Never raises.
        """
        raise NotImplementedError


REQUIRED_HOOKS: Mapping[str, tuple[str, ...]] = {
    "": ("describe", "classify"),
    Capability.COLLECT: ("start_collection", "collection_status", "read_page", "normalize"),
    Capability.SYNC: ("sync_query", "read_page", "normalize"),
    Capability.VERIFY: ("verify", "normalize"),
    Capability.FILES: ("layout_files",),
}
"""Hooks a plugin must implement: always, and for each capability it declares."""

DEPRECATIONS: tuple[Deprecation, ...] = ()
"""Hooks and parameters that the next major version will not have: plugins that use them are warned by name."""

FLOW_HOOKS = ("authorize", "start_collection", "collection_status", "read_page", "verify", "layout_files")
"""The hooks that are generators; all others are pure functions."""
