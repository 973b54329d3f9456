"""Raw answers at rest: plain, or encrypted with keys of the operator's own. What is stored says itself which it is.

The keys are Fernet keys, comma-separated: the first one encrypts, all of them decrypt, so a key is replaced by putting the
new one in front. Rows written before there was a key, and with older keys, stay readable. They come from ``FAPIAO_RAW_KEY``,
from the file that ``FAPIAO_RAW_KEY_FILE`` names, or from whoever opens the database (in Airflow a connection).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from fapiao.errors import ConfigurationError, StoreError
from fapiao.redaction import register
from fapiao.store.access.key_sources import key_of_environment

__all__ = ["FILE_VARIABLE", "VARIABLE", "RawKeys", "is_sealed", "is_sealed_text"]

VARIABLE = "FAPIAO_RAW_KEY"
FILE_VARIABLE = "FAPIAO_RAW_KEY_FILE"
"""Where a secret is mounted as a file: a Kubernetes or Docker secret, a systemd credential."""
_MARK = b"fapiao:fernet:"
"""Stands before the token's bytes. A zlib stream never begins with ``f``: its first byte names method and window."""
_TEXT_MARK = '{"fapiao_encrypted":"'
_TEXT_END = '"}'
_MAKE = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


def is_sealed(stored: bytes) -> bool:
    """Whether stored bytes are encrypted."""
    return stored.startswith(_MARK)


def is_sealed_text(stored: str) -> bool:
    """Whether stored JSON text is encrypted."""
    return stored.startswith(_TEXT_MARK)


class RawKeys:
    """Seals and opens what is kept of answers. Without keys everything is stored plain."""

    def __init__(self, text: str = "", origin: str = VARIABLE) -> None:
        """:param text: Fernet keys, comma-separated; empty for none.
        :param origin: where they come from, for errors.

        :raises ConfigurationError: one of them is no Fernet key. The text itself is never quoted.
        """
        keys: list[Fernet] = []
        for place, key in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
            register(key)
            try:
                keys.append(Fernet(key))
            except ValueError:
                raise ConfigurationError(
                    f"Key {place} in {origin} is not a Fernet key.", advice=f"Make one with {_MAKE}."
                ) from None
        self._fernet = MultiFernet(keys) if keys else None
        self._origin = origin

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> RawKeys:
        """The keys in ``FAPIAO_RAW_KEY``, else in the file that ``FAPIAO_RAW_KEY_FILE`` names; none where neither is set.

        :raises ConfigurationError: the file cannot be read, or holds no key: nothing is stored plain by mistake.
        """
        return key_of_environment(
            cls, VARIABLE, FILE_VARIABLE, named="key for raw answers", make=_MAKE, environ=environ
        )

    def __bool__(self) -> bool:
        return self._fernet is not None

    def __repr__(self) -> str:
        return f"RawKeys({'***' if self else ''})"

    def seal(self, data: bytes) -> bytes:
        """What to store for ``data``: itself where there is no key."""
        if self._fernet is None:
            return data
        return _MARK + base64.urlsafe_b64decode(self._fernet.encrypt(data))

    def open(self, stored: bytes, what: str) -> bytes:
        """What was given to :meth:`seal`. ``what`` names it for the error: ``page 12``.

        :raises StoreError: it is encrypted, and no key that is here fits.
        """
        if not stored.startswith(_MARK):
            return stored
        return self._decrypted(base64.urlsafe_b64encode(stored[len(_MARK) :]), what)

    def seal_text(self, text: str) -> str:
        """Like :meth:`seal` for JSON text; what is stored is JSON too."""
        if self._fernet is None:
            return text
        return f"{_TEXT_MARK}{self._fernet.encrypt(text.encode()).decode()}{_TEXT_END}"

    def open_text(self, stored: str, what: str) -> str:
        """What was given to :meth:`seal_text`."""
        if not stored.startswith(_TEXT_MARK):
            return stored
        return self._decrypted(stored[len(_TEXT_MARK) : -len(_TEXT_END)].encode(), what).decode()

    def _decrypted(self, token: bytes, what: str) -> bytes:
        if self._fernet is None:
            raise StoreError(
                f"The raw of {what} is encrypted and there is no key: {VARIABLE} is not set.",
                advice=f"Set {VARIABLE} (or {FILE_VARIABLE}) to the key it was written with.",
            )
        try:
            return self._fernet.decrypt(token)
        except InvalidToken:
            raise StoreError(
                f"The raw of {what} is encrypted with a key that is not in {self._origin}, or it is damaged.",
                advice=f"Add the key it was written with to {self._origin}, behind the current one and a comma.",
            ) from None
