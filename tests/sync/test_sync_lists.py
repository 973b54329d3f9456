"""Every list ends in the truth or in the documented error, on every database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapiao.errors import IncompleteError, VendorBroken, VendorRefused
from fapiao.store.tables.invoices import holdings, invoices
from fapiao.store.tables.ledger import rejections
from fapiao.testing.scenario import Count, Fault
from fapiao_jcsk.simulator import LISTS, Drift, Malformed, Payload, Refusal
from syncing import Desk, rows

AtDesk = Callable[..., Desk]
ADAPTER: dict[str, Any] = {"filters": {"adapter": "1"}}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
def test_all_lists_together_come_to_the_truth(at_desk: AtDesk, into: str, zipped: bool) -> None:
    desk = at_desk(into, uniform=130)
    done = desk.sync(*LISTS, zipped=zipped)
    assert done.error is None
    assert done.states == dict.fromkeys(LISTS, "complete")
    assert [(part.expected, part.loaded, part.billed) for part in done.lists] == [(130, 130, 2)] * len(LISTS)
    assert desk.untrue(*LISTS) == []
    assert desk.improper() == []
    assert done.told.billed == desk.report().billed == 12


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
def test_the_grouped_shape_comes_to_the_truth_and_is_counted_in_the_standard_one(
    at_desk: AtDesk, into: str, zipped: bool
) -> None:
    desk = at_desk(into, uniform=130)
    done = desk.sync("40", zipped=zipped, **ADAPTER)
    assert done.error is None
    [part] = done.lists
    assert (part.state, part.expected, part.loaded, part.message) == ("complete", 130, 130, "")
    assert desk.untrue("40", adapter="1") == []
    assert desk.improper() == []
    assert done.told.billed == desk.report().billed == 4


@pytest.mark.parametrize("size", [25, 100, 130])
def test_a_row_that_the_grouped_shape_leaves_out_makes_the_list_incomplete(
    at_desk: AtDesk, into: str, size: int
) -> None:
    desk = at_desk(into, uniform=130, grouped_omits=1)
    done = desk.sync("40", filters={"adapter": "1", "pageSize": str(size)})
    assert isinstance(done.error, IncompleteError)
    [part] = done.lists
    assert (part.state, part.expected, part.loaded) == ("incomplete", 130, 129)
    assert part.message == "the vendor counts 130, its pages held 129"
    assert desk.sync("40").states == {"40": "complete"}, "the standard shape has the row"


def test_a_grouped_list_with_no_rows_at_all_is_not_empty_if_the_standard_shape_counts_some(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=7, grouped_omits=7)
    [part] = desk.sync("40", **ADAPTER).lists
    assert (part.state, part.expected, part.loaded) == ("incomplete", 7, 0)
    desk.turn(uniform=0, grouped_omits=0)
    [part] = desk.sync("40", **ADAPTER).lists
    assert (part.state, part.expected, part.loaded) == ("empty", 0, 0)


def test_an_answer_that_ignores_the_page_number_is_counted_too(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=30, paging_ignored=True)
    [part] = desk.sync("40", **ADAPTER).lists
    assert (part.state, part.expected, part.loaded) == ("complete", 30, 30)
    desk.turn(grouped_omits=2)
    assert desk.sync("40", **ADAPTER).states == {"40": "incomplete"}


def test_a_connection_may_do_without_the_count_of_grouped_lists_and_the_list_says_so(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=130, settings={"count_grouped": False})
    done = desk.sync("40", **ADAPTER)
    [part] = done.lists
    assert (part.state, part.expected, part.loaded) == ("complete", None, 130)
    assert part.message == "the vendor gives no count; read to its end"
    assert done.told.billed == 3


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 5000])
def test_lists_of_any_length_are_whole(at_desk: AtDesk, count: int) -> None:
    desk = at_desk(counts=(Count(type="15", count=count),), volume=0, uniform=None)
    done = desk.sync("15", zipped=True)
    assert done.error is None
    [part] = done.lists
    assert (part.state, part.expected, part.loaded) == ("complete" if count else "empty", count, count)
    assert desk.untrue("15") == []
    assert desk.improper() == []


@pytest.mark.parametrize("encoding", ["mime", "plain", "url_safe", "unpadded"])
def test_every_encoding_comes_to_the_truth(at_desk: AtDesk, encoding: str) -> None:
    desk = at_desk(encoding=encoding)
    assert desk.sync("11", zipped=True).error is None
    assert desk.untrue("11") == []


def test_documents_are_held_as_input_in_their_month_of_issue(at_desk: AtDesk) -> None:
    desk = at_desk()
    assert desk.sync("40", tax_period="202401").error is None
    months = {row["invoice_key"]: f"{row['issued_on']:%Y%m}" for row in rows(desk.url, invoices)}
    held = rows(desk.url, holdings)
    assert {(row["taxpayer_no"], row["direction"]) for row in held} == {(desk.taxpayer, "input")}
    assert {row["invoice_key"]: row["invoice_month"] for row in held} == months != {}


def test_documents_known_only_from_a_list_say_so(at_desk: AtDesk) -> None:
    desk = at_desk()
    desk.sync("10")
    assert {(row["level"], row["line_count"]) for row in rows(desk.url, invoices)} == {("list", 0)}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"secret": "canary-wrong-secret"}, "1003"), ({"settings": {"group_tax_no": "91990000MA0000009X"}}, "1004")],
)
def test_a_wrong_signature_or_group_is_refused_once_and_nothing_is_loaded(
    at_desk: AtDesk, wrong: dict[str, Any], code: str
) -> None:
    desk = at_desk(settings=wrong.pop("settings", None))
    done = desk.sync("11", **wrong)
    assert isinstance(done.error, VendorRefused)
    assert done.error.code == code
    if code == "1003":
        assert done.error.fault.name == "USER"
    assert "canary" not in str(done.error)
    assert done.states == {"11": "failed"}
    assert desk.report().total == 1
    assert desk.is_empty()


def test_a_code_other_than_0000_ends_the_list_with_code_and_message_and_keeps_what_came(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=250, refusals=(Refusal(type="11", page=2, code="5001", message="余额不足"),))
    done = desk.sync("10", "11")
    assert isinstance(done.error, VendorRefused)
    assert "5001: 余额不足" in str(done.error)
    assert done.states == {"10": "complete", "11": "failed"}
    assert done.told.state == "incomplete"
    desk.turn(refusals=())
    again = desk.sync("10", "11")
    assert again.error is None
    assert again.told.generation == 2
    assert desk.untrue("10", "11") == []


@pytest.mark.parametrize("kind", ["grow", "shift", "short"])
def test_a_list_that_drifts_is_read_again_until_it_adds_up(at_desk: AtDesk, into: str, kind: str) -> None:
    desk = at_desk(into, uniform=250, drifts=(Drift(kind=kind, rows=2),))  # type: ignore[arg-type] # a plain str
    done = desk.sync("11")
    assert done.error is None
    assert done.states == {"11": "complete"}
    assert desk.untrue("11") == []
    assert done.told.billed == desk.report().billed > 3


@pytest.mark.parametrize("kind", ["grow", "shift", "short"])
def test_a_list_that_always_drifts_ends_incomplete_with_the_reason(at_desk: AtDesk, kind: str) -> None:
    drift = Drift(kind=kind, rows=2, always=True)  # type: ignore[arg-type] # a plain str
    desk = at_desk(uniform=250, drifts=(drift,))
    done = desk.sync("11")
    assert isinstance(done.error, IncompleteError)
    assert "11 input is incomplete" in str(done.error)
    assert done.states == {"11": "incomplete"}
    assert done.lists[0].billed == desk.report().billed
    assert done.lists[0].message != ""


@pytest.mark.parametrize(
    "kind",
    [
        "bomb", "lying_bomb", "truncated_archive", "damaged_archive", "traversal", "encrypted", "many_entries", "not_json",
        "web_page", "gbk", "cut_json", "not_base64", "array",
    ],
)  # fmt: skip
def test_a_payload_that_is_not_a_page_is_refused_and_nothing_is_loaded(at_desk: AtDesk, kind: str) -> None:
    payload = Payload(kind=kind, page=1)  # type: ignore[arg-type] # a plain str
    desk = at_desk(payloads=(payload,))
    done = desk.sync("11", zipped=True)
    assert isinstance(done.error, VendorBroken)
    assert f"taxpayer {desk.taxpayer}" in str(done.error)
    assert done.told.state == "started", "the same sync can go on when the vendor is well again"
    assert desk.is_empty()
    desk.turn(payloads=())
    again = desk.sync("11", zipped=True)
    assert again.error is None
    assert (again.told.run, again.told.state) == (done.told.run, "complete")
    assert desk.untrue("11") == []


def test_a_bad_page_costs_only_itself(at_desk: AtDesk) -> None:
    desk = at_desk(uniform=350, payloads=(Payload(kind="not_json", page=3, first=1),))
    assert isinstance(desk.sync("11").error, VendorBroken)
    again = desk.sync("11")
    assert again.error is None
    assert desk.untrue("11") == []
    assert desk.report().reads[f"{desk.taxpayer}  11 input"] == {"1": 1, "2": 1, "3": 2, "4": 1}


def test_an_archive_with_other_files_before_the_page_is_read(at_desk: AtDesk) -> None:
    desk = at_desk(payloads=(Payload(kind="several_entries"),))
    assert desk.sync("11", zipped=True).error is None
    assert desk.untrue("11") == []


def test_no_content_at_all_is_an_empty_list_that_says_it_has_no_count(at_desk: AtDesk) -> None:
    desk = at_desk(payloads=(Payload(kind="empty"),))
    done = desk.sync("11")
    assert done.error is None
    [part] = done.lists
    assert (part.state, part.expected, part.message) == ("empty", None, "the vendor gives no count; read to its end")


def test_a_masked_number_is_quarantined_and_fails_the_sync_unless_accepted(at_desk: AtDesk, into: str) -> None:
    desk = at_desk(into, malformed=(Malformed(type="10", positions=(0, 4)),))
    strict = desk.sync("10")
    assert isinstance(strict.error, IncompleteError)
    assert "expected 25, loaded 23, rejected 2" in str(strict.error)
    assert desk.untrue("10") == []
    assert len(rows(into, rejections)) == 2
    lenient = desk.sync("10", on_rejected="accept")
    assert lenient.error is None
    assert lenient.told.state == "complete"


@pytest.mark.parametrize(("billing", "billed"), [("call", 2), ("row", 130), ("free", 0), ("silent", None)])
def test_what_a_sync_costs_is_told(at_desk: AtDesk, billing: str, billed: int | None) -> None:
    desk = at_desk(uniform=130, billing=billing)
    assert desk.sync("12").told.billed == billed


@pytest.mark.parametrize("kind", ["throttled", "unavailable", "reset", "cut"])
def test_a_passing_fault_is_passed(at_desk: AtDesk, kind: str) -> None:
    desk = at_desk(uniform=250, faults=(Fault(kind=kind, every=2),))  # type: ignore[arg-type] # a plain str
    assert desk.sync("11").error is None
    assert desk.untrue("11") == []


def test_a_vendor_that_throttles_for_an_hour_is_waited_for(at_desk: AtDesk) -> None:
    desk = at_desk(faults=(Fault(kind="throttled", first=1, retry_after=3600.0),))
    began = desk.clock()
    assert desk.sync("11").error is None
    assert desk.clock() - began >= 3600
    assert desk.untrue("11") == []
