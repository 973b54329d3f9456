"""The documents' own response samples, with synthetic values: every field of every shape arrives in a named place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fapiao.invoices.model import Invoice
from fapiao_ekuaibao import plugin

# (sample, vendor type): the seven response examples of the document.
SHAPES = (
    ("page_vat", "01"),
    ("page_motor", "03"),
    ("page_toll", "14"),
    ("page_customs", "17"),
    ("page_digital", "81"),
    ("page_air", "61"),
    ("page_rail", "51"),
)
FIELD_COUNTS = {
    "page_vat": 43,
    "page_motor": 32,
    "page_toll": 30,
    "page_customs": 27,
    "page_digital": 49,
    "page_air": 44,
    "page_rail": 43,
}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all single values of a record."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from leaves(inner, (*path, position))
    else:
        yield path


def changed(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, int):
        return value + 1
    if isinstance(value, Decimal):
        return value + Decimal("0.01")
    if value in ("Y", "N"):
        return "Y" if value == "N" else "N"
    if re.search(r"\d$", value):
        return value[:-1] + str((int(value[-1]) + 1) % 10)
    return value + "改"


def content(invoice: Any) -> dict[str, Any]:
    """The named fields of an invoice: without findings, and without what is kept under the vendor's own names."""
    assert isinstance(invoice, Invoice)
    document: dict[str, Any] = msgspec.to_builtins(invoice, builtin_types=(Decimal,))
    named: dict[str, Any] = without(document, {"findings", "extra"})
    return named


def without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("case", "type"), SHAPES)
def test_a_sample_is_an_invoice_without_remarks_and_without_unknown_fields(
    sample: Any, context: Any, case: str, type: str
) -> None:
    (record,) = sample(case)["value"]["data"]["list"]
    invoice = plugin.normalize(record, context(type))
    assert isinstance(invoice, Invoice)
    assert invoice.findings == ()
    assert b'"extra"' not in msgspec.json.encode(invoice)


@pytest.mark.parametrize(("case", "type"), SHAPES)
def test_every_documented_field_of_a_sample_reaches_a_named_field(
    sample: Any, context: Any, case: str, type: str
) -> None:
    (record,) = sample(case)["value"]["data"]["list"]
    paths = list(leaves(record))
    assert len(paths) == FIELD_COUNTS[case]
    before = content(plugin.normalize(record, context(type)))
    lost = []
    for path in paths:
        other = deepcopy(record)
        place = other
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = changed(place[path[-1]])
        if content(plugin.normalize(other, context(type))) == before:
            lost.append(".".join(map(str, path)))
    assert lost == []


@pytest.mark.parametrize(("case", "type"), SHAPES)
def test_every_documented_field_may_be_absent_null_or_empty(sample: Any, context: Any, case: str, type: str) -> None:
    (record,) = sample(case)["value"]["data"]["list"]
    empties: list[Any] = [None, "", "null", [], {}, "absent"]
    for path in leaves(record):
        for empty in empties:
            other = deepcopy(record)
            place = other
            for step in path[:-1]:
                place = place[step]
            if empty == "absent":
                del place[path[-1]]
            else:
                place[path[-1]] = empty
            invoice = plugin.normalize(other, context(type))
            assert isinstance(invoice, Invoice)
            assert not [found for found in invoice.findings if found.rule != "L3"], path


@pytest.mark.parametrize(("case", "type"), SHAPES)
def test_unknown_fields_are_kept_wherever_they_stand(sample: Any, context: Any, case: str, type: str) -> None:
    (record,) = sample(case)["value"]["data"]["list"]
    record["xinZiduan"] = {"a": 1}
    children = [key for key in ("hwxx", "xcdList", "tdysList") if key in record]
    for key in children:
        record[key][0]["xinZiduan"] = "新"
    invoice = plugin.normalize(record, context(type))
    assert isinstance(invoice, Invoice)
    assert invoice.extra == {"xinZiduan": {"a": 1}}
    found = {"hwxx": invoice.lines, "xcdList": invoice.trips, "tdysList": invoice.special_businesses}
    for key in children:
        assert found[key][0].extra == {"xinZiduan": "新"}  # type: ignore[attr-defined]  # all three rows have it


@pytest.mark.parametrize(("case", "type"), SHAPES)
def test_the_same_record_gives_the_same_bytes_and_is_not_changed(
    sample: Any, context: Any, case: str, type: str
) -> None:
    (record,) = sample(case)["value"]["data"]["list"]
    copy = deepcopy(record)
    first = msgspec.json.encode(plugin.normalize(record, context(type)))
    assert record == copy
    assert msgspec.json.encode(plugin.normalize(copy, context(type))) == first


def test_the_refusal_of_the_document_is_classified(sample: Any, respond: Any) -> None:
    from fapiao.errors import RequestRefused
    from fapiao.wire import Request

    request = Request(method="POST", path="/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask", json={})
    error = plugin.classify(request, respond(sample("refused"))).error
    assert isinstance(error, RequestRefused)
    assert "发票类型格式错误" in error.what
