"""Collection tasks and their pages, by hand and against the simulator."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fapiao.errors import (
    ConfigurationError,
    OutcomeUnknown,
    PluginError,
    RequestRefused,
    TaxpayerRefused,
    VendorBroken,
    VendorRefused,
)
from fapiao.wire import CollectionJob, CollectionStatus, Pending, SliceKey, SliceQuery, SliceState, SyncQuery
from fapiao_qixiangyun import plugin
from fapiao_qixiangyun.tasks import halves

TAXPAYER = "91990000MA0000002E"
JOB_ID = "1690000000000000001/81,82/jx,xx"


def query(key: SliceKey | None = None, job_id: str | None = JOB_ID) -> SliceQuery:
    return SliceQuery(taxpayer_no=TAXPAYER, invoice_month="202411", key=key or SliceKey("81", "input"), job_id=job_id)


def row(number: int, fplx: Any = "81", jxxbz: Any = "jx") -> dict[str, Any]:
    return {"fphm": f"2499{number:016d}", "fplx": fplx, "jxxbz": jxxbz}


# Starting.


def test_one_task_covers_all_slices_of_the_month(drive: Any, account: Any, job: Any, envelope: Any) -> None:
    value, (request,) = drive(plugin.start_collection(account(), job), envelope({"taskId": 1690000000000000001}))
    assert request.json == {
        "nsrsbh": TAXPAYER,
        "fplx": "81,82",
        "jxxbz": "jx,xx",
        "kpyfq": "202411",
        "kpyfz": "202411",
    }
    assert request.idempotent is False
    assert value.job_id == JOB_ID
    assert [(part.key, part.state) for part in value.slices] == [(key, SliceState.RUNNING) for key in job.slices]


def test_organisation_and_account_go_with_the_start(drive: Any, account: Any, job: Any, envelope: Any) -> None:
    settings = {"agg_org_id": "77", "account_id": "88"}
    _, (request,) = drive(plugin.start_collection(account(**settings), job), envelope({"taskId": "1"}))
    assert (request.json["aggOrgId"], request.json["accountId"]) == ("77", "88")


@pytest.mark.parametrize(("code", "after"), [("50001", 30.0), ("5000", 300.0), ("5002", 300.0), ("9901", 600.0)])
def test_codes_that_mean_later_start_nothing(
    drive: Any, account: Any, job: Any, envelope: Any, code: str, after: float
) -> None:
    answer = envelope(None, code=code, success=False, message="稍后")
    for flow in (
        plugin.start_collection(account(), job),
        plugin.collection_status(account(), msgspec.structs.replace(job, job_id=JOB_ID)),
        plugin.read_page(account(), query(), None),
    ):
        value, _ = drive(flow, answer)
        assert value == Pending(reason="稍后", code=code, after=after)


@pytest.mark.parametrize("data", [None, {}, {"taskId": None}, {"taskId": ""}, {"taskId": "a/b"}, []])
def test_a_start_without_a_task_id_may_have_been_carried_out(
    drive: Any, account: Any, job: Any, envelope: Any, data: Any
) -> None:
    with pytest.raises(OutcomeUnknown):
        drive(plugin.start_collection(account(), job), envelope(data))


def test_the_longest_job_id_fits_the_ledger(drive: Any, account: Any, job: Any, envelope: Any) -> None:
    every = msgspec.structs.replace(job, slices=plugin.describe().slices())
    value, _ = drive(plugin.start_collection(account(), every), envelope({"taskId": 9_999_999_999_999_999_999}))
    assert len(value.job_id) <= 128
    with pytest.raises(RequestRefused, match="fewer types"):
        drive(plugin.start_collection(account(), every), envelope({"taskId": "x" * 64}))


# Looking.


def test_without_an_id_nothing_is_asked_and_nothing_known(drive: Any, account: Any, job: Any) -> None:
    assert drive(plugin.collection_status(account(), job)) == (CollectionStatus(slices=()), [])


def look(drive: Any, account: Any, job: Any, answer: Any) -> Any:
    value, (request,) = drive(plugin.collection_status(account, msgspec.structs.replace(job, job_id=JOB_ID)), answer)
    assert request.json == {"taskId": "1690000000000000001", "nsrsbh": TAXPAYER}
    return value


@pytest.mark.parametrize(
    ("status", "state", "retryable"),
    [
        ("0", SliceState.RUNNING, False),
        (0, SliceState.RUNNING, False),
        ("1", SliceState.RUNNING, False),
        ("3", SliceState.READY, False),
        (3, SliceState.READY, False),
        ("6", SliceState.FAILED, True),
        ("2", SliceState.FAILED, False),
        ("4", SliceState.FAILED, False),
        ("done", SliceState.FAILED, False),
    ],
)
def test_each_status_holds_for_every_slice(
    drive: Any, account: Any, job: Any, envelope: Any, status: Any, state: SliceState, retryable: bool
) -> None:
    value = look(drive, account(), job, envelope({"status": status}))
    assert [part.key for part in value.slices] == list(job.slices)
    assert {(part.state, part.retryable) for part in value.slices} == {(state, retryable)}


@pytest.mark.parametrize("code", ["50001", "5000", "5002", "9901", "59999"])
def test_a_task_that_failed_by_a_passing_fault_may_be_started_again(
    drive: Any, account: Any, job: Any, envelope: Any, code: str
) -> None:
    value = look(drive, account(), job, envelope({"status": "2", "failCode": code, "failMsg": "失败"}))
    assert {(part.state, part.code, part.message, part.retryable) for part in value.slices} == {
        (SliceState.FAILED, code, "失败", True)
    }


@pytest.mark.parametrize("code", ["4000", "4001", "4811", "4812", "5001", "5009", "8000"])
def test_a_task_that_failed_at_the_bureaus_login_refuses_the_taxpayer(
    drive: Any, account: Any, job: Any, envelope: Any, code: str
) -> None:
    with pytest.raises(TaxpayerRefused) as caught:
        look(drive, account(), job, envelope({"status": "2", "failCode": code, "failMsg": "失败"}))
    assert caught.value.code == code


def test_too_many_invoices_divide_the_job(drive: Any, account: Any, job: Any, envelope: Any) -> None:
    first, second, other = job.slices
    started, _ = drive(plugin.start_collection(account(), job), envelope(None, code="4888", success=False))
    value = look(drive, account(), job, envelope({"status": "2", "failCode": 4888, "failMsg": "超过5000"}))
    for status in (started, value):
        assert status.parts == ((first, second), (other,))
        assert {(part.state, part.code) for part in status.slices} == {(SliceState.FAILED, "4888")}


def test_one_type_and_direction_with_too_many_invoices_cannot_be_divided(
    drive: Any, account: Any, job: Any, envelope: Any
) -> None:
    one = msgspec.structs.replace(job, slices=job.slices[:1])
    value = look(drive, account(), one, envelope({"status": "2", "failCode": 4888, "failMsg": "超过5000"}))
    assert value.parts == ()
    assert [(part.state, part.code, part.retryable) for part in value.slices] == [(SliceState.FAILED, "4888", False)]
    assert "account_id" in value.slices[0].message


def test_halving_ends_with_every_slice_once() -> None:
    def leaves(slices: tuple[SliceKey, ...]) -> list[SliceKey]:
        parts = halves(slices)
        assert all(0 < len(part) < len(slices) for part in parts)
        return [key for part in parts for key in leaves(part)] or list(slices)

    every = plugin.describe().slices()
    assert sorted(leaves(every)) == sorted(every)


def test_a_part_asks_for_exactly_its_slices(drive: Any, account: Any, job: Any, envelope: Any) -> None:
    every = plugin.describe().slices()
    for part in (part for half in halves(every) for part in (half, *halves(half))):
        smaller = msgspec.structs.replace(job, slices=part)
        _, (request,) = drive(plugin.start_collection(account(), smaller), envelope({"taskId": "7"}))
        asked = len(request.json["fplx"].split(",")) * len(request.json["jxxbz"].split(","))
        assert asked == len(part)


@pytest.mark.parametrize("code", [None, "", "777"])
def test_a_failure_nobody_knows_is_not_tried_again(
    drive: Any, account: Any, job: Any, envelope: Any, code: Any
) -> None:
    value = look(drive, account(), job, envelope({"status": "2", "failCode": code}))
    assert {(part.state, part.retryable) for part in value.slices} == {(SliceState.FAILED, False)}


@pytest.mark.parametrize("data", [None, [], {}, {"status": None}, {"status": ""}])
def test_a_status_that_says_nothing_is_broken(drive: Any, account: Any, job: Any, envelope: Any, data: Any) -> None:
    with pytest.raises(VendorBroken):
        look(drive, account(), job, envelope(data))


@pytest.mark.parametrize("job_id", ["", "1690", "1690/81", "1690/81/in", "1690//jx", "/81/jx", "1690/81/jx/more"])
def test_another_plugins_job_id_is_the_plugins_fault(account: Any, job: Any, job_id: str) -> None:
    with pytest.raises(PluginError):
        next(plugin.collection_status(account(), msgspec.structs.replace(job, job_id=job_id)))


# Reading.


def page(rows: list[Any], total: int, **more: Any) -> dict[str, Any]:
    return {"total": total, "totalPages": 1, "pageNum": 1, "pageSize": 100, "jsonUrl": None, "list": rows} | more


def page_of(drive: Any, account: Any, envelope: Any, rows: list[Any], asked: SliceQuery) -> Any:
    return drive(plugin.read_page(account(), asked, None), envelope(page(rows, len(rows))))[0]


def test_a_slice_is_its_own_rows_of_all_the_tasks_pages(drive: Any, account: Any, envelope: Any) -> None:
    first, second = [row(1), row(2, "82"), row(3, 81)], [row(4, "81", "xx"), row(5)]
    answers = (envelope(page(first, 5)), envelope(page(second, 5)))
    value, requests = drive(plugin.read_page(account(page_size=3), query(), None), *answers)
    assert value.records == [row(1), row(3, 81), row(5)]
    assert (value.total, value.remaining) == (3, ())
    assert [request.json["page"] for request in requests] == [
        {"pageSize": 3, "currentPage": 1},
        {"pageSize": 3, "currentPage": 2},
    ]


def test_every_row_of_a_task_is_in_exactly_one_of_its_slices(drive: Any, account: Any, envelope: Any) -> None:
    rows = [row(n, fplx, jxxbz) for n, (fplx, jxxbz) in enumerate(
        [("81", "jx"), ("81", "xx"), ("82", "jx"), ("82", "xx"), ("99", "jx"), ("81", "zz"), (82, " xx ")]
    )]  # fmt: skip
    found: list[Any] = []
    for kind in ("81", "82"):
        for direction in ("input", "output"):
            asked = query(SliceKey(kind, direction))
            found += drive(plugin.read_page(account(), asked, None), envelope(page(rows, len(rows))))[0].records
            ours, beside = SliceKey(kind, direction), page_of(drive, account, envelope, rows, asked).others
            assert ours not in beside
            assert len(beside) == 3
    assert sorted(found, key=lambda each: each["fphm"]) == rows


def test_one_read_brings_what_each_slice_would_by_itself(drive: Any, account: Any, envelope: Any) -> None:
    rows = [row(1), row(2, "82"), row(3, "81", "xx"), row(4)]
    brought = page_of(drive, account, envelope, rows, query())
    for key, records in brought.others.items():
        alone = page_of(drive, account, envelope, rows, query(key))
        assert (alone.records, alone.total) == (records, len(records))


def test_a_task_for_one_slice_needs_no_word_of_its_rows(drive: Any, account: Any, envelope: Any) -> None:
    bare = [{"fphm": "1"}, {"fphm": "2", "fplx": "99"}]
    value, _ = drive(plugin.read_page(account(), query(job_id="1/81/jx"), None), envelope(page(bare, 2)))
    assert value.records == bare


@pytest.mark.parametrize(
    "bare", [{"fphm": "1", "jxxbz": "jx"}, {"fphm": "1", "fplx": "81"}, {"fphm": "1", "fplx": "", "jxxbz": None}]
)
def test_rows_that_cannot_be_told_apart_are_not_guessed_at(drive: Any, account: Any, envelope: Any, bare: Any) -> None:
    with pytest.raises(VendorBroken) as caught:
        drive(plugin.read_page(account(), query(), None), envelope(page([bare], 1)))
    assert "one type and one direction" in str(caught.value)


def test_an_empty_month_is_proved_by_one_request(drive: Any, account: Any, envelope: Any) -> None:
    value, requests = drive(plugin.read_page(account(), query(), None), envelope(page([], 0)))
    assert (value.records, value.total, len(requests)) == ([], 0, 1)


@pytest.mark.parametrize(
    "answers",
    [
        [page([row(1)], 2), page([], 2)],
        [page([row(1)], 2), page([row(2), row(3)], 2)],
        [page([row(1)], 2), page([row(2)], 3)],
        [page([row(1), row(2)], 1)],
        [page([row(1)], 1) | {"total": None}],
        [page([row(1)], 1) | {"total": "many"}],
        [page([row(1), "x"], 2)],
        [page([], 1)],
        [page([], 1) | {"list": {}}],
        [None],
        [[]],
    ],
)
def test_pages_that_do_not_hold_what_is_counted_are_broken(
    drive: Any, account: Any, envelope: Any, answers: list[Any]
) -> None:
    with pytest.raises(VendorBroken):
        drive(plugin.read_page(account(), query(), None), *(envelope(data) for data in answers))


def test_an_empty_list_beside_an_address_is_not_empty(drive: Any, account: Any, envelope: Any, respond: Any) -> None:
    answer = envelope(page([], 2, jsonUrl="https://files.example/a.txt?Signature=s"))
    rows = b"\xef\xbb\xbf" + msgspec.json.encode([row(1), row(2)])
    value, requests = drive(plugin.read_page(account(), query(), None), answer, respond(rows))
    assert (len(value.records), value.total) == (2, 2)
    assert requests[1].file_url.reveal() == "https://files.example/a.txt?Signature=s"
    assert "Signature" not in repr(requests[1])


def test_an_index_leads_to_further_files(drive: Any, account: Any, envelope: Any, respond: Any) -> None:
    answer = envelope(page([], 3, jsonUrl="https://files.example/x_bigDataMark_1.txt?s=1"))
    index = respond(["https://files.example/1.txt", {"url": "https://files.example/2.txt"}])
    files = (respond([row(1), row(2)]), respond([row(3)]))
    value, requests = drive(plugin.read_page(account(), query(), None), answer, index, *files)
    assert value.total == 3
    assert [request.file_url.reveal()[-5:] for request in requests[2:]] == ["1.txt", "2.txt"]


@pytest.mark.parametrize("content", [b"<html>", b"", {"rows": []}, ["x"], [[]]])
def test_a_file_that_is_no_list_of_rows_is_broken(
    drive: Any, account: Any, envelope: Any, respond: Any, content: Any
) -> None:
    answer = envelope(page([], 1, jsonUrl="https://files.example/a.txt"))
    with pytest.raises(VendorBroken):
        drive(plugin.read_page(account(), query(), None), answer, respond(content))


@pytest.mark.parametrize("size", [0, 1001, "100", True])
def test_a_page_size_outside_the_limits_names_them(account: Any, size: Any) -> None:
    if size == 0:
        size = -1
    with pytest.raises(ConfigurationError, match="1 to 1000"):
        next(plugin.read_page(account(page_size=size), query(), None))


def test_a_cursor_or_a_list_is_not_for_this_source(account: Any) -> None:
    for asked, cursor in (
        (query(), "2/100"),
        (query(job_id=None), None),
        (SyncQuery(taxpayer_no="x", query="11"), None),
    ):
        with pytest.raises(PluginError):
            next(plugin.read_page(account(), asked, cursor))


# Against the simulator.


def collect(it: Any, slices: tuple[SliceKey, ...]) -> tuple[Any, str]:
    """Starts a job for the slices and waits until it has ended: (its last status, its id)."""
    from time import sleep

    job = CollectionJob(taxpayer_no=it.simulator.scenario.taxpayers[0], invoice_month="202411", slices=slices)
    started = it.ask(it.source.start_collection(it.account, job))
    job = msgspec.structs.replace(job, job_id=started.job_id)
    while True:
        status = it.ask(it.source.collection_status(it.account, job))
        if all(part.state is not SliceState.RUNNING for part in status.slices):
            return status, started.job_id
        sleep(0.02)


SLICES = tuple(SliceKey(type, direction) for type in ("01", "81", "17", "51") for direction in ("input", "output"))


def read(it: Any, key: SliceKey, job_id: str) -> Any:
    taxpayer_no = it.simulator.scenario.taxpayers[0]
    asked = SliceQuery(taxpayer_no=taxpayer_no, invoice_month="202411", key=key, job_id=job_id)
    return it.ask(it.source.read_page(it.account, asked, None))


@pytest.mark.parametrize(
    "scenario",
    [{}, {"page_size_cap": 7}, {"file_over_bytes": 1000}, {"file_over_bytes": 1000, "index_over_rows": 9}],
    ids=("pages", "capped pages", "files", "indexes"),
)
def test_every_slice_has_exactly_its_true_rows(live: Any, scenario: Any) -> None:
    with live(uniform=20, queued_seconds=0.01, processing_seconds=0.02, **scenario) as it:
        _, job_id = collect(it, SLICES)
        for key in SLICES:
            found = read(it, key, job_id)
            truth = list(it.simulator.invoices(it.simulator.scenario.taxpayers[0], "202411", key.type, key.direction))
            assert found.total == len(truth)
            assert len(found.records) == len(truth)
        assert it.simulator.report().violations == ()


def test_a_second_task_of_the_taxpayer_waits(live: Any) -> None:
    with live(uniform=1, queued_seconds=30.0) as it:
        job = CollectionJob(taxpayer_no=it.simulator.scenario.taxpayers[0], invoice_month="202411", slices=SLICES)
        it.ask(it.source.start_collection(it.account, job))
        assert it.ask(it.source.start_collection(it.account, job)).code == "50001"


def test_too_many_invoices_fail_at_the_start_or_as_a_task(live: Any) -> None:
    quick = {"uniform": 10, "range_limit": 20, "queued_seconds": 0.01, "processing_seconds": 0.01}
    with live(**quick) as it:
        status, _ = collect(it, SLICES)
        assert {part.code for part in status.slices} == {"4888"}
    with live(**quick, range_refused_at="start") as it:
        job = CollectionJob(taxpayer_no=it.simulator.scenario.taxpayers[0], invoice_month="202411", slices=SLICES)
        assert it.ask(it.source.start_collection(it.account, job)).code == "4888"
        assert it.simulator.report().starts == {}
    with live(**quick) as it:
        status, _ = collect(it, SLICES[:1])
        assert {part.state for part in status.slices} == {SliceState.READY}


@pytest.mark.parametrize("kind", ["redirect", "redirect_here"])
def test_a_file_that_leads_elsewhere_is_not_followed(live: Any, kind: str) -> None:
    troubles = [{"kind": kind, "files": ["json"]}]
    with live(
        uniform=20, queued_seconds=0.01, processing_seconds=0.01, file_over_bytes=1000, file_troubles=troubles
    ) as it:
        _, job_id = collect(it, SLICES)
        with pytest.raises(VendorRefused, match="redirect"):
            read(it, SLICES[0], job_id)
        assert sum(it.simulator.report().files.values()) == 1


@pytest.mark.parametrize("extra", [{"allow_private_hosts": False}, {"allow_http_files": False}])
def test_a_file_on_this_machine_needs_permission(live: Any, extra: Any) -> None:
    with live(extra, uniform=20, queued_seconds=0.01, processing_seconds=0.01, file_over_bytes=1000) as it:
        _, job_id = collect(it, SLICES)
        with pytest.raises(ConfigurationError, match=next(iter(extra))):
            read(it, SLICES[0], job_id)
        assert it.simulator.report().files == {}
