"""A small vendor whose mapping changes: what it says is in memory, how it is mapped can be replaced between two runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from decimal import Decimal
from importlib.metadata import EntryPoint
from typing import Any
from unittest.mock import patch

import msgspec
import sqlalchemy as sa

from fapiao.arguments import collect_request
from fapiao.collecting.collection import Collector
from fapiao.connection import Connection
from fapiao.engine import BlockingDriver
from fapiao.errors import FapiaoError
from fapiao.invoices.model import Finding, Invoice, Line, NormalizeContext, Rejected, Severity, Vehicle
from fapiao.invoices.tax_numbers import check_digit
from fapiao.invoices.texts import unknown_fields
from fapiao.registry import Registry
from fapiao.rereading.renormalizing import Renormalized, renormalize
from fapiao.spec import SPEC_VERSION, Capability, Descriptor, Field, InvoiceType, hookimpl
from fapiao.store import Database
from fapiao.store.tables.schema import metadata
from fapiao.wire import (
    OK,
    Account,
    CollectionJob,
    CollectionStatus,
    Flow,
    Page,
    Pending,
    Request,
    Response,
    SliceQuery,
    SliceState,
    SliceStatus,
    Verdict,
)

__all__ = ["HOLDER", "MONTH", "PLUGIN", "SELLER", "SOURCES", "Shop", "meaning_of", "plain", "record", "rows_of"]

HOLDER = "91990000000000001" + check_digit("91990000000000001")
SELLER = "91990000000000002" + check_digit("91990000000000002")
MONTH = "202411"
NOON = 1_733_800_000.0
"""Epoch seconds in December 2024."""
Mapping = Callable[[dict[str, Any]], Invoice | Rejected]


def record(number: int, **changes: Any) -> dict[str, Any]:
    """What the vendor says about one invoice."""
    values = {
        "no": f"2499{number:016d}",
        "net": "100.00",
        "tax": "13.00",
        "day": "2024-11-05",
        "state": "0",
        "by": "甲乙丙测试有限公司",
    }
    return values | changes


def plain(raw: dict[str, Any], **changes: Any) -> Invoice | Rejected:
    """The right mapping; a record without a number is rejected."""
    if not raw.get("no") and not changes.get("digital_number") and not raw.get("code"):
        reason = Finding(
            rule="N0", severity=Severity.REJECT, field="no", message="The record carries no number at all."
        )
        return Rejected(reasons=(reason,))
    net, tax = Decimal(raw["net"]), Decimal(raw["tax"])
    values: dict[str, Any] = {
        "doc_type": "digital_special", "doc_type_raw": "81", "digital_number": raw.get("no") or None,
        "invoice_code": raw.get("code"), "invoice_number": raw.get("short"),
        "issued_on": date.fromisoformat(raw["day"]), "invoice_month": MONTH,
        "seller_tax_no": SELLER, "seller_name": raw["by"], "buyer_tax_no": HOLDER,
        "buyer_name": "丁戊己测试有限公司", "amount_excl_tax": net, "tax_amount": tax, "amount_incl_tax": net + tax,
        "is_red": net < 0, "remark": raw.get("remark") or None, "drawer": raw.get("drawer") or None,
        "vehicle": Vehicle(buyer_id_no=raw["bought"] or None) if "bought" in raw else None,
        "extra": unknown_fields(raw, _KNOWN),
        "state": {"0": "normal", "3": "red_full"}.get(raw["state"], "unknown"), "state_raw": raw["state"],
        "lines": (Line(line_no=1, item_name="*软件*测试服务", amount_excl_tax=net, tax_amount=tax),),
    }  # fmt: skip
    return Invoice(**(values | changes))


_KNOWN = frozenset(("no", "code", "short", "net", "tax", "day", "state", "by", "remark", "drawer", "bought"))


class Plugin:
    """A vendor with numbered pages; ``mapping`` is what a new version of the plugin would replace."""

    def __init__(self) -> None:
        self.mapping: Mapping = plain
        self.broken = False

    @hookimpl
    def describe(self) -> Descriptor:
        return Descriptor(
            name="atlas",
            title="Atlas",
            spec=SPEC_VERSION,
            capabilities=frozenset({Capability.COLLECT}),
            fields=(
                Field(name="app", title="App", required=True),
                Field(name="password", title="Secret", kind="secret", place="password", required=True),
                Field(name="page_size", title="Page size", kind="integer", default=100),
            ),
            account_field="app",
            default_host="https://atlas.invalid",
            types=(InvoiceType(code="81", title="数电专票", doc_type="digital_special"),),
            known_fields=_KNOWN | {"count", "rows", "started"},
            personal={"by": "seller_name", "drawer": "drawer", "bought": "buyer_id_no", "remark": "remark"},
        )

    @hookimpl
    def classify(self, request: Request, response: Response) -> Verdict:
        return OK

    @hookimpl
    def start_collection(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        yield Request(method="POST", path="/start", json={}, idempotent=False)
        return CollectionStatus(slices=())

    @hookimpl
    def collection_status(self, account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
        answer = yield Request(method="POST", path="/status", json={})
        state = SliceState.READY if answer.json()["started"] else SliceState.FAILED
        rows = job.slices if answer.json()["started"] else ()
        return CollectionStatus(slices=tuple(SliceStatus(key=key, state=state) for key in rows))

    @hookimpl
    def read_page(self, account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
        size = account.settings["page_size"]
        page = int(cursor or 1)
        direction = query.key.direction
        answer = yield Request(method="POST", path="/read", json={"of": direction, "page": page, "size": size})
        if self.broken:
            raise ValueError("this version cannot read it")
        said = answer.json()
        pages = -(-said["count"] // size)
        remaining = tuple(str(number) for number in range(2, pages + 1)) if page == 1 else ()
        return Page(records=said["rows"], total=said["count"], remaining=remaining)

    @hookimpl
    def normalize(self, raw: Any, context: NormalizeContext) -> Invoice | Rejected:
        return self.mapping(raw)


PLUGIN = Plugin()
SOURCES = Registry([EntryPoint("atlas", "rereading:PLUGIN", "fapiao.sources")], disabled=())


class Shop:
    """The vendor's shelves and a database to collect into. Its clock moves with every page and by a day with every generation."""

    def __init__(self, url: str, *, page_size: int = 3, **rows: Sequence[dict[str, Any]]) -> None:
        self.url = url
        self.rows: dict[str, list[dict[str, Any]]] = {"input": [], "output": []} | {
            name: list(part) for name, part in rows.items()
        }
        self.counts: dict[str, int] = {}
        """What the vendor counts, where that is not what it has."""
        self.started = False
        self.now = NOON
        self.database = Database.connect(url)
        self._page_size = page_size
        PLUGIN.mapping, PLUGIN.broken = plain, False

    def send(self, prepared: Any) -> Response:
        """The vendor's answer to one request."""
        body = msgspec.json.decode(prepared.body)
        if prepared.url.endswith("/start"):
            self.started = True
            said: Any = {}
        elif prepared.url.endswith("/status"):
            said = {"started": self.started}
        else:
            self.now += 1
            rows = self.rows[body["of"]]
            begin = (body["page"] - 1) * body["size"]
            count = self.counts.get(body["of"], len(rows))
            said = {"count": count, "rows": rows[begin : begin + body["size"]]}
        return Response(status=200, headers={}, body=msgspec.json.encode(said))

    def close(self) -> None:
        """Nothing to close."""

    def collect(self, *, on_rejected: str = "fail") -> str:
        """One generation, read by a single reader, in the order of the pages. Returns its state."""
        self.started = False
        self.now += 86_400
        source = SOURCES.get("atlas")
        given = {
            "password": "canary-shop-password",
            "extra": {
                "app": "app-99", "page_size": self._page_size, "max_concurrency": 1, "requests_per_second": 0,
                "minimum_job_age": 0,
            },
        }  # fmt: skip
        account = source.account(Connection.from_json(msgspec.json.encode(given), conn_id="the test"))
        request = collect_request(
            source.descriptor, taxpayer_no=HOLDER, invoice_month=MONTH, now=self.now, on_rejected=on_rejected
        )
        with (
            # One page after the other, or the time of a page would depend on how soon the next one is asked for.
            patch("fapiao.collecting.reading.AHEAD", 1),
            BlockingDriver(source, account, transport=self, clock=self._tick, sleep=self._sleep) as driver,
            Collector(source, account, self.database, request, driver=driver, clock=self._tick) as collector,
        ):
            while (waiting := collector.advance()) is not None:
                self.now = max(self.now, waiting.not_before)
            try:
                collector.verdict()
            except FapiaoError:
                assert collector.manifest().state == "incomplete"
            return collector.manifest().state

    def renormalize(self, mapping: Mapping | None = None, **wanted: Any) -> Renormalized:
        """Interpret everything again, with another mapping where one is given. There is no vendor to be asked."""
        if mapping is not None:
            PLUGIN.mapping = mapping
        return renormalize(self.database, sources=SOURCES, clock=lambda: self.now + 3600, **wanted)

    def rows_of(self, name: str, *columns: str) -> list[Any]:
        """See :func:`rows_of`."""
        return rows_of(self.database, name, *columns)

    def table(self, name: str) -> sa.Table:
        """A table without its prefix."""
        return metadata.tables[f"fapiao_{name}"]

    def everything(self) -> dict[str, list[Any]]:
        """Every row of every table."""
        return {name: self.rows_of(name.removeprefix("fapiao_")) for name in sorted(metadata.tables)}

    def meaning(self) -> dict[str, list[Any]]:
        """See :func:`meaning_of`."""
        return meaning_of(self.database)

    def slices(self) -> list[Any]:
        """State and numbers of the slices, generation by generation."""
        return self.rows_of("slice", "direction", "state", "expected", "loaded", "rejected", "amount_excl_tax")

    def key(self, number: int) -> int | None:
        """Which document a digital number belongs to."""
        found = dict(self.rows_of("invoice_number", "value", "invoice_key"))
        return found.get(f"2499{number:016d}")

    def _tick(self) -> float:
        return self.now

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def rows_of(database: Database, name: str, *columns: str) -> list[Any]:
    """The rows of a table, named without its prefix, by its primary key; of the named columns only, where some are named."""
    table = metadata.tables[f"fapiao_{name}"]
    wanted = [table.c[column] for column in columns] or list(table.c)
    query = sa.select(*wanted).order_by(*table.primary_key.columns)
    rows = database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
    return [row[0] for row in rows] if len(columns) == 1 else rows


def meaning_of(database: Database, *left_out: str) -> dict[str, list[Any]]:
    """What the tables say, whatever the documents' keys, the ids and the times of writing are.

    :param left_out: further columns that say nothing, such as ``page.transcript_sha256``.
    """
    numbers: dict[int, list[str]] = {}
    for scheme, value, key in rows_of(database, "invoice_number", "scheme", "value", "invoice_key"):
        numbers.setdefault(key, []).append(f"{scheme} {value}")
    names = {key: " ".join(sorted(found)) for key, found in numbers.items()}
    told: dict[str, list[Any]] = {"numbers": sorted(names.values())}
    for name, without in _MEANING.items():
        table = metadata.tables[f"fapiao_{name}"]
        columns = [
            column.name
            for column in table.columns
            if column.name not in without and f"{name}.{column.name}" not in left_out
        ]
        rows = []
        for row in rows_of(database, name, *columns):
            values = dict(zip(columns, row, strict=True))
            if "invoice_key" in values:
                values["invoice_key"] = names.get(values["invoice_key"], values["invoice_key"])
            if values.get("extra"):  # whose fields are in the order of the answer, or sorted if it was folded
                values["extra"] = sorted(msgspec.json.decode(values["extra"]).items())
            rows.append(sorted((column, str(value)) for column, value in values.items()))
        told[name] = sorted(rows)
    return told


_MEANING: dict[str, set[str]] = {
    "invoice": {"changed_at"},
    "invoice_line": set(),
    "invoice_reference": set(),
    "invoice_holding": set(),
    "observation": set(),
    "invoice_state": set(),
    "finding": {"finding_id", "found_at"},
    "rejected": {"rejected_at"},
    "slice_record": set(),
    "page": {"transcript"},
    "slice": {"changed_at", "closed_at", "vendor_message"},
    "collection": {"closed_at"},
    "verification": {"holder"},
    "layout_task": {"layout_task_id", "holder"},
    "layout_link": {"layout_link_id"},
    "layout_file": {"layout_file_id", "layout_link_id"},
}


@contextmanager
def open_shops() -> Iterator[Callable[..., Shop]]:
    """Opens shops, ``opened(url, input=[record(1)])``, and closes their databases at the end."""
    with ExitStack() as stack:

        def opened(into: str, **given: Any) -> Shop:
            shop = Shop(into, **given)
            stack.callback(shop.database.close)
            return shop

        yield opened
