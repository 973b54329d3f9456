"""An observer that writes an audit trail: one JSON object on one line for every event, into a file that only grows.

On where ``FAPIAO_AUDIT_FILE`` names a file. Any number of processes and threads may write the same one: a line is a
single write to a file opened for appending, which the operating system keeps whole and puts at the end (on local file
systems; NFS does not promise it). The file is opened for each line, so that it may be rotated at any time.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec

from fapiao.events import HOOKS, AttemptFinished, Event, PageCommitted, RecordRejected, SliceClosed
from fapiao.redaction import redact
from fapiao.spec import hookimpl

__all__ = ["FILE", "AuditTrail", "from_environment"]

FILE = "FAPIAO_AUDIT_FILE"
"""The environment variable that names the file."""


class AuditTrail:
    """Appends events to a file, which it makes readable for its owner alone.

    Each line begins with ``at`` (UTC, ISO 8601), ``event`` (the hook's name) and ``process``; the event's own fields
    follow, without those that are empty.

    :raises OSError: from every hook, when the line could not be written; the folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._torn = False

    @hookimpl
    def attempt_finished(self, event: AttemptFinished) -> None:
        self._append(event)

    @hookimpl
    def page_committed(self, event: PageCommitted) -> None:
        self._append(event)

    @hookimpl
    def record_rejected(self, event: RecordRejected) -> None:
        self._append(event)

    @hookimpl
    def slice_closed(self, event: SliceClosed) -> None:
        self._append(event)

    def _append(self, event: Event) -> None:
        line = f"{redact(msgspec.json.encode(_told(event)).decode())}\n".encode()
        if self._torn:
            line = b"\n" + line
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            written = os.write(file, line)
        finally:
            os.close(file)
        self._torn = written < len(line)
        if self._torn:
            raise OSError(f"only {written} of {len(line)} bytes were written to {self._path}")


def from_environment() -> AuditTrail | None:
    """What the entry point names: the trail into the file that the environment names, or nothing."""
    path = os.environ.get(FILE, "").strip()
    return AuditTrail(Path(path).absolute()) if path else None


def _told(event: Event) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event)
    at = datetime.fromtimestamp(fields.pop("at"), timezone.utc).isoformat(timespec="milliseconds")
    kept = {name: value for name, value in fields.items() if value is not None and value != ""}
    return {"at": at, "event": HOOKS[type(event)], "process": os.getpid(), **kept}
