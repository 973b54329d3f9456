"""易快报 (ekuaibao) passes the kit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fapiao.errors import RequestRefused, TaxpayerRefused
from fapiao.spec import Quota
from fapiao.testing.conformance import Code, Kit, Sample, SourceConformance, Vector, simulated
from fapiao.testing.scenario import Count
from fapiao.wire import Decision, Page, Pending, Request, Response, Secret, Signed, SliceKey, Token
from fapiao_ekuaibao.simulator import EkuaibaoScenario, EkuaibaoSimulator

SAMPLES = Path(__file__).parents[1] / "ekuaibao" / "samples"
SHAPES = {"vat": "01", "motor": "03", "toll": "14", "customs": "17", "digital": "81", "air": "61", "rail": "51"}
NUMBERS = ("fphm", "sdphm", "fpdm", "jkshm")
READ = "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"
APPLY = "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask"
REQUEST_CODES = ("500", "4006")
TAXPAYER_CODES = (
    "4001", "4002", "4003", "4004", "4005", "4009", "4010", "4041", "4042", "4048", "4059",
)  # fmt: skip
LATER_CODES = ("4007", "4008", "4036", "4038", "4043")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def response(document: Any, status: int = 200) -> Response:
    return Response(status=status, headers={"content-type": "application/json"}, body=_encode(document))


def with_code(code: str) -> Response:
    return response({"value": {"code": code, "success": code == "2000", "message": "", "data": None}})


def rewrite(response_: Response, *, records: list[Any] | None = None, total: int | None = None) -> Response:
    document = response_.json()
    data = document["value"]["data"]
    if records is not None:
        data["list"] = records
    if total is not None:
        data["page"]["totalCount"] = total
    return response(document)


def samples() -> Iterator[Sample]:
    for shape, type_ in SHAPES.items():
        (record,) = response_of(SAMPLES / f"page_{shape}.json").json()["value"]["data"]["list"]
        yield Sample(name=f"page_{shape}.json", record=record, type=type_, required=NUMBERS)


def response_of(path: Path) -> Response:
    return Response(status=200, headers={}, body=path.read_bytes())


def codes() -> Iterator[Code]:
    for hook in ("read_page", "start_collection", "collection_status"):
        for code in REQUEST_CODES:
            yield Code(code=code, decision=Decision.REFUSED, error=RequestRefused, hook=hook)
        for code in TAXPAYER_CODES:
            yield Code(code=code, decision=Decision.REFUSED, error=TaxpayerRefused, hook=hook)
        for code in LATER_CODES:
            yield Code(code=code, decision=Decision.OK, result=Pending, hook=hook)
    yield Code(code="4000", decision=Decision.OK, result=Page)


class TestEkuaibao(SourceConformance):
    kit = Kit(
        plugin="fapiao_ekuaibao:plugin",
        vendor=simulated(EkuaibaoSimulator, EkuaibaoScenario(uniform=35, counts=(Count(type="04", count=0),))),
        taxpayer_no=EkuaibaoScenario().taxpayers[0],
        slice=SliceKey("81", "input"),
        empty=SliceKey("04", "input"),
        settings={"page_size": 10},
        samples=tuple(samples()),
        codes=tuple(codes()),
        answer_with=with_code,
        expired=response({"errorCode": 403, "errorMessage": "accessToken已失效,请重新获取"}, 403),
        rewrite=rewrite,
        vectors=(
            Vector(
                name="获取授权: the token travels in the query",
                request=Request(method="POST", path=READ, json={}),
                token=Token(value=Secret("ID_3:$1/+=")),
                connection={"login": "k", "password": "a-password", "extra": {"corp_id": "TESTCORP0001"}},
                expected=Signed(query=(("accessToken", "ID_3:$1/+="),)),
            ),
        ),
        limits=(Quota(path=APPLY, requests_per_second=1.0), Quota(path=READ, requests_per_second=5.0)),
        requests_per_thousand=114,
        skip={
            "E2": "The vendor's requests bear a token and no signature, so there is nothing that a new time would change.",
        },
    )
