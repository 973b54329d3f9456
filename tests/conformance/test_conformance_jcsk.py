"""金财数科 (JCSK) passes the kit."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fapiao.errors import VendorRefused
from fapiao.spec import Quota
from fapiao.testing.conformance import Code, Kit, Sample, SourceConformance, Vector, simulated
from fapiao.testing.scenario import Count
from fapiao.wire import Decision, Request, Response, Signed, SyncQuery
from fapiao_jcsk.simulator import JcskScenario, JcskSimulator

SAMPLES = Path(__file__).parents[1] / "jcsk" / "samples"
SCENARIO = JcskScenario(uniform=35, counts=(Count(type="12", count=0),))
TAXPAYER = SCENARIO.taxpayers[0]
NUMBERS = ("invoiceNumber", "invoiceCode", "ylzd5", "customsNumber")
FIELDS = {
    "appid": "demoappid01",
    "content": "eyJwYWdlIjoxLCJwYWdlU2l6ZSI6MTAwLCJycV9xIjoiMjAyNC0wMS0wMSIsInJxX3oiOiIyMDI0LTAxLTMxIiwicnp6dCI6IjExIn0=",
    "jtnsrsbh": "91000000TESTGRP01X",
    "nsrsbh": "91000000TESTSUB01X",
    "serviceid": "S000621",
}
SIGNED = (
    ("0", "?", "qn5OCaTlonKjcdzCRmTlii75/5r4yIvbXdTnFRewG28="),
    ("0", "none", "qbSHyf3hYFWg9w1sTxA7qrUBNvdkYppfAfTnGgEcmvo="),
    ("1", "?", "A78627DEAB77B2E6EFCD586A6505F0F9"),
)
_encode = msgspec.json.Encoder(decimal_format="number").encode


def response(document: Any) -> Response:
    return Response(status=200, headers={"content-type": "application/json"}, body=_encode(document))


def with_code(code: str) -> Response:
    return response({"uuid": "u", "code": code, "msg": "测试", "sfjf": "N", "jf_num": 0, "content": None})


def rewrite(response_: Response, *, records: list[Any] | None = None, total: int | None = None) -> Response:
    document = response_.json()
    content = Response(status=200, headers={}, body=base64.b64decode(document["content"])).json()
    if records is not None:
        content["InvoiceList"] = records
    if total is not None:
        content["count"] = total
    return response({**document, "content": base64.b64encode(_encode(content)).decode()})


def samples() -> Iterator[Sample]:
    listed = Response(status=200, headers={}, body=(SAMPLES / "list_standard.json").read_bytes()).json()["InvoiceList"]
    for position, record in enumerate(listed):
        name = f"list_standard.json, row {position}"
        yield Sample(name=name, record=record, type="11", api="sync", required=NUMBERS)


class TestJcsk(SourceConformance):
    kit = Kit(
        plugin="fapiao_jcsk:plugin",
        vendor=simulated(JcskSimulator, SCENARIO),
        taxpayer_no=TAXPAYER,
        wish=SyncQuery(taxpayer_no=TAXPAYER, query="11"),
        empty_wish=SyncQuery(taxpayer_no=TAXPAYER, query="11", tax_period="201801"),
        settings={"page_size": 10},
        samples=tuple(samples()),
        codes=tuple(
            Code(code=code, decision=Decision.REFUSED, error=VendorRefused) for code in ("0001", "9999", "500")
        ),
        answer_with=with_code,
        rewrite=rewrite,
        vectors=tuple(
            Vector(
                name=f"signType {kind}, prefix {prefix}",
                request=Request(method="POST", path="/invoice/S000621", form=(*FIELDS.items(), ("signType", kind))),
                connection={
                    "login": "demoappid01",
                    "password": "demosecret01",
                    "extra": {"group_tax_no": "91000000TESTGRP01X", "sign_type": kind, "sign_prefix": prefix},
                },
                expected=Signed(form=(("signature", signature),)),
            )
            for kind, prefix, signature in SIGNED
        ),
        limits=(Quota(path="", requests_per_second=1.0),),
        requests_per_thousand=114,
        skip={
            "E2": "The vendor signs five fields of the request, neither time nor nonce: a retry has the same signature.",
        },
    )
