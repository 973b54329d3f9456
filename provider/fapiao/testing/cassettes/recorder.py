"""Listens to a driver and makes a cassette of what it heard."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import msgspec

from fapiao.answers import decode
from fapiao.engine.transcript import KEPT_HEADERS
from fapiao.errors import ConfigurationError
from fapiao.redaction import holds_registered
from fapiao.registry import Source
from fapiao.testing.cassettes.cassette import FORMAT, Cassette, Question, Recorded, plain_request
from fapiao.testing.cassettes.masking import Masker
from fapiao.wire import Account, Request, Response

__all__ = ["Recorder"]


class Recorder:
    """The ``heard`` of a :class:`~fapiao.engine.BlockingDriver`; thread-safe, in the order of the answers.

    :param masker: None keeps everything as the vendor said it, save what a login is answered.
    """

    def __init__(self, masker: Masker | None) -> None:
        self._masker = masker
        self._exchanges: list[Recorded] = []

    def __call__(self, flow: str, request: Request, response: Response) -> None:
        self._exchanges.append(self._recorded(flow, request, response))

    def cassette(
        self, source: Source, account: Account, question: Question, *, plugin: str, recorded_at: float
    ) -> Cassette:
        """What was heard so far.

        :param recorded_at: epoch seconds, of the first request.
        :raises ConfigurationError: a secret of the connection is in it: nothing may be written then.
        """
        fields = source.descriptor.fields
        settings: dict[str, Any] = {
            field.name: account.settings[field.name]
            for field in fields
            if field.place == "extra" and field.kind != "secret" and account.settings.get(field.name) is not None
        }
        told: Mapping[str, Any] = {"login": account.login, "extra": settings}
        if self._masker is not None:
            told = self._masker.value(dict(told))
            question = msgspec.convert(_masked(question, self._masker), Question)
        made = Cassette(
            format=FORMAT,
            source=source.name,
            plugin=plugin,
            recorded_at=datetime.fromtimestamp(recorded_at, timezone.utc).isoformat(timespec="seconds"),
            masked=self._masker is not None,
            account=told,
            question=question,
            exchanges=tuple(self._exchanges),
        )
        if holds_registered(made.text()):
            raise ConfigurationError(
                "A secret of the connection is part of a request or an answer: the recording is not written.",
                source=source.name,
                advice="A flow passes secrets as fapiao.wire.Secret, and 'sign' adds the token; see docs/cassettes.md.",
            )
        return made

    def _recorded(self, flow: str, request: Request, response: Response) -> Recorded:
        parts = plain_request(request)
        masker = self._masker
        charset = "utf-8"
        try:
            text = response.body.decode("utf-8")
        except UnicodeDecodeError:
            charset, text = "gb18030", response.body.decode("gb18030", errors="replace")
        answer: Any = msgspec.UNSET
        try:
            answer = decode(response.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            text = text if masker is None else masker.text(text)
        if answer is not msgspec.UNSET:
            if not request.authorized:
                answer = (masker or _LOGINS).credentials(answer)
            elif masker is not None:
                answer = masker.value(answer)
        return Recorded(
            flow=flow,
            method=request.method,
            path=parts["path"] if masker is None else masker.path(parts["path"]),
            query=_pairs(request.query, masker),
            json=parts["json"] if masker is None else masker.value(parts["json"]),
            form=_pairs(request.form, masker),
            headers=_pairs(request.headers, masker),
            idempotent=request.idempotent,
            authorized=request.authorized,
            status=response.status,
            answer_headers={name: response.headers[name] for name in KEPT_HEADERS[:3] if name in response.headers},
            answer=answer,
            answer_text=text if answer is msgspec.UNSET else None,
            charset=charset,
        )


def _masked(question: Question, masker: Masker) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(question)
    masked: dict[str, Any] = masker.value({name: part for name, part in plain.items() if name != "filters"})
    return {**masked, "filters": masker.pairs(question.filters)}


_LOGINS = Masker(b"logins")


def _pairs(pairs: tuple[tuple[str, str], ...], masker: Masker | None) -> tuple[tuple[str, str], ...]:
    return pairs if masker is None else masker.pairs(pairs)
