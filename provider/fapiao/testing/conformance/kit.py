"""What an author declares about a plugin, so that it can be examined: the smallest set that cannot be guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import msgspec

from fapiao.errors import ConfigurationError, FapiaoError, PluginError
from fapiao.invoices.model import NormalizeContext
from fapiao.spec import Descriptor, Quota
from fapiao.testing.conformance.responders import Vendor
from fapiao.wire import Claim, Decision, Request, Response, Signed, SliceKey, Stamp, SyncQuery, Token

__all__ = ["CANARY", "Code", "Kit", "Rewrite", "Sample", "Vector"]

CANARY = "canary-7f3e/Wq+9=KEY"
"""The value planted as every secret of the example connection, and looked for wherever text leaves a plugin."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One record as the vendor gives it, with the question it answers."""

    name: str
    """How failures name it: the sample file, say."""
    record: Any
    """Decoded as :meth:`fapiao.wire.Response.json` does it: floats as Decimal."""
    type: str
    """The vendor's own type code, or the list it stands in."""
    direction: str = "input"
    api: str = "collect"
    """``collect``, ``sync`` or ``verify``."""
    required: tuple[str, ...] = ()
    """Raw fields without which the record cannot be identified: taken out together, the record must be rejected."""

    def context(self, kit: Kit) -> NormalizeContext:
        return NormalizeContext(
            source=kit.name,
            api=self.api,
            taxpayer_no=kit.taxpayer_no,
            invoice_month=kit.invoice_month if self.api == "collect" else "",
            type=self.type,
            direction=self.direction,
        )


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the vendor's table of codes, and what the plugin must make of it."""

    code: str
    decision: Decision
    error: type[FapiaoError] | None = None
    """REFUSED, BROKEN: the class of the verdict's error."""
    result: type | None = None
    """OK: the class of what the flow returns (``Pending``, ``Page``), where it is worth saying."""
    hook: str = "read_page"
    """The flow whose first request is answered with it."""
    answer: Response | None = None
    """Where ``Kit.answer_with`` does not fit."""


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """A signed request out of the vendor's document, or of a client known to work."""

    name: str
    request: Request
    expected: Signed
    stamp: Stamp = Stamp(epoch_ms=1_733_803_200_000, nonce="0123456789abcdef0123456789abcdef")
    token: Token | None = None
    connection: Mapping[str, Any]
    """With the secret the vector was made with."""


class Rewrite(Protocol):
    """Changes one answer to ``read_page``: other records, another total, both in the vendor's own shape."""

    def __call__(
        self, response: Response, /, *, records: list[Any] | None = None, total: int | None = None
    ) -> Response:
        """``None`` leaves that part as it is."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Kit:
    """A plugin, its vendor, and what the vendor's document says. What a check needs and does not find here fails."""

    plugin: str
    """As the entry point names it: ``fapiao_acme:plugin``."""
    vendor: Vendor
    """Who answers: ``simulated(AcmeSimulator)``, ``answered_by(function)``, or a function that opens a cassette."""
    connection: Mapping[str, Any] | None = None
    """Host, login and extra as in a connection's JSON; its secrets are planted. None: the simulator's own."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of its ``extra``: a small page size, say."""
    taxpayer_no: str
    invoice_month: str = "202411"
    far_month: str = "209912"
    """A month that has not begun."""
    now: str = "2024-12-10 12:00"
    """When the conversations begin, in China."""

    slice: SliceKey | None = None
    """*collect*: a slice of at least three pages (set a small page size in the connection)."""
    empty: SliceKey | None = None
    """*collect*: a slice without records."""
    wish: SyncQuery | None = None
    """*sync*: a list of at least three pages."""
    empty_wish: SyncQuery | None = None
    """*sync*: a list without records."""
    claim: Claim | None = None
    """*verify*: an invoice the vendor finds genuine, with layout files where the source has *files*."""

    one_page: bool = False
    """A slice is one page whatever it holds: a flow asks for all of it, and there are no cursors."""

    samples: Sequence[Sample] = ()
    codes: Sequence[Code] = ()
    answer_with: Callable[[str], Response] | None = None
    """The vendor's answer (HTTP 200) that carries a code and no data."""
    expired: Response | None = None
    """How the vendor refuses a token that has expired; needed where the plugin logs in."""
    rewrite: Rewrite | None = None
    vectors: Sequence[Vector] = ()
    limits: Sequence[Quota] = ()
    """What the vendor's document (or its support) allows; empty where it says nothing."""
    requests_per_thousand: int | None = None
    """Requests that reading 1,000 records costs at the connection's page size. A change must be explained."""
    skip: Mapping[str, str] = field(default_factory=dict)
    """Check id → why this plugin cannot pass it, in a sentence."""

    def load(self) -> Any:
        """The plugin object. :raises ConfigurationError: ``plugin`` names none."""
        module, _, attribute = self.plugin.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except Exception as problem:
            # The plugin's module was run: whatever it raised belongs into the sentence.
            raise ConfigurationError(
                f"Kit.plugin is {self.plugin!r}, which cannot be imported ({type(problem).__name__}: {problem}).",
                advice="Write it as the entry point does: fapiao_acme:plugin.",
            ) from problem

    @property
    def descriptor(self) -> Descriptor:
        """What the plugin says of itself. :raises PluginError: it says nothing of the kind."""
        try:
            found: Any = self.load().describe()
        except FapiaoError:
            raise
        except Exception as problem:
            raise PluginError(
                f"The hook describe raised {type(problem).__name__}: {problem}.", source=self.plugin
            ) from problem
        if not isinstance(found, Descriptor):
            raise PluginError(f"The hook describe returned {type(found).__name__}.", source=self.plugin)
        return found

    @property
    def name(self) -> str:
        """The source's name."""
        return self.descriptor.name
