"""After a fix of what the bureau's answers mean, or of how its files are read, the tables say what they would say had it been
right from the beginning."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fapiao.collecting.verification import Verifier
from fapiao.connection import Connection
from fapiao.engine import BlockingDriver
from fapiao.invoices.model import Finding, Invoice, Level, NormalizeContext, Rejected, Severity
from fapiao.layouts import archiver, einvoice_xml
from fapiao.layouts.archiver import LayoutArchiver
from fapiao.layouts.places import FolderPlace
from fapiao.registry import Registry, Source
from fapiao.rereading.renormalizing import renormalize
from fapiao.spec import hookimpl
from fapiao.store import Database, SharedAccountState
from fapiao.store.ledger.closing import CLOSING_RULES
from fapiao.wire import Account, Claim, Flow, LayoutFiles, LayoutTask, Outcome, Pending, Verification
from fapiao_qixiangyun import plugin
from fapiao_qixiangyun.simulator import QixiangyunScenario, QixiangyunSimulator
from fapiao_qixiangyun.source import Qixiangyun
from inquiring import Inquiry, StillClock
from misreading import BUREAU
from offices import KINDS, FileHost, serving
from rereading import meaning_of
from trying import china

MISTAKES = ("outcome", "untold", "rejects", "seller", "state", "amount", "number", "one", "finding")
PHASES = (Phase.explicit, Phase.generate)
"""Nothing is shrunk: an example takes a second."""


def told(meaning: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Without what is decided when a generation closes: it is judged anew by what is known now."""
    return meaning | {"finding": [row for row in meaning["finding"] if dict(row)["rule"] not in CLOSING_RULES]}


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Folders with a migrated database each: migrating takes longer than an example."""
    folder = tmp_path_factory.mktemp("copies")
    Database.migrate_url(f"sqlite:///{folder / 'template.db'}")
    numbers = count()

    def copy() -> Path:
        made = folder / str(next(numbers))
        made.mkdir()
        (made / "fapiao.db").write_bytes((folder / "template.db").read_bytes())
        return made

    return copy


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    with serving(FileHost()) as address:
        yield address


@contextmanager
def lived(folder: Path, files: str, mistakes: set[str]) -> Iterator[Inquiry]:
    inquiry = Inquiry(f"sqlite:///{folder / 'fapiao.db'}", files)
    try:
        BUREAU.mistake(*mistakes)
        inquiry.busy(folder / "archive")
        yield inquiry
    finally:
        inquiry.close()


@settings(max_examples=25, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(
    before=st.sets(st.sampled_from(MISTAKES), max_size=3),
    after=st.one_of(st.just(set()), st.sets(st.sampled_from(MISTAKES), max_size=2)),
)
def test_interpreting_again_equals_verifying_with_the_new_reading(
    copies: Callable[[], Path], files: str, before: set[str], after: set[str]
) -> None:
    with lived(copies(), files, after) as fresh, lived(copies(), files, before) as mended:
        mended.renormalize(*after)
        ours, theirs = told(mended.meaning("layout_file.uri")), told(fresh.meaning("layout_file.uri"))
        for name, rows in theirs.items():
            assert ours[name] == rows, name
        everything = mended.everything()
        assert mended.renormalize(*after).changes.rows == 0
        assert mended.everything() == everything


class Older(Qixiangyun):
    """A version of the plugin that misread some things."""

    @hookimpl
    def verify(self, account: Account, claim: Claim) -> Flow[Verification | Pending]:
        said = yield from super().verify(account, claim)
        if isinstance(said, Verification) and said.outcome is not Outcome.GENUINE:
            return msgspec.structs.replace(said, outcome=Outcome.TOO_OLD, message="")
        return said

    @hookimpl
    def layout_files(self, account: Account, task: LayoutTask) -> Flow[LayoutFiles | Pending]:
        said = yield from super().layout_files(account, task)
        if isinstance(said, LayoutFiles):
            said = msgspec.structs.replace(said, links=tuple(link for link in said.links if link.kind != "ofd"))
        return said

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        invoice = super().normalize(raw, context)
        if isinstance(invoice, Rejected):
            return invoice
        if int(invoice.digital_number or 0) % 3 == 0:
            return Rejected(reasons=(_REASON,))
        return msgspec.structs.replace(invoice, seller_name="别的测试有限公司", state="void", remark=None)


_REASON = Finding(rule="V1", severity=Severity.REJECT, field="day", message="The day cannot be read.")
TODAY = Registry([EntryPoint("qixiangyun", "fapiao_qixiangyun:plugin", "fapiao.sources")], disabled=())


class Desk:
    """企享云 on a clock of the test's own, with what it knows in a database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database.connect(url)
        self.clock = StillClock(china("2024-12-20 12:00"))
        self.simulator = QixiangyunSimulator(QixiangyunScenario(layout_seconds=30.0), clock=self.clock)
        self._place = FolderPlace(folder)

    @contextmanager
    def open(self) -> Iterator[Desk]:
        with self.simulator.running():
            yield self
        self.database.close()

    def verify(self, plugin: Any) -> None:
        """Genuine ones, one with another amount and one that nobody knows; then the links of their files."""
        claims = self.simulator.claims(8, layouts=KINDS)
        claims[6] = msgspec.structs.replace(claims[6], amount_incl_tax=Decimal("1.23"))
        claims[7] = msgspec.structs.replace(claims[7], number="2" * 20)
        with (
            self._connected(plugin) as (source, account, driver),
            Verifier(source, account, self.database, claims, driver=driver, clock=self.clock) as verifier,
        ):
            assert verifier.advance() is None
        with self._connected(plugin) as (source, account, driver):
            self._archive(source, account, driver, None)

    def archive(self, plugin: Any) -> None:
        with self._connected(plugin) as (source, account, driver):
            self._archive(source, account, driver, self._place).verdict()

    @contextmanager
    def _connected(self, plugin: Any) -> Iterator[tuple[Source, Account, BlockingDriver]]:
        source = Source.of(plugin)
        told = dict(self.simulator.connection())
        told["extra"] = {**told["extra"], "max_concurrency": 1}
        account = source.account(Connection.from_json(msgspec.json.encode(told), conn_id="the test"))
        state = SharedAccountState(self.database, account)
        with BlockingDriver(source, account, state=state, clock=self.clock, sleep=self.clock.sleep) as driver:
            yield source, account, driver

    def _archive(
        self, source: Source, account: Account, driver: BlockingDriver, place: FolderPlace | None
    ) -> LayoutArchiver:
        self.clock.sleep(60)
        with LayoutArchiver(source, account, self.database, place, driver=driver, clock=self.clock) as made:
            while (waiting := made.advance()) is not None:
                self.clock.sleep(waiting.not_before - self.clock())
            return made


def misread(raw: Any, context: NormalizeContext) -> Invoice | Rejected:
    """The XML as an older version read it."""
    invoice = einvoice_xml.normalize(raw, context)
    assert isinstance(invoice, Invoice)
    return msgspec.structs.replace(invoice, buyer_name="别的测试有限公司", lines=(), level=Level.HEAD)


PLACES = ("page.transcript_sha256", "layout_link.url", "layout_link.url_hash", "layout_file.uri")
"""What depends on where the vendor and the archive are."""


def test_verified_and_archived_by_an_older_version_and_interpreted_again_is_as_by_the_one_of_today(
    url: str, another: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = count()
    monkeypatch.setattr(secrets, "token_hex", lambda _: f"{next(numbers):032x}")
    with Desk(another, tmp_path / "fresh").open() as fresh:
        fresh.verify(plugin)
        fresh.archive(plugin)
        expected = meaning_of(fresh.database, *PLACES)
    numbers = count()
    with Desk(url, tmp_path / "mended").open() as mended:
        mended.verify(Older())
        with monkeypatch.context() as older:
            older.setattr(archiver, "normalize", misread)
            mended.archive(Older())
        assert meaning_of(mended.database, *PLACES) != expected

        done = renormalize(mended.database, sources=TODAY, clock=lambda: mended.clock() + 3600)

        assert (done.failed, done.purged, done.changes.links_new) == (0, 0, 6)
        mended.clock.now -= 60  # so that the links found now are fetched at the same time
        mended.archive(plugin)
        found = meaning_of(mended.database, *PLACES)
        for name, rows in expected.items():
            assert found[name] == rows, name
        assert renormalize(mended.database, sources=TODAY).changes.rows == 0
    assert {row["outcome"] for row in map(dict, expected["verification"])} == {"genuine", "different", "not_found"}
    assert {row["level"] for row in map(dict, expected["invoice"])} == {"file"}
