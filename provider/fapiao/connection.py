"""How to reach a vendor account: the value behind an Airflow connection, the environment or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.wire import Secret

__all__ = ["Connection"]


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What an Airflow connection holds, without Airflow. The password is a :class:`~fapiao.wire.Secret`."""

    conn_id: str
    """How messages name it: an Airflow connection id, an environment variable, a file."""
    host: str = ""
    schema: str = ""
    """``http`` or ``https``, where the host does not say it."""
    port: int | None = None
    login: str = ""
    password: Secret = Secret("")
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str | bytes, *, conn_id: str) -> Connection:
        """The JSON form of an Airflow connection: ``{"host", "login", "password", "extra": {…}}``.

        :raises ConfigurationError: not JSON, or a field of the wrong type. The text itself is never quoted: it holds
            the password.
        """
        try:
            document = msgspec.json.decode(text, type=_Document)
            extra = document.extra
            if isinstance(extra, str):
                extra = msgspec.json.decode(extra, type=dict[str, Any]) if extra.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            detail = str(problem) if isinstance(problem, msgspec.ValidationError) else "it is not JSON"
            raise ConfigurationError(
                f"The connection in {conn_id} cannot be read: {detail}.",
                advice='Give it as {"host": "https://…", "login": "…", "password": "…", "extra": {…}}.',
            ) from None
        return cls(
            conn_id=conn_id,
            host=document.host or "",
            schema=document.schema or "",
            port=document.port,
            login=document.login or "",
            password=Secret(document.password or ""),
            extra=extra or {},
        )

    @classmethod
    def from_uri(cls, uri: str, *, conn_id: str) -> Connection:
        """The URI form of an Airflow connection: ``ekuaibao://login:password@https%3A%2F%2Fhost/?corp_id=…``."""
        parts = urlsplit(uri)
        try:
            port = parts.port
        except ValueError:
            raise ConfigurationError(
                f"The connection in {conn_id} has a port that is not a number.", advice="Correct the URI."
            ) from None
        extra: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
        if "__extra__" in extra:
            extra = msgspec.json.decode(extra["__extra__"], type=dict[str, Any])
        return cls(
            conn_id=conn_id,
            host=unquote(parts.hostname or ""),
            schema=unquote(parts.path.strip("/")),
            port=port,
            login=unquote(parts.username or ""),
            password=Secret(unquote(parts.password or "")),
            extra=extra,
        )

    @classmethod
    def from_environment(cls, source: str, environ: Mapping[str, str] | None = None) -> Connection:
        """``FAPIAO_CONN_<SOURCE>``, or ``AIRFLOW_CONN_<SOURCE>`` and ``AIRFLOW_CONN_<SOURCE>_DEFAULT``: JSON or URI.

        :raises ConfigurationError: none of them is set; the sentence names them.
        """
        environ = os.environ if environ is None else environ
        names = [
            f"FAPIAO_CONN_{source.upper()}",
            f"AIRFLOW_CONN_{source.upper()}",
            f"AIRFLOW_CONN_{source.upper()}_DEFAULT",
        ]
        for name in names:
            text = environ.get(name, "").strip()
            if text:
                return cls.from_json(text, conn_id=name) if text.startswith("{") else cls.from_uri(text, conn_id=name)
        raise ConfigurationError(
            f"No credentials for {source}: the environment has neither {names[0]} nor {names[1]}.",
            source=source,
            advice=f"Set {names[0]} to the JSON of a connection, or give --connection FILE.",
        )

    @classmethod
    def from_file(cls, path: Path) -> Connection:
        """A file with the JSON form. :raises ConfigurationError: it is missing or cannot be read."""
        try:
            text = path.read_bytes()
        except OSError as problem:
            raise ConfigurationError(
                f"The connection file {path} cannot be read: {problem.strerror}.",
                advice="Check the path and its rights.",
            ) from None
        return cls.from_json(text, conn_id=str(path))

    def base_url(self, default: str) -> str:
        """Scheme, host and port without a trailing slash; ``default`` where the connection names no host.

        :raises ConfigurationError: the host is not one.
        """
        text = (self.host or "").strip()
        if not text:
            return default.rstrip("/")
        if "://" not in text:
            text = f"{self.schema or 'https'}://{text}"
        parts = urlsplit(text)
        try:
            port = parts.port or self.port
        except ValueError:
            port = None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ConfigurationError(
                f"The host of the connection {self.conn_id} is not a web address.",
                advice="Write it as https://host or https://host:port.",
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


class _Document(msgspec.Struct):
    conn_type: str | None = None
    description: str | None = None
    host: str | None = None
    schema: str | None = None
    port: int | None = None
    login: str | None = None
    password: str | None = None
    extra: dict[str, Any] | str | None = None
