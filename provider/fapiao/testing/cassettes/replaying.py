"""Both drivers over a cassette: no network, no secrets, and time as it was when the recording was made."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from random import Random

import msgspec

from fapiao.connection import Connection
from fapiao.engine import AsyncDriver, BlockingDriver, DriverSettings
from fapiao.errors import ConfigurationError
from fapiao.registry import Source
from fapiao.testing.cassettes.cassette import Cassette
from fapiao.testing.cassettes.player import AsyncPlayed, Played, Player
from fapiao.testing.conformance.clock import SimulatedClock
from fapiao.wire import Account

__all__ = ["Replay"]

_CHINA = timezone(timedelta(hours=8))
_HOST = "https://vendor.invalid"
_ANYTHING = "0123456789abcdef0123456789abcdef"
"""In place of every secret; signatures made with it go nowhere."""


class Replay:
    """A cassette that is being played to one source.

    :param name: how errors call the cassette, its file say.
    :raises ConfigurationError: it was recorded from another source, or its settings are not the source's any more.
    """

    def __init__(self, cassette: Cassette, source: Source, name: str = "the cassette") -> None:
        if cassette.source != source.name:
            raise ConfigurationError(
                f"{name} was recorded from {cassette.source}, not from {source.name}.",
                source=source.name,
                advice="Give a cassette of this source.",
            )
        self.cassette = cassette
        self.source = source
        self.player = Player(cassette, name)
        moment = datetime.fromisoformat(cassette.recorded_at).astimezone(_CHINA)
        self.clock = SimulatedClock(moment.strftime("%Y-%m-%d %H:%M:%S"))
        self.account = self._account(name)
        self._settings = msgspec.structs.replace(
            DriverSettings.from_account(self.account), requests_per_second=0.0, max_attempts=1
        )

    def blocking(self) -> BlockingDriver:
        """The driver of workers."""
        return BlockingDriver(
            self.source,
            self.account,
            settings=self._settings,
            transport=Played(self.player),
            clock=self.clock,
            sleep=self.clock.sleep,
            random=Random(7).random,
        )

    def asynchronous(self) -> AsyncDriver:
        """The driver of the triggerer."""
        return AsyncDriver(
            self.source,
            self.account,
            settings=self._settings,
            transport=AsyncPlayed(self.player),
            clock=self.clock,
            sleep=self.clock.asleep,
            random=Random(7).random,
        )

    def _account(self, name: str) -> Account:
        given = {"host": _HOST, "password": _ANYTHING, **self.cassette.account}
        return self.source.account(Connection.from_json(msgspec.json.encode(given), conn_id=name))
