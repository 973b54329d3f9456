"""Every row of the vendor's code tables, and what classify makes of each kind of answer."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from fapiao.errors import (
    CredentialError,
    Fault,
    RequestRefused,
    TaxpayerRefused,
    VendorBroken,
    VendorRefused,
)
from fapiao.wire import Account, CollectionJob, Decision, Pending, Request, SliceQuery, SliceState
from fapiao_ekuaibao import plugin
from fapiao_ekuaibao.codes import JOB_CODES, SLICE_STATUSES, earliest_collection

APPLY = Request(method="POST", path="/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask", json={})
DATA = Request(method="POST", path="/api/openapi/v2/invoice/v2/getInvoiceCollectionData", json={})
LOGIN = Request(method="POST", path="/api/openapi/v1/auth/getAccessToken", json={}, authorized=False)

classify: Any = plugin.classify
"""Untyped: the tests look into the errors of verdicts that have one."""

CHINA = timezone(timedelta(hours=8))
THIRD = datetime(2024, 12, 3, tzinfo=CHINA)

# One row per row of the document's table: (code, text, decision, error, seconds or instant to wait).
ROWS = (
    ("500", "未开通【增值税发票全量采集】功能或传参错误", Decision.REFUSED, RequestRefused, None),
    ("2000", "发送成功", Decision.OK, None, None),
    ("4000", "没有符合条件的记录！", Decision.OK, None, None),
    ("4001", "用户名密码不正确", Decision.REFUSED, TaxpayerRefused, None),
    ("4002", "企业未注册、停用、注销", Decision.REFUSED, TaxpayerRefused, None),
    ("4003", "风险纳税人", Decision.REFUSED, TaxpayerRefused, None),
    ("4004", "企业信息或身份不符", Decision.REFUSED, TaxpayerRefused, None),
    ("4005", "非办税小号", Decision.REFUSED, TaxpayerRefused, None),
    ("4006", "必填项为空", Decision.REFUSED, RequestRefused, None),
    ("4007", "全电发票异常", Decision.OK, None, 900.0),
    ("4008", "当前税号在税局有正在执行的任务", Decision.OK, None, 300.0),
    ("4009", "综服：身份权限", Decision.REFUSED, TaxpayerRefused, None),
    ("4010", "实名登录人信息不全", Decision.REFUSED, TaxpayerRefused, None),
    ("4036", "没有找到对应页面菜单返回", Decision.OK, None, 900.0),
    ("4038", "申报发票明细抵扣联查询没有找到《发票数据下载》按钮", Decision.OK, None, 900.0),
    ("4048", "没有勾选统计信息,请做勾选确认", Decision.REFUSED, TaxpayerRefused, None),
    ("4059", "主管税务机关错误", Decision.REFUSED, TaxpayerRefused, None),
    ("4041", "暂不支持该地区进行发票归集！", Decision.REFUSED, TaxpayerRefused, None),
    ("4042", "非办税小号或办税小号未绑定A号", Decision.REFUSED, TaxpayerRefused, None),
    ("4043", "暂不支持1号采集上月发票数据，建议您3号以后获取上月发票数据", Decision.OK, None, THIRD),
)


def envelope(code: Any, success: Any = False, message: Any = "", data: Any = None) -> Any:
    return {
        "value": {
            "corpId": "TESTCORP0001",
            "reqId": "",
            "code": code,
            "success": success,
            "message": message,
            "data": data,
        }
    }


def test_the_table_has_exactly_the_documented_codes() -> None:
    assert {code: row.text for code, row in JOB_CODES.items()} == {code: text for code, text, *_ in ROWS}


@pytest.mark.parametrize("request_", [APPLY, DATA], ids=("apply", "data"))
@pytest.mark.parametrize(("code", "text", "decision", "error", "wait"), ROWS, ids=[row[0] for row in ROWS])
def test_each_documented_code_is_classified(
    respond: Any, request_: Any, code: Any, text: Any, decision: Any, error: Any, wait: Any
) -> None:
    for written in (code, int(code), f" {code} "):
        verdict = classify(request_, respond(envelope(written, success=code == "2000", message=text)))
        assert verdict.decision is decision
        if error is None:
            assert verdict.error is None
        else:
            assert type(verdict.error) is error
            assert verdict.error.code == code
            assert text in verdict.error.what
            assert verdict.error.advice.endswith(".")


@pytest.mark.parametrize(("code", "text", "decision", "error", "wait"), [row for row in ROWS if row[4]], ids=str)
def test_codes_that_mean_later_become_pending_in_every_flow(
    account: Account,
    job: CollectionJob,
    query: SliceQuery,
    drive: Any,
    respond: Any,
    code: Any,
    text: Any,
    decision: Any,
    error: Any,
    wait: Any,
) -> None:
    body = respond(envelope(code, message=text))
    for flow in (
        plugin.start_collection(account, job),
        plugin.collection_status(account, job),
        plugin.read_page(account, query, None),
    ):
        result, _ = drive(flow, body)
        when = {"not_before": wait} if isinstance(wait, datetime) else {"after": wait}
        assert result == Pending(reason=text, code=code, **when)


@pytest.mark.parametrize("code", ["4001", "4004", "4005", "4009", "4010", "4042"])
def test_a_refused_tax_bureau_login_warns_of_the_account_lock(respond: Any, code: Any) -> None:
    verdict = classify(APPLY, respond(envelope(code)))
    assert "lock the taxpayer's account" in verdict.error.advice
    assert verdict.error.fault is Fault.TAXPAYER


def test_an_unsupported_region_is_the_vendor_s_fault(respond: Any) -> None:
    assert classify(APPLY, respond(envelope("4041"))).error.fault is Fault.VENDOR


@pytest.mark.parametrize("code", ["4099", "9999", "0", "ok", 1])
@pytest.mark.parametrize("success", [True, False])
def test_an_unknown_code_is_a_typed_error_and_never_ok(respond: Any, code: Any, success: Any) -> None:
    verdict = classify(APPLY, respond(envelope(code, success=success, message="新的错误")))
    assert verdict.decision is Decision.REFUSED
    assert type(verdict.error) is VendorRefused
    assert verdict.error.code == str(code)
    assert "新的错误" in str(verdict.error)


@pytest.mark.parametrize("success", [True, "true", "TRUE", 1, None])
def test_success_may_come_as_text_or_be_left_out(respond: Any, success: Any) -> None:
    assert classify(DATA, respond(envelope("2000", success=success))).decision is Decision.OK


@pytest.mark.parametrize("success", [False, "false", 0])
def test_a_success_code_with_success_false_is_no_success(respond: Any, success: Any) -> None:
    verdict = classify(DATA, respond(envelope(2000, success=success)))
    assert verdict.decision is Decision.REFUSED
    assert type(verdict.error) is VendorRefused


def test_no_records_is_a_success_whatever_the_flag_says(respond: Any) -> None:
    assert classify(DATA, respond(envelope("4000", success=False))).decision is Decision.OK


@pytest.mark.parametrize("code", [None, ""])
def test_an_answer_without_a_code_is_broken_or_refused(respond: Any, code: Any) -> None:
    verdict = classify(DATA, respond(envelope(code, success=True)))
    assert verdict.decision is Decision.BROKEN
    assert "value.code is missing" in verdict.error.what
    assert classify(DATA, respond(envelope(code, success=False))).decision is Decision.REFUSED


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<!DOCTYPE html><html><body>login</body></html>", "a web page"),
        (b"", "empty"),
        (b'{"value": {"code": "2000", "data": {"list": [', "truncated"),
        ('{"value": {"code": "2000", "message": "成功"}}'.encode("gbk"), "not UTF-8"),
        (b"Service OK", "not whole JSON"),
        (b"[]", "a list instead of an object"),
        (b"null", "missing instead of an object"),
        (b'{"value": null}', "value is missing"),
        (b'{"value": []}', "value is a list"),
        (b'{"errorMessage": "boom"}', "boom"),
        (b'{"value": {"code": true, "success": true}}', "value.code is a boolean"),
        (b'{"value": {"code": {"a": 1}}}', "value.code is an object"),
    ],
)
def test_an_answer_nobody_can_read_is_broken_and_says_how(respond: Any, body: Any, what: Any) -> None:
    verdict = classify(DATA, respond(body))
    assert verdict.decision is Decision.BROKEN
    assert isinstance(verdict.error, VendorBroken)
    assert what in verdict.error.what


def test_a_message_of_another_kind_than_text_does_not_hide_the_code(respond: Any) -> None:
    verdict = classify(DATA, respond({"value": {"code": "500", "message": {"text": "x"}, "success": [1]}}))
    assert isinstance(verdict.error, RequestRefused)


def test_a_code_of_any_length_is_an_unknown_code(respond: Any) -> None:
    verdict = classify(APPLY, respond(envelope("4" * 4000)))
    assert verdict.decision is Decision.REFUSED
    assert len(verdict.error.what) < 300


def test_a_long_message_is_cut_and_kept_on_one_line(respond: Any) -> None:
    verdict = classify(DATA, respond(envelope("500", message="错\n误 " * 500)))
    assert len(verdict.error.what) < 300
    assert "\n" not in verdict.error.what


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_renewed_and_then_names_host_and_corporation(respond: Any, status: Any) -> None:
    verdict = classify(DATA, respond(b"Forbidden", status))
    assert verdict.decision is Decision.REAUTHORIZE
    assert isinstance(verdict.error, CredentialError)
    assert "host" in verdict.error.advice
    assert "corp_id" in verdict.error.advice


@pytest.mark.parametrize("status", [400, 401, 403, 412])
def test_a_refused_login_is_final_and_names_key_and_host(respond: Any, status: Any) -> None:
    verdict = classify(LOGIN, respond({"errorMessage": "密钥无效"}, status))
    assert verdict.decision is Decision.REFUSED
    assert isinstance(verdict.error, CredentialError)
    assert "密钥无效" in verdict.error.what
    assert "appSecurity" in verdict.error.advice
    assert "host" in verdict.error.advice


@pytest.mark.parametrize("status", [400, 412])
def test_refused_parameters_are_final(respond: Any, status: Any) -> None:
    verdict = classify(APPLY, respond(b"[]", status))
    assert verdict.decision is Decision.REFUSED
    assert type(verdict.error) is RequestRefused


@pytest.mark.parametrize("status", [404, 405, 410, 415])
def test_a_path_that_is_not_there_points_to_the_host(respond: Any, status: Any) -> None:
    verdict = classify(APPLY, respond(b"<html>nginx</html>", status))
    assert verdict.decision is Decision.REFUSED
    assert "host" in verdict.error.advice


def test_a_redirect_is_broken_and_points_to_the_host(respond: Any) -> None:
    verdict = classify(APPLY, respond(b"", 302))
    assert verdict.decision is Decision.BROKEN
    assert "host" in verdict.error.advice


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        (429, Decision.THROTTLED),
        (408, Decision.RETRY),
        (500, Decision.RETRY),
        (502, Decision.RETRY),
        (503, Decision.RETRY),
        (504, Decision.RETRY),
    ],
)
@pytest.mark.parametrize("request_", [APPLY, DATA, LOGIN], ids=("apply", "data", "login"))
def test_busy_and_failing_servers_are_left_to_the_driver_s_patience(
    respond: Any, request_: Any, status: Any, decision: Any
) -> None:
    assert classify(request_, respond(b"<html>busy</html>", status)).decision is decision


@pytest.mark.parametrize("body", [{"value": {"accessToken": "t"}}])
def test_a_login_with_a_token_is_ok(respond: Any, body: Any) -> None:
    assert classify(LOGIN, respond(body)).decision is Decision.OK


def test_a_login_without_a_token_is_not_ok(respond: Any) -> None:
    assert classify(LOGIN, respond({"value": None})).decision is Decision.BROKEN
    assert classify(LOGIN, respond({"value": {"message": "密钥无效"}})).decision is Decision.REFUSED
    assert classify(LOGIN, respond(b"<html>")).decision is Decision.BROKEN


STATUSES = (
    ("toProcess", "已发起申请，待处理", SliceState.RUNNING, False),
    ("processing", "处理中", SliceState.RUNNING, False),
    ("processed", "处理完成", SliceState.READY, False),
    ("failed", "处理失败", SliceState.FAILED, True),
    ("disabled", "不支持", SliceState.UNSUPPORTED, False),
    (
        "notSupported",
        "接口不支持 如: 发票下载不支持的发票类型/ 取票月份大于当前时间/销项不支持海关缴款书等",
        SliceState.UNSUPPORTED,
        False,
    ),
)


def test_the_table_of_slice_statuses_is_the_documented_one() -> None:
    assert tuple((word, row.text, row.state, row.retryable) for word, row in SLICE_STATUSES.items()) == STATUSES


@pytest.mark.parametrize(
    ("month", "instant"),
    [
        ("202411", "2024-12-03T00:00:00+08:00"),
        ("202412", "2025-01-03T00:00:00+08:00"),
        ("202401", "2024-02-03T00:00:00+08:00"),
    ],
)
def test_last_month_may_be_collected_from_the_third_in_china(month: Any, instant: Any) -> None:
    assert earliest_collection(month).isoformat() == instant
