"""Group S: values that nobody may see. They are planted, and looked for wherever text leaves the plugin."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import msgspec

from fapiao.errors import FapiaoError
from fapiao.testing.conformance.answers import unreadable
from fapiao.testing.conformance.check import Breach, Check, Stuck
from fapiao.testing.conformance.conversation import planted
from fapiao.testing.conformance.hand import Hand, play
from fapiao.testing.conformance.kit import Kit
from fapiao.testing.conformance.stepping import ERRORS
from fapiao.testing.conformance.tour import Tour, tour_of
from fapiao.wire import Request, Secret

__all__ = ["CHECKS", "hidden", "seen"]

_SHORTEST = 8


def in_requests(kit: Kit) -> Iterator[Breach]:
    tour, canaries = tour_of(kit), _canaries(kit)
    for visit in tour.visits:
        for request in visit.requests:
            found = seen(_open_parts(request), canaries)
            if found:
                yield Breach(
                    visit.hook,
                    f"a request to {request.path} shows {found} in the open",
                    "put it into the JSON body as a fapiao.wire.Secret, or leave it to sign(): requests are stored",
                )
                return
            if request.authorized and seen(_open_parts(request), _token(tour)):
                yield Breach(
                    visit.hook, "a request carries the token itself", "leave the token to sign(): requests are stored"
                )
                return


def in_texts(kit: Kit) -> Iterator[Breach]:
    tour, canaries = tour_of(kit), hidden(kit)
    for hook, hand in _trials(tour):
        for text in _told(hand.error):
            found = seen(text, canaries)
            if found:
                yield Breach(
                    hook,
                    f"the text of its {type(hand.error).__name__} shows {found}",
                    "say which setting is meant, never its value",
                )
                return
        if hand.crash and seen(hand.crash, canaries):
            yield Breach(hook, "an exception of its own shows a secret", "say which setting is meant, never its value")
            return
        found = seen(repr(hand.value), canaries) if hand.end == "result" else ""
        if found:
            yield Breach(
                hook, f"its result shows {found}", "return the vendor's records only; a token's value is a Secret"
            )
            return


def in_logs(kit: Kit) -> Iterator[Breach]:
    tour, canaries = tour_of(kit), hidden(kit)
    with _listening() as heard:
        for hook, _ in _trials(tour):
            for text in heard:
                found = seen(text, canaries)
                if found:
                    yield Breach(
                        hook, f"it logs {found}", "log nothing, or codes and counts only: the driver logs requests"
                    )
                    return
            heard.clear()


def hidden(kit: Kit) -> dict[str, str]:
    """Everything that nobody may see: what it is → its value."""
    return {**_canaries(kit), **_token(tour_of(kit))}


def _trials(tour: Tour) -> Iterator[tuple[str, Hand]]:
    """Every kind of visit played whole, with an unreadable answer and with an error thrown, at every request."""
    source, account = tour.conversation.source, tour.conversation.account
    for visit in tour.varied():
        yield visit.hook, play(source, account, visit)
        for upto, answer in enumerate(visit.answers):
            for _, response in unreadable(answer):
                hand = play(source, account, visit, upto=upto)
                if not hand.end:
                    hand.answer(response)
                    yield visit.hook, hand
            for make in ERRORS:
                hand = play(source, account, visit, upto=upto)
                if not hand.end:
                    hand.throw(make())
                    yield visit.hook, hand


def _canaries(kit: Kit) -> dict[str, str]:
    found = {f"the setting {name}": value for name, value in planted(kit).items()}
    short = [name for name, value in found.items() if len(value) < _SHORTEST]
    if short:
        raise Stuck(
            "kit", f"{short[0]} of the vendor's connection is too short to be looked for ({_SHORTEST} characters)"
        )
    return found


def _token(tour: Tour) -> dict[str, str]:
    login = tour.login()
    value = login.value.value if login is not None else None
    return {"the token": value.reveal()} if isinstance(value, Secret) and len(value.reveal()) >= _SHORTEST else {}


def _open_parts(request: Request) -> str:
    body = msgspec.json.encode(request.json, enc_hook=lambda value: "***")
    return f"{request.path} {request.query!r} {request.form!r} {request.headers!r} {body.decode()}"


def _told(error: FapiaoError | None) -> list[str]:
    texts: list[str] = []
    link: BaseException | None = error
    while link is not None and len(texts) < 20:
        texts += [str(link), repr(getattr(link, "__notes__", ""))]
        link = link.__cause__ or link.__context__
    return texts


def seen(text: str, canaries: dict[str, str]) -> str:
    """Which of the values is in the text, in the spellings that hide nothing."""
    for name, value in canaries.items():
        raw = value.encode()
        spellings = {
            value,
            quote(value, safe=""),
            base64.b64encode(raw).decode(),
            raw.hex(),
            msgspec.json.encode(value).decode()[1:-1],
            *(hashlib.new(kind, raw, usedforsecurity=False).hexdigest() for kind in ("md5", "sha1", "sha256")),
        }
        if any(spelling in text or spelling.upper() in text for spelling in spellings):
            return name
    return ""


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What is logged while it is entered, at every level."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: Any) -> None:
            heard.append(f"{record.msg} {record.args!r} {record.getMessage()}")

    root, listener = logging.getLogger(), Listener(level=1)
    before = root.level
    root.addHandler(listener)
    root.setLevel(1)
    try:
        yield heard
    finally:
        root.setLevel(before)
        root.removeHandler(listener)


CHECKS = (
    Check(id="S1", title="No logical request shows a secret or the token.", examine=in_requests),
    Check(id="S2", title="No error text and no result shows a secret.", examine=in_texts),
    Check(id="S3", title="No log record of the plugin shows a secret.", examine=in_logs),
)
