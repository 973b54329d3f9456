"""What the author of the toy plugin would declare."""

from __future__ import annotations

from typing import Any

from fapiao.errors import RequestRefused, VendorRefused
from fapiao.spec import Quota
from fapiao.testing.conformance import Code, Kit, Sample, Vector, answered_by
from fapiao.wire import Decision, Pending, Request, Response, Secret, Signed, SliceKey, Token
from toy_source import answer, reply, rows_of

__all__ = ["toy_kit"]

VECTOR = "98397e6bc0e2e7965e6269dc53400359665e0e81b4f2e0307357fd24cb48894e"
"""HMAC-SHA256 as made by another implementation."""


def rewrite(response: Response, /, *, records: list[Any] | None = None, total: int | None = None) -> Response:
    document = response.json()
    document["rows"] = document["rows"] if records is None else records
    document["count"] = document["count"] if total is None else total
    return reply(**document)


def toy_kit(plugin: str = "toy_source:plugin", **changes: Any) -> Kit:
    """The declaration, for the good plugin or for a broken one."""
    declared: dict[str, Any] = {
        "vendor": answered_by(answer),
        "connection": {"login": "toy-app"},
        "taxpayer_no": "919900000000000192",
        "slice": SliceKey("A", "input"),
        "empty": SliceKey("B", "input"),
        "samples": (
            Sample(name="one", record=rows_of(0, 1)[0], type="A", required=("no",)),
            Sample(name="another", record={**rows_of(1, 2)[0], "seller": None}, type="A", required=("no",)),
        ),
        "codes": (
            Code(code="1001", decision=Decision.REFUSED, error=RequestRefused),
            Code(code="1002", decision=Decision.REFUSED, error=VendorRefused),
            Code(code="7", decision=Decision.OK, result=Pending, hook="start_collection"),
        ),
        "answer_with": lambda code: reply(code=code),
        "expired": reply(code="401"),
        "rewrite": rewrite,
        "vectors": (
            Vector(
                name="the document's example",
                request=Request(method="POST", path="/pages", json={"page": 1}),
                token=Token(value=Secret("t")),
                connection={"login": "toy-app", "password": "secret"},
                expected=Signed(headers=(("X-Signature", VECTOR),)),
            ),
        ),
        "limits": (Quota(path="/pages", requests_per_second=5.0), Quota(path="/jobs", requests_per_second=1.0)),
        "requests_per_thousand": 114,
    }
    return Kit(plugin=plugin, **{**declared, **changes})
