"""Recordings of simulated vendors: they say the same when they are played, and nothing that must not be said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao import redaction
from fapiao.connection import Connection
from fapiao.engine.encoded import seen_through
from fapiao.engine.transcript import pack
from fapiao.errors import ConfigurationError
from fapiao.recording import Outcome, play, record
from fapiao.registry import registry
from fapiao.testing.cassettes import Cassette, Masker, Question, Recorder, Replay
from fapiao.testing.cassettes.masking import known_words
from fapiao.testing.scenario import TAXPAYERS
from fapiao.testing.simulator import SimulatedVendor
from fapiao.wire import Account, Page, Request, Response, Secret, SliceKey, SliceQuery
from fapiao_ekuaibao.simulator import CodeAnswer, EkuaibaoScenario, EkuaibaoSimulator
from fapiao_jcsk.simulator import JcskScenario, JcskSimulator
from fapiao_qixiangyun.simulator import QixiangyunScenario, QixiangyunSimulator
from trying import FakeClock, china

SECRET = "canary-recorded-secret-5d1e"
MONTH = Question(
    kind="collect", taxpayer_no=TAXPAYERS[0], invoice_month="202411", types=("81", "04"), directions=("input",)
)
LISTS = Question(kind="sync", taxpayer_no=TAXPAYERS[0], queries=("10",), tax_period="202411")
Made = tuple[Cassette, Outcome]


def made(
    vendor: SimulatedVendor[Any], source_name: str, question: Question, clock: FakeClock, masked: bool = True
) -> Made:
    source = registry.get(source_name)
    with vendor.running():
        given = dict(vendor.connection())
        given["extra"] = {**given["extra"], "requests_per_second": 0}
        account = source.account(Connection.from_json(msgspec.json.encode(given), conn_id="the test"))
        masker = Masker(b"test", words=known_words(source.descriptor)) if masked else None
        return record(source, account, question, masker, plugin="test 1", clock=clock, sleep=clock.sleep)


def ekuaibao(question: Question = MONTH, masked: bool = True, **scenario: Any) -> tuple[EkuaibaoSimulator, Made]:
    clock = FakeClock(china("2024-12-10 12:00"))
    vendor = EkuaibaoSimulator(
        EkuaibaoScenario(uniform=30, app_security=SECRET, **scenario), clock=clock, sleep=clock.sleep
    )
    return vendor, made(vendor, "ekuaibao", question, clock, masked)


@pytest.fixture(scope="module")
def month() -> tuple[EkuaibaoSimulator, Made]:
    return ekuaibao()


def test_a_month_played_again_ends_as_it_did_at_the_vendor(month: tuple[EkuaibaoSimulator, Made]) -> None:
    vendor, (cassette, outcome) = month
    assert outcome.error is None, outcome.text
    assert outcome.differences(play(registry.get("ekuaibao"), cassette)) == []
    assert {recorded.flow for recorded in cassette.exchanges} == {
        "authorize",
        "start_collection",
        "collection_status",
        "read_page",
    }
    assert len(cassette.exchanges) == vendor.report().total


def test_a_masked_month_names_nobody_and_no_invoice(month: tuple[EkuaibaoSimulator, Made]) -> None:
    vendor, (cassette, _) = month
    text = cassette.text()
    truth = [invoice for type in MONTH.types for invoice in vendor.invoices(TAXPAYERS[0], "202411", type, "input")]
    names = (
        "seller_name", "seller_tax_no", "seller_address_phone", "seller_bank_account", "buyer_name", "buyer_tax_no",
        "buyer_address_phone", "buyer_bank_account", "invoice_number", "digital_number", "drawer", "payee", "reviewer",
        "check_code", "machine_no", "remark",
    )  # fmt: skip
    canaries = {getattr(invoice, name) for invoice in truth for name in names} - {None}
    canaries |= {line.item_name for invoice in truth for line in invoice.lines if line.item_name}
    assert len(canaries) > 200
    # An 8-digit number may be a date.
    left = {canary for canary in canaries if canary in text and not _is_date(canary)}
    assert left == set()


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return len(text) == 8


def test_no_secret_and_no_token_is_in_a_recording_masked_or_not(month: tuple[EkuaibaoSimulator, Made]) -> None:
    _, (cassette, _) = month
    _, (plain, _) = ekuaibao(masked=False)
    for text in (cassette.text(), plain.text()):
        assert SECRET not in text
        assert "accessToken=" not in text
    assert TAXPAYERS[0] in plain.text()
    assert not plain.masked


def test_the_same_key_masks_alike_and_another_differently(month: tuple[EkuaibaoSimulator, Made]) -> None:
    one = Masker(b"test").text(TAXPAYERS[0])
    assert Masker(b"test").text(TAXPAYERS[0]) == one == month[1][0].question.taxpayer_no
    assert Masker(b"other").text(TAXPAYERS[0]) != one


def test_a_file_is_the_value_again(month: tuple[EkuaibaoSimulator, Made], tmp_path: Path) -> None:
    cassette = month[1][0]
    path = tmp_path / "month.json"
    path.write_text(cassette.text(), "utf-8")
    assert Cassette.read(path).text() == cassette.text()
    assert play(registry.get("ekuaibao"), Cassette.read(path)).error is None


def test_a_refusal_is_recorded_and_played(month: tuple[EkuaibaoSimulator, Made]) -> None:
    _, (cassette, outcome) = ekuaibao(codes=(CodeAnswer(operation="start", code="4001"),))
    assert outcome.error is not None
    assert outcome.differences(play(registry.get("ekuaibao"), cassette)) == []


def test_both_drivers_get_the_same_out_of_a_cassette(month: tuple[EkuaibaoSimulator, Made]) -> None:
    cassette = month[1][0]
    source = registry.get("ekuaibao")
    query = SliceQuery(taxpayer_no=cassette.question.taxpayer_no, invoice_month="202411", key=SliceKey("81", "input"))
    replay = Replay(cassette, source)
    with replay.blocking() as driver:
        first = driver.run(source.read_page(replay.account, query, None))

    async def drive() -> Any:
        again = Replay(cassette, source)
        async with again.asynchronous() as driver:
            return await driver.run(source.read_page(again.account, query, None))

    second = asyncio.run(drive())
    assert first.value == second.value
    assert isinstance(first.value, Page)
    assert len(first.value.records) == 30
    assert pack(first.transcript) == pack(second.transcript)


@pytest.mark.parametrize("zipped", [False, True], ids=["base64", "zip"])
def test_lists_in_encoded_answers_are_masked_inside(zipped: bool) -> None:
    clock = FakeClock(china("2024-12-10 12:00"))
    vendor = JcskSimulator(JcskScenario(uniform=30, app_secret=SECRET), clock=clock, sleep=clock.sleep)
    question = msgspec.structs.replace(LISTS, zipped=zipped)
    cassette, outcome = made(vendor, "jcsk", question, clock)
    assert outcome.error is None, outcome.text
    assert outcome.differences(play(registry.get("jcsk"), cassette)) == []
    inside = repr([seen_through(recorded.answer) for recorded in cassette.exchanges])
    asked = repr([seen_through([list(pair) for pair in recorded.form]) for recorded in cassette.exchanges])
    truth = vendor.listed(TAXPAYERS[0], "10", skssq="202411")
    assert truth
    canaries = {invoice.seller_name for invoice in truth} | {invoice.seller_tax_no for invoice in truth} - {None}
    assert "salesTaxName" in inside
    assert [canary for canary in canaries if canary and (canary in inside or canary in asked)] == []
    assert TAXPAYERS[0] not in inside + asked


def test_a_verification_is_recorded_and_played() -> None:
    clock = FakeClock(china("2024-12-10 12:00"))
    vendor = QixiangyunSimulator(QixiangyunScenario(), clock=clock, sleep=clock.sleep)
    bought = next(
        invoice
        for invoice in vendor.invoices(TAXPAYERS[0], "202411", "81", "input")
        if invoice.digital_number and invoice.amount_incl_tax
    )
    question = Question(
        kind="verify",
        taxpayer_no=TAXPAYERS[0],
        claim={
            "number": str(bought.digital_number),
            "issued_on": str(bought.issued_on),
            "amount_incl_tax": str(bought.amount_incl_tax),
        },
    )
    cassette, outcome = made(vendor, "qixiangyun", question, clock)
    assert outcome.parts == {"genuine": "1"}, outcome.text
    assert outcome.differences(play(registry.get("qixiangyun"), cassette)) == []
    assert str(bought.digital_number) not in cassette.text()
    assert str(bought.seller_name) not in cassette.text()


def test_a_secret_that_a_flow_sends_openly_stops_the_recording() -> None:
    source = registry.get("ekuaibao")
    account = Account(source="ekuaibao", name="corp", base_url="https://x.invalid", login="me", secret=Secret(SECRET))
    redaction.register(SECRET)
    recorder = Recorder(None)
    recorder(
        "read_page",
        Request(method="POST", path="/x", json={"key": SECRET}),
        Response(status=200, headers={}, body=b"{}"),
    )
    with pytest.raises(ConfigurationError, match="the recording is not written"):
        recorder.cassette(source, account, MONTH, plugin="test 1", recorded_at=0.0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[:40], "is not a cassette"),
        (lambda text: text.replace('"format": 1', '"format": 9'), "has the format 9"),
        (lambda text: text.replace('"exchanges"', '"exchange"'), "missing required field `exchanges`"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused_with_the_reason(
    month: tuple[EkuaibaoSimulator, Made], tmp_path: Path, spoil: Callable[[str], str], said: str
) -> None:
    path = tmp_path / "spoilt.json"
    path.write_text(spoil(month[1][0].text()), "utf-8")
    with pytest.raises(ConfigurationError, match=said):
        Cassette.read(path)


def test_a_cassette_of_another_source_is_refused(month: tuple[EkuaibaoSimulator, Made]) -> None:
    with pytest.raises(ConfigurationError, match="was recorded from ekuaibao, not from jcsk"):
        Replay(month[1][0], registry.get("jcsk"), "month.json")
