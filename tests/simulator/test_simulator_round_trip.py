"""True invoice → the vendor's row → bytes → the plugin's reading: equal to the last field, for all twenty types."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fapiao.invoices.intake import examine
from fapiao.invoices.model import Invoice, NormalizeContext
from fapiao.testing.comparison import differences
from fapiao.testing.kinds import KINDS
from fapiao_ekuaibao.normalize import normalize
from fapiao_ekuaibao.simulator import EkuaibaoScenario
from fapiao_ekuaibao.simulator.document import TYPES
from fapiao_ekuaibao.simulator.pages import Ledger

MONTH = "202411"
SLICES = [(type_, direction) for type_, doc_type in TYPES.items() for direction in KINDS[doc_type].directions]
JSON = msgspec.json.Decoder(float_hook=Decimal)
AS_NUMBERS = msgspec.json.Encoder(decimal_format="number")


def read_back(scenario: EkuaibaoScenario, type_: str, direction: str) -> tuple[list[Invoice], list[Invoice]]:
    """(what the plugin reads, what is true)."""
    ledger = Ledger(scenario)
    cell = (scenario.taxpayers[0], MONTH, type_, direction)
    rows = JSON.decode(AS_NUMBERS.encode(ledger.rows(cell, 1, ledger.positions(cell, 1))))
    context = NormalizeContext(
        source="ekuaibao",
        api="collect",
        taxpayer_no=cell[0],
        invoice_month=MONTH,
        type=type_,
        direction=direction,
    )
    read = []
    for ordinal, row in enumerate(rows):
        judged = examine(row, ordinal, normalize(row, context), context)
        assert judged.rejected == ()
        assert judged.invoice is not None
        read.append(msgspec.structs.replace(judged.invoice, findings=()))
    return read, list(ledger.invoices(cell, 1))


@pytest.mark.parametrize(("type_", "direction"), SLICES)
@pytest.mark.parametrize("quirks", [True, False])
def test_the_plugin_reads_what_is_true(type_: str, direction: str, quirks: bool) -> None:
    read, true = read_back(EkuaibaoScenario(uniform=500, quirks=quirks), type_, direction)
    rows = [msgspec.structs.asdict(invoice) for invoice in read]
    assert differences(true, rows, limit=5) == []
    assert read == true
    assert len(read) == 500


def test_a_holding_within_the_group_reads_the_same_on_both_sides() -> None:
    scenario = EkuaibaoScenario(uniform=30, intra_group=30)
    ledger = Ledger(scenario)
    seller, buyer, _ = scenario.taxpayers
    for type_ in ("81", "01", "51", "83"):
        sold, bought = (seller, MONTH, type_, "output"), (buyer, MONTH, type_, "input")
        assert AS_NUMBERS.encode(ledger.rows(sold, 1, range(30))) == AS_NUMBERS.encode(
            ledger.rows(bought, 1, range(30))
        )
