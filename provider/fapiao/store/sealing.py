"""Raw answers at rest: plain, or encrypted with keys of the operator's own. What is stored says itself which it is.

The keys are Fernet keys (``FAPIAO_RAW_KEY``, comma-separated): the first one encrypts, all of them decrypt, so a key is
replaced by putting the new one in front. Rows written before there was a key, and with older keys, stay readable.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from fapiao.errors import ConfigurationError, StoreError
from fapiao.redaction import register

__all__ = ["VARIABLE", "RawKeys"]

VARIABLE = "FAPIAO_RAW_KEY"
_MARK = b"fapiao:fernet:"
"""Stands before the token's bytes. A zlib stream never begins with ``f``: its first byte names method and window."""
_TEXT_MARK = '{"fapiao_encrypted":"'
_TEXT_END = '"}'
_MAKE = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"


class RawKeys:
    """Seals and opens what is kept of answers. Without keys everything is stored plain."""

    def __init__(self, text: str = "") -> None:
        """:param text: Fernet keys, comma-separated; empty for none.

        :raises ConfigurationError: one of them is no Fernet key. The text itself is never quoted.
        """
        keys: list[Fernet] = []
        for place, key in enumerate(filter(None, (part.strip() for part in text.split(","))), 1):
            register(key)
            try:
                keys.append(Fernet(key))
            except ValueError:
                raise ConfigurationError(
                    f"Key {place} in {VARIABLE} is not a Fernet key.", advice=f"Make one with {_MAKE}."
                ) from None
        self._fernet = MultiFernet(keys) if keys else None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> RawKeys:
        """The keys in ``FAPIAO_RAW_KEY``; none where it is not set or empty."""
        return cls((os.environ if environ is None else environ).get(VARIABLE, ""))

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
                f"The raw of {what} is encrypted and {VARIABLE} is not set.",
                advice=f"Set {VARIABLE} to the key it was written with.",
            )
        try:
            return self._fernet.decrypt(token)
        except InvalidToken:
            raise StoreError(
                f"The raw of {what} is encrypted with a key that is not in {VARIABLE}, or it is damaged.",
                advice=f"Add the key it was written with to {VARIABLE}, behind the current one and a comma.",
            ) from None
