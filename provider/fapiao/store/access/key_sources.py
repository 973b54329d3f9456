"""Where a key outside the database is looked for: a variable, else the file that another variable names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from fapiao.errors import ConfigurationError

__all__ = ["key_of_environment"]


class _Key(Protocol):
    def __init__(self, text: str = ..., origin: str = ...) -> None: ...

    def __bool__(self) -> bool: ...


K = TypeVar("K", bound=_Key)


def key_of_environment(
    kind: type[K], variable: str, file_variable: str, *, named: str, make: str, environ: Mapping[str, str] | None = None
) -> K:
    """The key in ``variable``, else in the file that ``file_variable`` names; none (false) where neither is set.

    :param named: what the key is, for errors: "key for raw answers".
    :param make: the command that makes one.

    :raises ConfigurationError: the file cannot be read, or holds no key: nothing is stored plain by mistake.
    """
    environ = os.environ if environ is None else environ
    if environ.get(variable):
        return kind(environ[variable])
    path = environ.get(file_variable)
    if not path:
        return kind()
    origin = f"the file {path} ({file_variable})"
    try:
        key = kind(Path(path).read_text("utf-8"), origin)
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not text"
        raise ConfigurationError(
            f"The {named} cannot be read from {origin}: {reason}.", advice="Check the path and its rights."
        ) from None
    if not key:
        raise ConfigurationError(f"There is no key in {origin}.", advice=f"Make one with {make}.")
    return key
