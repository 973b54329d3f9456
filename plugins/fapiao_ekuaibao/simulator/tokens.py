"""Access tokens: given out by a login, good for a time or a number of requests."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from fapiao_ekuaibao.simulator.scenario import EkuaibaoScenario

__all__ = ["TokenOffice"]


class _Issued:
    __slots__ = ("expires_at", "refresh", "requests")

    def __init__(self, expires_at: float, refresh: str) -> None:
        self.expires_at = expires_at
        self.refresh = refresh
        self.requests = 0


class TokenOffice:
    """Gives out tokens and knows which are still good. Tokens hold ``:`` and ``$``, as the vendor's do."""

    def __init__(self, scenario: EkuaibaoScenario, clock: Callable[[], float]) -> None:
        self._scenario = scenario
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, _Issued] = {}

    @property
    def given_out(self) -> tuple[str, ...]:
        """Every token so far, for tests that search logs for them."""
        with self._lock:
            return tuple(self._issued)

    def issue(self) -> tuple[str, str, int]:
        """(access token, refresh token, expiry in epoch milliseconds)."""
        token = f"{self._scenario.corp_id}:{secrets.token_urlsafe(18)}$0"
        refresh = f"{self._scenario.corp_id}:{secrets.token_urlsafe(18)}$1"
        with self._lock:
            if self._scenario.one_token:
                for issued in self._issued.values():
                    issued.expires_at = 0.0
            expires_at = self._clock() + self._scenario.token_seconds
            self._issued[token] = _Issued(expires_at, refresh)
        return token, refresh, int(expires_at * 1000)

    def use(self, token: str) -> str | None:
        """None where the token is good for one more request, else why not."""
        with self._lock:
            issued = self._issued.get(token)
            if issued is None:
                return "unknown"
            if self._clock() >= issued.expires_at:
                return "expired"
            issued.requests += 1
            if 0 < self._scenario.token_requests < issued.requests:
                return "expired"
            return None

    def refresh(self, token: str, refresh: str) -> bool:
        """Ends a token that has not expired by itself; both tokens change with a refresh."""
        with self._lock:
            issued = self._issued.get(token)
            if issued is None or issued.refresh != refresh or self._clock() >= issued.expires_at:
                return False
            issued.expires_at = 0.0
            return True
