"""In a process of its own: which modules a plugin brings along, and what it asks when it is played a recording again.

Run as a program it reads one :class:`Script` as JSON and prints the digests of everything the plugin said.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import msgspec

from fapiao.connection import Connection
from fapiao.engine.prepared import encode_body
from fapiao.errors import FapiaoError
from fapiao.invoices.model import NormalizeContext
from fapiao.registry import Source
from fapiao.testing.conformance.hand import play
from fapiao.testing.conformance.tour import Errand, Visit
from fapiao.wire import Request, Response, Secret

__all__ = ["Script", "said_in_another_process", "what_it_said"]


class Scene(msgspec.Struct, frozen=True):
    """One flow, and the answers it is given."""

    errand: Errand
    answers: tuple[Response, ...]


class Mapped(msgspec.Struct, frozen=True):
    """One record for ``normalize``, as JSON text: its numbers stay exact."""

    record: str
    context: NormalizeContext


class Script(msgspec.Struct, frozen=True):
    """All that is needed to hear a plugin without its vendor."""

    plugin: str
    connection: str
    scenes: tuple[Scene, ...]
    records: tuple[Mapped, ...]


def script(plugin: str, connection: bytes, visits: Sequence[Visit], records: Sequence[Mapped]) -> Script:
    scenes = tuple(Scene(visit.errand, visit.answers) for visit in visits)
    return Script(plugin, connection.decode(), scenes, tuple(records))


def what_it_said(script: Script) -> list[str]:
    """A digest for each scene and each record: requests byte for byte, results, errors."""
    module, _, attribute = script.plugin.partition(":")
    __import__(module)
    plugin = getattr(sys.modules[module], attribute)
    source = Source(plugin.describe().name, plugin)
    account = source.account(Connection.from_json(script.connection, conn_id="the kit's example"))
    said = []
    for scene in script.scenes:
        visit = Visit(errand=scene.errand, requests=(), answers=scene.answers, value=None)
        hand = play(source, account, visit)
        parts = [asked(request) for request in hand.requests if isinstance(request, Request)]
        said.append(_digest([*parts, repr(hand.value), str(hand.error), hand.crash]))
    for mapped in script.records:
        record = Response(status=200, headers={}, body=mapped.record.encode()).json()
        said.append(_digest([mapping(source, record, mapped.context)]))
    return said


def asked(request: Request) -> bytes:
    """A logical request as bytes; its body is what would be sent."""
    try:
        body = encode_body(request)
    except FapiaoError as error:
        body = str(error).encode()
    url = request.file_url.reveal() if request.file_url is not None else request.path
    return repr((request.method, url, request.query, request.form, request.headers)).encode() + body


def mapping(source: Source, record: Any, context: NormalizeContext) -> bytes:
    """What ``normalize`` makes of a record, as bytes."""
    try:
        return msgspec.json.encode(source.normalize(record, context), enc_hook=repr)
    except FapiaoError as error:
        return str(error).encode()


def said_in_another_process(script: Script, seed: int) -> list[str]:
    """:func:`what_it_said` by a new interpreter with the hash seed. :raises OSError: it could not be run."""
    finished = subprocess.run(
        [sys.executable, "-m", "fapiao.testing.conformance.replayed"],
        input=msgspec.json.encode(script, enc_hook=_revealed),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if finished.returncode:
        raise OSError(finished.stderr.decode(errors="replace")[-2000:])
    return msgspec.json.decode(finished.stdout, type=list[str])


def _digest(parts: Sequence[str | bytes]) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        found.update(b"\0")
    return found.hexdigest()


def _revealed(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value).__name__)


def main() -> None:
    """Read a script, say what the plugin said."""
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Script)
    sys.stdout.buffer.write(msgspec.json.encode(what_it_said(told)))


if __name__ == "__main__":
    main()
