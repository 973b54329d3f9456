"""What is done about each answer: only "0000" is success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapiao.errors import RequestRefused, VendorBroken, VendorRefused
from fapiao.wire import Decision, Request, Response, Verdict
from fapiao_jcsk import plugin

REQUEST = Request(method="POST", path="/invoice/S000621")


def judged(body: bytes, status: int = 200) -> Verdict:
    return plugin.classify(REQUEST, Response(status=status, headers={}, body=body))


def test_the_code_0000_is_success(answer: Callable[..., Response]) -> None:
    assert plugin.classify(REQUEST, answer(b"{}")).decision is Decision.OK


@pytest.mark.parametrize("code", ["0001", "9999", "0", "00000", "2000", "E001", 0, 200, " 0000"])
def test_any_other_code_is_a_final_refusal_with_code_and_message(answer: Callable[..., Response], code: Any) -> None:
    verdict = plugin.classify(REQUEST, answer(None, code=code, msg="测试：\n余额不足"))
    assert verdict.decision is Decision.REFUSED
    assert isinstance(verdict.error, VendorRefused)
    assert verdict.error.code == str(code)
    assert "测试： 余额不足" in verdict.error.what


def test_a_refused_signature_says_which_settings_to_check(answer: Callable[..., Response]) -> None:
    verdict = plugin.classify(REQUEST, answer(None, code="1001", msg="签名验证失败"))
    assert verdict.decision is Decision.REFUSED
    assert verdict.error is not None
    assert "sign_prefix" in verdict.error.advice


@pytest.mark.parametrize("code", [None, ""])
def test_an_answer_without_a_code_is_broken(answer: Callable[..., Response], code: Any) -> None:
    verdict = plugin.classify(REQUEST, answer(b"{}", code=code))
    assert (verdict.decision, type(verdict.error)) == (Decision.BROKEN, VendorBroken)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'{"code": "0000"',
        b"[]",
        b'"0000"',
        '{"code": "测"}'.encode("gbk"),
        b'{"a":' + b"[" * 99_999,
    ],
)
def test_what_is_no_json_object_is_broken(body: bytes) -> None:
    verdict = judged(body)
    assert (verdict.decision, type(verdict.error)) == (Decision.BROKEN, VendorBroken)


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        (429, Decision.THROTTLED),
        (500, Decision.RETRY),
        (503, Decision.RETRY),
        (408, Decision.RETRY),
        (302, Decision.BROKEN),
    ],
)
def test_http_statuses_are_judged(status: int, decision: Decision) -> None:
    assert judged(b'{"code": "0000"}', status).decision is decision


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405])
def test_a_gateway_that_refuses_is_named_with_its_message(status: int) -> None:
    verdict = judged('{"msg": "没有权限"}'.encode(), status)
    assert verdict.decision is Decision.REFUSED
    assert isinstance(verdict.error, RequestRefused)
    assert "没有权限" in str(verdict.error)
    assert str(status) in str(verdict.error)
