"""How a driver behaves: timeouts, limits, tries, quota."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.wire import Account

__all__ = ["DriverSettings"]

MIB = 1024 * 1024
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


class DriverSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds, sizes in bytes."""

    connect_timeout: float = 10.0
    timeout: float = 60.0
    """Longest silence of the vendor while an answer is awaited or read."""
    verify_tls: bool = True
    max_response_bytes: int = 64 * MIB
    """Limit of one answer after decompression."""
    max_attempts: int = 5
    """How often one logical request is sent in all; the one resend after a new login is not counted."""
    longest_wait: float = 60.0
    """A vendor that wants a longer pause gets ``VendorBusy``: the caller waits, not the driver."""
    requests_per_second: float | None = None
    """Overrides every quota the plugin declares: one rate for all calls of the account. 0 = unlimited."""
    max_concurrency: int | None = None
    """Requests under way at once, over all processes. None: what the plugin declares."""

    @property
    def total_timeout(self) -> float:
        """Longest time for one attempt, a slowly dripping answer included."""
        return self.connect_timeout + 2 * self.timeout

    @classmethod
    def from_account(cls, account: Account) -> DriverSettings:
        """The settings every connection knows: ``timeout``, ``verify_tls``, ``requests_per_second``, ``max_concurrency``.

        Text is accepted (a connection form stores nothing else).

        :raises ConfigurationError: a value of the wrong kind; the sentence names the setting.
        """
        found: dict[str, Any] = {}
        for name, (read, wanted) in _READERS.items():
            value = account.settings.get(name)
            if value is None or value == "":
                continue
            try:
                found[name] = read(value)
            except (TypeError, ValueError):
                raise ConfigurationError(
                    f"The setting {name!r} of the connection must be {wanted}.",
                    source=account.source,
                    advice=f"Correct {name!r} in the connection's extra.",
                ) from None
        return cls(**found)


def _rate(value: Any) -> float:
    number = float(value)
    if not (math.isfinite(number) and number >= 0) or isinstance(value, bool):
        raise ValueError
    return number


def _duration(value: Any) -> float:
    number = _rate(value)
    if not number:
        raise ValueError
    return number


def _count(value: Any) -> int:
    number = int(value)
    if number < 1 or number != float(value) or isinstance(value, bool):
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


_READERS: dict[str, tuple[Any, str]] = {
    "timeout": (_duration, "a number of seconds above 0"),
    "verify_tls": (_switch, "true or false"),
    "requests_per_second": (_rate, "a number, 0 for unlimited"),
    "max_concurrency": (_count, "a whole number above 0"),
}
