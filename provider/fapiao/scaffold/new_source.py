"""Writes the distribution of a new source: entry points, flows, simulator, samples, tests, continuous integration."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from fapiao.errors import ConfigurationError

__all__ = ["new_source", "rendered"]

_NAME = re.compile(r"[a-z][a-z0-9]*\Z")
_LONGEST = 20
_ENDING = ".tmpl"
_PLACES = {"gitignore": ".gitignore", "github/test.yml": ".github/workflows/test.yml"}
"""Files whose names begin with a dot where they are going to."""
_FOREIGN = frozenset(
    [
        "airflow",
        "aws",
        "docker",
        "email",
        "fapiao",
        "fs",
        "ftp",
        "generic",
        "git",
        "http",
        "https",
        "imap",
        "mongo",
        "mssql",
        "mysql",
        "odbc",
        "oracle",
        "postgres",
        "redis",
        "s3",
        "sftp",
        "slack",
        "smtp",
        "sqlite",
        "ssh",
        "test",
        "wasb",
    ]
)
"""Names that mean something else to Airflow: a source's name becomes a connection type."""


def new_source(name: str, directory: Path, taken: Collection[str] = ()) -> list[Path]:
    """Write the distribution of the source ``name`` into ``directory``, which must be empty or not there yet.

    :param taken: names of the sources that there are.
    :returns: the files, relative to the directory.
    :raises ConfigurationError: the name or the place will not do; nothing is written then.
    """
    _check_name(name, taken)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigurationError(
            f"{directory} exists and is not an empty folder.",
            advice="Name another place with --directory; nothing is ever overwritten.",
        )
    made = []
    try:
        for place, text in rendered(name):
            path = directory / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            made.append(Path(place))
    except OSError as problem:
        raise ConfigurationError(
            f"{problem.filename or directory} cannot be written: {problem.strerror}.",
            advice="Name a place with --directory where you may write.",
        ) from None
    return made


def rendered(name: str) -> Iterator[tuple[PurePosixPath, str]]:
    """Every file of the distribution: where it goes, and its text."""
    for place, text in _templates(files("fapiao.scaffold") / "template", PurePosixPath()):
        told = str(place).removesuffix(_ENDING)
        yield PurePosixPath(_named(_PLACES.get(told, told), name)), _named(text, name)


def _templates(folder: Any, place: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _templates(entry, place / entry.name)
        elif entry.name.endswith(_ENDING):
            yield place / entry.name, entry.read_text("utf-8")


def _named(text: str, name: str) -> str:
    return text.replace("acme", name).replace("Acme", name.capitalize())


def _check_name(name: str, taken: Collection[str]) -> None:
    rule = "It is made of lower-case letters and digits, begins with a letter, and has at most 20 characters."
    if not _NAME.match(name):
        likely = re.sub(r"[^a-z0-9]", "", name.lower()).lstrip("0123456789")[:_LONGEST]
        hint = f" Perhaps: {likely}." if likely else ""
        raise ConfigurationError(f"{name[:60]!r} cannot be the name of a source.", advice=f"{rule}{hint}")
    if len(name) > _LONGEST:
        raise ConfigurationError(f"The name {name[:60]!r} has {len(name)} characters.", advice=rule)
    if name in taken:
        raise ConfigurationError(
            f"A source named {name!r} is installed already.",
            advice="Choose another name: 'fapiao sources' shows those that there are.",
        )
    if name in _FOREIGN:
        raise ConfigurationError(
            f"The name {name!r} means something else to Airflow.",
            advice="A source's name becomes a connection type: choose the vendor's own name.",
        )
