"""Where files are archived: a folder, or any store that fsspec or Airflow's ``ObjectStoragePath`` speaks.

The name of a file is its content: ``<kind>/ab/cd/<sha256>.<kind>``. Writing the same file twice changes nothing, and a
file that is there under its name is whole: it gets that name only after its last byte.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from fapiao.errors import ConfigurationError, StoreError

__all__ = ["FolderPlace", "ObjectPlace", "Place", "place", "relative_name"]


class Place(Protocol):
    """Keeps files."""

    def keep(self, local: Path, name: str, size: int) -> str:
        """Store a copy of ``local`` under ``name`` unless a whole one is there; returns its URI.

        :raises StoreError: the place does not take it.
        """
        ...

    def holds(self, uri: str, size: int) -> bool:
        """Whether the file is still there, whole."""
        ...


def relative_name(kind: str, sha256: str) -> str:
    """The content-addressed name of a file."""
    return f"{kind}/{sha256[:2]}/{sha256[2:4]}/{sha256}.{kind}"


def place(target: object) -> Place:
    """A folder for a path, an object store for a URL (``s3://…``) or an ``ObjectStoragePath``.

    :raises ConfigurationError: the URL's kind of store is not installed.
    """
    if isinstance(target, Path) and not hasattr(target, "fs"):  # older object paths are a kind of Path, too
        return FolderPlace(target)
    if isinstance(target, str):
        text = target.strip()
        if not text:
            raise ConfigurationError(
                "The archive is empty.", advice="Give a folder or a URL such as s3://bucket/prefix."
            )
        if "://" not in text:
            return FolderPlace(Path(text))
        if text.startswith("file://"):
            return FolderPlace(Path(text.removeprefix("file://")))
        return ObjectPlace(_fsspec_root(text))
    if hasattr(target, "joinpath") and hasattr(target, "open"):
        return ObjectPlace(target)
    raise ConfigurationError(
        f"A {type(target).__name__} is no archive.", advice="Give a folder, a URL, or an Airflow ObjectStoragePath."
    )


class FolderPlace:
    """A folder of a local or mounted file system."""

    def __init__(self, root: Path) -> None:
        self._root = root.expanduser().absolute()

    def keep(self, local: Path, name: str, size: int) -> str:
        """Copy beside the final name, flush to the disk, rename: a kill leaves no half file under the name."""
        final = self._root / name
        try:
            if not (final.is_file() and final.stat().st_size == size):
                final.parent.mkdir(parents=True, exist_ok=True)
                passing = final.with_name(f".{final.name}.{uuid4().hex}.part")
                try:
                    with local.open("rb") as source, passing.open("xb") as copy:
                        shutil.copyfileobj(source, copy)
                        copy.flush()
                        os.fsync(copy.fileno())
                    passing.replace(final)
                finally:
                    passing.unlink(missing_ok=True)
        except OSError as problem:
            raise _full(str(self._root), problem) from None
        return final.as_uri()

    def holds(self, uri: str, size: int) -> bool:
        """Whether the folder still has it."""
        name = uri.rsplit("/", 4)[1:]
        path = self._root.joinpath(*name)
        return path.is_file() and path.stat().st_size == size


class ObjectPlace:
    """Anything with ``joinpath``, ``open``, ``exists`` and ``stat``: ``ObjectStoragePath``, ``upath.UPath``.

    Object stores show an object only when its upload has ended, which is what the rename is for in a folder; where the
    path can rename (``replace``), it is renamed nevertheless.
    """

    def __init__(self, root: Any) -> None:
        self._root = root

    def keep(self, local: Path, name: str, size: int) -> str:
        """Upload; the size is compared afterwards."""
        final = self._root.joinpath(name)
        try:
            if not self._is_whole(final, size):
                parent = getattr(final, "parent", None)
                if parent is not None and hasattr(parent, "mkdir"):
                    parent.mkdir(parents=True, exist_ok=True)
                with local.open("rb") as source, final.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                if not self._is_whole(final, size):
                    raise OSError("the size of the stored file is another one")
        except Exception as problem:  # noqa: BLE001 - every kind of store has errors of its own
            raise _full(str(self._root), problem) from None
        return str(final)

    def holds(self, uri: str, size: int) -> bool:
        """Whether the store still has it."""
        return self._is_whole(self._root.joinpath("/".join(uri.rsplit("/", 4)[1:])), size)

    def _is_whole(self, path: Any, size: int) -> bool:
        return bool(path.exists()) and int(path.stat().st_size) == size


def _fsspec_root(url: str) -> Any:
    try:
        from upath import UPath
    except ImportError:
        raise ConfigurationError(
            "The archive is a URL, and universal-pathlib is not installed.",
            advice="Install universal-pathlib and the fsspec package of the store (s3fs, gcsfs, adlfs), or give a folder.",
        ) from None
    try:
        return UPath(url)
    except (ValueError, ImportError) as problem:
        raise ConfigurationError(
            f"The kind of store in the archive's URL cannot be used ({type(problem).__name__}).",
            advice="Install the fsspec package of the store (s3fs, gcsfs, adlfs), or give a folder.",
        ) from None


def _full(root: str, problem: Exception) -> StoreError:
    reason = getattr(problem, "strerror", None) or type(problem).__name__
    return StoreError(
        f"The archive {root} does not take the file: {reason}.",
        advice="Mend the archive and run again: the links are kept and only missing files are fetched.",
    )
