"""A player answers what was recorded, and says of anything else what was asked, what is near, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapiao.errors import PluginError
from fapiao.testing.cassettes import Cassette, Player, Question, Recorded
from fapiao.wire import Request, Secret


def cassette(*exchanges: Recorded) -> Cassette:
    return Cassette(
        format=1,
        source="demo",
        plugin="demo 1",
        recorded_at="2024-12-10T04:00:00+00:00",
        masked=True,
        account={},
        question=Question(kind="collect"),
        exchanges=exchanges,
    )


def page(number: int, **more: Any) -> Recorded:
    body = {"page": number, "filters": {"month": "202411", "key": "***"}}
    return Recorded(flow="read_page", method="POST", path="/invoices", json=body, answer={"page": number}, **more)


def asking(number: int, month: str = "202411", **more: Any) -> Request:
    body = {"page": number, "filters": {"month": month, "key": Secret("whatever it is now")}}
    return Request(method="POST", path="/invoices", json=body, **more)


def test_a_request_gets_its_answer_whatever_the_secret_is_now() -> None:
    player = Player(cassette(page(1), page(2)))
    assert player.answer(asking(2)).json() == {"page": 2}
    assert [recorded.json["page"] for recorded in player.unasked()] == [1]


def test_answers_to_one_request_come_in_order_and_the_last_one_stays() -> None:
    player = Player(
        cassette(
            Recorded(flow="collection_status", method="GET", path="/job", answer={"state": "runs"}),
            Recorded(flow="collection_status", method="GET", path="/job", answer={"state": "done"}),
        )
    )
    request = Request(method="GET", path="/job")
    assert [player.answer(request).json()["state"] for _ in range(4)] == ["runs", "done", "done", "done"]


def test_what_must_not_be_repeated_is_not_answered_twice() -> None:
    player = Player(cassette(page(1, idempotent=False)), "month.json")
    player.answer(asking(1, idempotent=False))
    with pytest.raises(PluginError, match=r"sent 2 times, month\.json has it 1 times, and it must not be repeated"):
        player.answer(asking(1, idempotent=False))


def test_an_unknown_request_is_told_with_the_nearest_one_and_the_difference() -> None:
    player = Player(cassette(page(1), page(2)), "month.json")
    with pytest.raises(PluginError) as caught:
        player.answer(asking(2, month="202412"))
    assert str(caught.value) == (
        "POST /invoices was not recorded in month.json with these values. Nearest is exchange 2: json.filters.month is "
        "'202412', recorded is '202411'. [source demo] At fault: the source plugin. Mend the flow if it should ask as "
        "before; record again with 'fapiao record' if it is right now."
    )


def test_an_unknown_path_is_told_with_the_paths_that_there_are() -> None:
    with pytest.raises(PluginError, match=r"GET /other was not recorded in the cassette; it has POST /invoices\."):
        Player(cassette(page(1))).answer(Request(method="GET", path="/other"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda: Request(method="POST", path="/invoices", query=(("day", "3"),)),
            "query.day is '3', recorded is absent",
        ),
        (lambda: Request(method="POST", path="/invoices", form=(("day", "3"),)), "form.day is '3', recorded is absent"),
    ],
)
def test_every_part_of_a_request_counts(change: Callable[[], Request], named: str) -> None:
    with pytest.raises(PluginError, match=named):
        Player(cassette(page(1))).answer(change())


def test_an_answer_that_is_no_json_comes_back_byte_for_byte() -> None:
    text = "<html>系统维护中</html>"
    kept = Recorded(flow="read_page", method="GET", path="/x", answer_text=text, charset="gb18030", status=502)
    answer = Player(cassette(kept)).answer(Request(method="GET", path="/x"))
    assert (answer.status, answer.body) == (502, text.encode("gb18030"))
