"""Starting a job and reading its state."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.errors import OutcomeUnknown, VendorBroken
from fapiao.wire import Account, CollectionJob, CollectionStatus, SliceKey, SliceState, SliceStatus
from fapiao_ekuaibao import plugin

TAXPAYER = "91990000MA0000002E"


def row(**changes: Any) -> Any:
    return {"kpyf": 202411, "fplx": "01", "jxxbz": "jx", "nsrsbh": TAXPAYER, "status": "processed"} | changes


def envelope(data: Any, code: Any = "2000", success: Any = True, message: Any = "") -> Any:
    return {"value": {"code": code, "success": success, "message": message, "data": data}}


def states(status: Any) -> Any:
    return {str(found.key): found.state for found in status.slices}


def test_a_start_asks_for_all_types_and_directions_at_once_and_is_sent_only_once(
    account: Account, job: CollectionJob, drive: Any, respond: Any
) -> None:
    _, (request,) = drive(plugin.start_collection(account, job), respond(envelope([])))
    assert (request.method, request.path) == ("POST", "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask")
    assert request.json == {
        "corpId": "TESTCORP0001",
        "nsrsbh": TAXPAYER,
        "fplxs": ["01", "03"],
        "kpyf": "202411",
        "jxxbzs": ["jx", "xx"],
        "addJob": True,
    }
    assert request.idempotent is False
    assert request.authorized


def test_a_look_at_the_job_starts_nothing_and_may_be_repeated(
    account: Account, job: CollectionJob, drive: Any, respond: Any
) -> None:
    _, (request,) = drive(plugin.collection_status(account, job), respond(envelope([])))
    assert request.json["addJob"] is False
    assert request.idempotent


def test_one_direction_is_asked_alone(account: Account, job: CollectionJob, drive: Any, respond: Any) -> None:
    only = CollectionJob(taxpayer_no=TAXPAYER, invoice_month="202411", slices=(SliceKey("17", "output"),))
    _, (request,) = drive(plugin.collection_status(account, only), respond(envelope([])))
    assert (request.json["fplxs"], request.json["jxxbzs"]) == (["17"], ["xx"])


def test_the_document_s_answer_gives_the_slices_it_names_and_no_others(
    account: Account, job: CollectionJob, drive: Any, respond: Any, sample: Any
) -> None:
    status, _ = drive(plugin.start_collection(account, job), respond(sample("apply_started")))
    assert status == CollectionStatus(
        slices=(
            SliceStatus(key=SliceKey("01", "input"), state=SliceState.RUNNING, code="processing", message="处理中"),
            SliceStatus(key=SliceKey("03", "input"), state=SliceState.RUNNING, code="processing", message="处理中"),
        ),
        code="2000",
    )


@pytest.mark.parametrize(
    ("word", "state", "retryable"),
    [
        ("toProcess", SliceState.RUNNING, False),
        ("processing", SliceState.RUNNING, False),
        ("processed", SliceState.READY, False),
        ("failed", SliceState.FAILED, True),
        ("disabled", SliceState.UNSUPPORTED, False),
        ("notSupported", SliceState.UNSUPPORTED, False),
        ("Processed", SliceState.FAILED, False),
        ("done", SliceState.FAILED, False),
    ],
)
def test_each_status_word_has_its_state_and_an_unknown_one_is_a_failure(
    account: Account, job: CollectionJob, drive: Any, respond: Any, word: Any, state: Any, retryable: Any
) -> None:
    status, _ = drive(plugin.collection_status(account, job), respond(envelope([row(status=word)])))
    (found,) = status.slices
    assert (found.state, found.code, found.retryable) == (state, word, retryable)
    assert found.message


@pytest.mark.parametrize("word", [None, ""])
def test_a_slice_with_an_empty_status_is_not_yet_known(
    account: Account, job: CollectionJob, drive: Any, respond: Any, word: Any
) -> None:
    status, _ = drive(plugin.collection_status(account, job), respond(envelope([row(status=word)])))
    assert status.slices == ()


@pytest.mark.parametrize("month", [202411, "202411", " 202411 ", None, ""])
def test_the_month_comes_as_number_or_text(
    account: Account, job: CollectionJob, drive: Any, respond: Any, month: Any
) -> None:
    status, _ = drive(plugin.collection_status(account, job), respond(envelope([row(kpyf=month)])))
    assert states(status) == {"01 input": SliceState.READY}


@pytest.mark.parametrize(
    "stranger",
    [
        {"kpyf": 202410},
        {"kpyf": "202412"},
        {"nsrsbh": "91990000MA0000009X"},
        {"fplx": "04"},
        {"jxxbz": "qt"},
    ],
)
def test_rows_of_other_months_taxpayers_types_and_directions_are_ignored(
    account: Account, job: CollectionJob, drive: Any, respond: Any, stranger: Any
) -> None:
    status, _ = drive(plugin.collection_status(account, job), respond(envelope([row(**stranger)])))
    assert status.slices == ()


def test_the_taxpayer_is_compared_without_regard_to_case(
    account: Account, job: CollectionJob, drive: Any, respond: Any
) -> None:
    status, _ = drive(plugin.collection_status(account, job), respond(envelope([row(nsrsbh=TAXPAYER.lower())])))
    assert states(status) == {"01 input": SliceState.READY}


def test_a_type_that_comes_as_a_number_gets_its_zero_back(
    account: Account, job: CollectionJob, drive: Any, respond: Any
) -> None:
    status, _ = drive(plugin.collection_status(account, job), respond(envelope([row(fplx=1)])))
    assert states(status) == {"01 input": SliceState.READY}


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rows_about_a_slice_the_unfinished_one_is_believed(
    account: Account, job: CollectionJob, drive: Any, respond: Any, order: Any
) -> None:
    rows = [row(status="processed"), row(status="processing")][::order]
    status, _ = drive(plugin.collection_status(account, job), respond(envelope(rows)))
    assert states(status) == {"01 input": SliceState.RUNNING}


def test_no_data_means_nothing_known_yet(account: Account, job: CollectionJob, drive: Any, respond: Any) -> None:
    status, _ = drive(plugin.collection_status(account, job), respond(envelope(None, success="true", code=2000)))
    assert status == CollectionStatus(slices=(), code="2000")


def test_no_records_at_all_is_said_as_such(account: Account, job: CollectionJob, drive: Any, respond: Any) -> None:
    body = envelope(None, code="4000", success=False, message="没有符合条件的记录！")
    for flow in (plugin.start_collection(account, job), plugin.collection_status(account, job)):
        status, _ = drive(flow, respond(body))
        assert status == CollectionStatus(slices=(), nothing_found=True, code="4000", message="没有符合条件的记录！")


def without(name: Any) -> Any:
    return {key: value for key, value in row().items() if key != name}


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ({}, "value.data is an object instead of a list"),
        ("[]", "value.data is text instead of a list"),
        (["processed"], r"value.data\[0\] is text"),
        ([row(), None], r"value.data\[1\] is missing"),
        ([without("fplx")], r"value.data\[0\].fplx is missing"),
        ([row(fplx=[])], r"value.data\[0\].fplx is missing"),
        ([without("jxxbz")], r"value.data\[0\].jxxbz is missing"),
        ([without("status")], r"value.data\[0\].status is missing"),
        ([row(status=3)], r"value.data\[0\].status is a number"),
    ],
)
def test_an_answer_of_the_wrong_shape_names_the_part(
    account: Account, job: CollectionJob, drive: Any, respond: Any, data: Any, part: Any
) -> None:
    with pytest.raises(VendorBroken, match=part):
        drive(plugin.collection_status(account, job), respond(envelope(data)))


def test_a_start_accepted_in_an_unreadable_answer_is_to_be_asked_about(
    account: Account, job: CollectionJob, drive: Any, respond: Any
) -> None:
    with pytest.raises(OutcomeUnknown, match=r"value\.data is an object instead of a list"):
        drive(plugin.start_collection(account, job), respond(envelope({})))
