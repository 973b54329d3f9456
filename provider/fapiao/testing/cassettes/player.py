"""Answers logical requests from a cassette, and says precisely what is wrong with one it does not know."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec

from fapiao.engine.encoded import seen_through
from fapiao.engine.prepared import Prepared
from fapiao.errors import PluginError
from fapiao.testing.cassettes.cassette import Cassette, Recorded, plain_request
from fapiao.wire import Request, Response

__all__ = ["AsyncPlayed", "Played", "Player"]

_SHOWN = 60
_MOST_DIFFERENCES = 5


class Player:
    """A vendor made of a cassette; also the conformance kit's (``vendor=lambda clock: Player(cassette)``).

    A request that was recorded several times gets its answers in order, and from then on the last one, as a job that has
    ended stays ended. One that must not be repeated is not answered more often than it was recorded.
    """

    def __init__(self, cassette: Cassette, name: str = "the cassette") -> None:
        self._name = name
        self._source = cassette.source
        self._exchanges = cassette.exchanges
        self._places: dict[bytes, list[int]] = {}
        for place, recorded in enumerate(cassette.exchanges):
            self._places.setdefault(_key(recorded.request()), []).append(place)
        self._asked: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        """The recorded answer.

        :raises PluginError: it was not recorded, or not so often; with the nearest recorded request and how it differs.
        """
        parts = plain_request(request)
        key = _key(parts)
        places = self._places.get(key)
        if places is None:
            raise self._unknown(parts)
        with self._lock:
            turn = self._asked.get(key, 0)
            self._asked[key] = turn + 1
        if turn >= len(places) and not request.idempotent:
            raise PluginError(
                f"{_named(parts)} is sent {turn + 1} times, {self._name} has it {len(places)} times, and it must not be "
                "repeated (idempotent=False).",
                source=self._source,
                advice="Mend the flow, or record again if the vendor is now asked more often on purpose.",
            )
        return self._exchanges[places[min(turn, len(places) - 1)]].response()

    def unasked(self) -> list[Recorded]:
        """What was recorded and not asked for (yet)."""
        asked = {place for key, turns in self._asked.items() for place in self._places[key][:turns]}
        return [recorded for place, recorded in enumerate(self._exchanges) if place not in asked]

    def _unknown(self, parts: dict[str, Any]) -> PluginError:
        advice = "Mend the flow if it should ask as before; record again with 'fapiao record' if it is right now."
        asked = dict(_flat(seen_through(parts)))
        near = [
            (place, dict(_flat(seen_through(recorded.request()))))
            for place, recorded in enumerate(self._exchanges)
            if (recorded.method, recorded.path) == (parts["method"], parts["path"])
        ]
        if not near:
            known = sorted({f"{recorded.method} {recorded.path}" for recorded in self._exchanges})
            return PluginError(
                f"{_named(parts)} was not recorded in {self._name}; it has {', '.join(known) or 'nothing'}.",
                source=self._source,
                advice=advice,
            )
        place, recorded = min(near, key=lambda pair: (len(_differences(asked, pair[1])), pair[0]))
        different = _differences(asked, recorded)
        told = "; ".join(
            f"{name} is {_shown(asked.get(name))}, recorded is {_shown(recorded.get(name))}"
            for name in different[:_MOST_DIFFERENCES]
        )
        more = f"; and {len(different) - _MOST_DIFFERENCES} more" if len(different) > _MOST_DIFFERENCES else ""
        return PluginError(
            f"{_named(parts)} was not recorded in {self._name} with these values. Nearest is exchange {place + 1}: "
            f"{told}{more}.",
            source=self._source,
            advice=advice,
        )


class Played:
    """A player as the blocking driver's transport."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def send(self, prepared: Prepared) -> Response:
        return self._player.answer(prepared.request)

    def close(self) -> None:
        """Nothing is open."""


class AsyncPlayed:
    """A player as the asyncio driver's transport."""

    def __init__(self, player: Player) -> None:
        self._player = player

    async def send(self, prepared: Prepared) -> Response:
        return self._player.answer(prepared.request)

    async def aclose(self) -> None:
        """Nothing is open."""


def _key(parts: dict[str, Any]) -> bytes:
    return _KEYS.encode(seen_through(parts))


_KEYS = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value and all(isinstance(part, list) and len(part) == 2 for part in value):
        for key, part in value:
            yield from _flat(part, f"{name}.{key}")
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _flat(part, f"{name}[{place}]")
    else:
        yield name, value


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [name for name in {**one, **other} if one.get(name, msgspec.UNSET) != other.get(name, msgspec.UNSET)]


def _named(parts: dict[str, Any]) -> str:
    return f"{parts['method']} {parts['path']}"


def _shown(value: Any) -> str:
    text = "absent" if value is None else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
