"""Planted secrets and persons, every fault, the most talkative log: then everything that was written is searched."""

from __future__ import annotations

import json
import logging
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from collecting import APP_SECURITY, Command
from fapiao.connection import Connection
from fapiao.registry import registry
from fapiao.testing.scenario import TAXPAYERS, Fault, FaultKind
from fapiao_ekuaibao.simulator import CodeAnswer, Drift, EkuaibaoSimulator, Malformed, Outcome
from trying import Trial

Simulate = Callable[..., EkuaibaoSimulator]
Commands = Callable[..., Command]
Trying = Callable[..., Trial]

DATABASE_PASSWORD = "canary-database-password-51c2"
TAXPAYER = TAXPAYERS[0]
PERSONS = ("测试人员", "测试旅客", "9999******")
"""How every person's name and every identity number of the truth begins."""
TYPES = ("--type", "81", "--type", "04", "--type", "61", "--type", "51")

PASSING: tuple[FaultKind, ...] = ("html", "truncated", "gbk", "empty", "reset", "cut", "unavailable")

TROUBLES: dict[str, dict[str, Any]] = {
    "every fault that passes": {
        "token_requests": 9,
        "malformed": (Malformed(kind="masked_number"), Malformed(kind="missing_number", positions=(3,))),
        "drifts": (Drift(kind="shift", type="81"),),
        "faults": (
            Fault(kind="success_text", every=2),
            *(
                Fault(kind=kind, operation=operation, nth=(place + 1,))
                for operation in ("status", "read")
                for place, kind in enumerate(PASSING)
            ),
            Fault(kind="throttled", operation="read", nth=(9,), retry_after=0.2),
            Fault(kind="html", operation="login", nth=(2,)),
            Fault(kind="truncated", operation="login", nth=(4,)),
        ),
    },
    "slices that nobody can read": {
        "drifts": (Drift(kind="short", type="04", always=True),),
        "outcomes": (Outcome(type="51", direction="output", status="failed"),),
        "faults": (
            Fault(kind="html", operation="read", type="81", direction="input"),
            Fault(kind="truncated", operation="read", type="81", direction="output"),
            Fault(kind="gbk", operation="read", type="61"),
            Fault(kind="null_data", operation="read", type="51", direction="input"),
        ),
    },
    "a login cut in the middle of the token": {"faults": (Fault(kind="truncated", operation="login"),)},
    "a fresh token refused": {"faults": (Fault(kind="status", operation="status", status=403),)},
    "a start whose answer is lost": {
        "faults": (
            Fault(kind="truncated", operation="start", first=1),
            Fault(kind="html", operation="status", nth=(2, 3, 4)),
        )
    },
    "a refusal that quotes the secret": {
        "codes": (CodeAnswer(operation="start", code="4001", message=f"密码 {APP_SECURITY} 不正确"),)
    },
    "a refused slice that quotes the secret": {
        "codes": (CodeAnswer(operation="read", code="4004", message=f"密码 {APP_SECURITY} 不正确", type="81"),)
    },
    "a delay that quotes the secret": {
        "codes": (CodeAnswer(operation="start", code="4008", message=f"任务 {APP_SECURITY} 正在执行"),)
    },
    "an unknown code that quotes the secret": {
        "codes": (CodeAnswer(operation="status", code="7777", message=f"appSecurity {APP_SECURITY}"),)
    },
}


def spellings(secrets: Iterable[str]) -> set[str]:
    """How a secret may be written: as it is, in a URL, in JSON."""
    found = set()
    for secret in secrets:
        found |= {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}
    return found


def tokens(simulator: EkuaibaoSimulator) -> set[str]:
    """Every access and refresh token the vendor has given out, without the corporation id, which is no secret."""
    issued = simulator.tokens._issued
    every = {*issued, *(one.refresh for one in issued.values())}
    return {token.partition(":")[2] for token in every} | {token.partition(":")[2].partition("$")[0] for token in every}


def found_in(text: str, canaries: Iterable[str]) -> list[str]:
    return [canary for canary in canaries if canary in text]


def cells(url: str) -> Iterator[tuple[str, str]]:
    """Every value of every table as text, with the name of its column; transcripts decompressed."""
    engine = sa.create_engine(url)
    tables = sa.MetaData()
    tables.reflect(engine)
    assert len(tables.tables) > 20
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                for name, value in row.items():
                    if value is None:
                        continue
                    if isinstance(value, bytes | memoryview):
                        raw = bytes(value)
                        value = zlib.decompress(raw) if name == "transcript" else raw
                        yield f"{table.name}.{name}", value.decode("utf-8", errors="replace")
                        yield f"{table.name}.{name}", value.decode("gb18030", errors="replace")
                    else:
                        yield f"{table.name}.{name}", str(value)
    engine.dispose()


NO_PERSONS = ("fapiao_collection.", "fapiao_slice.", "fapiao_finding.", "fapiao_account", "fapiao_rejected.reasons")
"""Where messages are kept: no place for personal data."""


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_secret_and_no_person_is_written_where_it_does_not_belong(
    simulate: Simulate, command: Commands, into: str, trouble: str
) -> None:
    if into.startswith("postgresql"):
        into = make_url(into).set(password=DATABASE_PASSWORD).render_as_string(hide_password=False)
    simulator = simulate(uniform=12, **TROUBLES[trouble])
    own = command(simulator, page_size=5, timeout=5)
    runs = [
        own.run("-vv", *own.collecting(TAXPAYER, into, *TYPES, "--wait", "20")[1:]),
        own.run("-vv", "coverage", "--into", into, "--all"),
    ]
    canaries = spellings({APP_SECURITY, DATABASE_PASSWORD, *tokens(simulator)})
    assert "DEBUG" in runs[0].stderr, "the most talkative log"
    assert len(simulator.tokens.given_out) >= 1
    for done in runs:
        assert found_in(done.stdout, canaries) == []
        assert found_in(done.stderr, canaries) == []
        assert found_in(done.stdout + done.stderr, PERSONS) == []
    seen = 0
    for column, text in cells(into):
        seen += 1
        assert found_in(text, canaries) == [], column
        if column.startswith(NO_PERSONS):
            assert found_in(text, PERSONS) == [], column
    assert seen > 100
    for written in own.folder.rglob("*"):
        if written.is_file():
            assert (
                found_in(written.read_bytes().decode("latin-1"), {canary for canary in canaries if canary.isascii()})
                == []
            )


def test_the_search_finds_what_is_there(simulate: Simulate, command: Commands, into: str) -> None:
    """Persons are in the data, and in the decompressed transcripts: the search above is not blind."""
    simulator = simulate(uniform=12)
    assert command(simulator).collect(TAXPAYER, into, *TYPES).returncode == 0
    where = {column for column, text in cells(into) if found_in(text, PERSONS)}
    assert {"fapiao_page.transcript", "fapiao_trip.passenger_name", "fapiao_trip.passenger_id"} <= where


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_exception_shows_a_secret_or_a_person_however_it_is_printed(
    trying: Trying, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    """The whole chain of causes, the manifest, the waits, and every logger of the process at its lowest level."""
    attempt = trying({"uniform": 12, **TROUBLES[trouble]}, page_size=5)
    with caplog.at_level(logging.DEBUG):
        for name in ("fapiao", "urllib3", "requests", "sqlalchemy.engine", "sqlalchemy.pool"):
            caplog.set_level(logging.DEBUG, logger=name)
        ended = attempt.run(types=("81", "04", "61", "51"), patience=1000.0)
    canaries = [*spellings({APP_SECURITY, *tokens(attempt.simulator)}), *PERSONS]
    assert ended.error is not None or ended.waited_out or trouble.startswith(("a start", "a delay"))
    told = [record.getMessage() + (record.exc_text or "") for record in caplog.records]
    assert len(told) > 10
    told += [waiting.reason + repr(waiting) for waiting in ended.waits]
    if ended.manifest is not None:
        told += [ended.manifest.to_json(), repr(ended.manifest)]
    if ended.error is not None:
        told += [str(ended.error), repr(ended.error), repr(vars(ended.error)), *traceback.format_exception(ended.error)]
    for text in told:
        assert found_in(text, canaries) == [], text


def test_what_holds_a_secret_does_not_print_it() -> None:
    given = Connection.from_json(
        msgspec.json.encode(
            {"host": "https://example.invalid", "login": "app", "password": APP_SECURITY, "extra": {"corp_id": "TEST"}}
        ),
        conn_id="the test",
    )
    account = registry.get("ekuaibao").account(given)
    for thing in (given, account, account.secret):
        assert APP_SECURITY not in f"{thing} {thing!r}"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://fapiao:{DATABASE_PASSWORD}@127.0.0.1:1/none",
        f"postgresql://fapiao:{DATABASE_PASSWORD}@127.0.0.1:none/none",
        f"oracle://fapiao:{DATABASE_PASSWORD}@127.0.0.1/none",
        f"postgresql+nonsense://fapiao:{DATABASE_PASSWORD}@127.0.0.1/none",
    ],
    ids=["nobody there", "no port", "no such database", "no such driver"],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(
    simulate: Simulate, command: Commands, url: str
) -> None:
    done = command(simulate()).collect(TAXPAYER, url, *TYPES)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert found_in(done.stdout + done.stderr, (DATABASE_PASSWORD, APP_SECURITY)) == []


def test_a_connection_file_that_is_not_json_is_not_quoted(
    simulate: Simulate, command: Commands, sqlite_into: str, tmp_path: Path
) -> None:
    path = tmp_path / "connection.json"
    path.write_text(f'{{"password": "{APP_SECURITY}", ')
    done = command(simulate()).collect(TAXPAYER, sqlite_into, "--connection", str(path))
    assert done.returncode == 2
    assert "it is not JSON" in done.stderr
    assert APP_SECURITY not in done.stdout + done.stderr
