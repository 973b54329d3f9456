"""The raw that is kept: requests and answers of one flow as bytes, and the flow driven again from them.

The stored form is a line of JSON (logical requests, a few headers, lengths) followed by the bodies exactly as they came,
compressed as one zlib stream. Secrets in requests are stored as ``***``; they were never part of an answer. What the flow
was told beside the ledger's own knowledge (the connection's open settings, the query of a list) is kept with it: a page is
interpreted again under the settings it was read with, whatever the connection says by then.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fapiao.engine.exchange import Exchange
from fapiao.engine.flow import Steps
from fapiao.errors import FapiaoError, PluginError, StoreError
from fapiao.redaction import MASK
from fapiao.registry import Source
from fapiao.spec import Descriptor
from fapiao.wire import Account, Decision, Flow, Request, Response, Secret, SyncQuery

__all__ = ["NOTHING", "NewerTranscript", "Told", "pack", "replay", "told", "unpack", "unpack_told"]

T = TypeVar("T")
FORMAT = 1
LEVEL = 3
"""zlib level. Of a page of 100 ekuaibao rows (124 kB): level 1 leaves 19.5 % in 0.60 ms, 3 17.6 % in 0.77 ms, 6 14.5 % in
2.3 ms."""
KEPT_HEADERS = ("content-type", "date", "retry-after", "x-request-id", "x-trace-id")
"""Response headers worth keeping; never cookies."""


class NewerTranscript(StoreError):
    """A stored transcript was written by a newer version: it is whole, and nobody may call it damaged."""

    advice = "Upgrade fapiao to the version that wrote it."


class _Entry(msgspec.Struct, omit_defaults=True):
    method: str
    path: str
    status: int
    length: int
    query: tuple[tuple[str, str], ...] = ()
    json: Any = None
    form: tuple[tuple[str, str], ...] = ()
    sent: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = {}
    idempotent: bool = True
    authorized: bool = True


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a flow was told that neither the answers nor the ledger can tell again. Never a secret."""

    settings: Mapping[str, Any] = {}
    """The plugin's own open settings of the connection."""
    sync: SyncQuery | None = None
    """The query, where a list was read."""


NOTHING = Told()


class _Head(msgspec.Struct, omit_defaults=True):
    format: int
    exchanges: list[_Entry]
    told: Told = NOTHING


def told(descriptor: Descriptor, account: Account, query: object) -> Told:
    """What is worth keeping of an account and a query: settings that the plugin declares itself and that are not secret."""
    names = [field.name for field in descriptor.fields if field.place == "extra" and field.kind != "secret"]
    settings = {name: account.settings[name] for name in names if account.settings.get(name) is not None}
    return Told(settings=settings, sync=query if isinstance(query, SyncQuery) else None)


def pack(transcript: Sequence[Exchange], told: Told = NOTHING) -> tuple[bytes, str]:
    """The transcript as compressed bytes, and the SHA-256 (hex) of what they decompress to. Same input, same output."""
    head = _ENCODER.encode(_Head(FORMAT, [_entry(exchange) for exchange in transcript], told))
    plain = b"\n".join([head, b"".join([exchange.response.body for exchange in transcript])])
    return zlib.compress(plain, LEVEL), hashlib.sha256(plain).hexdigest()


def unpack(data: bytes, sha256: str | None = None) -> tuple[Exchange, ...]:
    """The transcript again; bodies byte for byte. See :func:`unpack_told`."""
    return unpack_told(data, sha256)[0]


def unpack_told(data: bytes, sha256: str | None = None) -> tuple[tuple[Exchange, ...], Told]:
    """The transcript again, and what the flow was told.

    :param sha256: what :func:`pack` returned with it, to be compared.
    :raises NewerTranscript: written by a newer version.
    :raises StoreError: damaged.
    """
    try:
        plain = zlib.decompress(data)
        cut = plain.index(b"\n")
        head = _DECODER.decode(plain[:cut])
    except (zlib.error, ValueError, msgspec.DecodeError):
        raise StoreError(
            "A stored transcript is damaged.", advice="Restore it from a backup, or read the page again."
        ) from None
    if head.format > FORMAT:
        raise NewerTranscript(f"A stored transcript has the format {head.format}; this version reads {FORMAT}.")
    lengths = sum(entry.length for entry in head.exchanges)
    if head.format != FORMAT or cut + 1 + lengths != len(plain):
        raise StoreError(
            f"A stored transcript has the unknown format {head.format} or a wrong length.",
            advice="Restore it from a backup, or read the page again.",
        )
    if sha256 is not None and hashlib.sha256(plain).hexdigest() != sha256:
        raise StoreError("A stored transcript is not what was stored: its SHA-256 differs.")
    exchanges = []
    at = cut + 1
    for entry in head.exchanges:
        exchanges.append(_exchange(entry, plain[at : at + entry.length]))
        at += entry.length
    return tuple(exchanges), head.told


def replay(source: Source, flow: Flow[T], transcript: Sequence[Exchange]) -> T:
    """Drive ``flow`` from a stored transcript instead of a vendor; its answers are classified again.

    :raises PluginError: the flow asks for something else than it did then, or for more, or for less.
    :raises FapiaoError: what the flow lets through.
    """
    steps = Steps(flow, source.name)
    try:
        steps.start()
        for number, exchange in enumerate(transcript, 1):
            if steps.finished:
                raise PluginError(
                    f"{steps.hook} was done after {number - 1} of {len(transcript)} stored answers.", source=source.name
                )
            asked, stored = _plain(steps.request), _plain(exchange.request)
            if asked != stored:
                raise PluginError(
                    f"{steps.hook} asks for {steps.request.method} {steps.request.path} with other values than the stored "
                    f"request {number} ({exchange.request.method} {exchange.request.path}).",
                    source=source.name,
                )
            error = _error(source, steps.request, exchange.response)
            if error is None:
                steps.send(exchange.response)
            else:
                steps.throw(error)
        if not steps.finished:
            raise PluginError(
                f"{steps.hook} asks for {steps.request.method} {steps.request.path}, which the transcript of "
                f"{len(transcript)} answers does not have.",
                source=source.name,
            )
        return steps.value
    finally:
        steps.close()


def _error(source: Source, request: Request, response: Response) -> FapiaoError | None:
    verdict = source.classify(request, response)
    if verdict.decision is Decision.OK:
        return None
    return verdict.error or PluginError(
        f"A stored answer to {request.method} {request.path} is now classified as {verdict.decision.value}.",
        source=source.name,
    )


def _entry(exchange: Exchange) -> _Entry:
    request, response = exchange.request, exchange.response
    return _Entry(
        method=request.method,
        path=request.path,
        status=response.status,
        length=len(response.body),
        query=request.query,
        json=request.json,
        form=request.form,
        sent=request.headers,
        headers={name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
        idempotent=request.idempotent,
        authorized=request.authorized,
    )


def _exchange(entry: _Entry, body: bytes) -> Exchange:
    request = Request(
        method=entry.method,
        path=entry.path,
        query=entry.query,
        json=entry.json,
        form=entry.form,
        headers=entry.sent,
        idempotent=entry.idempotent,
        authorized=entry.authorized,
    )
    return Exchange(request, Response(status=entry.status, headers=entry.headers, body=body))


def _plain(request: Request) -> tuple[Any, ...]:
    """A request as it would read after storing, for comparison: numbers by value, secrets as their mask."""
    body = msgspec.json.decode(_ENCODER.encode(request.json))
    return request.method, request.path, request.query, request.form, request.headers, body


def _masked(value: Any) -> Any:
    if isinstance(value, Secret):
        return MASK
    raise NotImplementedError


_ENCODER = msgspec.json.Encoder(enc_hook=_masked, decimal_format="number", order="deterministic")
_DECODER: msgspec.json.Decoder[_Head] = msgspec.json.Decoder(_Head, float_hook=Decimal)
