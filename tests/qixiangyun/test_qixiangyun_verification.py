"""Verifying one invoice: what is asked, what the answers become, and the tasks behind them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from fapiao.errors import QuotaExhausted, RequestRefused, VendorBroken
from fapiao.wire import LayoutFiles, LayoutTask, Outcome, Pending, Verification
from fapiao_qixiangyun import plugin

NUMBER = "24990112810000000001"
CHINA = timezone(timedelta(hours=8))
RECORD = {"invoiceNumber": NUMBER, "requestId": "q1", "checkTime": "2024-11-20 10:20:02", "state": "0"}


def test_all_values_are_texts_and_the_amount_is_the_one_with_tax(
    drive: Any, account: Any, claim: Any, envelope: Any
) -> None:
    wish = claim(layouts=("pdf", "xml"), amount_incl_tax=Decimal("1E+3"), amount_excl_tax=Decimal("943.40"))
    _, (request,) = drive(plugin.verify(account(), wish), envelope(RECORD))
    assert request.json == {
        "invoiceNumber": NUMBER,
        "billingDate": "2024-11-05",
        "totalAmount": "1000",
        "nsrsbh": "91990000MA0000002E",
        "bswjFplx": "0910,0920,61,83",
        "bswjLx": "XML,PDF",
    }
    assert (request.path, request.idempotent) == ("/v2/invoice/customizedCheck", True)


def test_without_layouts_the_range_is_empty_so_that_no_job_is_started(
    drive: Any, account: Any, claim: Any, envelope: Any
) -> None:
    _, (request,) = drive(plugin.verify(account(), claim()), envelope(RECORD))
    assert request.json["bswjFplx"] == ""
    assert "bswjLx" not in request.json


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "12345678", "invoice_code": "011002000111"},
        {"number": "12345678"},
        {"number": "２４990112810000000001"},
        {"amount_incl_tax": None, "amount_excl_tax": Decimal(100)},
        {"taxpayer_no": None},
        {"layouts": ("png",)},
    ],
)
def test_what_this_interface_cannot_verify_is_refused_without_asking(account: Any, claim: Any, changes: Any) -> None:
    with pytest.raises(RequestRefused):
        next(plugin.verify(account(), claim(**changes)))


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("CheckInvoiceNotExistence", Outcome.NOT_FOUND),
        ("CheckInvoiceNotSame", Outcome.DIFFERENT),
        ("CheckInvoicesOverFiveYears", Outcome.TOO_OLD),
        ("CheckInvoicesMoreThanToday", Outcome.NOT_YET),
    ],
)
def test_a_negative_answer_is_a_result(
    drive: Any, account: Any, claim: Any, envelope: Any, code: str, outcome: Outcome
) -> None:
    answer = envelope(None, code=code, success=False, message="测试")
    value, _ = drive(plugin.verify(account(), claim()), answer)
    assert value == Verification(outcome=outcome, code=code, message="测试", request_id="r")


@pytest.mark.parametrize("code", ["CheckInvoiceException", "CheckAbnormal"])
def test_a_bureau_fault_is_looked_at_again_after_fifteen_to_twenty_minutes(
    drive: Any, account: Any, claim: Any, envelope: Any, code: str
) -> None:
    value, _ = drive(plugin.verify(account(), claim()), envelope(None, code=code, success=False, message="税局异常"))
    assert value == Pending(reason="税局异常", code=code, after=1050.0)
    shorter, _ = drive(plugin.verify(account(fault_pause=1.5), claim()), envelope(None, code=code, success=False))
    assert shorter.after == 1.5


@pytest.mark.parametrize(
    ("date", "midnight"),
    [
        ("Wed, 20 Nov 2024 15:59:59 GMT", datetime(2024, 11, 21, 0, 5, tzinfo=CHINA)),
        ("Wed, 20 Nov 2024 16:00:00 GMT", datetime(2024, 11, 22, 0, 5, tzinfo=CHINA)),
        ("Tue, 31 Dec 2024 12:00:00 GMT", datetime(2025, 1, 1, 0, 5, tzinfo=CHINA)),
    ],
)
def test_the_sixth_check_waits_for_the_next_day_in_china(
    drive: Any, account: Any, claim: Any, envelope: Any, date: str, midnight: datetime
) -> None:
    answer = envelope(None, code="CheckInvoiceMoreFiveTimes", success=False, date=date)
    value, _ = drive(plugin.verify(account(), claim()), answer)
    assert (value.code, value.not_before, value.after) == ("CheckInvoiceMoreFiveTimes", midnight, None)


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_without_a_date_the_sixth_check_waits_a_whole_day(
    drive: Any, account: Any, claim: Any, envelope: Any, headers: Any
) -> None:
    answer = envelope(None, code="CheckInvoiceMoreFiveTimes", success=False, **headers)
    value, _ = drive(plugin.verify(account(), claim()), answer)
    assert (value.after, value.not_before) == (86_400.0, None)


def test_a_genuine_invoice_brings_its_record_and_the_vendors_own_time(
    drive: Any, account: Any, claim: Any, envelope: Any
) -> None:
    value, _ = drive(plugin.verify(account(), claim()), envelope(RECORD))
    assert value.outcome is Outcome.GENUINE
    assert value.record == RECORD
    assert (value.request_id, value.checked_at) == ("q1", datetime(2024, 11, 20, 10, 20, 2))  # noqa: DTZ001 - invoices print China time without a zone
    assert (value.task, value.links) == (None, ())


@pytest.mark.parametrize(
    "written", [b"1789012345678901234", b'"1789012345678901234"', b'" 1789012345678901234 "', b"1789012345678901234.0"]
)
def test_a_task_id_of_19_digits_survives_as_text(
    drive: Any, account: Any, claim: Any, respond: Any, written: bytes
) -> None:
    body = b'{"success":true,"data":{"invoiceNumber":"%s","bswjxzTaskId":%s}}' % (NUMBER.encode(), written)
    value, _ = drive(plugin.verify(account(), claim(layouts=("pdf",))), respond(body))
    assert value.task == LayoutTask(task_id="1789012345678901234", taxpayer_no="91990000MA0000002E", number=NUMBER)


def test_a_rounded_task_id_costs_the_files_but_not_the_check(
    drive: Any, account: Any, claim: Any, respond: Any
) -> None:
    body = b'{"success":true,"data":{"invoiceNumber":"%s","bswjxzTaskId":1.789012345678901E18}}' % NUMBER.encode()
    value, _ = drive(plugin.verify(account(), claim(layouts=("pdf",))), respond(body))
    assert (value.outcome, value.task) == (Outcome.GENUINE, None)
    assert "rounded" in value.message


@pytest.mark.parametrize("nothing", [None, "", 0, "  "])
def test_no_task_id_is_no_task(drive: Any, account: Any, claim: Any, envelope: Any, nothing: Any) -> None:
    value, _ = drive(plugin.verify(account(), claim(layouts=("pdf",))), envelope(RECORD | {"bswjxzTaskId": nothing}))
    assert value.task is None


def test_files_that_are_there_at_once_are_links(drive: Any, account: Any, claim: Any, envelope: Any) -> None:
    record = RECORD | {"pdfUrl": "https://f.example/1.pdf", "ofdUrl": "", "xmlUrl": "null"}
    value, _ = drive(plugin.verify(account(), claim()), envelope(record))
    assert [(link.kind, link.url.reveal()) for link in value.links] == [("pdf", "https://f.example/1.pdf")]


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"invoiceNumber": ""}, {"invoiceNumber": "24990112810000000002"}, {"invoiceNumber": {}}]
)
def test_a_success_without_the_invoice_that_was_asked_for_is_broken(
    drive: Any, account: Any, claim: Any, envelope: Any, data: Any
) -> None:
    with pytest.raises(VendorBroken):
        drive(plugin.verify(account(), claim()), envelope(data))


@pytest.mark.parametrize("time", [None, "", "soon", 5, "2024-11-20"])
def test_an_unreadable_time_loses_no_check(drive: Any, account: Any, claim: Any, envelope: Any, time: Any) -> None:
    value, _ = drive(plugin.verify(account(), claim()), envelope(RECORD | {"checkTime": time}))
    assert (value.outcome, value.checked_at) == (Outcome.GENUINE, None)


# Against the simulator.


def test_each_outcome_as_the_bureau_decides_it(live: Any, claim: Any) -> None:
    with live(today="2024-12-01") as it:
        (good,) = it.simulator.claims(1)
        day = good.issued_on
        cases = {
            Outcome.GENUINE: {},
            Outcome.DIFFERENT: {"amount_incl_tax": good.amount_incl_tax + 1},
            Outcome.NOT_FOUND: {"number": good.number[:-6] + "999998"},
            Outcome.NOT_YET: {"issued_on": day.replace(year=2025)},
            Outcome.TOO_OLD: {"issued_on": day.replace(year=2018)},
        }
        for outcome, changes in cases.items():
            values = {name: getattr(good, name) for name in good.__struct_fields__} | changes
            assert it.ask(it.source.verify(it.account, type(good)(**values))).outcome is outcome
        assert it.simulator.report().violations == ()


def test_throttling_and_faults_by_chance_leave_each_invoice_verified_once(live: Any) -> None:
    codes = [
        {"operation": "verify", "code": "CheckInvoiceSingular", "probability": 0.02},
        {"operation": "verify", "code": "ServerError", "probability": 0.02},
        {"operation": "verify", "code": "CheckInvoiceException", "probability": 0.02},
    ]
    with live(codes=codes, token_requests=150) as it:
        todo = it.simulator.claims(120)
        later = 0
        while todo:
            claim = todo.pop(0)
            value = it.ask(it.source.verify(it.account, claim))
            if isinstance(value, Pending):
                later += 1
                todo.append(claim)
        report = it.simulator.report()
    assert set(report.checks.values()) == {1}
    assert len(report.checks) == 120
    assert later == report.codes["CheckInvoiceException"]
    assert report.logins >= 1
    assert report.violations == ()


def test_a_taxpayer_without_the_product_stops_the_run(live: Any) -> None:
    with live() as it:
        (claim,) = it.simulator.claims(1)
        it.simulator.configure(type(it.simulator.scenario)(without_product=(claim.taxpayer_no,)))
        with pytest.raises(QuotaExhausted, match="0013"):
            it.ask(it.source.verify(it.account, claim))


def test_a_clock_that_is_wrong_is_said_to_be(live: Any) -> None:
    import time

    with live(clock=lambda: time.time() + 1000) as it:
        (claim,) = it.simulator.claims(1)
        with pytest.raises(Exception, match="clock"):
            it.ask(it.source.verify(it.account, claim))


# Layout files.

TASK = LayoutTask(task_id="1789012345678901234", taxpayer_no="91990000MA0000002E", number=NUMBER)


def test_the_result_is_asked_for_by_the_exact_id_and_never_twice(drive: Any, account: Any, envelope: Any) -> None:
    _, (request,) = drive(
        plugin.layout_files(account(result_path="/v2/other/path"), TASK), envelope([{"qdfphm": NUMBER, "zt": "1"}])
    )
    assert (request.path, request.json) == ("/v2/other/path", {"taskId": "1789012345678901234"})
    assert request.idempotent is False


@pytest.mark.parametrize("state", ["1", 1])
def test_a_running_task_is_pending(drive: Any, account: Any, envelope: Any, state: Any) -> None:
    value, _ = drive(
        plugin.layout_files(account(), TASK), envelope([{"qdfphm": NUMBER, "zt": state, "message": "处理中"}])
    )
    assert isinstance(value, Pending)
    assert (value.reason, value.after) == ("处理中", 60.0)


def test_a_finished_task_gives_its_links(drive: Any, account: Any, envelope: Any) -> None:
    other = {"qdfphm": "24990112810000000002", "zt": "2"}
    item = {
        "qdfphm": NUMBER,
        "zt": 3,
        "code": "2000",
        "pdfUrl": "https://f/1.pdf",
        "ofdUrl": None,
        "xmlUrl": "http://f/1.xml",
    }
    value, _ = drive(plugin.layout_files(account(), TASK), envelope([other, item]))
    assert value.failed is False
    assert [(link.kind, link.url.reveal()) for link in value.links] == [
        ("xml", "http://f/1.xml"),
        ("pdf", "https://f/1.pdf"),
    ]


def test_an_expired_or_taken_task_has_failed(drive: Any, account: Any, envelope: Any) -> None:
    item = {"qdfphm": NUMBER, "zt": "2", "code": "BusinessVerification", "message": "任务已失效"}
    value, _ = drive(plugin.layout_files(account(), TASK), envelope([item]))
    assert value == LayoutFiles(failed=True, code="BusinessVerification", message="任务已失效")


def test_a_task_without_its_number_is_the_only_one_in_the_answer(drive: Any, account: Any, envelope: Any) -> None:
    value, _ = drive(
        plugin.layout_files(account(), TASK), envelope({"qdfphm": "", "zt": "2", "code": "BusinessVerification"})
    )
    assert value.code == "BusinessVerification"


def test_a_task_that_is_done_without_a_file_has_failed(drive: Any, account: Any, envelope: Any) -> None:
    value, _ = drive(plugin.layout_files(account(), TASK), envelope([{"qdfphm": NUMBER, "zt": "3", "code": "2000"}]))
    assert (value.failed, value.code) == (True, "NoFiles")


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        ["x"],
        [{"qdfphm": "24990112810000000002", "zt": "3"}],
        [{"qdfphm": NUMBER}],
        [{"qdfphm": NUMBER, "zt": "9"}],
    ],
)
def test_an_answer_without_the_task_is_broken(drive: Any, account: Any, envelope: Any, data: Any) -> None:
    with pytest.raises(VendorBroken):
        drive(plugin.layout_files(account(), TASK), envelope(data))
