"""Reading the pages of a slice."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.errors import ConfigurationError, PluginError, VendorBroken
from fapiao.wire import Account, Page, Secret, SliceQuery
from fapiao_ekuaibao import plugin

TAXPAYER = "91990000MA0000002E"


def records(count: Any) -> Any:
    return [{"fphm": f"{number:08d}"} for number in range(count)]


def envelope(rows: Any, code: Any = "2000", success: Any = True, **page: Any) -> Any:
    return {"value": {"code": code, "success": success, "message": "", "data": {"page": page, "list": rows}}}


def with_page_size(size: Any) -> Any:
    return Account(
        source="ekuaibao", name="TESTCORP0001", base_url="", login="", secret=Secret(""), settings={"page_size": size}
    )


def test_the_first_page_is_asked_for_with_every_documented_field(
    account: Account, query: SliceQuery, drive: Any, respond: Any
) -> None:
    _, (request,) = drive(plugin.read_page(account, query, None), respond(envelope([], totalCount=0)))
    assert (request.method, request.path) == ("POST", "/api/openapi/v2/invoice/v2/getInvoiceCollectionData")
    assert request.json == {
        "corpId": "TESTCORP0001",
        "nsrsbh": TAXPAYER,
        "fplx": "01",
        "kpyf": "202411",
        "jxxbz": "jx",
        "page": {"pageSize": 100, "currentPage": 1},
    }
    assert request.idempotent


def test_the_first_page_names_all_others(account: Account, query: SliceQuery, drive: Any, respond: Any) -> None:
    body = envelope(records(100), totalPage=3, pageSize=100, currentPage=1, totalCount=250)
    page, _ = drive(plugin.read_page(account, query, None), respond(body))
    assert (len(page.records), page.total, page.remaining, page.code) == (100, 250, ("2/100", "3/100"), "2000")


def test_a_later_page_names_no_other(account: Account, query: SliceQuery, drive: Any, respond: Any) -> None:
    body = envelope(records(50), totalPage=3, pageSize=100, currentPage=3, totalCount=250)
    page, (request,) = drive(plugin.read_page(account, query, "3/100"), respond(body))
    assert request.json["page"] == {"pageSize": 100, "currentPage": 3}
    assert (len(page.records), page.total, page.remaining) == (50, 250, ())


def test_a_cursor_keeps_its_page_size_when_the_setting_has_changed(query: SliceQuery, drive: Any, respond: Any) -> None:
    _, (request,) = drive(plugin.read_page(with_page_size(20), query, "2/100"), respond(envelope([], totalCount=0)))
    assert request.json["page"] == {"pageSize": 100, "currentPage": 2}


@pytest.mark.parametrize(
    ("received", "total", "stated_pages", "pages"),
    [
        (100, 250, 3, 3),
        (100, 200, 2, 2),
        (100, 201, 3, 3),
        (100, 250, 0, 3),  # totalPage 0 beside a count
        (100, 250, None, 3),
        (100, 250, 2, 3),  # totalPage too small
        (100, 250, 25, 3),  # totalPage computed from another page size
        (10, 250, 25, 25),  # pageSize ignored by the vendor
        (250, 250, 3, 1),  # everything on the first page
        (7, 7, 5, 1),
        (8, 7, 1, 1),  # more than counted: for the proof to notice
        (0, 250, 3, 3),  # an empty first page does not end the read
        (0, 250, None, 3),
    ],
)
def test_the_count_and_the_first_page_decide_how_many_pages_there_are(
    account: Account,
    query: SliceQuery,
    drive: Any,
    respond: Any,
    received: Any,
    total: Any,
    stated_pages: Any,
    pages: Any,
) -> None:
    body = envelope(records(received), totalPage=stated_pages, pageSize=100, totalCount=total)
    page, _ = drive(plugin.read_page(account, query, None), respond(body))
    assert page.remaining == tuple(f"{number}/100" for number in range(2, pages + 1))
    assert page.total == total


@pytest.mark.parametrize(("written", "total"), [("250", 250), (250, 250), (250.0, 250), (" 250 ", 250)])
def test_a_count_may_be_text_or_a_round_number(
    account: Account, query: SliceQuery, drive: Any, respond: Any, written: Any, total: Any
) -> None:
    page, _ = drive(plugin.read_page(account, query, None), respond(envelope(records(100), totalCount=written)))
    assert page.total == total


@pytest.mark.parametrize("rows", [[], None])
@pytest.mark.parametrize("page", [{"totalCount": 0, "totalPage": 0}, {}, {"totalCount": None}, {"totalCount": ""}])
def test_an_empty_list_is_an_empty_page(
    account: Account, query: SliceQuery, drive: Any, respond: Any, rows: Any, page: Any
) -> None:
    result, _ = drive(plugin.read_page(account, query, None), respond(envelope(rows, **page)))
    assert result == Page(records=[], total=0 if page.get("totalCount") == 0 else None, code="2000")


def test_no_matching_record_is_an_empty_page_with_a_count_of_zero(
    account: Account, query: SliceQuery, drive: Any, respond: Any
) -> None:
    body = {"value": {"code": 4000, "success": False, "message": "没有符合条件的记录！", "data": None}}
    page, _ = drive(plugin.read_page(account, query, None), respond(body))
    assert page == Page(records=[], total=0, code="4000")


def test_success_without_data_is_no_proof_that_nothing_is_there(
    account: Account, query: SliceQuery, drive: Any, respond: Any
) -> None:
    with pytest.raises(VendorBroken, match=r"value\.data is missing"):
        drive(
            plugin.read_page(account, query, None), respond({"value": {"code": 2000, "success": "true", "data": None}})
        )


def test_records_are_given_exactly_as_they_came(
    account: Account, query: SliceQuery, drive: Any, respond: Any, sample: Any
) -> None:
    page, _ = drive(plugin.read_page(account, query, None), respond(sample("page_vat")))
    assert page.records == sample("page_vat")["value"]["data"]["list"]


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ([], "value.data is a list instead of an object"),
        ("", "value.data is empty text"),
        ({"page": []}, "value.data.page is a list"),
        ({"page": {"totalCount": 1}, "list": {}}, "value.data.list is an object instead of a list"),
        ({"page": {"totalCount": 1}, "list": [1]}, r"value.data.list\[0\] is a number"),
        ({"page": {"totalCount": 1}, "list": None}, "value.data.list is missing although totalCount is 1"),
        ({"page": {}, "list": [{}]}, "value.data.page.totalCount is missing"),
        ({"list": [{}]}, "value.data.page.totalCount is missing"),
        ({"page": {"totalCount": -1}, "list": []}, "value.data.page.totalCount is a number that is not a count"),
        ({"page": {"totalCount": "many"}, "list": []}, "value.data.page.totalCount is text"),
        ({"page": {"totalCount": True}, "list": []}, "value.data.page.totalCount is a boolean"),
        ({"page": {"totalCount": 1.5}, "list": []}, "value.data.page.totalCount is a number"),
        ({"page": {"totalCount": 1e300}, "list": []}, "value.data.page.totalCount is a number"),
        ({"page": {"totalCount": "9" * 5000}, "list": []}, "value.data.page.totalCount is text"),
        ({"page": {"totalCount": 10**11}, "list": [{}]}, "which cannot be true"),
        ({"page": {"totalCount": 1, "totalPage": []}, "list": [{}]}, "value.data.page.totalPage is a list"),
    ],
)
def test_an_answer_of_the_wrong_shape_names_the_part(
    account: Account, query: SliceQuery, drive: Any, respond: Any, data: Any, part: Any
) -> None:
    body = respond({"value": {"code": "2000", "success": True, "data": data}})
    with pytest.raises(VendorBroken, match=part):
        drive(plugin.read_page(account, query, None), body)


@pytest.mark.parametrize("size", [0, 101, -1, None, "100"])
def test_a_page_size_outside_the_vendor_s_limit_is_refused_before_any_call(query: SliceQuery, size: Any) -> None:
    with pytest.raises(ConfigurationError, match="page_size"):
        next(plugin.read_page(with_page_size(size), query, None))


@pytest.mark.parametrize("cursor", ["", "2", "x/100", "0/100", "2/0", "2/101", "2/", "/100"])
def test_a_cursor_no_page_has_named_is_refused(account: Account, query: SliceQuery, cursor: Any) -> None:
    with pytest.raises(PluginError, match="cursor"):
        next(plugin.read_page(account, query, cursor))
