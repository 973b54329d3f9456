"""What a user may ask for: everything wrong is one clear sentence before any vendor call."""

from __future__ import annotations

from typing import Any

import pytest

from fapiao.arguments import CollectRequest, china_month, collect_request
from fapiao.errors import ConfigurationError
from fapiao.spec import Capability, Descriptor, Field, InvoiceType
from fapiao.wire import SliceKey

NOVEMBER_2026 = 1794873600.0
DESCRIPTOR = Descriptor(
    name="demo",
    title="Demo",
    spec="1",
    capabilities=frozenset({Capability.COLLECT}),
    fields=(Field(name="login", title="Key", place="login", required=True),),
    account_field="login",
    default_host="https://demo.example",
    types=(
        InvoiceType(code="01", title="增值税专用发票", doc_type="vat_special_paper"),
        InvoiceType(code="17", title="海关缴款书", doc_type="customs_vat", directions=("input",)),
    ),
)


def ask(**changes: Any) -> CollectRequest:
    wish: dict[str, Any] = {"taxpayer_no": "91990000TEST00001X", "invoice_month": "202411", "now": NOVEMBER_2026}
    return collect_request(DESCRIPTOR, **(wish | changes))


def test_all_types_and_directions_are_the_default() -> None:
    assert ask().slices == (SliceKey("01", "input"), SliceKey("01", "output"), SliceKey("17", "input"))


def test_types_are_taken_by_code_or_canonical_name() -> None:
    assert ask(types=["vat_special_paper"]).slices == ask(types=["01"]).slices


def test_a_taxpayer_number_is_normalised() -> None:
    assert ask(taxpayer_no=" 91990000-test00001x ").taxpayer_no == "91990000TEST00001X"


@pytest.mark.parametrize(
    ("text", "seconds"), [("always", 0.0), ("never", None), ("older-than:6h", 21600.0), ("older-than:2d", 172800.0)]
)
def test_refresh_is_read(text: str, seconds: float | None) -> None:
    assert ask(refresh=text).refresh == seconds


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"invoice_month": "2024-11"}, "month '2024-11'"),
        ({"invoice_month": "202413"}, "month '202413'"),
        ({"invoice_month": "202612"}, "not begun"),
        ({"taxpayer_no": "12"}, "taxpayer number '12'"),
        ({"taxpayer_no": "9199****TEST00001X"}, "taxpayer number"),
        ({"types": ["99"]}, "invoice type '99'"),
        ({"directions": ["in"]}, "direction 'in'"),
        ({"types": ["17"], "directions": ["output"]}, "nothing in common"),
        ({"refresh": "sometimes"}, "refresh 'sometimes'"),
        ({"refresh": "older-than:6"}, "refresh"),
        ({"on_rejected": "ignore"}, "on_rejected"),
        ({"poll_interval": 0.0}, "poll interval"),
    ],
)
def test_what_cannot_be_right_is_refused_with_the_allowed_values(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ask(**changes)
    assert said in str(caught.value)
    assert caught.value.advice


@pytest.mark.parametrize(
    ("epoch", "month"),
    [(1730390399.0, "202410"), (1730390400.0, "202411"), (1735660800.0, "202501")],
)
def test_a_month_begins_at_midnight_in_china(epoch: float, month: str) -> None:
    assert china_month(epoch) == month
