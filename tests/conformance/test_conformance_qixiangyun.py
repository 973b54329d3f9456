"""企享云 (Qixiangyun) passes the kit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    QuotaExhausted,
    RequestRefused,
    TaxpayerRefused,
    VendorUnreachable,
)
from fapiao.testing.conformance import Code, Kit, Sample, SourceConformance, Vector, simulated
from fapiao.testing.scenario import Count
from fapiao.wire import (
    CollectionStatus,
    Decision,
    Pending,
    Request,
    Response,
    Secret,
    Signed,
    SliceKey,
    Stamp,
    Token,
    Verification,
)
from fapiao_qixiangyun.simulator import QixiangyunScenario, QixiangyunSimulator

SAMPLES = Path(__file__).parents[1] / "qixiangyun" / "samples"
SCENARIO = QixiangyunScenario(uniform=35, counts=(Count(type="82", count=0), Count(invoice_month="209912", count=0)))
(CLAIM,) = QixiangyunSimulator(SCENARIO).claims(1, layouts=("pdf", "xml"))
NUMBERS = ("fphm", "sdphm", "fpdm", "jkshm", "invoiceNumber", "invoiceCode")
OUTCOMES = (
    "CheckInvoiceNotExistence",
    "CheckInvoiceNotSame",
    "CheckInvoicesOverFiveYears",
    "CheckInvoicesMoreThanToday",
)
LATER = ("CheckInvoiceException", "CheckAbnormal", "CheckInvoiceMoreFiveTimes")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def response(document: Any) -> Response:
    return Response(status=200, headers={"content-type": "application/json"}, body=_encode(document))


def with_code(code: str) -> Response:
    return response({"reqId": "r", "code": code, "success": code == "2000", "message": "", "data": None})


def rewrite(response_: Response, *, records: list[Any] | None = None, total: int | None = None) -> Response:
    document = response_.json()
    if records is not None:
        document["data"]["list"] = records
    if total is not None:
        document["data"]["total"] = total
    return response(document)


def read(name: str) -> Any:
    return Response(status=200, headers={}, body=(SAMPLES / name).read_bytes()).json()


def samples() -> Iterator[Sample]:
    for position, record in enumerate(read("collect_rows.json")[:4]):
        direction = "input" if record["jxxbz"] == "jx" else "output"
        name = f"collect_rows.json, row {position}"
        yield Sample(name=name, record=record, type=record["fplx"], direction=direction, required=NUMBERS)
    for name in ("check_digital.json", "check_rail.json"):
        yield Sample(name=name, record=read(name), type="", direction="", api="verify", required=NUMBERS)


def codes() -> Iterator[Code]:
    for hook in ("read_page", "verify", "layout_files"):
        for code in ("40100", "40101", "40102"):
            yield Code(code=code, decision=Decision.REAUTHORIZE, error=CredentialError, hook=hook)
        for code in ("400429", "400430", "50014"):
            yield Code(code=code, decision=Decision.THROTTLED, hook=hook)
        for code in ("505017", "505018", "505019", "401103"):
            yield Code(code=code, decision=Decision.REFUSED, error=ConfigurationError, hook=hook)
        for code in ("505069", "505070"):
            yield Code(code=code, decision=Decision.REFUSED, error=QuotaExhausted, hook=hook)
        for code in ("400000", "505001"):
            yield Code(code=code, decision=Decision.REFUSED, error=RequestRefused, hook=hook)
    for code in ("504001", "505002", "59999"):
        yield Code(code=code, decision=Decision.RETRY, error=VendorUnreachable)
    for code in OUTCOMES:
        yield Code(code=code, decision=Decision.OK, result=Verification, hook="verify")
    for code in LATER:
        yield Code(code=code, decision=Decision.OK, result=Pending, hook="verify")
    yield Code(code="CheckAuthorityVerification", decision=Decision.REFUSED, error=QuotaExhausted, hook="verify")
    yield Code(
        code="IllegalParameter.IllegalSomethingNew", decision=Decision.REFUSED, error=RequestRefused, hook="verify"
    )
    for code in ("50001", "5000", "5002", "9901"):
        yield Code(code=code, decision=Decision.OK, result=Pending, hook="start_collection")
    yield Code(code="4888", decision=Decision.OK, result=CollectionStatus, hook="start_collection")
    for code in ("4811", "4812", "5001", "5009", "8000", "4001"):
        yield Code(code=code, decision=Decision.REFUSED, error=TaxpayerRefused, hook="start_collection")


def vector(body: Any, signature: str) -> Vector:
    return Vector(
        name=f"接口调用, 签名算法: {body}",
        request=Request(method="POST", path="/v2/x", json=body),
        token=Token(value=Secret("tok.demo.abc")),
        stamp=Stamp(epoch_ms=1700000000123, nonce="0" * 32),
        connection={"login": "19999999", "password": "demo-secret-0001"},
        expected=Signed(
            headers=(
                ("access_token", "tok.demo.abc"),
                ("req_date", "1700000000123"),
                ("req_sign", f"API-SV1:19999999:{signature}"),
            )
        ),
    )


class TestQixiangyun(SourceConformance):
    kit = Kit(
        plugin="fapiao_qixiangyun:plugin",
        vendor=simulated(QixiangyunSimulator, SCENARIO),
        taxpayer_no=SCENARIO.taxpayers[0],
        slice=SliceKey("81", "input"),
        empty=SliceKey("82", "input"),
        one_page=True,
        claim=CLAIM,
        settings={"page_size": 10},
        samples=tuple(samples()),
        codes=tuple(codes()),
        answer_with=with_code,
        expired=with_code("40101"),
        rewrite=rewrite,
        vectors=(
            vector(
                {"nsrsbh": "91000000TEST00001X", "kpyf": 202401},
                "NWZiYjA4Y2IxODFhMjRhZTM3NjRlMTQ5ZmU5MjY0NTQ=",
            ),
            vector({"remark": "中文"}, "MjUwMDdiN2U1YjdhNTY5YmU5NmRkYjUyOTY0MTU4OTQ="),
        ),
        requests_per_thousand=114,
    )
