"""The plugin against the simulated vendor, through the blocking driver: every list ends in the truth or in the right error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from fapiao.connection import Connection
from fapiao.engine import BlockingDriver, Completed
from fapiao.errors import RequestRefused, VendorBroken, VendorRefused
from fapiao.invoices.intake import examine
from fapiao.invoices.model import Invoice, NormalizeContext
from fapiao.registry import Source
from fapiao.testing.scenario import Count, Fault
from fapiao.wire import Page, SyncQuery
from fapiao_jcsk import plugin
from fapiao_jcsk.simulator import (
    LISTS,
    Change,
    Drift,
    JcskScenario,
    JcskSimulator,
    Malformed,
    Payload,
    Refusal,
)

SOURCE = Source.of(plugin)
TAXPAYER = JcskScenario().taxpayers[0]


class Reader:
    """Reads lists to their end, one page after the other, as the reference of what a run must come to."""

    def __init__(self, simulator: JcskSimulator, **settings: Any) -> None:
        told = dict(simulator.connection())
        told["extra"] = told["extra"] | {"requests_per_second": 0} | settings.pop("extra", {})
        connection = Connection.from_json(msgspec.json.encode(told | settings), conn_id="test")
        self.account = SOURCE.account(connection)
        self.driver = BlockingDriver(SOURCE, self.account, sleep=lambda seconds: None)

    def query(self, code: str, **wish: Any) -> SyncQuery:
        filters = tuple(wish.pop("filters", {}).items())
        asked = SyncQuery(taxpayer_no=wish.pop("taxpayer_no", TAXPAYER), query=code, filters=filters, **wish)
        return SOURCE.sync_query(self.account, asked)

    def page(self, query: SyncQuery, cursor: str | None = None) -> Completed[Any]:
        return self.driver.run(SOURCE.read_page(self.account, query, cursor))

    def pages(self, code: str, **wish: Any) -> list[Page]:
        query = self.query(code, **wish)
        pages: list[Page] = []
        todo: list[str | None] = [None]
        while todo:
            page = self.page(query, todo.pop(0)).value
            assert isinstance(page, Page)
            pages.append(page)
            todo.extend(page.remaining)
        return pages

    def invoices(self, code: str, **wish: Any) -> list[Invoice]:
        context = NormalizeContext(
            source="jcsk", api="sync", taxpayer_no=TAXPAYER, invoice_month="", type=code, direction="input"
        )
        records = [record for page in self.pages(code, **wish) for record in page.records]
        made = [examine(raw, at, plugin.normalize(raw, context), context) for at, raw in enumerate(records)]
        return [one.invoice for one in made if one.invoice is not None]


@contextmanager
def simulated(**scenario: Any) -> Iterator[JcskSimulator]:
    simulator = JcskSimulator(JcskScenario(**scenario))
    with simulator.running():
        yield simulator


@pytest.fixture(scope="module")
def vendor() -> Iterator[JcskSimulator]:
    with simulated(uniform=230) as simulator:
        yield simulator


def same(found: list[Invoice], true: list[Invoice]) -> None:
    """The same invoices in the same order, remarks of the mapping aside."""
    assert [msgspec.structs.replace(invoice, findings=()) for invoice in found] == true


@pytest.mark.parametrize("code", LISTS)
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
def test_every_list_comes_to_the_truth(vendor: JcskSimulator, code: str, zipped: bool) -> None:
    vendor.configure(vendor.scenario)
    same(Reader(vendor).invoices(code, zipped=zipped), vendor.listed(TAXPAYER, code))
    report = vendor.report()
    assert report.violations == ()
    assert (report.pages_read_again(), report.billed) == (0, 3)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
def test_the_grouped_shape_comes_to_the_same_documents(vendor: JcskSimulator, zipped: bool) -> None:
    vendor.configure(vendor.scenario)
    found = Reader(vendor).invoices("40", zipped=zipped, filters={"adapter": "1"})
    true = vendor.listed(TAXPAYER, "40", adapter="1")
    assert sorted(map(repr, (msgspec.structs.replace(one, findings=(), extra=None) for one in found))) == sorted(
        map(repr, true)
    )
    assert {one.extra["family"] for one in found if one.extra} == {"WSPZ"}
    report = vendor.report()
    assert report.violations == ()
    assert report.billed == 5  # three pages with rows, one without, the count in the standard shape


@pytest.mark.parametrize("encoding", ["mime", "plain", "url_safe", "unpadded"])
@pytest.mark.parametrize("quirks", [False, True])
def test_content_is_read_in_every_encoding(encoding: str, quirks: bool) -> None:
    with simulated(uniform=40, encoding=encoding, quirks=quirks, zip_ignored=quirks) as simulator:
        same(Reader(simulator).invoices("11", zipped=True), simulator.listed(TAXPAYER, "11"))


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 5000])
def test_lists_of_any_length_are_whole(count: int) -> None:
    with simulated(counts=(Count(type="15", count=count),), volume=0) as simulator:
        pages = Reader(simulator).pages("15")
        assert [page.total for page in pages] == [count] * max(1, -(-count // 100))
        assert sum(len(page.records) for page in pages) == count
        assert simulator.report().billed == len(pages)


def test_smaller_pages_than_asked_for_lose_nothing() -> None:
    with simulated(uniform=130, page_size_cap=30) as simulator:
        same(Reader(simulator).invoices("12"), simulator.listed(TAXPAYER, "12"))


def test_a_grouped_list_that_ignores_paging_ends() -> None:
    with simulated(uniform=130, paging_ignored=True) as simulator:
        found = Reader(simulator).invoices("40", filters={"adapter": "1"})
        assert len(found) == 130
        assert simulator.report().total == 3


def test_rows_that_the_grouped_shape_leaves_out_are_counted_and_shown_by_the_standard_one() -> None:
    with simulated(uniform=130, grouped_omits=3) as simulator:
        grouped = Reader(simulator).pages("40", filters={"adapter": "1"})
        assert (sum(len(page.records) for page in grouped), grouped[-1].total) == (127, 130)
        assert len(Reader(simulator).invoices("40")) == 130


@pytest.mark.parametrize(
    ("settings", "scenario"),
    [
        ({"sign_type": "1"}, {}),
        ({"body_format": "json"}, {"body_formats": ("json",)}),
        ({"body_format": "json", "sign_type": "1"}, {"body_formats": ("json",)}),
        ({}, {"sign_prefix": ""}),
        ({}, {"path": "/"}),
        ({}, {"path": "/gateway/api"}),
        ({"page_size": 7}, {}),
    ],
)
def test_every_deployment_is_served(settings: dict[str, Any], scenario: dict[str, Any]) -> None:
    with simulated(uniform=20, **scenario) as simulator:
        same(Reader(simulator, extra=settings).invoices("10"), simulator.listed(TAXPAYER, "10"))
        assert simulator.report().violations == ()


@pytest.mark.parametrize(
    "wish",
    [
        {"first_on": "2024-10-01", "last_on": "2024-10-31"},
        {"filters": {"fplxdm": "81,8208"}},
        {"filters": {"fpztdm": "0"}},
        {"filters": {"fpztdm": "7,8", "fxdjdm": "01"}},
        {"filters": {"fxdjdm": "02"}},
    ],
)
def test_filters_reach_the_vendor_as_they_are(vendor: JcskSimulator, wish: dict[str, Any]) -> None:
    found = Reader(vendor).invoices("10", **wish)
    asked = dict(wish.get("filters", {}))
    if "first_on" in wish:
        asked |= {"rq_q": wish["first_on"], "rq_z": wish["last_on"]}
    true = vendor.listed(TAXPAYER, "10", **asked)
    assert 0 < len(true) < 230
    same(found, true)


def test_a_tax_period_is_asked_for_and_answered(vendor: JcskSimulator) -> None:
    found = Reader(vendor).invoices("40", tax_period="202403")
    assert 0 < len(found) < 230
    assert {invoice.deduction.tax_period for invoice in found if invoice.deduction} == {"202403"}


def test_one_document_can_be_looked_up(vendor: JcskSimulator) -> None:
    paper = next(one for one in vendor.listed(TAXPAYER, "10") if one.doc_type == "vat_special_paper")
    found = Reader(vendor).invoices("10", filters={"fpdm": paper.invoice_code, "fphm": paper.invoice_number})
    same(found, [paper])


def test_the_second_time_differs_by_exactly_the_changes() -> None:
    """What a use case must find by comparing two syncs of the lists 10 and 11."""
    seen: list[dict[str, Invoice]] = []
    with simulated(uniform=200) as simulator:
        for revision in (1, 2):
            simulator.configure(JcskScenario(uniform=200, revision=revision))
            reader = Reader(simulator)
            both = [*reader.invoices("10"), *reader.invoices("11")]
            seen.append({known_as(invoice): invoice for invoice in both})
        changes = simulator.changes(TAXPAYER)
    first, second = seen
    assert len(first) == 400
    assert first.keys() == second.keys()
    assert (
        sorted(difference(number, first[number], second[number]) for number in first if first[number] != second[number])
        == changes
    )
    assert {kind for kind, times in Counter(change.kind for change in changes).items() if times > 5} == {
        "abnormal", "certified", "checked", "red", "revoked",
    }  # fmt: skip


def difference(number: str, before: Invoice, after: Invoice) -> Change:
    one, other = before.deduction, after.deduction
    assert one is not None
    assert other is not None
    if after.state != before.state:
        assert after.state == "red_full"
        return Change("red", number)
    if other.management != one.management:
        assert other.management == "abnormal"
        return Change("abnormal", number)
    if one.is_checked and not other.is_checked:
        return Change("revoked", number)
    return Change("certified" if other.is_certified else "checked", number)


def known_as(invoice: Invoice) -> str:
    paper = f"{invoice.invoice_code}:{invoice.invoice_number}" if invoice.invoice_code else None
    return invoice.digital_number or paper or invoice.customs_no or invoice.certificate_no or ""


@pytest.mark.parametrize("kind", ["grow", "shift", "short"])
def test_a_drifting_list_is_visible_in_its_pages(kind: str) -> None:
    drift = Drift(kind=kind, rows=2)  # type: ignore[arg-type] # a parameter is a plain str
    with simulated(uniform=250, drifts=(drift,)) as simulator:
        pages = Reader(simulator).pages("12")
        totals = {page.total for page in pages}
        rows = Counter(known_as(invoice) for invoice in normalized(pages))
        assert len(totals) > 1 or max(rows.values()) > 1 or sum(rows.values()) != pages[0].total
        again = Reader(simulator).pages("12")
        assert {page.total for page in again} == {250}
        assert len({known_as(invoice) for invoice in normalized(again)}) == 250


def normalized(pages: list[Page]) -> Iterator[Invoice]:
    context = NormalizeContext(
        source="jcsk", api="sync", taxpayer_no=TAXPAYER, invoice_month="", type="12", direction="input"
    )
    for page in pages:
        for raw in page.records:
            invoice = plugin.normalize(raw, context)
            assert isinstance(invoice, Invoice)
            yield invoice


def test_a_masked_number_is_set_aside_and_the_others_are_not() -> None:
    with simulated(uniform=30, malformed=(Malformed(type="10", positions=(0, 4)),)) as simulator:
        found = Reader(simulator).invoices("10")
        assert len(found) == 28
        same(found, simulator.listed(TAXPAYER, "10"))
        truth = simulator.list_truth(TAXPAYER, "10")
        assert (truth.state, truth.expected, truth.loaded, truth.rejected) == ("rejected", 30, 28, 2)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong-secret-0001"}, "1003"),
        ({"login": "nobody"}, "1002"),
        ({"extra": {"sign_prefix": "none"}}, "1003"),
        ({"extra": {"group_tax_no": "91990000MA0000009X"}}, "1004"),
    ],
)
def test_wrong_credentials_are_refused_once_and_not_sent_again(
    vendor: JcskSimulator, change: dict[str, Any], code: str
) -> None:
    vendor.configure(vendor.scenario)
    with pytest.raises(VendorRefused) as refusal:
        Reader(vendor, **change).pages("10")
    assert refusal.value.code == code
    assert "secret" not in str(refusal.value).replace("appsecret", "")
    assert vendor.report().total == 1


def test_a_code_other_than_0000_is_refused_with_code_and_message() -> None:
    with simulated(uniform=250, refusals=(Refusal(type="10", page=2, code="5001", message="余额不足"),)) as simulator:
        reader = Reader(simulator)
        query = reader.query("10")
        assert reader.page(query).value.total == 250
        with pytest.raises(VendorRefused, match="5001: 余额不足"):
            reader.page(query, "2/100")


@pytest.mark.parametrize(
    "kind",
    [
        "bomb", "lying_bomb", "truncated_archive", "damaged_archive", "traversal", "encrypted", "many_entries", "not_json",
        "web_page", "gbk", "cut_json", "not_base64", "array",
    ],
)  # fmt: skip
def test_a_payload_that_is_not_a_page_is_refused(kind: str) -> None:
    payload = Payload(kind=kind, page=1, first=1)  # type: ignore[arg-type] # a parameter is a plain str
    with simulated(uniform=20, payloads=(payload,)) as simulator:
        reader = Reader(simulator)
        with pytest.raises(VendorBroken, match="JCSK's answer"):
            reader.pages("11", zipped=True)
        assert simulator.report().total == 1
        same(reader.invoices("11", zipped=True), simulator.listed(TAXPAYER, "11"))


def test_an_archive_with_other_files_before_the_page_is_read() -> None:
    with simulated(uniform=20, payloads=(Payload(kind="several_entries"),)) as simulator:
        same(Reader(simulator).invoices("11", zipped=True), simulator.listed(TAXPAYER, "11"))


def test_empty_content_is_an_empty_list() -> None:
    with simulated(uniform=20, payloads=(Payload(kind="empty"),)) as simulator:
        (page,) = Reader(simulator).pages("11")
        assert (page.records, page.total, page.billed) == ([], None, 1)


@pytest.mark.parametrize("kind", ["throttled", "unavailable", "reset", "cut"])
def test_a_passing_fault_is_passed(kind: str) -> None:
    fault = Fault(kind=kind, first=1)  # type: ignore[arg-type] # a parameter is a plain str
    with simulated(uniform=20, faults=(fault,)) as simulator:
        same(Reader(simulator).invoices("11"), simulator.listed(TAXPAYER, "11"))


@pytest.mark.parametrize("kind", ["html", "empty", "truncated", "gbk"])
def test_an_answer_nobody_can_read_is_broken(kind: str) -> None:
    fault = Fault(kind=kind)  # type: ignore[arg-type] # a parameter is a plain str
    with simulated(uniform=20, faults=(fault,)) as simulator, pytest.raises(VendorBroken):
        Reader(simulator).pages("11")


def test_a_wrong_path_names_host_and_path(vendor: JcskSimulator) -> None:
    with pytest.raises(RequestRefused, match="/nowhere") as refusal:
        Reader(vendor, extra={"path": "/nowhere"}).pages("10")
    assert "host and path" in refusal.value.advice


@pytest.mark.parametrize(
    ("billing", "billed"), [("call", [1, 1]), ("row", [100, 30]), ("free", [0, 0]), ("silent", [None, None])]
)
def test_what_pages_cost_is_told(billing: str, billed: list[int | None]) -> None:
    with simulated(uniform=130, billing=billing) as simulator:
        assert [page.billed for page in Reader(simulator).pages("12")] == billed
        assert simulator.report().billed == sum(filter(None, billed))


def test_both_drivers_read_the_same_pages(vendor: JcskSimulator) -> None:
    import asyncio

    from fapiao.engine import AsyncDriver

    reader = Reader(vendor)
    query = reader.query("11", zipped=True)

    async def pages() -> list[Any]:
        async with AsyncDriver(SOURCE, reader.account) as driver:
            flows = [SOURCE.read_page(reader.account, query, cursor) for cursor in (None, "2/100", "3/100")]
            return [(await driver.run(flow)).value for flow in flows]

    assert asyncio.run(pages()) == reader.pages("11", zipped=True)
