"""The raw that is kept: lossless, checked, free of secrets, and enough to run the flow again."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fapiao.engine import Completed, Exchange
from fapiao.engine.transcript import pack, replay, unpack
from fapiao.errors import PluginError, StoreError, TaxpayerRefused
from fapiao.registry import Source
from fapiao.wire import Flow, Request, Response, Secret

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(max_size=5)
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
PAIRS = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=2).map(tuple)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(("GET", "POST")),
    path=st.just("/data"),
    query=PAIRS,
    json=JSON,
    form=PAIRS,
    headers=PAIRS,
    idempotent=st.booleans(),
    authorized=st.booleans(),
)
RESPONSES = st.builds(
    Response,
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(("content-type", "date", "retry-after")), st.text(max_size=9), max_size=3),
    body=st.binary(max_size=200),
)


@given(transcript=st.lists(st.builds(Exchange, REQUESTS, RESPONSES), max_size=4).map(tuple))
def test_what_was_packed_comes_back(transcript: tuple[Exchange, ...]) -> None:
    data, sha256 = pack(transcript)
    again = unpack(data, sha256)
    assert again == transcript
    assert pack(again) == (data, sha256)


def test_a_body_comes_back_byte_for_byte_whatever_it_is() -> None:
    body = bytes(range(256)) + b"\n\n{}"
    exchange = Exchange(Request(method="GET", path="/"), Response(status=200, headers={}, body=body))
    assert [one.response.body for one in unpack(pack([exchange, exchange])[0])] == [body, body]


def test_cookies_and_odd_headers_are_not_kept() -> None:
    headers = {"set-cookie": "session=1", "content-type": "application/json", "x-powered-by": "y"}
    exchange = Exchange(Request(method="GET", path="/"), Response(status=200, headers=headers, body=b""))
    assert unpack(pack([exchange])[0])[0].response.headers == {"content-type": "application/json"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-5],
        lambda data: b"not zlib",
        lambda data: zlib.compress(b"no head"),
        lambda data: zlib.compress(zlib.decompress(data)[:-1]),
        lambda data: zlib.compress(zlib.decompress(data).replace(b'"format":1', b'"format":2')),
    ],
)
def test_a_damaged_transcript_is_told(damage: Any) -> None:
    data, _ = pack([Exchange(Request(method="GET", path="/"), Response(status=200, headers={}, body=b"12345"))])
    with pytest.raises(StoreError):
        unpack(damage(data))


def test_a_changed_body_is_seen_by_its_hash() -> None:
    data, sha256 = pack([Exchange(Request(method="GET", path="/"), Response(status=200, headers={}, body=b"12345"))])
    changed = zlib.compress(zlib.decompress(data).replace(b"12345", b"12346"))
    with pytest.raises(StoreError, match="SHA-256"):
        unpack(changed, sha256)


def two_pages(first: int = 1) -> Flow[list[int]]:
    values = []
    for page in (first, 2):
        answer = yield Request(
            method="POST", path="/data", json={"page": page, "rate": Decimal("1.10"), "key": Secret("canary-of-replay")}
        )
        values.append(answer.json()["value"])
    return values


def test_a_stored_transcript_drives_the_flow_again_without_a_vendor(
    run: Any, vendor: Any, plain_source: Source
) -> None:
    done = run(plain_source, two_pages()).outcome
    assert isinstance(done, Completed)
    stored = unpack(pack(done.transcript)[0])
    assert replay(plain_source, two_pages(), stored) == [1, 1]
    assert replay(plain_source, two_pages(), done.transcript) == [1, 1]
    assert len(vendor.seen) == 2


def test_a_flow_that_asks_for_something_else_is_not_replayed(run: Any, plain_source: Source) -> None:
    stored = run(plain_source, two_pages()).outcome.transcript
    with pytest.raises(PluginError, match="two_pages asks for POST /data with other values than the stored request 1"):
        replay(plain_source, two_pages(first=7), stored)
    with pytest.raises(PluginError, match="which the transcript of 1 answers does not have"):
        replay(plain_source, two_pages(), stored[:1])
    with pytest.raises(PluginError, match="was done after 2 of 3 stored answers"):
        replay(plain_source, two_pages(), (*stored, stored[0]))


def test_a_refusal_is_thrown_again(run: Any, vendor: Any, answer: Any, plain_source: Source) -> None:
    def forgiving() -> Flow[Any]:
        try:
            yield Request(method="GET", path="/data")
        except TaxpayerRefused as refusal:
            return refusal.code
        return None

    def strict() -> Flow[Any]:
        yield Request(method="GET", path="/data")

    vendor.reset(data=[answer(body=b'{"code":"4001"}')])
    done = run(plain_source, forgiving()).outcome
    assert done.value == replay(plain_source, forgiving(), done.transcript) == "4001"
    with pytest.raises(TaxpayerRefused):
        replay(plain_source, strict(), done.transcript)
