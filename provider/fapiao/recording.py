"""Asks a question of a source through a given driver into a database of its own: of the vendor to record it, of a cassette
to see that the recording says the same."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from fapiao.arguments import collect_request
from fapiao.collecting.claims import claim_of
from fapiao.collecting.collection import Collector
from fapiao.collecting.outcomes import Waiting
from fapiao.collecting.sync import Syncer
from fapiao.collecting.verification import Verifier
from fapiao.engine import BlockingDriver
from fapiao.errors import ConfigurationError, FapiaoError, VendorBusy
from fapiao.events import RecordRejected
from fapiao.observing import observers
from fapiao.registry import Source
from fapiao.spec import hookimpl
from fapiao.store import Database
from fapiao.sync_arguments import sync_request
from fapiao.testing.cassettes import Cassette, Masker, Question, Recorder, Replay
from fapiao.wire import Account

__all__ = ["Outcome", "ask", "play", "record"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a question ended."""

    parts: dict[str, str]
    """Slice, list or answer → its state and numbers, as text."""
    error: str | None = None
    """Class of the error it ended with."""
    text: str = ""
    """That error's own text."""
    rejected: tuple[str, ...] = ()
    """What was found wrong with records in quarantine: rule and field."""

    def differences(self, other: Outcome) -> list[str]:
        """How another outcome differs, in sentences."""
        names = sorted({*self.parts, *other.parts})
        found = [
            f"{name}: {self.parts.get(name, 'absent')} became {other.parts.get(name, 'absent')}"
            for name in names
            if self.parts.get(name) != other.parts.get(name)
        ]
        if self.error != other.error:
            found.append(f"it ended with {self.error or 'success'}, then with {other.error or 'success'}: {other.text}")
        worse = sorted({*other.rejected} - {*self.rejected})
        return [*found, f"records are rejected by {', '.join(worse)}"] if worse else found


class _Rejections:
    """Watches what is put into quarantine."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    @hookimpl
    def record_rejected(self, event: RecordRejected) -> None:
        self.found |= {f"{rule} ({field})" for rule, field in zip(event.rules, event.fields, strict=True)}


def record(
    source: Source,
    account: Account,
    question: Question,
    masker: Masker | None,
    *,
    plugin: str,
    patience: float = 21600.0,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Cassette, Outcome]:
    """Ask the vendor and keep what was said. A refusal is worth a recording, too.

    :param patience: seconds to wait in all.
    :raises ConfigurationError: the question or the credentials are wrong, or a secret got into the recording.
    :raises VendorBusy: the vendor wants to be asked later than patience allows.
    """
    recorder = Recorder(masker)
    began = clock()
    with BlockingDriver(source, account, clock=clock, heard=recorder) as driver:
        outcome = ask(source, account, question, driver, patience=patience, clock=clock, sleep=sleep)
    return recorder.cassette(source, account, question, plugin=plugin, recorded_at=began), outcome


def play(source: Source, cassette: Cassette, name: str = "the cassette") -> Outcome:
    """Ask the cassette's question again, of the cassette. A request that was not recorded is the outcome's error."""
    replay = Replay(cassette, source, name)
    with replay.blocking() as driver:
        return ask(
            source, replay.account, cassette.question, driver,
            patience=7 * 86400.0, clock=replay.clock, sleep=replay.clock.sleep,
        )  # fmt: skip


def ask(
    source: Source,
    account: Account,
    question: Question,
    driver: BlockingDriver,
    *,
    patience: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Outcome:
    """Ask through a driver; nothing is kept but the outcome."""
    with tempfile.TemporaryDirectory(prefix="fapiao-") as folder:
        database = Database.connect(f"sqlite:///{Path(folder) / 'asked.db'}")
        rejections = _Rejections()
        with (
            observers.added(rejections, "recording"),
            _runner(source, account, database, question, driver, clock) as runner,
        ):
            error: FapiaoError | None = None
            try:
                _until_done(runner.advance, clock, sleep, clock() + patience)
                runner.verdict()
            except (ConfigurationError, VendorBusy):
                raise
            except FapiaoError as problem:
                error = problem
            return Outcome(
                parts=_parts(runner),
                error=None if error is None else type(error).__name__,
                text=str(error or ""),
                rejected=tuple(sorted(rejections.found)),
            )


def _runner(
    source: Source,
    account: Account,
    database: Database,
    question: Question,
    driver: BlockingDriver,
    clock: Callable[[], float],
) -> Any:
    if question.kind == "collect":
        month = collect_request(
            source.descriptor,
            taxpayer_no=question.taxpayer_no,
            invoice_month=question.invoice_month,
            now=clock(),
            types=question.types,
            directions=question.directions,
        )
        return Collector(source, account, database, month, driver=driver, clock=clock)
    if question.kind == "sync":
        lists = sync_request(
            source,
            account,
            taxpayer_no=question.taxpayer_no,
            queries=question.queries,
            tax_period=question.tax_period,
            first_on=question.first_on,
            last_on=question.last_on,
            filters=question.filters,
            zipped=question.zipped,
        )
        return Syncer(source, account, database, lists, driver=driver, clock=clock)
    values: dict[str, Any] = dict(question.claim)
    claim = claim_of(**values, taxpayer_no=question.taxpayer_no or None)
    return Verifier(source, account, database, [claim], driver=driver, clock=clock)


def _until_done(
    advance: Callable[[], Waiting | None], clock: Callable[[], float], sleep: Callable[[float], None], deadline: float
) -> None:
    while (waiting := advance()) is not None:
        wait = waiting.not_before - clock()
        if waiting.not_before > deadline:
            raise VendorBusy(
                f"The recording would have to wait {wait:.0f} s, longer than it may: {waiting.reason}.",
                retry_after=max(0.0, wait),
                code=waiting.code,
                advice="Record later, or allow a longer wait; nothing was written.",
            )
        sleep(max(0.0, wait))


def _parts(runner: Any) -> dict[str, str]:
    if isinstance(runner, Verifier):
        return {name: str(count) for name, count in sorted(runner.summary().outcomes.items())}
    return {
        f"{part.type} {part.direction}": f"{part.state}, {part.loaded} loaded, {part.rejected} rejected, "
        f"{part.amount_excl_tax} + {part.tax_amount}"
        for part in runner.manifest().slices
    }
