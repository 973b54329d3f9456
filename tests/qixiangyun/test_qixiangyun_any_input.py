"""Whatever a vendor sends: normalize never raises, gives the same for the same, and classify always has a verdict."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fapiao.errors import FapiaoError
from fapiao.invoices.model import Invoice, NormalizeContext, Rejected
from fapiao.wire import Request, Response, Verdict
from fapiao_qixiangyun import plugin

SAMPLES = Path(__file__).parent / "samples"
PATHS = (
    "/v2/public/oauth2/login",
    "/v2/invoice/customizedCheck",
    "/v2/invoice/gj/collectTaskStatus",
    "/v2/invoice/cy/bsxzJgCx",
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**4000)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "null", "0", "81", "***", "免税", "2024-11-05", "1E+99", "24990112810000000001", "\u0000", "𠮷"]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def load(case: str) -> Any:
    return Response(status=200, headers={}, body=(SAMPLES / f"{case}.json").read_bytes()).json()


CASES = [("verify", load("check_digital")), ("verify", load("check_rail"))] + [
    ("collect", row) for row in load("collect_rows")
]


def question(api: str, type_: str = "81") -> NormalizeContext:
    return NormalizeContext(
        source="qixiangyun",
        api=api,
        taxpayer_no="91990000MA0000002E",
        invoice_month="202411",
        type=type_,
        direction="input",
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_normalize_never_raises_and_gives_the_same_for_the_same(data: Any) -> None:
    api, record = data.draw(st.sampled_from(CASES))
    record = copy.deepcopy(record)
    for name in data.draw(st.lists(st.sampled_from(sorted(record)), max_size=6)):
        record[name] = data.draw(values)
    for children in ("items", "hwxx"):
        if isinstance(record.get(children), list):
            for child in record[children]:
                if isinstance(child, dict) and child:
                    child[data.draw(st.sampled_from(sorted(child)))] = data.draw(values)
    before = copy.deepcopy(record)
    first = plugin.normalize(record, question(api))
    assert isinstance(first, Invoice | Rejected)
    assert record == before
    assert plugin.normalize(record, question(api)) == first


@settings(max_examples=100, deadline=None)
@given(values, st.sampled_from(["verify", "collect", ""]), st.sampled_from(["81", "17", ""]))
def test_anything_at_all_is_an_invoice_or_rejected(raw: Any, api: str, type_: str) -> None:
    assert isinstance(plugin.normalize(raw, question(api, type_)), Invoice | Rejected)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["code", "success", "message", "data", "reqId"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.lists(st.integers(), max_size=2),
    ),
    st.sampled_from(PATHS),
    st.sampled_from([200, 200, 204, 302, 400, 401, 403, 404, 408, 429, 500, 503]),
)
def test_classify_always_has_a_verdict(body: Any, path: str, status: int) -> None:
    response = Response(status=status, headers={}, body=body if isinstance(body, bytes) else msgspec.json.encode(body))
    request = Request(method="POST", path=path, json={}, authorized=path != PATHS[0])
    assert isinstance(plugin.classify(request, response), Verdict)


# The fixtures are plain constructors: nothing is left of one input for the next.
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.dictionaries(
        st.sampled_from(["total", "list", "jsonUrl", "status", "taskId", "failCode", "failMsg", "zt"]), values
    )
)
def test_flows_fail_only_with_errors_of_the_tree(account: Any, claim: Any, job: Any, drive: Any, data: Any) -> None:
    from fapiao.wire import LayoutTask, SliceKey, SliceQuery

    encode = msgspec.json.Encoder(decimal_format="number").encode
    try:
        body = encode({"code": "2000", "success": True, "data": data})
    except (ValueError, OverflowError):
        return
    answer = Response(status=200, headers={}, body=body)
    job = msgspec.structs.replace(job, job_id="1/81/jx")
    asked = SliceQuery(taxpayer_no="x", invoice_month="202411", key=SliceKey("81", "input"), job_id="1/81/jx")
    task = LayoutTask(task_id="1", taxpayer_no="x", number="24990112810000000001")
    for flow in (
        plugin.verify(account(), claim()),
        plugin.layout_files(account(), task),
        plugin.start_collection(account(), job),
        plugin.collection_status(account(), job),
        plugin.read_page(account(), asked, None),
    ):
        next(flow)
        try:
            flow.send(answer)
        except (StopIteration, FapiaoError):
            pass
        flow.close()


def test_a_record_that_is_no_object_is_rejected() -> None:
    records: tuple[Any, ...] = (None, [], "x", 5)
    for raw in records:
        result = plugin.normalize(raw, question("verify"))
        assert isinstance(result, Rejected)
        assert [reason.rule for reason in result.reasons] == ["V3"]


@pytest.mark.parametrize("api", ["verify", "collect"])
def test_every_field_may_be_missing(api: str) -> None:
    assert isinstance(plugin.normalize({}, question(api)), Invoice)
