"""All checks of the kit, by group."""

from __future__ import annotations

from fapiao.testing.conformance import (
    counting,
    declaration,
    failing,
    host,
    limits,
    live,
    normalising,
    paging,
    sans_io,
    secrecy,
    signing,
    stepping,
)
from fapiao.testing.conformance.check import Check

__all__ = ["CHECKS"]


def _in_order(*parts: tuple[Check, ...]) -> list[Check]:
    return sorted((check for part in parts for check in part), key=lambda check: check.id)


CHECKS: tuple[Check, ...] = (
    *declaration.CHECKS,
    *_in_order(sans_io.CHECKS, stepping.CHECKS),
    *_in_order(paging.CHECKS, counting.CHECKS),
    *failing.CHECKS,
    *signing.CHECKS,
    *secrecy.CHECKS,
    *normalising.CHECKS,
    *limits.CHECKS,
    *host.CHECKS,
    *live.CHECKS,
)
