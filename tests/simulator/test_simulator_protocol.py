"""Strictness: what the documents demand of a request is checked, answered as documented, and reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from fapiao.testing.loopback import Call

Make = Callable[..., Any]
TOKEN = "/api/openapi/v1/auth/getAccessToken"
APPLY = "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask"
DATA = "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"


def test_a_login_gives_a_token_with_colon_and_dollar_for_two_hours(vendor: Make) -> None:
    asked = vendor()
    value = asked.log_in()
    assert ":" in value["accessToken"]
    assert "$" in value["accessToken"]
    assert value["expireTime"] == int((asked.clock.now + 7200) * 1000)
    assert value["corporationId"] == asked.scenario.corp_id
    assert asked.simulator.report().logins == 2


def test_a_wrong_password_is_http_403_and_no_violation(vendor: Make) -> None:
    asked = vendor()
    answer = asked.send(TOKEN, {"appKey": asked.scenario.app_key, "appSecurity": "wrong"})
    assert answer.status == 403
    assert asked.violations == ()


def test_every_password_can_be_wrong(vendor: Make) -> None:
    asked = vendor()
    asked.simulator.configure(type(asked.scenario)(refuse_logins=True))
    credentials = {"appKey": asked.scenario.app_key, "appSecurity": asked.scenario.app_security}
    assert asked.send(TOKEN, credentials).status == 403


def test_a_token_ends_with_its_time(vendor: Make) -> None:
    asked = vendor()
    asked.clock.now += 7200
    assert asked.send(APPLY, asked.job(add=False)).status == 403
    assert asked.violations == ()


def test_a_token_ends_after_so_many_requests(vendor: Make) -> None:
    asked = vendor(token_requests=2, expired_status=401)
    assert [asked.send(APPLY, asked.job(add=False)).status for _ in range(3)] == [200, 200, 401]
    asked.log_in()
    assert asked.send(APPLY, asked.job(add=False)).status == 200


def test_a_new_login_can_end_the_token_before(vendor: Make) -> None:
    asked = vendor(one_token=True)
    first = asked.token
    asked.log_in()
    assert asked.send(APPLY, asked.job(add=False), token=first).status == 403


@pytest.mark.parametrize("token", ["", "TESTCORP0001:made-up$0"])
def test_a_request_without_a_token_that_was_given_out_is_a_violation(vendor: Make, token: str) -> None:
    asked = vendor()
    assert asked.send(APPLY, asked.job(add=False), token=token).status == 403
    assert len(asked.violations) == 1


def test_the_token_is_read_percent_decoded(vendor: Make) -> None:
    asked = vendor()
    body = json.dumps(asked.job(add=False)).encode()
    for query in (f"accessToken={quote(asked.token, safe='')}", f"accessToken={asked.token}"):
        assert (
            asked.simulator.respond(Call("POST", APPLY, query, {"content-type": "application/json"}, body)).status
            == 200
        )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"addJob": "true"}, "500"),
        ({"addJob": 1}, "500"),
        ({"addJob": None}, "4006"),
        ({"kpyf": 202411}, "500"),
        ({"kpyf": "2024-11"}, "500"),
        ({"kpyf": "202413"}, "500"),
        ({"fplxs": []}, "4006"),
        ({"fplxs": "81"}, "500"),
        ({"fplxs": ["99"]}, "500"),
        ({"fplxs": [81]}, "500"),
        ({"fplxs": ["81", "81"]}, "500"),
        ({"jxxbzs": ["input"]}, "500"),
        ({"jxxbzs": []}, "4006"),
        ({"corpId": "OTHER"}, "500"),
        ({"corpId": ""}, "4006"),
        ({"nsrsbh": "123"}, "500"),
        ({"unknownField": 1}, "500"),
    ],
)
def test_a_wrong_field_of_an_application_is_refused_and_reported(
    vendor: Make, change: dict[str, Any], code: str
) -> None:
    asked = vendor()
    value = asked.ask(APPLY, {**asked.job(add=True), **change})
    assert (value["code"], value["success"], value["data"]) == (code, False, None)
    assert value["message"]
    assert len(asked.violations) == 1
    assert asked.simulator.report().starts == {}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"page": None}, "4006"),
        ({"page": "1"}, "500"),
        ({"page": {"pageSize": 101, "currentPage": 1}}, "500"),
        ({"page": {"pageSize": 0, "currentPage": 1}}, "500"),
        ({"page": {"pageSize": 100, "currentPage": 0}}, "500"),
        ({"page": {"pageSize": 100, "currentPage": "1"}}, "500"),
        ({"page": {"pageSize": 100, "currentPage": 1.5}}, "500"),
        ({"page": {"pageSize": True, "currentPage": 1}}, "500"),
        ({"page": {"pageSize": 100}}, "500"),
        ({"fplx": "8"}, "500"),
        ({"fplx": ["81"]}, "500"),
        ({"jxxbz": "input"}, "500"),
        ({"jxxbz": ""}, "4006"),
    ],
)
def test_a_wrong_field_of_a_read_is_refused_and_reported(vendor: Make, change: dict[str, Any], code: str) -> None:
    asked = vendor().collected()
    value = asked.ask(DATA, {**asked.page(), **change})
    assert (value["code"], value["success"]) == (code, False)
    assert len(asked.violations) == 1


def test_the_content_type_has_to_be_json(vendor: Make) -> None:
    asked = vendor()
    answer = asked.simulator.respond(Call("POST", TOKEN, "", {"content-type": "text/plain"}, b"{}"))
    assert answer.status == 400
    assert asked.violations == ("login: Content-Type is not application/json",)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"corpId": "\xff"}'])
def test_a_body_that_is_no_json_object_is_refused_and_reported(vendor: Make, body: bytes) -> None:
    asked = vendor()
    assert asked.send(APPLY, body).status == 400
    assert len(asked.violations) == 1


def test_get_is_not_allowed_and_unknown_paths_are_not_found(vendor: Make) -> None:
    asked = vendor()
    assert asked.send(APPLY, b"", method="GET").status == 405
    assert asked.send("/api/openapi/v9/other", {}).status == 404
    assert len(asked.violations) == 2


def test_a_taxpayer_that_is_not_set_up_is_refused_but_no_violation(vendor: Make) -> None:
    asked = vendor()
    value = asked.ask(APPLY, asked.job(add=True, nsrsbh="91990000900000001X"))
    assert value["code"] == "500"
    assert asked.violations == ()


def test_the_host_of_a_corporation_can_be_asked_for(line: Make) -> None:
    opened = line()
    path = f"/api/openapi/v2/location?corpId={opened.vendor.scenario.corp_id}"
    assert opened.get(path) == {"value": opened.vendor.simulator.base_url + "/"}


def test_a_refresh_changes_both_tokens_once(vendor: Make) -> None:
    asked = vendor()
    value = asked.log_in()
    query = f"accessToken={quote(value['accessToken'])}&refreshToken={quote(value['refreshToken'])}&powerCode=219904"
    call = Call("POST", "/api/openapi/v2/auth/refreshToken", query, {}, b"")
    renewed = json.loads(asked.simulator.respond(call).body)["value"]
    assert renewed["accessToken"] != value["accessToken"]
    assert asked.simulator.respond(call).status == 403
    assert asked.send(APPLY, asked.job(add=False), token=value["accessToken"]).status == 403
