"""What a vendor's news means for waiting slices: nothing missing is done, nothing stale is believed."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.collecting.watching import JobView, Judgement, judge
from fapiao.store import SliceRecord
from fapiao.wire import CollectionStatus, SliceKey, SliceState, SliceStatus

KEY, OTHER = SliceKey("81", "input"), SliceKey("82", "input")
YOUNG = JobView(age=1.0, joined=False, minimum_age=300.0, start_grace=60.0)
OLD = JobView(age=301.0, joined=False, minimum_age=300.0, start_grace=60.0)
JOINED = JobView(age=61.0, joined=True, minimum_age=300.0, start_grace=60.0)


def waiting(key: SliceKey = KEY, **changes: Any) -> SliceRecord:
    values: dict[str, Any] = {
        "slice_id": 1,
        "collection_id": 1,
        "key": key,
        "state": "waiting",
        "read_no": 1,
        "expected": None,
        "loaded": 0,
        "rejected": 0,
        "amount_excl_tax": None,
        "tax_amount": None,
        "vendor_code": None,
        "vendor_message": None,
        "stale": False,
        "retried": False,
    }
    return SliceRecord(**(values | changes))


def news(state: SliceState, key: SliceKey = KEY, *, retryable: bool = False) -> CollectionStatus:
    return CollectionStatus(slices=(SliceStatus(key=key, state=state, code="word", retryable=retryable),))


def states(judgement: Judgement) -> list[tuple[str, bool | None]]:
    return [(update.state, update.stale) for update in judgement.updates]


def test_a_finished_slice_can_be_read() -> None:
    assert states(judge([waiting()], news(SliceState.READY), YOUNG)) == [("ready", None)]


def test_a_slice_without_news_stays_as_it_is() -> None:
    assert judge([waiting(OTHER)], news(SliceState.READY), YOUNG) == Judgement()


def test_a_stale_finish_is_not_believed_while_the_job_is_young() -> None:
    assert judge([waiting(stale=True)], news(SliceState.READY), YOUNG) == Judgement(held=(KEY,))


def test_a_stale_finish_is_believed_once_the_job_is_old_enough() -> None:
    assert states(judge([waiting(stale=True)], news(SliceState.READY), OLD)) == [("ready", None)]


def test_a_slice_seen_running_is_not_stale_any_more() -> None:
    assert states(judge([waiting(stale=True)], news(SliceState.RUNNING), YOUNG)) == [("waiting", False)]


def test_a_stale_failure_is_not_believed_either() -> None:
    assert judge([waiting(stale=True)], news(SliceState.FAILED, retryable=True), YOUNG) == Judgement(held=(KEY,))


def test_a_failed_slice_is_started_again_once() -> None:
    first = judge([waiting()], news(SliceState.FAILED, retryable=True), YOUNG)
    assert first.start_again == (KEY,)
    second = judge([waiting(retried=True)], news(SliceState.FAILED, retryable=True), YOUNG)
    assert second.start_again == ()
    assert [part.key for part, _ in second.failed] == [KEY]


def test_nothing_is_started_again_while_something_runs() -> None:
    answer = CollectionStatus(
        slices=(
            SliceStatus(key=KEY, state=SliceState.FAILED, retryable=True),
            SliceStatus(key=OTHER, state=SliceState.RUNNING),
        )
    )
    assert judge([waiting(), waiting(OTHER)], answer, YOUNG).start_again == ()


def test_a_failure_that_no_retry_helps_is_final_at_once() -> None:
    judgement = judge([waiting()], news(SliceState.FAILED), YOUNG)
    assert [part.key for part, _ in judgement.failed] == [KEY]
    assert judgement.start_again == ()


@pytest.mark.parametrize("stale", [True, False])
def test_unsupported_is_final_whatever_the_job(stale: bool) -> None:
    judgement = judge([waiting(stale=stale)], news(SliceState.UNSUPPORTED), YOUNG)
    assert [part.key for part, _ in judgement.unsupported] == [KEY]


def test_no_record_about_a_young_job_may_mean_that_it_is_not_known_yet() -> None:
    nothing = CollectionStatus(slices=(), nothing_found=True, code="4000")
    assert judge([waiting()], nothing, YOUNG) == Judgement()
    assert states(judge([waiting()], nothing, OLD)) == [("ready", None)]


def test_a_job_that_is_too_large_is_replaced_by_its_parts() -> None:
    failed = tuple(SliceStatus(key=key, state=SliceState.FAILED, code="4888") for key in (KEY, OTHER))
    answer = CollectionStatus(slices=failed, parts=((KEY,), (OTHER,)))
    both = [waiting(), waiting(OTHER)]
    assert judge(both, answer, YOUNG) == Judgement(parts=((KEY,), (OTHER,)))
    assert judge([waiting(stale=True), waiting(OTHER, stale=True)], answer, YOUNG).parts == ()
    assert judge([waiting(stale=True), waiting(OTHER)], answer, OLD).parts == ((KEY,), (OTHER,))


def test_slices_that_a_joined_job_does_not_cover_get_a_start_of_their_own_after_the_grace() -> None:
    answer = news(SliceState.READY)
    assert judge([waiting(OTHER)], answer, JOINED).start_again == (OTHER,)
    assert judge([waiting(OTHER)], answer, YOUNG).start_again == ()
    assert judge([waiting(OTHER, retried=True)], answer, JOINED).start_again == ()
