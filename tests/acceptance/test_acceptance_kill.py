"""``kill -9`` at any moment, then the same command again: the truth, one job, and hardly a page twice."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from collecting import APP_SECURITY, MONTH, Command, unproven, wrong_with
from fapiao.collecting.reading import AHEAD
from fapiao.store import Database
from fapiao.store.tables.ledger import account_permits, accounts, collections
from fapiao.testing.numbering import tax_number
from fapiao.testing.observation import Report
from fapiao.testing.scenario import Count, Fault
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

pytestmark = pytest.mark.kill

COUNT = 3000
PAGES = 30
AT_ONCE = 4
SLICE = ("--type", "81", "--direction", "input", "--refresh", "older-than:1d")
"""A run that was killed after it had closed its generation is not followed by the next one."""


class Moment(msgspec.Struct, frozen=True):
    """When a run is killed: so long after the vendor has got the n-th request of an operation."""

    operation: str
    nth: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.operation} {self.nth} + {self.seconds * 1000:.0f} ms"


def moments(count: int, seed: int = 20241101) -> list[Moment]:
    """Spread over the whole run; 60 ms is the vendor's latency, and commits happen beside it."""
    random = Random(seed)
    spread: tuple[tuple[str, int], ...] = (
        ("read", PAGES - 1), ("start", 1), ("status", 4), ("read", PAGES), ("login", 1), ("read", 8),
    )  # fmt: skip
    found = []
    for ordinal in range(count):
        operation, last = spread[ordinal % len(spread)]
        seconds = random.uniform(0.0, 0.08 if operation == "read" else 0.2)
        found.append(Moment(operation, random.randint(1, last), seconds))
    return found


class Place:
    """A vendor, a database and the command between them; every test has a taxpayer of its own."""

    def __init__(self, simulator: EkuaibaoSimulator, into: str, command: Command) -> None:
        self.simulator = simulator
        self.into = into
        self.command = command

    def forget_login(self) -> None:
        """So that the next run logs in again: the token is shared through the database."""
        engine = sa.create_engine(self.into)
        with engine.begin() as connection:
            connection.execute(accounts.delete())
            connection.execute(account_permits.delete())
        engine.dispose()

    def killed(self, taxpayer_no: str, moment: Moment) -> str | None:
        """Start a run, kill it at the moment; the state in which its generation is left. None: it was over before."""
        before = self.report().operations.get(moment.operation, 0)
        process = self.command.start(*self.command.collecting(taxpayer_no, self.into, *SLICE))
        try:
            while process.poll() is None:
                if self.report().operations.get(moment.operation, 0) >= before + moment.nth:
                    time.sleep(moment.seconds)
                    break
                time.sleep(0.002)
        finally:
            process.kill()
            process.communicate()
        return self.state(taxpayer_no) if process.returncode == -signal.SIGKILL else None

    def state(self, taxpayer_no: str) -> str:
        engine = sa.create_engine(self.into)
        with engine.connect() as connection:
            query = sa.select(collections.c.state).where(collections.c.taxpayer_no == taxpayer_no)
            found = connection.execute(query.order_by(collections.c.generation.desc())).scalar()
        engine.dispose()
        return found or "nothing"

    def finish(self, taxpayer_no: str) -> dict[str, Any]:
        """Run it to its end; how that differs from the truth is an error."""
        done = self.command.collect(taxpayer_no, self.into, *SLICE)
        assert done.returncode == 0, done.stderr
        manifest: dict[str, Any] = json.loads(done.stdout)
        assert manifest["state"] == "complete"
        assert manifest["generation"] == 1
        assert unproven(manifest, self.simulator) == []
        assert wrong_with(self.into, self.simulator, taxpayer_no) == []
        return manifest

    def report(self) -> Report:
        return self.simulator.report()

    def starts(self, taxpayer_no: str) -> tuple[int, int]:
        """Jobs started and starts refused."""
        key = f"{taxpayer_no} {MONTH}"
        return self.report().starts.get(key, 0), self.report().refused_starts.get(key, 0)

    def read_again(self, taxpayer_no: str) -> int:
        pages = self.report().reads[f"{taxpayer_no} {MONTH} 81 input"]
        assert len(pages) == PAGES
        return sum(count - 1 for count in pages.values())


@contextmanager
def placed(into: str, folder: Path, **scenario: Any) -> Iterator[Place]:
    made = EkuaibaoScenario(
        taxpayers=tuple(tax_number(ordinal) for ordinal in range(1, 61)),
        app_security=APP_SECURITY,
        seed=5,
        uniform=0,
        counts=(Count(type="81", direction="input", count=COUNT),),
        **{"queued_seconds": 0.3, "processing_seconds": 0.5, "latency": 0.05, "jitter": 0.02, **scenario},
    )
    simulator = EkuaibaoSimulator(made)
    with simulator.running():
        yield Place(simulator, into, Command(simulator, {"max_concurrency": AT_ONCE, "start_grace": 3}, folder))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Shared by the kills of one kind of database: each has its own taxpayer."""
    folder = tmp_path_factory.mktemp("killed")
    with ExitStack() as stack:
        into = f"sqlite:///{folder / 'fapiao.db'}"
        if request.param == "postgres":
            into = stack.enter_context(_postgres(str(request.getfixturevalue("postgres_server"))))
        Database.migrate_url(into)
        yield stack.enter_context(placed(into, folder))


@contextmanager
def _postgres(server: str) -> Iterator[str]:
    name = f"fapiao_test_{uuid4().hex[:12]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


MOMENTS = moments(30)
QUICK = 3


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "ordinal",
    [pytest.param(place, marks=[] if place < QUICK else [pytest.mark.slow], id=f"{place + 1} {moment}")
     for place, moment in enumerate(MOMENTS)],
)  # fmt: skip
def test_a_killed_run_is_continued_by_the_same_command(place: Place, ordinal: int) -> None:
    taxpayer_no = tax_number(ordinal + 1)
    if MOMENTS[ordinal].operation == "login":
        place.forget_login()
    left = place.killed(taxpayer_no, MOMENTS[ordinal])
    assert left is not None, "the moment has to come before the end of the run"
    place.finish(taxpayer_no)
    assert place.starts(taxpayer_no) == (1, 0)
    assert place.read_again(taxpayer_no) <= AHEAD * AT_ONCE
    assert place.report().violations == ()
    assert place.report().peak_concurrency <= AT_ONCE


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_run_that_is_killed_again_and_again_comes_to_its_end(place: Place, kills: int) -> None:
    taxpayer_no = tax_number(40 + kills)
    random = Random(kills)
    left = [
        place.killed(
            taxpayer_no, Moment("read", random.randint(1, 3 * PAGES // kills // 4 + 1), random.uniform(0, 0.1))
        )
        for _ in range(kills)
    ]
    assert left == ["started"] * kills, "every kill has to come in the middle"
    place.finish(taxpayer_no)
    assert place.starts(taxpayer_no) == (1, 0)
    assert place.read_again(taxpayer_no) <= kills * AHEAD * AT_ONCE
    assert place.report().violations == ()


LOST = {
    "while the vendor carries it out": Fault(kind="delay", operation="start", first=1, seconds=1.0),
    "when it was carried out and its answer was lost": Fault(
        kind="reset", operation="start", first=1, carried_out=True
    ),
    "when it never arrived": Fault(kind="reset", operation="start", first=1),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seconds", [0.01, pytest.param(0.3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_a_kill_between_the_start_and_its_commit_starts_no_second_job(
    into: str, tmp_path: Path, lost: Fault, seconds: float
) -> None:
    taxpayer_no = tax_number(1)
    with placed(into, tmp_path, faults=(lost,)) as own:
        assert own.killed(taxpayer_no, Moment("start", 1, seconds)) == "starting"
        own.finish(taxpayer_no)
        assert own.starts(taxpayer_no) == (1, 0)
        sent = own.report().operations["start"]
        assert sent == (2 if lost.kind == "reset" and not lost.carried_out else 1)
        assert own.read_again(taxpayer_no) == 0
        assert own.report().violations == ()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_start_carried_out_long_after_the_kill_is_joined_not_doubled(sqlite_into: str, tmp_path: Path) -> None:
    """It is still under way when the grace has ended: the second start is refused, and the first job is joined."""
    taxpayer_no = tax_number(1)
    late = Fault(kind="delay", operation="start", first=1, seconds=4.0)
    with placed(sqlite_into, tmp_path, faults=(late,), processing_seconds=4.0) as own:
        assert own.killed(taxpayer_no, Moment("start", 1, 0.2)) == "starting"
        own.finish(taxpayer_no)
        assert own.starts(taxpayer_no)[0] == 1
        assert own.read_again(taxpayer_no) == 0
