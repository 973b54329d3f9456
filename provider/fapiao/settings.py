"""What a connection may set: the fields every connection knows, and the reading of a vendor's own fields."""

from __future__ import annotations

import re
from typing import Any

from fapiao.connection import Connection
from fapiao.errors import ConfigurationError
from fapiao.spec import Descriptor, Field

__all__ = ["COMMON_FIELDS", "read_settings"]

COMMON_FIELDS = (
    Field(
        name="requests_per_second",
        title="Requests per second",
        kind="number",
        help="Overrides the quota declared for every path; 0 = unlimited. Empty: the vendor's defaults.",
    ),
    Field(
        name="max_concurrency",
        title="Requests at once",
        kind="integer",
        help="How many requests of this account may be under way at once, over all processes.",
    ),
    Field(name="timeout", title="Timeout (seconds)", kind="number", default=60.0, help="Longest wait for one answer."),
    Field(name="verify_tls", title="Verify TLS", kind="boolean", default=True, help="Off only for a test server."),
    Field(
        name="start_grace",
        title="Start grace (seconds)",
        kind="number",
        default=60.0,
        help="How long a start whose answer was lost is looked for before it is sent again.",
    ),
    Field(
        name="minimum_job_age",
        title="Minimum job age (seconds)",
        kind="number",
        default=300.0,
        help="A 'finished' that may belong to an earlier job is believed once the job was started so long ago.",
    ),
    Field(
        name="console_url",
        title="Web console",
        help="Where people look at the vendor's jobs; tasks link to it. Empty: the vendor's usual one, if there is one.",
    ),
)

_WEB = re.compile(r"https?://[^\s@/?#]+(?:[/?#]\S*)?")
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_MINIMUM = {"max_concurrency": 1, "timeout": 0.001, "requests_per_second": 0, "start_grace": 0, "minimum_job_age": 0}


def read_settings(descriptor: Descriptor, connection: Connection) -> dict[str, Any]:
    """The ``extra`` of a connection: typed, validated, defaults filled in; unknown keys are refused by name.

    Airflow's form stores everything as text and may leave empty strings; both are accepted.

    :raises ConfigurationError: lists everything that is missing or wrong at once.
    """
    fields = [*descriptor.fields, *COMMON_FIELDS]
    known = {field.name for field in fields if field.place == "extra"}
    wrong = [f"the setting {name!r} is not known" for name in sorted(set(connection.extra) - known)]
    settings: dict[str, Any] = {}
    for field in fields:
        if field.place != "extra":
            present = {"host": connection.host, "login": connection.login, "password": connection.password}[field.place]
            if field.required and not present:
                wrong.append(f"{field.place} ({field.title}) is missing")
            continue
        value = connection.extra.get(field.name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if field.required:
                wrong.append(f"extra.{field.name} ({field.title}) is missing")
            settings[field.name] = field.default
            continue
        try:
            settings[field.name] = _typed(field, value)
        except ValueError as problem:
            wrong.append(f"extra.{field.name} {problem}")
    if settings["console_url"] and not _WEB.fullmatch(str(settings["console_url"])):
        wrong.append("extra.console_url must be a web address without a user in it")
    if wrong:
        raise ConfigurationError(
            f"The connection {connection.conn_id} cannot be used: {'; '.join(wrong)}.",
            source=descriptor.name,
            advice=f"Known settings in extra: {', '.join(sorted(known))}.",
        )
    return settings


def _typed(field: Field, value: Any) -> Any:
    text = value.strip() if isinstance(value, str) else value
    try:
        if field.kind == "integer":
            typed: Any = int(text)
            if isinstance(text, float) and text != typed:
                raise ValueError
        elif field.kind == "number":
            typed = float(text)
        elif field.kind == "boolean":
            word = str(text).lower()
            if word not in _TRUE | _FALSE:
                raise ValueError
            typed = word in _TRUE
        else:
            typed = str(text)
    except (TypeError, ValueError):
        kind = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}[field.kind]
        raise ValueError(f"must be {kind}") from None
    least = _MINIMUM.get(field.name)
    if least is not None and not typed >= least:
        raise ValueError(f"must be at least {least}")
    return typed
