"""Vendors whose answers a test writes out, the real plugins that read them, and the tables they end in.

A golden test says byte by byte what a vendor answers, and row by row what the database then has. Between the two is nothing of
the test's own: the plugin's flow, the driver, the gate, the store, and the database of whatever kind.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import sqlalchemy as sa

from fapiao.arguments import collect_request
from fapiao.collecting.collection import Collector
from fapiao.collecting.sync import Syncer
from fapiao.collecting.verification import Verifier
from fapiao.connection import Connection
from fapiao.engine import BlockingDriver
from fapiao.engine.failure import Failure
from fapiao.engine.host_rules import HostRules
from fapiao.engine.prepared import Prepared
from fapiao.errors import FapiaoError
from fapiao.invoices.tax_numbers import check_digit
from fapiao.layouts.archiver import LayoutArchiver
from fapiao.layouts.downloads import Downloader
from fapiao.layouts.places import FolderPlace
from fapiao.registry import Source, registry
from fapiao.store import Database
from fapiao.store.tables.schema import metadata
from fapiao.sync_arguments import sync_request
from fapiao.wire import Account, Claim, Response

__all__ = [
    "BUYER",
    "MONTH",
    "SELLER",
    "Golden",
    "Reads",
    "certified",
    "claimed",
    "digital",
    "item",
    "listed",
    "page",
    "verified",
]

SELLER = "91990000MA0000001" + check_digit("91990000MA0000001")
BUYER = "91990000MA0000002" + check_digit("91990000MA0000002")
MONTH = "202411"
NOON = 1_733_803_200.0
"""10 December 2024, 12:00 in China."""

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.decode
Says = Callable[[Any], Any]
"""The decoded request → the answer: JSON values, bytes as they are, a whole response, or its loss."""


class Reads:
    """Pages that differ from one read of a slice to the next: a request for page 1 begins the next read, the last one stays."""

    def __init__(self, *reads: Sequence[Any]) -> None:
        self._reads = reads
        self._read = -1

    def page(self, number: int) -> Any:
        """What page ``number``, from 1, says in the current read."""
        if number == 1:
            self._read = min(self._read + 1, len(self._reads) - 1)
        return self._reads[self._read][number - 1]


class _Dictated:
    """A transport that answers each path as it is told to."""

    def __init__(self, says: Mapping[str, Says]) -> None:
        self._says = says
        self.asked: list[tuple[str, Any]] = []

    def send(self, prepared: Prepared) -> Response | Failure:
        path = urlsplit(prepared.url).path
        is_form = dict(prepared.headers).get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        asked = dict(parse_qsl(prepared.body.decode())) if is_form else _decode(prepared.body)
        self.asked.append((path, asked))
        said = self._says[path](asked)
        if isinstance(said, Response | Failure):
            return said
        return Response(status=200, headers={}, body=said if isinstance(said, bytes) else _encode(said))

    def close(self) -> None:
        """Nothing is open."""


class Golden:
    """A database, a clock, and vendors that say what they are told to say."""

    def __init__(self, url: str) -> None:
        self.database = Database.connect(url)
        self.now = NOON
        self.asked: list[tuple[str, Any]] = []
        """(path, request) of the last run."""

    def collect(
        self,
        slices: Mapping[tuple[str, str], Sequence[Any] | Reads],
        *,
        refused: str = "",
        taxpayer_no: str = BUYER,
        month: str = MONTH,
        on_rejected: str = "accept",
        page_size: int = 100,
    ) -> FapiaoError | None:
        """One generation of 易快报: (type, direction) → its pages, each a :func:`page` or bytes. Returns how it ended.

        :param refused: the code with which the job is refused instead.
        """
        codes = {"input": "jx", "output": "xx"}
        pages = {
            (kind, codes[direction]): said if isinstance(said, Reads) else Reads(said)
            for (kind, direction), said in slices.items()
        }

        def apply(body: Any) -> Any:
            if refused:
                return _ekuaibao(None, code=refused, success=False)
            rows = [
                {"fplx": kind, "jxxbz": word, "status": "processed", "kpyf": body["kpyf"]}
                for kind in body["fplxs"]
                for word in body["jxxbzs"]
            ]
            return _ekuaibao(rows)

        def read(body: Any) -> Any:
            said = pages[body["fplx"], body["jxxbz"]].page(body["page"]["currentPage"])
            return said if isinstance(said, bytes | Response | Failure) else _ekuaibao(said)

        base = "/api/openapi"
        says: dict[str, Says] = {
            f"{base}/v1/auth/getAccessToken": lambda _: {
                "value": {"accessToken": "ID:a$b", "expireTime": 9999999999999}
            },
            f"{base}/v2/invoice/v2/applyInvoiceCollectionTask": apply,
            f"{base}/v2/invoice/v2/getInvoiceCollectionData": read,
        }
        source, account = self._connect("ekuaibao", corp_id="TESTCORP0001", minimum_job_age=0, page_size=page_size)
        request = collect_request(
            source.descriptor, taxpayer_no=taxpayer_no, invoice_month=month, now=self.now, on_rejected=on_rejected,
            types=[kind for kind, _ in slices], directions=sorted({direction for _, direction in slices}),
        )  # fmt: skip
        with (
            self._driver(source, account, says) as driver,
            Collector(source, account, self.database, request, driver=driver, clock=self._tick) as collector,
        ):
            return self._run_out(collector)

    def sync(self, lists: Mapping[str, Sequence[Any]], **wish: Any) -> FapiaoError | None:
        """One look at lists of 金财数科: code → its pages, each a :func:`listed`, or the text of ``content``, or bytes.

        ``40 adapter`` is the list 40 in the grouped shape, 40 the same list in the standard one.
        """

        def read(form: Any) -> Any:
            content = _decode(base64.b64decode(form["content"]))
            said = lists[f"{content['rzzt']} adapter" if "adapter" in content else content["rzzt"]][content["page"] - 1]
            if isinstance(said, bytes | Response | Failure):
                return said
            text = said if isinstance(said, str) else base64.b64encode(_encode(said)).decode()
            return {"uuid": "9" * 32, "code": "0000", "msg": "请求成功", "sfjf": "Y", "jf_num": 1, "content": text}

        source, account = self._connect("jcsk", group_tax_no=BUYER)
        request = sync_request(
            source,
            account,
            taxpayer_no=BUYER,
            queries={code.partition(" ")[0] for code in lists},
            on_rejected="accept",
            **wish,
        )
        with (
            self._driver(source, account, {"/invoice/S000621": read}) as driver,
            Syncer(source, account, self.database, request, driver=driver, clock=self._tick) as syncer,
        ):
            return self._run_out(syncer)

    def verify(self, claim: Claim, answer: Any) -> FapiaoError | None:
        """One check by 企享云: the record, or bytes, or a whole response."""

        def check(_: Any) -> Any:
            return answer if isinstance(answer, bytes | Response | Failure) else _qixiangyun(answer)

        says: dict[str, Says] = {
            "/v2/public/oauth2/login": lambda _: _qixiangyun({"access_token": "t", "expires_in": 1296000000}),
            "/v2/invoice/customizedCheck": check,
        }
        source, account = self._connect("qixiangyun")
        with (
            self._driver(source, account, says) as driver,
            Verifier(source, account, self.database, [claim], driver=driver, clock=self._tick) as verifier,
        ):
            return self._run_out(verifier)

    def archive(self, item: Mapping[str, Any], folder: Path) -> FapiaoError | None:
        """企享云's answer about every layout task, and what its links give; loopback is an allowed place here."""
        says: dict[str, Says] = {
            "/v2/public/oauth2/login": lambda _: _qixiangyun({"access_token": "t", "expires_in": 1296000000}),
            "/v2/invoice/cy/bsxzJgCx": lambda asked: _qixiangyun([dict(item) | {"taskId": asked["taskId"]}]),
        }
        source, account = self._connect("qixiangyun")
        rules = HostRules(hosts=frozenset({"127.0.0.1"}), allow_private=True, allow_http=True)
        with (
            self._driver(source, account, says) as driver,
            LayoutArchiver(
                source, account, self.database, FolderPlace(folder), driver=driver,
                downloader=Downloader(rules, timeout=5), clock=self._tick,
            ) as archiver,
        ):  # fmt: skip
            return self._run_out(archiver)

    def rows(self, name: str, *columns: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """Rows of a table by its primary key: tuples of the named columns, bare values where one is named."""
        table = metadata.tables[f"fapiao_{name}"]
        query = sa.select(*(table.c[column] for column in columns)).order_by(*table.primary_key.columns)
        for column, value in (where or {}).items():
            query = query.where(table.c[column] == value)
        rows = self.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
        return [row[0] for row in rows] if len(columns) == 1 else rows

    def findings(self, *rules: str) -> list[tuple[str, str, str]]:
        """(rule, severity, field) of the findings on invoices, in the order of records; of these rules only, if named."""
        table = metadata.tables["fapiao_finding"]
        query = sa.select(table.c.rule, table.c.severity, table.c.field).order_by(table.c.finding_id)
        rows = self.database.read(lambda connection: [tuple(row) for row in connection.execute(query)])
        return [row for row in rows if not rules or row[0] in rules]

    def rejected(self) -> list[tuple[int, list[str]]]:
        """(position in its page, rules with the severity ``reject``) of every record that was set aside."""
        return [
            (ordinal, [found["rule"] for found in _decode(reasons) if found["severity"] == "reject"])
            for ordinal, reasons in self.rows("rejected", "ordinal", "reasons")
        ]

    def contents(self) -> list[dict[str, Any]]:
        """What 金财数科 was asked in the last run: ``content``, decoded."""
        return [_decode(base64.b64decode(form["content"])) for _, form in self.asked]

    def close(self) -> None:
        self.database.close()

    def _connect(self, name: str, **extra: Any) -> tuple[Source, Account]:
        source = registry.get(name)
        given = {
            "login": "test-login-0001", "password": "canary-golden-0001", "host": "https://vendor.invalid",
            "extra": {"requests_per_second": 0, "max_concurrency": 1, **extra},
        }  # fmt: skip
        return source, source.account(Connection.from_json(_encode(given), conn_id="the test"))

    @contextmanager
    def _driver(self, source: Source, account: Account, says: Mapping[str, Says]) -> Iterator[BlockingDriver]:
        vendor = _Dictated(says)
        self.asked = vendor.asked
        with BlockingDriver(
            source, account, transport=vendor, clock=self._tick, sleep=self._sleep, random=Random(7).random
        ) as driver:
            yield driver

    def _run_out(self, work: Collector | Syncer | Verifier | LayoutArchiver) -> FapiaoError | None:
        self.now += 60.0  # no two runs at the same instant
        try:
            while (waiting := work.advance()) is not None:
                self.now = max(self.now, waiting.not_before)
            work.verdict()
        except FapiaoError as error:
            return error
        return None

    def _tick(self) -> float:
        return self.now

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


# What the vendors say, sound to the last field: a test changes what it is about.


def digital(number: int, **changes: Any) -> dict[str, Any]:
    """A row of 易快报 of the type 81: 100.00 yuan at 13 %, one line. ``lines`` replaces its lines."""
    lines = changes.pop("lines", None)
    row = {
        "fpdm": "", "fphm": f"2499{number:016d}", "kprq": "2024-11-05 14:58:24", "kpyf": 202411, "fpztDm": "0",
        "xfsbh": SELLER, "xfmc": "甲乙丙测试有限公司", "gfsbh": BUYER, "gfmc": "丁戊己测试有限公司",
        "je": Decimal("100.00"), "se": Decimal("13.00"), "jshj": Decimal("113.00"), "slv": Decimal("0.13"),
        "hwxx": [item()] if lines is None else lines,
    }  # fmt: skip
    return {name: value for name, value in (row | changes).items() if value is not ...}


def item(**changes: Any) -> dict[str, Any]:
    """A line of it. ``...`` takes a field away."""
    row = {
        "mc": "*软件*测试服务", "sl": "1", "dj": "100", "je": Decimal("100.00"), "slv": Decimal("0.13"),
        "se": Decimal("13.00"),
    }  # fmt: skip
    return {name: value for name, value in (row | changes).items() if value is not ...}


def page(rows: Any, total: Any = ..., **numbers: Any) -> dict[str, Any]:
    """``value.data`` of a page of 易快报; the count is that of the rows unless another one is told."""
    count = (len(rows) if rows else 0) if total is ... else total
    return {"list": rows, "page": {"totalCount": count, "totalPage": 1, "pageSize": 100, "currentPage": 1} | numbers}


def listed(rows: Any, **more: Any) -> dict[str, Any]:
    """The content of a page of 金财数科."""
    counted = {"count": len(rows)} if isinstance(rows, list) else {}
    return {"pageSize": 100, "currentPage": 1, "InvoiceList": rows} | counted | more


def certified(number: int, **changes: Any) -> dict[str, Any]:
    """A row of it: a digital special invoice of 100.00 yuan, selected and certified in 202411."""
    row = {
        "billingDate": "2024-11-05", "deductible": "1", "deductibleDate": "2024-12-03", "deductiblePeriod": "202411",
        "deductibleType": "1", "deductibleMode": "1", "invoiceCode": "", "invoiceNumber": f"2499{number:016d}",
        "invoiceType": "81", "purchaserName": "丁戊己测试有限公司", "purchaserTaxNo": BUYER,
        "salesTaxName": "甲乙丙测试有限公司", "salesTaxNo": SELLER, "state": "0", "totalAmount": Decimal("100.00"),
        "totalTax": Decimal("13.00"), "validTax": Decimal("13.00"), "checkStatus": "1", "checkDate": "2024-12-02",
        "managementStatus": "0",
    }  # fmt: skip
    return {name: value for name, value in (row | changes).items() if value is not ...}


def claimed(number: int, total: str = "113.00", **changes: Any) -> Claim:
    """A claim about the digital invoice of that number."""
    values: dict[str, Any] = {
        "number": f"2499{number:016d}", "issued_on": date(2024, 11, 5), "amount_incl_tax": Decimal(total),
        "taxpayer_no": BUYER,
    }  # fmt: skip
    return Claim(**(values | changes))


def verified(number: int, **changes: Any) -> dict[str, Any]:
    """``data`` of 企享云's answer about it: 100.00 yuan at 13 %, one line."""
    row = {
        "invoiceCode": "", "invoiceNumber": f"2499{number:016d}", "billingDate": "2024-11-05", "invoiceType": "0920",
        "state": "0", "salesTaxNo": SELLER, "salesName": "甲乙丙测试有限公司", "purchaserTaxNo": BUYER,
        "purchaserName": "丁戊己测试有限公司", "totalAmount": Decimal("100.00"), "totalTax": Decimal("13.00"),
        "amountTax": Decimal("113.00"), "checkTime": "2024-12-10 12:00:00", "requestId": "r-1", "bswjxzTaskId": None,
        "pdfUrl": "", "ofdUrl": None, "xmlUrl": "",
        "items": [{
            "rowNo": 1, "commodityName": "*软件*测试服务", "quantity": "1", "unitPrice": "100", "amount": Decimal("100.00"),
            "taxRate": "13", "tax": "13.00", "realTaxRate": Decimal("0.13"), "realTax": Decimal("13.00"),
        }],
    }  # fmt: skip
    return {name: value for name, value in (row | changes).items() if value is not ...}


def _ekuaibao(data: Any, code: Any = "2000", success: Any = True) -> dict[str, Any]:
    return {
        "value": {"corpId": "TESTCORP0001", "reqId": "r", "code": code, "success": success, "message": "", "data": data}
    }


def _qixiangyun(data: Any) -> dict[str, Any]:
    return {"reqId": "r", "code": "2000", "success": True, "message": "", "data": data}
