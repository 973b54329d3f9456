"""Group B: a plugin does no I/O, and what it says follows from what it is told."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from fapiao.errors import (
    FapiaoError,
)
from fapiao.testing.conformance.check import Breach, Check, Stuck
from fapiao.testing.conformance.conversation import connection_json
from fapiao.testing.conformance.hand import Hand, play
from fapiao.testing.conformance.kit import Kit
from fapiao.testing.conformance.purity import Impure, forbidden
from fapiao.testing.conformance.replayed import Mapped, asked, said_in_another_process, script, what_it_said
from fapiao.testing.conformance.tour import Visit, tour_of
from fapiao.wire import Stamp, Token

__all__ = ["CHECKS"]

_JSON = msgspec.json.Encoder(decimal_format="number")


def pure(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    source, account = tour.conversation.source, tour.conversation.account
    remedy = "take what is needed from the arguments, from an answer, or (sign only) from the stamp"

    def tried(hook: str, move: Callable[[], Any]) -> Iterator[Breach]:
        try:
            move()
        except Impure as impure:
            yield Breach(hook, f"it reaches for the {impure}", remedy)
        except FapiaoError:
            pass  # other checks look at errors

    for visit in tour.varied():
        yield from tried(visit.hook, lambda: play(source, account, visit, guard=forbidden))  # noqa: B023 - run at once
        for request in visit.requests[:2]:
            token = _token(tour.login()) if request.authorized else None

            def sign() -> None:
                with forbidden():
                    source.sign(request, account, token, Stamp(epoch_ms=0, nonce="0" * 32), b"")  # noqa: B023 - run at once

            yield from tried("sign", sign)
    if kit.wish is not None and source.has("sync_query"):
        wish = kit.wish

        def ask() -> None:
            with forbidden():
                source.sync_query(account, wish)

        yield from tried("sync_query", ask)
    for sample in kit.samples:

        def normalise() -> None:
            with forbidden():
                source.normalize(sample.record, sample.context(kit))  # noqa: B023 - run at once

        yield from tried("normalize", normalise)


def determined(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    records = [Mapped(_JSON.encode(sample.record).decode(), sample.context(kit)) for sample in kit.samples]
    told = script(kit.plugin, connection_json(kit), tour.visits, records)
    names = [str(visit.errand) for visit in tour.visits] + [f"normalize of {sample.name}" for sample in kit.samples]
    here = what_it_said(told)
    remedy = "let nothing depend on the order of a set, on id(), hash() or on what was asked before"
    if here != (again := what_it_said(told)):
        for name in _differing(names, here, again):
            yield Breach(name.split()[0], f"{name} says something else when it is played a second time", remedy)
        return
    with ThreadPoolExecutor(2) as two:
        try:
            there = list(two.map(lambda seed: said_in_another_process(told, seed), (1, 4242)))
        except OSError as problem:
            raise Stuck("describe", f"a fresh process cannot play the recording: {problem}") from problem
    for name in sorted({name for said in there for name in _differing(names, here, said)}):
        yield Breach(name.split()[0], f"{name} says something else in a process with another hash seed", remedy)


def inputs_kept(kit: Kit) -> Iterator[Breach]:
    tour = tour_of(kit)
    source = tour.conversation.source
    for visit in tour.varied():
        settings = copy.deepcopy(dict(tour.conversation.account.settings))
        account = msgspec.structs.replace(tour.conversation.account, settings=copy.deepcopy(settings))
        arguments = repr(visit.errand)
        hand = Hand(source, account, visit.errand)
        bodies: list[tuple[int, bytes]] = []
        for answer in visit.answers:
            if hand.end:
                break
            bodies.append((len(hand.requests) - 1, asked(hand.request)))
            hand.answer(answer)
        if dict(account.settings) != settings or repr(visit.errand) != arguments:
            yield Breach(visit.hook, "it changes its arguments or the account's settings", "copy before changing")
        if any(asked(hand.requests[position]) != body for position, body in bodies):
            yield Breach(
                visit.hook,
                "a request that it has yielded changes afterwards",
                "build a new body for every request: what is kept of it must be what was sent",
            )
    for sample in kit.samples:
        before = copy.deepcopy(sample.record)
        try:
            source.normalize(sample.record, sample.context(kit))
        except FapiaoError:
            continue  # F1 says so
        if sample.record != before:
            yield Breach(
                "normalize", f"it changes the record of {sample.name}", "read the raw record, never write to it"
            )


def _differing(names: list[str], one: list[str], two: list[str]) -> list[str]:
    return [name for name, first, second in zip(names, one, two, strict=True) if first != second]


def _token(login: Visit | None) -> Token | None:
    return login.value if login is not None else None


CHECKS = (
    Check(
        id="B1",
        title="No network, file, clock, randomness, environment, thread or process in plugin code.",
        examine=pure,
    ),
    Check(
        id="B2",
        title="The same arguments and answers give the same requests and results, in every process.",
        examine=determined,
    ),
    Check(id="B8", title="Arguments, yielded requests and raw records are not changed.", examine=inputs_kept),
)
