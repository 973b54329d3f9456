"""Golden tests of pages: lists that move while they are read, counts that are wrong, and a shape without a count."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dictating import Golden, Reads, certified, digital, listed, page
from fapiao.errors import IncompleteError, VendorBroken

D = Decimal
SLICE = ("81", "input")


def pages(*numbers: list[int], total: Any = None, **more: Any) -> list[dict[str, Any]]:
    """Pages with these invoices; each states the total, or the one of its own place in a list of totals."""
    count = sum(map(len, numbers)) if total is None else total
    totals = count if isinstance(count, list) else [count] * len(numbers)
    return [
        page([digital(number) for number in one], said, currentPage=place, **more)
        for place, (one, said) in enumerate(zip(numbers, totals, strict=True), 1)
    ]


GOOD = pages([1, 2], [3, 4], [5])
ALL = [1, 2, 3, 4, 5]

ENDS_WELL: dict[str, tuple[list[list[dict[str, Any]]], list[int], int]] = {
    "nothing moves": ([GOOD], ALL, 1),
    "the total grows midway": ([pages([1, 2], [3, 4], total=[4, 5]), GOOD], ALL, 2),
    "the total shrinks midway": ([pages([1, 2], [3, 4], [5], total=[6, 6, 5]), GOOD], ALL, 2),
    "a row comes again on the next page": ([pages([1, 2], [2, 3], [4], total=5), GOOD], ALL, 2),
    "a page in the middle is short": ([pages([1, 2], [3], [5], total=5), GOOD], ALL, 2),
    "the last page is empty": ([pages([1, 2], [3, 4], [], total=5), GOOD], ALL, 2),
    "it takes three reads": ([pages([1, 2], [2, 3], [5]), pages([1, 2], [3], [5], total=5), GOOD], ALL, 3),
    "totalPage is 0": ([pages([1, 2], [3, 4], [5], totalPage=0)], ALL, 1),
    "totalPage is too large": ([pages([1, 2], [3, 4], [5], totalPage=99)], ALL, 1),
    "the counts are text": ([pages([1, 2], [3, 4], [5], total=["5"] * 3, totalPage="3", pageSize="2")], ALL, 1),
    "pageSize is ignored, pages hold less": ([pages([1], [2], [3], [4], [5], pageSize=1)], ALL, 1),
    "pageSize is ignored, one page holds all": ([pages(ALL, pageSize=100)], ALL, 1),
    "there is nothing": ([pages([], totalPage=0)], [], 1),
}


@pytest.mark.parametrize("how", ENDS_WELL)
def test_e21_a_list_that_moves_while_it_is_read_is_read_again_until_it_is_whole(
    sqlite_golden: Golden, how: str
) -> None:
    reads, numbers, needed = ENDS_WELL[how]
    assert sqlite_golden.collect({SLICE: Reads(*reads)}, page_size=2) is None
    assert sqlite_golden.rows("slice", "state", "read_no", "expected", "loaded", "rejected", "amount_excl_tax") == [
        ("complete" if numbers else "empty", needed, len(numbers), len(numbers), 0, D(100 * len(numbers)))
    ]
    held = dict(sqlite_golden.rows("slice_record", "invoice_key", "read_no", where={"read_no": needed}))
    by_key = dict(sqlite_golden.rows("invoice", "invoice_key", "digital_number"))
    assert sorted(by_key[key] for key in held) == [f"2499{number:016d}" for number in numbers]
    assert sqlite_golden.rows("collection", "state") == ["complete"]


ENDS_BADLY: dict[str, tuple[list[dict[str, Any]], tuple[int, int], str]] = {
    "the total always grows": (pages([1, 2], [3, 4], total=[4, 5]), (5, 4), "the vendor's total changed between pages"),
    "a row always comes again": (pages([1, 2], [2, 3], [5], total=5), (5, 4), "1 numbers came more than once"),
    "a page is always short": (pages([1, 2], [3], [5], total=5), (5, 4), "the vendor counts 5, its pages held 4"),
    "the last page is always empty": (
        pages([1, 2], [3, 4], [], total=5),
        (5, 4),
        "the vendor counts 5, its pages held 4",
    ),
}


@pytest.mark.parametrize("how", ENDS_BADLY)
def test_e21_a_list_that_never_adds_up_is_read_three_times_and_is_no_proof(sqlite_golden: Golden, how: str) -> None:
    said, (expected, loaded), message = ENDS_BADLY[how]
    error = sqlite_golden.collect({SLICE: said}, page_size=2)
    assert isinstance(error, IncompleteError)
    assert message in str(error)
    assert sqlite_golden.rows("slice", "state", "read_no", "expected", "loaded", "rejected", "vendor_message") == [
        ("incomplete", 3, expected, loaded, 0, message)
    ]
    assert sqlite_golden.rows("collection", "state") == ["incomplete"]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (page(None, 5), "value.data.list is missing although totalCount is 5"),
        (page([digital(5)], None), ""),
        (page([digital(5), "text"], 5), "value.data.list[1] is text instead of an object"),
        (page([digital(5)], -1), "value.data.page.totalCount is a number that is not a count"),
    ],
    ids=["no list", "no count", "a row that is no object", "a count below zero"],
)
def test_e21_a_page_that_is_none_leaves_the_slice_open_and_what_was_read_stays(
    sqlite_golden: Golden, last: Any, said: str
) -> None:
    error = sqlite_golden.collect({SLICE: [*GOOD[:2], last]}, page_size=2)
    assert type(error) is VendorBroken
    assert (said or "without the vendor's count nothing proves a whole read") in str(error)
    assert sqlite_golden.rows("slice", "state", "loaded") == [("ready", 0)]
    assert sqlite_golden.rows("page", "cursor", "record_count") == [("", 2), ("2/2", 2)]
    assert sqlite_golden.collect({SLICE: GOOD}, page_size=2) is None, "the next run goes on"
    assert sqlite_golden.rows("slice", "state", "read_no", "expected", "loaded") == [("complete", 1, 5, 5)]


def grouped() -> list[dict[str, Any]]:
    """``adapter=1``: no count, page numbers as text, a period without rows, only HGJKS, a family that nobody knows."""
    past = {"deductiblePeriod": "", "billingDate": "2024-01-05 00:00:00", "checkTime": "2024-02-03 10:00:00"}
    bare = {"totalAmount": "", "salesTaxNo": "", "salesTaxName": ""}
    customs = certified(0, invoiceNumber="990120241000000001L01", invoiceType="", **past | bare)
    certificate = certified(0, invoiceNumber="399000241100000001", invoiceType="18", **past | bare)
    first: dict[str, Any] = {
        "202401": {"FP": [certified(1, **past)], "HGJKS": [], "WSPZ": [certificate]},
        "202402": {},
        "202403": {"HGJKS": [customs]},
        "202404": None,
    }
    second: dict[str, Any] = {"202405": {"FP": [certified(2, **past | {"deductiblePeriod": "202406"})]}}
    last: dict[str, Any] = {"202405": {}}
    return [listed(said, pageSize="100", currentPage="1") for said in (first, second, last)]


def test_e20_the_grouped_shape_keeps_every_period_and_family_and_is_counted_by_the_standard_one(golden: Golden) -> None:
    lists = {"40 adapter": grouped(), "40": [listed([certified(1)], count="4")]}
    assert golden.sync(lists, filters=[("adapter", "1")]) is None
    assert [(asked["page"], asked.get("adapter")) for asked in golden.contents()] == [
        (1, "1"), (2, "1"), (3, "1"), (1, None),
    ]  # fmt: skip
    assert golden.rows("invoice", "doc_type", "digital_number", "customs_no", "certificate_no", "extra") == [
        ("digital_special", "24990000000000000001", None, None, None),
        ("tax_certificate", None, None, "399000241100000001", '{"family":"WSPZ"}'),
        ("customs_vat", None, "990120241000000001-L01", None, None),
        ("digital_special", "24990000000000000002", None, None, None),
    ]
    assert golden.rows("deduction", "tax_period", "is_certified") == [
        ("202401", True), ("202401", True), ("202403", True), ("202406", True),
    ]  # fmt: skip
    assert golden.findings("D5") == [("D5", "warning", "deduction.tax_period")]
    assert golden.rows("slice", "type", "state", "expected", "loaded") == [("40", "complete", 4, 4)]


@pytest.mark.parametrize(
    ("count", "row"),
    [
        ({"count": 5}, ("incomplete", 5, 4, "the vendor counts 5, its pages held 4")),
        ({"count": ""}, ("complete", None, 4, "the vendor gives no count; read to its end")),
    ],
    ids=["another one", "none"],
)
def test_e20_a_grouped_list_is_whole_only_by_the_count_and_says_so_where_there_is_none(
    sqlite_golden: Golden, count: dict[str, Any], row: tuple[Any, ...]
) -> None:
    sqlite_golden.sync({"40 adapter": grouped(), "40": [listed([], **count)]}, filters=[("adapter", "1")])
    assert sqlite_golden.rows("slice", "state", "expected", "loaded", "vendor_message") == [row]
