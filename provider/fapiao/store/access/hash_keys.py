"""The key that personal data is hashed with. It stands nowhere in the database, so that nobody who has only that can try values.

It comes from ``FAPIAO_HASH_KEY``, from the file that ``FAPIAO_HASH_KEY_FILE`` names, or from whoever opens the database (in Airflow
a connection). Any text of 32 characters and more will do. One database has one key for good: with another one equal values would
not be equal any more.
"""

from __future__ import annotations

from collections.abc import Mapping

from fapiao.errors import ConfigurationError
from fapiao.redaction import register
from fapiao.store.access.key_sources import key_of_environment

__all__ = ["HASH_FILE_VARIABLE", "HASH_VARIABLE", "HashKey"]

HASH_VARIABLE = "FAPIAO_HASH_KEY"
HASH_FILE_VARIABLE = "FAPIAO_HASH_KEY_FILE"
"""Where a secret is mounted as a file: a Kubernetes or Docker secret, a systemd credential."""
SHORTEST = 32
"""Characters. A shorter text may be guessed, and with it every identity number."""
MAKE = "python -c 'import secrets; print(secrets.token_hex(32))'"


class HashKey:
    """A key, or none."""

    def __init__(self, text: str = "", origin: str = HASH_VARIABLE) -> None:
        """:param text: the key; empty for none.
        :param origin: where it comes from, for errors.

        :raises ConfigurationError: it is too short. The text itself is never quoted.
        """
        key = text.strip()
        register(key)
        if key and len(key) < SHORTEST:
            raise ConfigurationError(
                f"The key in {origin} has {len(key)} characters, which can be guessed.",
                advice=f"Make one of at least {SHORTEST} with {MAKE}.",
            )
        self.secret = key.encode()
        self.origin = origin

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> HashKey:
        """The key in ``FAPIAO_HASH_KEY``, else in the file that ``FAPIAO_HASH_KEY_FILE`` names; none where neither is set.

        :raises ConfigurationError: the file cannot be read, or holds no key.
        """
        return key_of_environment(
            cls,
            HASH_VARIABLE,
            HASH_FILE_VARIABLE,
            named="key that personal data is hashed with",
            make=MAKE,
            environ=environ,
        )

    def __bool__(self) -> bool:
        return bool(self.secret)

    def __repr__(self) -> str:
        return f"HashKey({'***' if self else ''})"
