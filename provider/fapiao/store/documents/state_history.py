"""How a document's state went: what was said when, folded at each moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from fapiao.invoices.folding import Observation, fold
from fapiao.invoices.model import Invoice

__all__ = ["Sighted", "state_history", "state_source"]


class Sighted(msgspec.Struct, frozen=True, gc=False):
    """One statement about a document, and when it was met."""

    source: str
    api: str
    invoice: Invoice
    times: Collection[float]
    """Epoch seconds, not empty."""


def state_history(
    said: Sequence[Sighted], times: Sequence[float] | None = None, last: str | None = None
) -> Iterator[tuple[str, str | None, Observation]]:
    """Each state the document came into, as the vendor wrote it, and whose word it is.

    :param times: the moments to look at, ascending; all at which something was said, without them.
    :param last: the state it was in before.
    """
    for at in sorted({at for one in said for at in one.times}) if times is None else times:
        then = [
            Observation(
                source=one.source,
                api=one.api,
                observed_at=max(met for met in one.times if met <= at),
                invoice=one.invoice,
            )
            for one in said
            if min(one.times) <= at
        ]
        invoice = fold(then).invoice
        if invoice.state != last:
            last = invoice.state
            yield invoice.state, invoice.state_raw, state_source(then, invoice.state)


def state_source(said: Sequence[Observation], state: str) -> Observation:
    """Whose word the state is: the newest observation that states it."""
    return max(said, key=lambda part: (part.invoice.state == state, part.observed_at, part.source))
