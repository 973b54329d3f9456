"""The JCSK plugin driven by hand: accounts, answers, and flows that are given them."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fapiao.invoices.model import NormalizeContext
from fapiao.wire import Account, Flow, Page, Request, Response, Secret, SyncQuery
from fapiao_jcsk import plugin

SAMPLES = Path(__file__).parent / "samples"
TAXPAYER = "91990000000000027W"

_encode = msgspec.json.Encoder(decimal_format="number").encode


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive of (name, data) entries, names as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return buffer.getvalue()


def wrapped(content: bytes | None, **more: Any) -> Response:
    """An answer around content: bytes become Base64, None stays null."""
    text = None if content is None else base64.b64encode(content).decode()
    document = {"uuid": "u", "code": "0000", "msg": "请求成功", "sfjf": "Y", "jf_num": 1, "content": text} | more
    return Response(status=200, headers={}, body=_encode(document))


def listing(rows: Any, **more: Any) -> bytes:
    return _encode({"pageSize": 100, "currentPage": 1, "InvoiceList": rows} | more)


@pytest.fixture
def account() -> Callable[..., Account]:
    def make(**settings: Any) -> Account:
        return Account(
            source="jcsk",
            name="demoappid01",
            base_url="http://127.0.0.1:9",
            login="demoappid01",
            secret=Secret("demosecret01"),
            settings={"group_tax_no": "91000000TESTGRP01X"} | settings,
        )

    return make


@pytest.fixture
def query() -> Callable[..., SyncQuery]:
    def make(code: str = "11", **more: Any) -> SyncQuery:
        filters = tuple(sorted(more.pop("filters", {}).items()))
        return SyncQuery(taxpayer_no=more.pop("taxpayer_no", TAXPAYER), query=code, filters=filters, **more)

    return make


@pytest.fixture
def read(account: Callable[..., Account], query: Callable[..., SyncQuery]) -> Callable[..., tuple[Page, Request]]:
    """Reads one page by hand: the page, and the one request that was made for it."""

    def run(
        response: Response, cursor: str | None = None, wish: SyncQuery | None = None, **settings: Any
    ) -> tuple[Page, Request]:
        flow: Flow[Any] = plugin.read_page(account(**settings), wish or query(), cursor)
        request = next(flow)
        try:
            flow.send(response)
        except StopIteration as end:
            return end.value, request
        raise AssertionError("the flow asked a second time")

    return run


@pytest.fixture
def answer() -> Callable[..., Response]:
    return wrapped


@pytest.fixture
def rows() -> Callable[..., bytes]:
    """The content of a page: rows as list or object, ``count`` and other members by name."""
    return listing


@pytest.fixture
def archive() -> Callable[..., bytes]:
    return zipped


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    return lambda case: (SAMPLES / f"{case}.json").read_bytes()


@pytest.fixture
def context() -> NormalizeContext:
    return NormalizeContext(
        source="jcsk", api="sync", taxpayer_no=TAXPAYER, invoice_month="", type="11", direction="input"
    )


@pytest.fixture
def records(read: Callable[..., tuple[Page, Request]], sample: Callable[[str], bytes]) -> Callable[[str], list[Any]]:
    """The records of a sample page, as the framework gets them."""
    return lambda case: read(wrapped(sample(case)))[0].records
