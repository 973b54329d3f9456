"""Group G: what a run costs the vendor, and this machine."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from fapiao.engine.quota import LATE
from fapiao.errors import FapiaoError
from fapiao.spec import Quota
from fapiao.testing.conformance.check import Breach, Check, NotApplicable
from fapiao.testing.conformance.conversation import Sent
from fapiao.testing.conformance.hand import play
from fapiao.testing.conformance.kit import Kit
from fapiao.testing.conformance.tour import Visit, tour_of
from fapiao.testing.numbering import tax_number

__all__ = ["CHECKS"]

_WARM, _PAGES = 60, 1_000
_PER_PAGE = 100
"""Bytes by which memory may grow for each page: caches that fill up have done so before."""


def quotas(kit: Kit) -> Iterator[Breach]:
    conversation = tour_of(kit).conversation
    declared = conversation.source.descriptor.quotas
    if not declared and not kit.limits:
        raise NotApplicable("neither the plugin nor the kit declares a quota")
    for quota in declared:
        if not any(sent.request.path.startswith(quota.path) for sent in conversation.sent):
            yield Breach(
                "describe",
                f"no request of the conversation begins with the path {quota.path!r}, which has a quota",
                "write the quota's path as the requests do, or extend what the kit declares so that it is used",
            )
    for limit, others in [(quota, declared) for quota in declared] + [
        (quota, tuple(kit.limits)) for quota in kit.limits
    ]:
        own = [sent.at for sent in conversation.sent if _falls_under(sent, limit, others)]
        gaps = [later - earlier for earlier, later in pairwise(own)]
        if gaps and limit.requests_per_second and min(gaps) < 1 / limit.requests_per_second - 2 * LATE:
            yield Breach(
                "describe",
                f"requests to {limit.path or 'the vendor'} leave {min(gaps):.3f} s apart; {limit.requests_per_second:g} per second "
                "are allowed",
                "declare a Quota for every path that the vendor limits",
            )


def memory(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    source, account = tour.conversation.source, tour.conversation.account
    if not tour.reads:
        raise NotApplicable("the source reads no pages")
    visit = min(tour.reads, key=lambda read: len(read.page.records)).visit
    records = [(sample.record, sample.context(kit)) for sample in kit.samples[:1]]

    def read(number: int) -> None:
        play(source, account, _of_taxpayer(visit, tax_number(number)))
        for record, context in records:
            try:
                source.normalize(record, msgspec.structs.replace(context, taxpayer_no=tax_number(number)))
            except FapiaoError:
                pass  # F1 says so

    # A flow may ask for several of the vendor's pages.
    reads = -(-_PAGES // max(1, len(visit.answers)))
    for number in range(_WARM):
        read(number)
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(_WARM, _WARM + reads):
            read(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    if grown > _PAGES * _PER_PAGE:
        yield Breach(
            "read_page",
            f"memory grows by {grown:,} bytes over {_PAGES:,} pages",
            "keep nothing of a page on the plugin object or in a module; give every cache a bound",
        )


def cost(kit: Kit) -> Iterator[Breach]:
    reads = tour_of(kit).reads
    records = sum(len(read.page.records) for read in reads)
    if not records:
        raise NotApplicable("the source reads no pages")
    measured = round(1_000 * sum(len(read.visit.requests) for read in reads) / records)
    if kit.requests_per_thousand is None:
        yield Breach(
            "kit", f"it does not pin its cost, which is {measured}", f"declare requests_per_thousand={measured}"
        )
    elif measured != kit.requests_per_thousand:
        yield Breach(
            "read_page",
            f"1,000 records cost {measured} requests, {kit.requests_per_thousand} are pinned",
            "explain the change, then pin the new number; vendors bill by call",
        )


def _falls_under(sent: Sent, limit: Quota, others: Sequence[Quota]) -> bool:
    """Whether no longer path among the limits has the request."""
    path = sent.request.path
    finer = any(len(other.path) > len(limit.path) and path.startswith(other.path) for other in others)
    return path.startswith(limit.path) and not finer


def _of_taxpayer(visit: Visit, taxpayer_no: str) -> Visit:
    errand = visit.errand
    changes: dict[str, Any] = {}
    if errand.slice is not None:
        changes["slice"] = msgspec.structs.replace(errand.slice, taxpayer_no=taxpayer_no)
    if errand.listing is not None:
        changes["listing"] = msgspec.structs.replace(errand.listing, taxpayer_no=taxpayer_no)
    return msgspec.structs.replace(visit, errand=msgspec.structs.replace(errand, **changes))


CHECKS = (
    Check(
        id="G1",
        title="The vendor's limits are declared for the paths that are used, and kept in simulated time.",
        examine=quotas,
    ),
    Check(id="G2", title="Memory stays flat over 1,000 pages.", examine=memory),
    Check(id="G3", title="What 1,000 records cost is pinned.", examine=cost),
)
