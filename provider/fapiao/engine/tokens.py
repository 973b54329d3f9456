"""When a token is used, renewed early, or no longer worth sending."""

from __future__ import annotations

from fapiao.engine.account_state import FreshToken, StoredToken
from fapiao.redaction import register
from fapiao.wire import Token

__all__ = ["CLAIM", "POSTPONED", "REFUSAL_KEPT", "RENEWAL_POLL", "received", "usable"]

MARGIN = 60.0
"""Seconds before its end from which a token is not used: the request needs time, and clocks differ."""
SHORTEST_LIFE = 60.0
"""A token is used at least so long, whatever its end says: a skewed clock must not make every request log in. One that
has really expired is answered with REAUTHORIZE."""
UNKNOWN_LIFE = 24 * 3600.0
CLAIM = 60.0
"""Seconds for which one process alone may log in."""
RENEWAL_POLL = 0.25
"""Seconds between two looks for the token another process is logging in for."""
POSTPONED = 60.0
"""Seconds until an early renewal is tried again after it failed, or while another process is at it."""
REFUSAL_KEPT = 300.0
"""Seconds for which refused credentials are not tried again by this driver: vendors lock accounts."""


def received(token: Token, now: float) -> FreshToken:
    """What is stored of a token received at ``now``; the token is masked from here on."""
    register(token.value.reveal())
    ends = [UNKNOWN_LIFE] if token.expires_at is None and token.lifetime is None else []
    if token.expires_at is not None:
        ends.append(token.expires_at - now)
    if token.lifetime is not None:
        ends.append(token.lifetime)
    life = min(ends)
    life = max(life - min(MARGIN, life / 10), SHORTEST_LIFE)
    renew = life if token.renew_after is None else min(life, max(token.renew_after, SHORTEST_LIFE))
    return FreshToken(value=token.value, expires_at=now + life, renew_at=now + renew)


def usable(token: StoredToken | None, failed_version: int | None, now: float) -> bool:
    """Whether it is valid and not the one (or older than the one) that the vendor has just refused."""
    return token is not None and now < token.expires_at and (failed_version is None or token.version > failed_version)
