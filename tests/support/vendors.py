"""One truth as the three vendors state it: rows in their own shapes, read by their plugins, ready to be loaded."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from typing import Any

import msgspec

from fapiao.invoices.intake import Examined, examine
from fapiao.invoices.model import Invoice, NormalizeContext
from fapiao.registry import registry
from fapiao.testing.draws import Draws
from fapiao.testing.kinds import KINDS
from fapiao.testing.truth import true_slice
from fapiao.wire import Response
from fapiao_collected.simulated.rows import row as collected_row
from fapiao_collected.simulated.styles import Style
from fapiao_jcsk.simulator import rows as jcsk_rows
from fapiao_jcsk.simulator.documents import Document, Shown
from fapiao_qixiangyun.simulator import QixiangyunScenario
from fapiao_qixiangyun.simulator.checks import record_of
from fapiao_qixiangyun.types import DOC_TYPES

__all__ = ["MONTH", "SLICES", "SPEAKERS", "TAXPAYER", "rows", "said", "truth"]

TAXPAYER = "91990000MA0000002E"
MONTH = "202411"
SPEAKERS = (("ekuaibao", "collect"), ("qixiangyun", "collect"), ("qixiangyun", "verify"), ("jcsk", "sync"))
"""(source, api)."""
SLICES = [(code, direction) for code, name in DOC_TYPES.items() for direction in KINDS[name].directions]
"""(type, direction): everything that both collections have."""
_SEED = 20241105
_SCENARIO = QixiangyunScenario(seed=_SEED)
_VERIFIED = frozenset({"digital_special", "digital_ordinary", "digital_toll", "rail_e", "air_e"})
_LATER = datetime(2024, 12, 2, tzinfo=timezone.utc)
_encode = msgspec.json.Encoder(decimal_format="number").encode


@cache
def truth(type_: str, direction: str, count: int) -> tuple[Invoice, ...]:
    """The true invoices of a slice."""
    return tuple(true_slice(_SEED, TAXPAYER, MONTH, DOC_TYPES[type_], direction).invoices(range(count)))


@cache
def said(speaker: tuple[str, str], type_: str, direction: str, count: int) -> tuple[Examined, ...]:
    """What one vendor's interface says about a slice, quirks included; nothing where it does not know the type."""
    source, api = speaker
    context = NormalizeContext(
        source=source, api=api, taxpayer_no=TAXPAYER, invoice_month="" if api == "sync" else MONTH, type=type_,
        direction="" if api == "verify" else direction,
    )  # fmt: skip
    plugin = registry.get(source)
    raws = rows(speaker, type_, direction, count)
    return tuple(
        examine(raw, place, plugin.normalize(raw, context), context, _LATER.replace(tzinfo=None))
        for place, raw in enumerate(raws)
    )


def rows(speaker: tuple[str, str], type_: str, direction: str, count: int) -> list[Any]:
    """The same as the vendor's answer has it, decoded."""
    invoices = truth(type_, direction, count)
    made = [_row(speaker, invoice, type_, direction, place) for place, invoice in enumerate(invoices)]
    records: list[Any] = Response(status=200, headers={}, body=_encode([row for row in made if row is not None])).json()
    return records


def _row(speaker: tuple[str, str], invoice: Invoice, type_: str, direction: str, place: int) -> Any:
    words = Draws("three vendors", *speaker, type_, direction).words(place)
    if speaker == ("ekuaibao", "collect"):
        return collected_row(invoice, Style.drawn(words))
    if speaker == ("qixiangyun", "collect"):
        return collected_row(invoice, Style.drawn(words), (type_, {"input": "jx", "output": "xx"}[direction]))
    if speaker == ("qixiangyun", "verify"):
        return record_of(_SCENARIO, invoice, _LATER, "q") if invoice.doc_type in _VERIFIED else None
    if direction != "input" or invoice.doc_type not in jcsk_rows.TYPE_CODES:
        return None
    state = "normal" if invoice.state == "unknown" else invoice.state
    document = Document(home="10", position=place, invoice=invoice, period=MONTH)
    shown = Shown(document=document, code="10", state=state, valid_tax=invoice.tax_amount)
    return jcsk_rows.row_of(shown, grouped=False, quirks=True, masked=False)
