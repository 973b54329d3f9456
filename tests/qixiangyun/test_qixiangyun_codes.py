"""Every code of the vendor's tables, and what classify makes of each kind of answer."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.errors import (
    ConfigurationError,
    CredentialError,
    QuotaExhausted,
    RequestRefused,
    TaxpayerRefused,
    VendorBroken,
    VendorBusy,
    VendorRefused,
    VendorUnreachable,
)
from fapiao.wire import Decision, Request, Secret
from fapiao_qixiangyun import plugin
from fapiao_qixiangyun.codes import COLLECTION_CODES, COMMON_CODES, VERIFICATION_CODES

CHECK = Request(method="POST", path="/v2/invoice/customizedCheck", json={})
RESULT = Request(method="POST", path="/v2/invoice/cy/bsxzJgCx", json={}, idempotent=False)
START = Request(method="POST", path="/v2/invoice/gj/collectTask", json={}, idempotent=False)
STATUS = Request(method="POST", path="/v2/invoice/gj/collectTaskStatus", json={})
PAGES = Request(method="POST", path="/v2/invoice/gj/getCollectTaskPageData", json={})
FILE = Request(method="GET", file_url=Secret("https://files.example/x?Signature=s"))

classify: Any = plugin.classify
OK, RETRY, REFUSED = Decision.OK, Decision.RETRY, Decision.REFUSED
THROTTLED, REAUTHORIZE = Decision.THROTTLED, Decision.REAUTHORIZE

COMMON = (
    ("2000", OK, None),
    ("40100", REAUTHORIZE, CredentialError),
    ("40101", REAUTHORIZE, CredentialError),
    ("40102", REAUTHORIZE, CredentialError),
    ("400429", THROTTLED, VendorBusy),
    ("400430", THROTTLED, VendorBusy),
    ("50014", THROTTLED, VendorBusy),
    ("504001", RETRY, VendorUnreachable),
    ("505002", RETRY, VendorUnreachable),
    ("59999", RETRY, VendorUnreachable),
    ("505017", REFUSED, ConfigurationError),
    ("505018", REFUSED, ConfigurationError),
    ("505019", REFUSED, ConfigurationError),
    ("401103", REFUSED, ConfigurationError),
    ("505069", REFUSED, QuotaExhausted),
    ("505070", REFUSED, QuotaExhausted),
    ("400000", REFUSED, RequestRefused),
    ("505001", REFUSED, RequestRefused),
    ("50008", REFUSED, RequestRefused),
)
VERIFICATION = (
    ("CheckInvoiceNotExistence", OK, None),
    ("CheckInvoiceNotSame", OK, None),
    ("CheckInvoicesOverFiveYears", OK, None),
    ("CheckInvoicesMoreThanToday", OK, None),
    ("CheckInvoiceForTheSameFrequent", THROTTLED, VendorBusy),
    ("CheckInvoiceSingular", THROTTLED, VendorBusy),
    ("50014", THROTTLED, VendorBusy),
    ("CheckInvoiceException", OK, None),
    ("CheckAbnormal", OK, None),
    ("ServerError", RETRY, VendorUnreachable),
    ("InternalServerError", RETRY, VendorUnreachable),
    ("RemoteDataException", RETRY, VendorUnreachable),
    ("RemoteResultFail", RETRY, VendorUnreachable),
    ("59999", RETRY, VendorUnreachable),
    ("CheckInvoiceMoreFiveTimes", OK, None),
    ("CheckExceedingLimit", REFUSED, QuotaExhausted),
    ("CheckAuthorityVerification", REFUSED, QuotaExhausted),
    ("IllegalParameter", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalInvoiceCode", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalInvoiceNumber", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalBillingDate", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalCheckCode", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalTotalAmount", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalTotalAmountIincludingTax", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalXfsbh", REFUSED, RequestRefused),
    ("IllegalParameter.IllegalArea", REFUSED, RequestRefused),
    ("CheckInvoiceRequestNonStandard", REFUSED, RequestRefused),
    ("CheckInvoiceNotStandard", REFUSED, RequestRefused),
    ("CheckInvoiceNotSupport", REFUSED, RequestRefused),
    ("CheckInvoicesOverOneYears", REFUSED, RequestRefused),
    ("50008", REFUSED, RequestRefused),
)
COLLECTION = (
    ("50001", OK, None),
    ("5000", OK, None),
    ("5002", OK, None),
    ("9901", OK, None),
    ("4811", REFUSED, TaxpayerRefused),
    ("4812", REFUSED, TaxpayerRefused),
    ("5001", REFUSED, TaxpayerRefused),
    ("5009", REFUSED, TaxpayerRefused),
    ("8000", REFUSED, TaxpayerRefused),
)


def test_the_tables_have_exactly_the_documented_codes() -> None:
    assert {code for code, *_ in COMMON} == set(COMMON_CODES)
    assert {code for code, *_ in VERIFICATION} == set(VERIFICATION_CODES)
    assert {code for code, *_ in COLLECTION} | {"4888"} == set(COLLECTION_CODES)


def refused(envelope: Any, code: Any, message: str = "") -> Any:
    return envelope(None, code=code, success=code in ("2000", 2000), message=message)


@pytest.mark.parametrize("request_", [CHECK, STATUS, PAGES], ids=("check", "status", "pages"))
@pytest.mark.parametrize(("code", "decision", "error"), COMMON, ids=[row[0] for row in COMMON])
def test_each_common_code_is_classified_on_every_path(
    envelope: Any, request_: Any, code: Any, decision: Any, error: Any
) -> None:
    for written in (code, int(code), f" {code} "):
        verdict = classify(request_, refused(envelope, written.strip() if written == " 2000 " else written))
        assert verdict.decision is decision
        assert (verdict.error is None) if error is None else type(verdict.error) is error


@pytest.mark.parametrize(("code", "decision", "error"), VERIFICATION, ids=[row[0] for row in VERIFICATION])
def test_each_code_of_customized_check_is_classified(envelope: Any, code: Any, decision: Any, error: Any) -> None:
    verdict = classify(CHECK, refused(envelope, code, "测试"))
    assert verdict.decision is decision
    assert (verdict.error is None) if error is None else type(verdict.error) is error
    if error is not None:
        assert verdict.error.code == code


@pytest.mark.parametrize("request_", [START, STATUS, PAGES], ids=("start", "status", "pages"))
@pytest.mark.parametrize(("code", "decision", "error"), COLLECTION, ids=[row[0] for row in COLLECTION])
def test_each_code_of_the_collection_is_classified(
    envelope: Any, request_: Any, code: Any, decision: Any, error: Any
) -> None:
    verdict = classify(request_, refused(envelope, code))
    assert verdict.decision is decision
    assert (verdict.error is None) if error is None else type(verdict.error) is error


def test_a_start_that_is_too_large_is_the_flows_to_divide(envelope: Any) -> None:
    assert classify(START, refused(envelope, "4888")).decision is OK
    assert type(classify(PAGES, refused(envelope, "4888")).error) is RequestRefused


@pytest.mark.parametrize("code", ["4000", "4001", "4008", "4500", "4999"])
@pytest.mark.parametrize("request_", [CHECK, RESULT, START, STATUS])
def test_a_login_error_at_the_bureau_is_never_a_reason_to_log_in_at_the_vendor(
    envelope: Any, request_: Any, code: str
) -> None:
    verdict = classify(request_, refused(envelope, code, "密码错误"))
    assert verdict.decision is REFUSED
    assert type(verdict.error) is TaxpayerRefused
    assert "lock" in str(verdict.error)


@pytest.mark.parametrize("code", ["1", "9999", "CheckSomethingNew", "20000", "41000", "FAIL"])
@pytest.mark.parametrize("success", [True, False, None])
def test_an_unknown_code_is_never_a_success(envelope: Any, code: str, success: Any) -> None:
    for request in (CHECK, RESULT, STATUS):
        verdict = classify(request, envelope({"x": 1}, code=code, success=success))
        assert verdict.decision is REFUSED
        assert type(verdict.error) is VendorRefused


def test_a_new_child_of_illegal_parameter_is_the_requests_fault(envelope: Any) -> None:
    assert type(classify(CHECK, refused(envelope, "IllegalParameter.New")).error) is RequestRefused


def test_codes_of_verification_mean_nothing_elsewhere(envelope: Any) -> None:
    assert type(classify(STATUS, refused(envelope, "CheckInvoiceNotSame")).error) is VendorRefused
    assert type(classify(CHECK, refused(envelope, "50001")).error) is VendorRefused


def test_a_missing_token_header_names_proxies_that_drop_underscores(envelope: Any) -> None:
    assert "underscores" in str(classify(CHECK, refused(envelope, "40100")).error)


def test_maintenance_asks_for_longer_than_a_driver_waits(envelope: Any) -> None:
    verdict = classify(CHECK, refused(envelope, "400430"))
    assert verdict.after == verdict.error.retry_after == 1800.0


def test_a_passing_fault_of_a_request_that_must_not_repeat_leaves_its_outcome_open(envelope: Any) -> None:
    verdict = classify(RESULT, refused(envelope, "59999"))
    assert (verdict.decision, verdict.error) == (RETRY, None)


def test_the_documented_example_without_a_code_is_a_success(respond: Any) -> None:
    assert classify(CHECK, respond({"data": {}, "success": True})).decision is OK


@pytest.mark.parametrize(
    "body", [{"data": {}, "success": False}, {"data": {}}, {}, [], "x", b"<html>", b"", {"code": True}, {"code": []}]
)
def test_what_says_neither_code_nor_success_is_broken(respond: Any, body: Any) -> None:
    verdict = classify(CHECK, respond(body))
    assert verdict.decision is Decision.BROKEN
    assert isinstance(verdict.error, VendorBroken)


def test_the_code_of_success_without_success_is_refused(envelope: Any) -> None:
    assert classify(CHECK, envelope({}, success=False)).decision is REFUSED


@pytest.mark.parametrize(
    ("status", "decision", "error"),
    [
        (429, THROTTLED, None), (500, RETRY, None), (502, RETRY, None), (408, RETRY, None), (401, REAUTHORIZE, CredentialError),
        (403, REFUSED, CredentialError), (404, REFUSED, RequestRefused), (400, REFUSED, RequestRefused),
        (302, Decision.BROKEN, VendorBroken),
    ],
)  # fmt: skip
def test_http_statuses_without_a_code(respond: Any, status: int, decision: Any, error: Any) -> None:
    verdict = classify(CHECK, respond(b"<html>", status))
    assert verdict.decision is decision
    assert (verdict.error is None) if error is None else type(verdict.error) is error


def test_a_code_speaks_even_beside_another_http_status(respond: Any) -> None:
    verdict = classify(CHECK, respond({"code": "40101", "success": False, "message": "过期"}, 401))
    assert verdict.decision is REAUTHORIZE


@pytest.mark.parametrize(
    ("status", "decision", "error"),
    [
        (200, OK, None),
        (301, REFUSED, VendorRefused),
        (302, REFUSED, VendorRefused),
        (403, REFUSED, VendorBroken),
        (404, REFUSED, VendorBroken),
        (503, RETRY, None),
        (429, THROTTLED, None),
    ],
)
def test_files_are_judged_by_their_status_and_never_followed(
    respond: Any, status: int, decision: Any, error: Any
) -> None:
    verdict = classify(FILE, respond(b"[]", status))
    assert verdict.decision is decision
    assert (verdict.error is None) if error is None else type(verdict.error) is error
