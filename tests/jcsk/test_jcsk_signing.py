"""The signature, held against test vectors that were made with another implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fapiao.wire import Account, Request, Secret, SyncQuery
from fapiao_jcsk import plugin
from fapiao_jcsk.signing import signature

CONTENT = "eyJwYWdlIjoxLCJwYWdlU2l6ZSI6MTAwLCJycV9xIjoiMjAyNC0wMS0wMSIsInJxX3oiOiIyMDI0LTAxLTMxIiwicnp6dCI6IjExIn0="
FIELDS = {
    "appid": "demoappid01",
    "content": CONTENT,
    "jtnsrsbh": "91000000TESTGRP01X",
    "nsrsbh": "91000000TESTSUB01X",
    "serviceid": "S000621",
}
HMAC_WITH_MARK = "qn5OCaTlonKjcdzCRmTlii75/5r4yIvbXdTnFRewG28="
HMAC_WITHOUT = "qbSHyf3hYFWg9w1sTxA7qrUBNvdkYppfAfTnGgEcmvo="
MD5 = "A78627DEAB77B2E6EFCD586A6505F0F9"


@pytest.mark.parametrize(
    ("sign_type", "prefix", "expected"), [("0", "?", HMAC_WITH_MARK), ("0", "", HMAC_WITHOUT), ("1", "?", MD5)]
)
def test_the_vectors_hold(sign_type: str, prefix: str, expected: str) -> None:
    assert signature(FIELDS, "demosecret01", sign_type=sign_type, prefix=prefix) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, HMAC_WITH_MARK),
        ({"sign_prefix": "true"}, HMAC_WITH_MARK),
        ({"sign_prefix": "False"}, HMAC_WITHOUT),
        ({"sign_prefix": "none"}, HMAC_WITHOUT),
        ({"sign_type": "1"}, MD5),
    ],
)
def test_a_form_is_signed_by_one_more_field(
    account: Callable[..., Account], query: Callable[..., SyncQuery], settings: dict[str, Any], expected: str
) -> None:
    request = first_request(account(**settings), query)
    signed = plugin.sign(request, account(**settings))
    assert dict(request.form) == FIELDS | {"signType": settings.get("sign_type", "0")}
    assert signed.form == (("signature", expected),)
    assert signed.secrets == (expected,)


def test_a_json_body_bears_its_signature_as_a_secret(
    account: Callable[..., Account], query: Callable[..., SyncQuery]
) -> None:
    here = account(body_format="json")
    request = first_request(here, query)
    assert not request.form
    assert request.json == FIELDS | {"signType": "0", "signature": Secret(HMAC_WITH_MARK)}
    signed = plugin.sign(request, here)
    assert signed.form == ()
    assert signed.secrets == (HMAC_WITH_MARK,)


def test_the_secret_itself_is_in_no_request(account: Callable[..., Account], query: Callable[..., SyncQuery]) -> None:
    for settings in ({}, {"body_format": "json"}, {"sign_type": "1"}):
        request = first_request(account(**settings), query)
        assert "demosecret01" not in repr(request)
        assert "demosecret01" not in repr(plugin.sign(request, account(**settings)))


def first_request(account: Account, query: Callable[..., SyncQuery]) -> Request:
    wish = query("11", taxpayer_no="91000000TESTSUB01X", first_on="2024-01-01", last_on="2024-01-31")
    return next(plugin.read_page(account, plugin.sync_query(account, wish), None))
