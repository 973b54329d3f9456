"""Whatever JSON a vendor sends: normalize answers, flows end in a result or in an error of the tree."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from fapiao.errors import FapiaoError
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.wire import Request, Response, Verdict
from fapiao_ekuaibao import plugin
from fapiao_ekuaibao.types import DOC_TYPES

NUMBERS = some.integers(-(10**25), 10**25) | some.decimals(allow_nan=False, allow_infinity=False)
TEXTS = some.text(max_size=30) | some.sampled_from(
    [
        "",
        "null",
        "0",
        "1",
        "-1",
        "1e999",
        "NaN",
        "Infinity",
        "１３％",
        "免税",
        "2024-11-05",
        "20241105",
        "𠮷",
        "\ud800",
        "9" * 5000,
    ]
)
PLAIN = some.none() | some.booleans() | NUMBERS | TEXTS
ANYTHING = some.recursive(
    PLAIN,
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
HEAD = [
    "fpdm", "fphm", "sdphm", "kprq", "jym", "xfsbh", "xfmc", "xsfdzdh", "xsfyhzh", "gfsbh", "gfmc", "gmfdzdh", "gmfyhzh", "skm", "je",
    "se", "jshj", "slv", "bz", "kpr", "skr", "fhr", "tspzDm", "fpztDm", "xhqdBz", "kjlx", "kpjh", "tslsh", "kpyf", "xfDsswjgDm",
    "xfQxswjgDm", "xfSjswjgDm", "mxts", "tdywlx", "sfzhm", "spbm", "cllx", "cpxh", "cd", "hgzh", "jkzmsh", "sjdh", "fdjhm", "cjhm",
    "xhdwmc", "dh", "khyh", "xhdwsbh", "zh", "dz", "zzsse", "dw", "xcrs", "jkshm", "tfrq", "jkdw1nsrsbh", "jkkadm", "shxx", "skje",
    "jkqx", "tfyf",
]  # fmt: skip
CHILD = [
    "mxxh", "spbm", "mc", "ggxh", "sl", "jldw", "dj", "slv", "se", "je", "qdbz", "hsdj", "hsje", "shxx", "hwmc", "dw", "wsjg", "skje",
    "cfd", "ddd", "lkxm", "sdphm", "hbh", "createTime", "sj", "cyr", "rq", "yxsfzh", "cxcc", "cxrq", "jzfwfsd",
]  # fmt: skip
CHILDREN = (
    some.lists(some.dictionaries(some.sampled_from(CHILD), PLAIN | ANYTHING, max_size=8) | ANYTHING, max_size=4)
    | ANYTHING
)
RECORDS = some.builds(
    lambda head, children: {**head, **children},
    some.dictionaries(some.sampled_from(HEAD), PLAIN | ANYTHING, max_size=20),
    some.dictionaries(some.sampled_from(["hwxx", "xcdList", "tdysList"]), CHILDREN, max_size=3),
)
TYPES = some.sampled_from([*DOC_TYPES, "99", ""])


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=ANYTHING | RECORDS, type=TYPES)
def test_normalize_answers_to_any_json_the_same_way_twice(raw: Any, type: str) -> None:
    context = NormalizeContext(
        source="ekuaibao",
        api="collect",
        taxpayer_no="91990000MA0000002E",
        invoice_month="202411",
        type=type,
        direction="input",
    )
    result = plugin.normalize(raw, context)
    assert isinstance(result, Invoice | Rejected)
    assert plugin.normalize(raw, context) == result
    assert isinstance(result, Rejected) == (not isinstance(raw, dict))
    if isinstance(result, Invoice):
        assert not [found for found in result.findings if found.rule == "V1"]
        assert all(
            amount is None or amount.as_tuple().exponent == -2 for amount in (result.amount_excl_tax, result.tax_amount)
        )


VALUES = some.dictionaries(
    some.sampled_from(["code", "success", "message", "data", "accessToken", "expireTime"]), ANYTHING
)
DATA = some.fixed_dictionaries(
    {},
    optional={
        "page": ANYTHING
        | some.dictionaries(some.sampled_from(["totalPage", "pageSize", "currentPage", "totalCount"]), PLAIN),
        "list": ANYTHING | some.lists(RECORDS, max_size=2),
    },
)
ROWS = some.lists(
    some.dictionaries(some.sampled_from(["kpyf", "fplx", "jxxbz", "nsrsbh", "status"]), PLAIN), max_size=3
)
GOOD = some.builds(lambda data: {"code": "2000", "success": True, "data": data}, DATA | ROWS | ANYTHING)
ENVELOPES = ANYTHING | some.builds(lambda value: {"value": value}, VALUES | GOOD | ANYTHING)
_encode = msgspec.json.Encoder(decimal_format="number").encode


def body(document: Any) -> bytes:
    try:
        return _encode(document)
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8
        return repr(document).encode("utf-8", "surrogatepass")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    content=some.builds(body, ENVELOPES) | some.binary(max_size=40),
    status=some.sampled_from([200, 200, 200, 204, 302, 400, 401, 403, 404, 412, 429, 500, 503]),
)
def test_every_answer_has_a_verdict_and_every_flow_an_end(
    account: Any, job: Any, query: Any, drive: Any, content: bytes, status: int
) -> None:
    response = Response(status=status, headers={}, body=content)
    for path in ("/api/openapi/v1/auth/getAccessToken", "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"):
        verdict = plugin.classify(Request(method="POST", path=path, json={}), response)
        assert isinstance(verdict, Verdict)
    for flow in (
        plugin.authorize(account),
        plugin.start_collection(account, job),
        plugin.collection_status(account, job),
        plugin.read_page(account, query, None),
        plugin.read_page(account, query, "7/100"),
    ):
        with suppress(FapiaoError):
            drive(flow, response)


@pytest.mark.parametrize(
    "content", [b'{"value": {"code": "2000", "data": {"page": {"totalCount": 1e999999999}, "list": []}}}']
)
def test_a_number_of_astronomic_size_is_refused_quickly(account: Any, query: Any, drive: Any, content: bytes) -> None:
    with pytest.raises(FapiaoError):
        drive(plugin.read_page(account, query, None), Response(status=200, headers={}, body=content))


def test_a_money_field_of_astronomic_size_is_a_remark(context: Any) -> None:
    invoice: Any = plugin.normalize(
        {"fphm": "1", "je": Decimal("1e999999"), "hwxx": [{"sl": Decimal("1e999999")}]}, context("81")
    )
    assert {found.rule for found in invoice.findings} == {"A6", "Q1"}
