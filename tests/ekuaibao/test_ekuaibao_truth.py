"""Synthetic true invoices, written as the vendor's rows in every style, come back as they were."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fapiao.testing.kinds import KINDS
from fapiao.wire import Response
from fapiao_ekuaibao import plugin
from fapiao_ekuaibao.simulator.pages import Ledger
from fapiao_ekuaibao.simulator.scenario import EkuaibaoScenario
from fapiao_ekuaibao.types import DOC_TYPES

TAXPAYER = "91990000MA0000002E"
COUNT = 120
_encode = msgspec.json.Encoder(decimal_format="number").encode

SLICES = [(type, direction) for type, doc_type in DOC_TYPES.items() for direction in KINDS[doc_type].directions]


def rows(ledger: Ledger, cell: tuple[str, str, str, str]) -> list[dict[str, Any]]:
    decoded: list[dict[str, Any]] = Response(
        status=200, headers={}, body=_encode(ledger.rows(cell, 1, range(COUNT)))
    ).json()
    return decoded


@pytest.mark.parametrize(("type", "direction"), SLICES, ids=[" ".join(slice) for slice in SLICES])
def test_every_row_becomes_the_invoice_it_was_written_from(context: Any, type: str, direction: str) -> None:
    scenario = msgspec.convert(
        {"seed": 20241105, "counts": [{"type": type, "direction": direction, "count": COUNT}]}, EkuaibaoScenario
    )
    ledger = Ledger(scenario)
    cell = (TAXPAYER, "202411", type, direction)
    question = context(type, direction)
    for row, truth in zip(rows(ledger, cell), ledger.invoices(cell, 1), strict=True):
        invoice: Any = plugin.normalize(row, question)
        assert msgspec.structs.replace(invoice, findings=()) == truth
