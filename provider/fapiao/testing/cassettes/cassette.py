"""A recorded conversation as a value and as a file: indented JSON, for people and for ``git diff``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fapiao.engine.encoded import DECODER, ENCODER
from fapiao.errors import ConfigurationError
from fapiao.redaction import MASK
from fapiao.wire import Request, Response

__all__ = ["FORMAT", "Cassette", "Question", "Recorded", "plain_request"]

FORMAT = 1


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for when the recording was made; asking the same again finds every answer."""

    kind: str
    """``collect``, ``sync`` or ``verify``."""
    taxpayer_no: str = ""
    invoice_month: str = ""
    """``yyyymm``."""
    types: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    tax_period: str | None = None
    first_on: str | None = None
    last_on: str | None = None
    filters: tuple[tuple[str, str], ...] = ()
    zipped: bool = False
    claim: Mapping[str, str] = {}
    """*verify*: the factors by the names of :class:`fapiao.wire.Claim`, as text."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One logical request and its final answer."""

    flow: str
    """The hook whose flow asked."""
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    json: Any = None
    """The request's body; a secret in it is ``***``."""
    form: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    idempotent: bool = True
    authorized: bool = True
    status: int = 200
    answer_headers: Mapping[str, str] = {}
    answer: Any = msgspec.UNSET
    """The body of the answer, where it is JSON …"""
    answer_text: str | None = None
    """… and where it is not."""
    charset: str = "utf-8"

    def request(self) -> dict[str, Any]:
        """The request by parts, for comparison."""
        return {
            "method": self.method,
            "path": self.path,
            "query": [list(pair) for pair in self.query],
            "form": [list(pair) for pair in self.form],
            "headers": [list(pair) for pair in self.headers],
            "json": self.json,
        }

    def response(self) -> Response:
        if self.answer is msgspec.UNSET:
            body = (self.answer_text or "").encode(self.charset)
        else:
            body = ENCODER.encode(self.answer)
        return Response(status=self.status, headers=self.answer_headers, body=body)


class Cassette(msgspec.Struct, frozen=True, kw_only=True):
    """A whole recording."""

    format: int
    source: str
    plugin: str
    """Distribution and version that brought the source."""
    recorded_at: str
    """UTC, ISO 8601. Players begin at that instant: tokens and months are as valid as they were."""
    masked: bool
    """False: it holds what the vendor said about real persons and companies."""
    account: Mapping[str, Any]
    """The connection without host and secrets: login and open settings."""
    question: Question
    exchanges: tuple[Recorded, ...]

    @classmethod
    def read(cls, path: Path) -> Cassette:
        """:raises ConfigurationError: no such file, or not a cassette of this format."""
        try:
            found = msgspec.convert(DECODER.decode(path.read_bytes()), cls)
        except OSError as problem:
            raise ConfigurationError(
                f"The cassette {path} cannot be read: {problem.strerror}.",
                advice="Check the path, or record it with 'fapiao record'.",
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise ConfigurationError(
                f"{path} is not a cassette: {problem}.", advice="Record it again with 'fapiao record'."
            ) from None
        if found.format != FORMAT:
            raise ConfigurationError(
                f"The cassette {path} has the format {found.format}, this fapiao reads {FORMAT}.",
                advice="Record it again with 'fapiao record', or install the fapiao that wrote it.",
            )
        return found

    def text(self) -> str:
        """The file's content."""
        return msgspec.json.format(ENCODER.encode(self), indent=1).decode() + "\n"


def plain_request(request: Request) -> dict[str, Any]:
    """The parts of a request as :meth:`Recorded.request` has them: secrets as ``***``, the address of a file too."""
    body = DECODER.decode(_ENCODER.encode(request.json))
    return {
        "method": request.method,
        "path": request.path if request.file_url is None else MASK,
        "query": [list(pair) for pair in request.query],
        "form": [list(pair) for pair in request.form],
        "headers": [list(pair) for pair in request.headers],
        "json": body,
    }


_ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=lambda value: MASK)
