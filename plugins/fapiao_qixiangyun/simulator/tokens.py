"""Access tokens and request signatures, checked as the vendor's document describes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping

from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario

__all__ = ["TokenOffice", "md5"]


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


class TokenOffice:
    """Gives out tokens and knows which are still good."""

    def __init__(self, scenario: QixiangyunScenario, clock: Callable[[], float]) -> None:
        self._scenario = scenario
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, tuple[float, int]] = {}

    @property
    def given_out(self) -> tuple[str, ...]:
        """Every token so far, for tests that search logs for them."""
        with self._lock:
            return tuple(self._issued)

    def issue(self) -> str:
        token = f"tok.{secrets.token_urlsafe(24)}"
        with self._lock:
            self._issued[token] = (self._clock() + self._scenario.token_seconds, 0)
        return token

    def refusal(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str] | None:
        """(code, violation or "") for a request that is not signed as it must be, None where it is."""
        token, date, sign = (headers.get(name, "") for name in ("access_token", "req_date", "req_sign"))
        if not token:
            return "40100", "the header access_token is missing"
        with self._lock:
            known = self._issued.get(token)
            if known is None:
                return "40102", "an access token that was never given out"
            expires, used = known
            limit = self._scenario.token_requests
            if self._clock() >= expires or 0 < limit <= used:
                return "40101", ""
            self._issued[token] = (expires, used + 1)
        if not (date.isascii() and date.isdigit() and len(date) == 13):
            return "505018", "the header req_date is not 13 digits"
        if abs(int(date) / 1000 - self._clock()) > self._scenario.clock_skew:
            return "505018", "req_date is too far from now"
        plain = f"POST_{md5(body)}_{date}_{token}_{self._scenario.app_secret}"
        encoded = base64.b64encode(md5(plain.encode()).encode("ascii")).decode("ascii")
        if not hmac.compare_digest(f"API-SV1:{self._scenario.app_key}:{encoded}".encode(), sign.encode()):
            return "505019", "req_sign is not the signature of the body that came"
        return None
