"""What a simulated vendor is told to do, as data: the part that every vendor's simulator understands.

A scenario is a frozen value, written in code or as JSON (``fapiao simulate ekuaibao --scenario FILE``). A vendor's
simulator adds fields of its own by deriving from :class:`Scenario`. Unknown fields are refused by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.testing.draws import uniform
from fapiao.testing.numbering import tax_number

__all__ = ["Count", "Fault", "FaultKind", "Scenario", "Where", "read_scenario"]

S = TypeVar("S", bound="Scenario")

TAXPAYERS: tuple[str, ...] = tuple(tax_number(ordinal) for ordinal in (1, 2, 3))
"""The three taxpayers of the demo."""


class Where(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which slices a rule is about; an empty field matches everything."""

    taxpayer_no: str = ""
    invoice_month: str = ""
    """``yyyymm``."""
    type: str = ""
    """The vendor's own type code."""
    direction: str = ""
    """``input`` or ``output``."""

    def covers(self, taxpayer_no: str, invoice_month: str, type: str, direction: str) -> bool:
        return (
            self.taxpayer_no in ("", taxpayer_no)
            and self.invoice_month in ("", invoice_month)
            and self.type in ("", type)
            and self.direction in ("", direction)
        )


class Count(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many invoices the covered slices hold."""

    count: int


FaultKind = Literal[
    "throttled",
    "unavailable",
    "status",
    "delay",
    "reset",
    "cut",
    "truncated",
    "html",
    "empty",
    "gbk",
    "success_text",
    "null_data",
]


class Fault(Where, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that goes wrong with requests: to which ones (operation and slice), to which of those, and what.

    Of the requests that match, in the order they arrive: the ones named by ``nth``, the ``first`` so many, every
    ``every``-th, and each with ``probability``. With none of the four: all of them.
    """

    kind: FaultKind
    """
    * ``throttled``: HTTP 429, with ``Retry-After`` where ``retry_after`` is set
    * ``unavailable``: HTTP 503; ``status``: the HTTP status in ``status``
    * ``delay``: answers properly, ``seconds`` later
    * ``reset``: the connection is reset instead of an answer
    * ``cut``: the connection ends in the middle of the announced body
    * ``truncated``: half of the body, properly announced
    * ``html``: HTTP 200 with a web page; ``empty``: HTTP 200 without a body
    * ``gbk``: the answer in GBK instead of UTF-8
    * ``success_text``: ``success`` as the text ``"true"``; ``null_data``: a success whose content is null
    """
    operation: str = ""
    """The vendor's simulator names its operations, ``login``, ``start``, ``status``, ``read``; empty = all."""
    page: int = 0
    """Only requests for this page (``read``)."""
    nth: tuple[int, ...] = ()
    """Ordinals from 1 among the matching requests."""
    first: int = 0
    every: int = 0
    probability: float = 0.0
    """0 … 1, drawn from the scenario's seed: the same number of requests meets the same faults."""
    retry_after: float | None = None
    """Seconds."""
    status: int = 500
    seconds: float = 1.0
    carried_out: bool = False
    """The request is carried out although its answer is lost (``reset``, ``html``, ``empty``, ``throttled`` …)."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every simulated vendor understands."""

    seed: int = 1
    """The truth, the jitter and the drawn faults follow from it."""
    taxpayers: tuple[str, ...] = TAXPAYERS
    """Taxpayer numbers the account may collect."""

    volume: int = 120
    """Invoices of an average taxpayer, month and direction, where ``uniform`` and ``counts`` say nothing. Like in real
    ledgers two types hold most of them and most slices are empty."""
    uniform: int | None = None
    """Exactly so many invoices in every slice that can have any."""
    counts: tuple[Count, ...] = ()
    """Exceptions, the last one that covers a slice holds."""

    intra_group: int = 0
    """The first so many invoices that a taxpayer buys are those that the taxpayer before it in ``taxpayers`` sells."""

    latency: float = 0.0
    """Seconds before every answer."""
    jitter: float = 0.0
    """Up to so many seconds more, drawn from the seed."""

    faults: tuple[Fault, ...] = ()
    """The first that hits a request happens to it."""

    max_concurrency: int = 0
    """Requests of one account answered at once; more get HTTP 429 and are reported. 0 = no limit."""
    requests_per_second: dict[str, float] = {}
    """Operation, or path → allowed rate per account; faster ones get HTTP 429 and are reported."""
    rate_tolerance: float = 0.25
    """Seconds by which a request may arrive early: schedulers and networks jitter."""

    cache_megabytes: int = 256
    """Rendered pages kept in memory."""

    def fixed_count(self, taxpayer_no: str, invoice_month: str, type: str, direction: str) -> int | None:
        """The number of invoices that ``counts`` or ``uniform`` give a slice, None where the mix decides."""
        for rule in reversed(self.counts):
            if rule.covers(taxpayer_no, invoice_month, type, direction):
                return rule.count
        return self.uniform

    def seller_of(self, taxpayer_no: str, index: int) -> str | None:
        """The taxpayer of the group that sells this one its ``index``-th invoice, None where a stranger does."""
        place = self._place(taxpayer_no, index)
        return self.taxpayers[place - 1] if place > 0 else None

    def buyer_of(self, taxpayer_no: str, index: int) -> str | None:
        """The taxpayer of the group that buys this one's ``index``-th invoice, None where a stranger does."""
        place = self._place(taxpayer_no, index)
        return self.taxpayers[place + 1] if 0 <= place < len(self.taxpayers) - 1 else None

    def _place(self, taxpayer_no: str, index: int) -> int:
        if index >= self.intra_group or taxpayer_no not in self.taxpayers:
            return -1
        return self.taxpayers.index(taxpayer_no)

    def delay(self, request: int) -> float:
        """Seconds before the answer to the ``request``-th request."""
        return self.latency + (self.jitter * uniform(self.seed, "jitter", request) if self.jitter else 0.0)


def read_scenario(kind: type[S], path: Path) -> S:
    """A scenario from a JSON file.

    :raises ConfigurationError: no such file, not JSON, unknown or mistyped fields; the text names the field.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as problem:
        raise ConfigurationError(f"The scenario {path} cannot be read: {problem.strerror}.") from problem
    except msgspec.DecodeError as problem:
        raise ConfigurationError(
            f"The scenario {path} is not valid: {problem}.", advice=f"The fields are those of {kind.__name__}."
        ) from problem
