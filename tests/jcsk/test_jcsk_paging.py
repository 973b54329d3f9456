"""One page, by hand: what is asked, and what becomes of every shape of answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from fapiao.errors import ConfigurationError, PluginError, VendorBroken
from fapiao.wire import Account, Page, Request, Response, SliceKey, SliceQuery, SyncQuery
from fapiao_jcsk import plugin

Read = Callable[..., tuple[Page, Request]]
Answer = Callable[..., Response]
Rows = Callable[..., bytes]
Query = Callable[..., SyncQuery]
ROW = {"invoiceNumber": "24990000000000000001"}


def asked(request: Request) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(base64.b64decode(dict(request.form)["content"]))
    return decoded


def test_a_request_is_one_signed_post_to_the_service(read: Read, answer: Answer) -> None:
    _, request = read(answer(None))
    assert (request.method, request.path) == ("POST", "/invoice/S000621")
    assert [name for name, _ in request.form] == ["appid", "serviceid", "jtnsrsbh", "nsrsbh", "content", "signType"]
    assert asked(request) == {"page": 1, "pageSize": 100, "rzzt": "11"}


@pytest.mark.parametrize(
    ("setting", "path"),
    [("/", "/"), ("gateway/api", "/gateway/api"), ("/invoice/S000621", "/invoice/S000621"), ("", "/invoice/S000621")],
)
def test_the_path_is_the_deployments_own(read: Read, answer: Answer, setting: str, path: str) -> None:
    assert read(answer(None), path=setting)[1].path == path


def test_every_request_field_reaches_the_vendor(read: Read, answer: Answer, query: Query) -> None:
    filters = {
        "fpdm": "9900241160", "fphm": "00123456", "fplxdm": "81,8208", "fpztdm": "0,2,7,8", "fxdjdm": "01,02,03",
        "gxrq_q": "2024-11-01", "gxrq_z": "2024-11-30", "pageSize": "50", "qdfphm": "24990000000000000001",
    }  # fmt: skip
    wish = query("11", tax_period="202411", first_on="2024-11-02", last_on="2024-11-29", zipped=True, filters=filters)
    assert asked(read(answer(None), wish=wish)[1]) == filters | {
        "iszip": "1", "page": 1, "pageSize": 50, "rq_q": "2024-11-02", "rq_z": "2024-11-29", "rzzt": "11", "skssq": "202411",
    }  # fmt: skip
    assert asked(read(answer(None), wish=query("12", filters={"znxpz": "Y"}))[1])["znxpz"] == "Y"
    assert asked(read(answer(None), wish=query("40", filters={"adapter": "1"}))[1])["adapter"] == "1"


def test_the_same_question_is_the_same_bytes(account: Callable[..., Account], query: Query) -> None:
    one = query("10", filters={"fpdm": "9900241160", "fphm": "00123456"})
    other = msgspec.structs.replace(one, filters=one.filters[::-1])
    requests = [next(plugin.read_page(account(), wish, "3/50")) for wish in (one, other)]
    assert requests[0] == requests[1]


def test_the_first_page_of_a_counted_list_knows_all_others(read: Read, answer: Answer, rows: Rows) -> None:
    page, _ = read(answer(rows([ROW] * 100, count=201)))
    assert (len(page.records), page.total, page.remaining) == (100, 201, ("2/100", "3/100"))


def test_a_later_page_knows_no_others_and_keeps_the_size_it_began_with(read: Read, answer: Answer, rows: Rows) -> None:
    page, request = read(answer(rows([ROW], count=201)), "3/100", page_size=20)
    assert asked(request) == {"page": 3, "pageSize": 100, "rzzt": "11"}
    assert (page.total, page.remaining) == (201, ())


def test_a_vendor_that_gives_smaller_pages_is_read_to_the_end(read: Read, answer: Answer, rows: Rows) -> None:
    page, _ = read(answer(rows([ROW] * 50, count="120", pageSize=50)))
    assert (page.total, page.remaining) == (120, ("2/100", "3/100"))


def test_a_count_without_rows_is_left_to_the_proof(read: Read, answer: Answer, rows: Rows) -> None:
    page, _ = read(answer(rows([], count=5)))
    assert (page.records, page.total, page.remaining) == ([], 5, ())


@pytest.mark.parametrize("count", ["many", -1, 1.5, [], True, 10**15])
def test_a_count_that_is_none_is_broken(read: Read, answer: Answer, rows: Rows, count: object) -> None:
    with pytest.raises(VendorBroken, match="not a count"):
        read(answer(rows([ROW], count=count)))


def test_a_count_beyond_reason_is_broken(read: Read, answer: Answer, rows: Rows) -> None:
    with pytest.raises(VendorBroken, match="cannot be true"):
        read(answer(rows([ROW], count=10**9)))


@pytest.mark.parametrize("content", [None, b"", b"null"])
def test_empty_content_is_a_page_without_rows(read: Read, answer: Answer, content: bytes | None) -> None:
    page, _ = read(answer(content))
    assert (page.records, page.total, page.remaining) == ([], None, ())


def test_a_list_without_a_count_is_read_until_a_page_has_no_rows(read: Read, answer: Answer, rows: Rows) -> None:
    first, _ = read(answer(rows([ROW])))
    assert first.total is None
    (cursor,) = first.remaining
    assert cursor.startswith("2/100/")
    second, request = read(answer(rows([ROW | {"id": 2}])), cursor)
    assert asked(request)["page"] == 2
    third, _ = read(answer(rows([])), second.remaining[0])
    assert (third.records, third.remaining) == ([], ())


def test_the_end_of_a_grouped_list_leads_to_its_count_in_the_standard_shape(
    read: Read, answer: Answer, rows: Rows, query: Query
) -> None:
    wish = query("40", tax_period="202403", filters={"adapter": "1", "pageSize": "50"})
    content = rows({"202403": {"FP": [ROW]}})
    first, _ = read(answer(content), wish=wish)
    for end in (rows({"202403": {}}), content, None):
        last, _ = read(answer(end), first.remaining[0], wish=wish)
        assert (last.records, last.total, last.remaining) == ([], None, ("count",))
    counted, request = read(answer(rows([ROW], count="41", skssq="202403")), "count", wish=wish)
    assert asked(request) == {"page": 1, "pageSize": 1, "rzzt": "40", "skssq": "202403"}
    assert (counted.records, counted.total, counted.remaining) == ([], 41, ())


@pytest.mark.parametrize("content", [None, b"null", b'{"InvoiceList": {"202403": {}}}'])
def test_a_standard_shape_that_does_not_count_leaves_a_grouped_list_uncounted(
    read: Read, answer: Answer, query: Query, content: bytes | None
) -> None:
    counted, _ = read(answer(content), "count", wish=query("40", filters={"adapter": "1"}))
    assert (counted.records, counted.total, counted.remaining) == ([], None, ())


def test_a_count_of_another_shape_is_broken(read: Read, answer: Answer, query: Query) -> None:
    with pytest.raises(VendorBroken, match="instead of an object"):
        read(answer(b"[1]"), "count", wish=query("40", filters={"adapter": "1"}))


def test_a_list_that_is_not_grouped_or_was_counted_leads_to_no_further_count(
    read: Read, answer: Answer, rows: Rows, query: Query
) -> None:
    grouped = query("40", filters={"adapter": "1"})
    assert read(answer(rows([], count=0)), wish=grouped)[0].remaining == ()
    assert read(answer(rows([])), wish=query("40"))[0].remaining == ()
    assert read(answer(rows([])), wish=query("40", filters={"adapter": "0"}))[0].remaining == ()
    assert read(answer(rows([])), wish=grouped, count_grouped=False)[0].remaining == ()


def test_an_answer_that_ignores_the_page_number_ends_the_list(read: Read, answer: Answer, rows: Rows) -> None:
    content = rows({"202411": {"FP": [ROW]}})
    first, _ = read(answer(content))
    again, _ = read(answer(content), first.remaining[0])
    assert (again.records, again.remaining) == ([], ())


def test_a_full_page_that_comes_twice_is_broken_for_it_may_hide_rows(read: Read, answer: Answer, rows: Rows) -> None:
    content = rows({"202411": {"FP": [ROW, ROW]}})
    first, _ = read(answer(content), page_size=2)
    with pytest.raises(VendorBroken, match="page 2 repeats"):
        read(answer(content), first.remaining[0], page_size=2)


def test_the_grouped_shape_keeps_period_family_and_everything_else(read: Read, answer: Answer, rows: Rows) -> None:
    """E20: an empty period, page numbers as text, only HGJKS, families nobody knows."""
    grouped = {
        "202002": {"FP": [ROW], "HGJKS": [{"id": 1}], "WSPZ": [{"id": 2}], "EMPTY": [], "NULL": None, "ONE": {"id": 3}},
        "202003": {"HGJKS": [{"id": 4}]},
        "202004": {},
        "202005": None,
        "202006": [{"id": 5}],
        "202007": {"FP": "text"},
    }
    page, _ = read(answer(rows(grouped, pageSize="100", currentPage="1")))
    assert page.records == [
        {"period": "202002", "family": "FP", "row": ROW},
        {"period": "202002", "family": "HGJKS", "row": {"id": 1}},
        {"period": "202002", "family": "WSPZ", "row": {"id": 2}},
        {"period": "202002", "family": "ONE", "row": {"id": 3}},
        {"period": "202003", "family": "HGJKS", "row": {"id": 4}},
        {"period": "202006", "family": None, "row": {"id": 5}},
        {"period": "202007", "family": "FP", "row": "text"},
    ]
    assert page.total is None


def test_periods_that_are_all_empty_are_no_rows(read: Read, answer: Answer, rows: Rows) -> None:
    page, _ = read(answer(rows({"202306": {}})))
    assert (page.records, page.remaining) == ([], ())


def test_rows_of_a_list_stay_bare_unless_the_answer_names_a_period(read: Read, answer: Answer, rows: Rows) -> None:
    assert read(answer(rows([ROW], count=1)))[0].records == [ROW]
    assert read(answer(rows([ROW], count=1, skssq="")))[0].records == [ROW]
    assert read(answer(rows([ROW], count=1, skssq="202201")))[0].records == [
        {"period": "202201", "family": None, "row": ROW}
    ]


@pytest.mark.parametrize(
    ("envelope", "billed"),
    [
        ({"sfjf": "Y", "jf_num": 1}, 1),
        ({"sfjf": "Y", "jf_num": 201}, 201),
        ({"sfjf": "Y", "jf_num": "3"}, 3),
        ({"sfjf": "Y", "jf_num": None}, 1),
        ({"sfjf": "y", "jf_num": "many"}, 1),
        ({"sfjf": "N", "jf_num": 1}, 0),
        ({"sfjf": "N", "jf_num": None}, 0),
        ({"sfjf": None, "jf_num": 2}, 2),
        ({"sfjf": None, "jf_num": None}, None),
        ({"sfjf": "", "jf_num": ""}, None),
    ],
)
def test_what_a_call_costs_is_told(read: Read, answer: Answer, envelope: dict[str, Any], billed: int | None) -> None:
    assert read(answer(None, **envelope))[0].billed == billed


@pytest.mark.parametrize("content", [b"[1]", b'"text"', b"5", b'{"InvoiceList": "x"}', b'{"InvoiceList": 5}'])
def test_content_of_another_shape_is_broken(read: Read, answer: Answer, content: bytes) -> None:
    with pytest.raises(VendorBroken, match="instead of"):
        read(answer(content))


@pytest.mark.parametrize("cursor", ["", "x", "0/100", "2", "2/0", "2/x", "-1/5", "2/99999"])
def test_a_cursor_of_another_plugin_is_refused(read: Read, answer: Answer, cursor: str) -> None:
    with pytest.raises(PluginError, match="cursor"):
        read(answer(None), cursor)


def test_a_slice_of_a_collection_is_not_read(account: Callable[..., Account]) -> None:
    query = SliceQuery(taxpayer_no="91990000000000027W", invoice_month="202411", key=SliceKey("01", "input"))
    with pytest.raises(PluginError, match="capability sync"):
        next(plugin.read_page(account(), query, None))


def test_wrong_settings_are_all_named_before_any_request(read: Read, answer: Answer) -> None:
    with pytest.raises(ConfigurationError) as problem:
        read(
            answer(None), group_tax_no="", path="/a b", sign_type="2", sign_prefix="漢", body_format="xml", page_size=0,
            max_inflated_bytes=-1, max_inflation_ratio="x", max_archive_entries=True, rzzt_profile="{", count_grouped="x",
        )  # fmt: skip
    for name in (
        "group_tax_no", "path", "sign_type", "sign_prefix", "body_format", "page_size", "max_inflated_bytes", "max_inflation_ratio",
        "max_archive_entries", "rzzt_profile", "count_grouped",
    ):  # fmt: skip
        assert name in str(problem.value)


def test_a_host_that_repeats_the_path_is_named(account: Callable[..., Account], query: Query) -> None:
    doubled = msgspec.structs.replace(account(), base_url="https://h.example/invoice/S000621")
    with pytest.raises(ConfigurationError, match="ends with the path"):
        next(plugin.read_page(doubled, query(), None))
