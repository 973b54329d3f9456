"""The same true invoice as each vendor states it: read back, the three agree wherever each says anything."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec
import pytest

import fapiao_ekuaibao
import fapiao_jcsk
from fapiao.invoices.folding import Observation, fold
from fapiao.invoices.identity import identify
from fapiao.invoices.model import Invoice, NormalizeContext
from fapiao.testing.kinds import KINDS
from fapiao.testing.truth import true_slice
from fapiao.wire import Response
from fapiao_collected.simulated.rows import row as collected_row
from fapiao_collected.simulated.styles import Style
from fapiao_jcsk.simulator import rows as jcsk_rows
from fapiao_jcsk.simulator.documents import Document, Shown
from fapiao_qixiangyun import plugin
from fapiao_qixiangyun.simulator import QixiangyunScenario
from fapiao_qixiangyun.simulator.bureau import Bureau
from fapiao_qixiangyun.simulator.checks import record_of, stated_by_check
from fapiao_qixiangyun.types import DOC_TYPES

TAXPAYER = "91990000MA0000002E"
MONTH = "202411"
COUNT = 90
SEED = 20241105
SCENARIO = QixiangyunScenario(seed=SEED, uniform=COUNT)
_encode = msgspec.json.Encoder(decimal_format="number").encode
NOW = datetime(2024, 12, 1, tzinfo=timezone.utc)


def decoded(rows: Any) -> Any:
    return Response(status=200, headers={}, body=_encode(rows)).json()


def question(source: str, api: str, type_: str = "", direction: str = "input") -> NormalizeContext:
    return NormalizeContext(
        source=source, api=api, taxpayer_no=TAXPAYER, invoice_month=MONTH, type=type_, direction=direction
    )


SLICES = [(type_, direction) for type_, doc_type in DOC_TYPES.items() for direction in KINDS[doc_type].directions]


@pytest.mark.parametrize(("type_", "direction"), SLICES, ids=[" ".join(part) for part in SLICES])
def test_every_collected_row_becomes_the_invoice_it_was_written_from(type_: str, direction: str) -> None:
    bureau = Bureau(SCENARIO)
    cell = (TAXPAYER, MONTH, type_, direction)
    rows = decoded(bureau.rows(cell, range(COUNT)))
    for row, truth in zip(rows, bureau.invoices(cell), strict=True):
        invoice: Any = plugin.normalize(row, question("qixiangyun", "collect", type_, direction))
        assert msgspec.structs.replace(invoice, findings=()) == truth


@pytest.mark.parametrize("doc_type", ["digital_special", "digital_ordinary", "digital_toll", "rail_e", "air_e"])
def test_every_answer_of_verification_becomes_the_invoice_it_was_written_from(doc_type: str) -> None:
    for truth in true_slice(SEED, TAXPAYER, MONTH, doc_type, "input").invoices(range(COUNT)):
        record = decoded(record_of(SCENARIO, truth, NOW, "q"))
        invoice: Any = plugin.normalize(record, question("qixiangyun", "verify"))
        assert msgspec.structs.replace(invoice, findings=()) == stated_by_check(SCENARIO, truth)


def observed(truth: Invoice, direction: str) -> list[tuple[str, str, Invoice]]:
    """(source, api, invoice) as each interface that knows the type states it, in the plain style of its document."""
    by_type = {doc_type: code for code, doc_type in DOC_TYPES.items()}
    code = by_type[truth.doc_type]
    found: list[tuple[str, str, Any]] = []
    row: Any = collected_row(truth, Style.plain())
    found.append(
        (
            "ekuaibao",
            "collect",
            fapiao_ekuaibao.plugin.normalize(decoded(row), question("ekuaibao", "collect", code, direction)),
        )
    )
    own = collected_row(truth, Style.plain(), (code, {"input": "jx", "output": "xx"}[direction]))
    found.append(
        ("qixiangyun", "collect", plugin.normalize(decoded(own), question("qixiangyun", "collect", code, direction)))
    )
    if truth.doc_type in ("digital_special", "digital_ordinary", "digital_toll", "rail_e", "air_e"):
        record = decoded(record_of(SCENARIO, truth, NOW, "q"))
        found.append(("qixiangyun", "verify", plugin.normalize(record, question("qixiangyun", "verify"))))
    if direction == "input" and truth.doc_type in JCSK_TYPES:
        shown = Shown(
            document=Document(home="10", position=0, invoice=truth, period=MONTH),
            code="10",
            state="normal" if truth.state == "unknown" else truth.state,
            valid_tax=truth.tax_amount,
        )
        listed = decoded(jcsk_rows.row_of(shown, grouped=False, quirks=False, masked=False))
        found.append(("jcsk", "sync", fapiao_jcsk.plugin.normalize(listed, question("jcsk", "sync", "10"))))
    return found


JCSK_TYPES = frozenset(
    {"digital_special", "digital_ordinary", "vat_special_paper", "vat_special_e", "digital_paper_special"}
)
FACTS = (
    "doc_type", "invoice_code", "invoice_number", "digital_number", "customs_no", "issued_on", "seller_tax_no", "seller_name",
    "buyer_tax_no", "buyer_name", "amount_excl_tax", "tax_amount", "amount_incl_tax", "is_red", "state",
)  # fmt: skip


@pytest.mark.parametrize(("type_", "direction"), SLICES, ids=[" ".join(part) for part in SLICES])
def test_one_truth_through_every_vendor_is_one_document(type_: str, direction: str) -> None:
    doc_type = DOC_TYPES[type_]
    for truth in true_slice(SEED, TAXPAYER, MONTH, doc_type, direction).invoices(range(30)):
        found = observed(truth, direction)
        assert len(found) >= 2
        shared: set[Any] | None = None
        for _, _, invoice in found:
            numbers = set(identify(invoice).numbers)
            shared = numbers if shared is None else shared & numbers
            for name in FACTS:
                stated = getattr(invoice, name)
                if stated is not None and not (name == "state" and stated == "unknown"):
                    assert stated == getattr(truth, name), (name, invoice.doc_type_raw)
        assert shared, "no number is common to all"


@pytest.mark.parametrize("type_", ["81", "82", "01"])
def test_what_the_vendors_state_folds_without_a_conflict(type_: str) -> None:
    for truth in true_slice(SEED, TAXPAYER, MONTH, DOC_TYPES[type_], "input").invoices(range(30)):
        observations = [
            Observation(source=source, api=api, observed_at=float(place), invoice=invoice)
            for place, (source, api, invoice) in enumerate(observed(truth, "input"))
        ]
        folded = fold(observations)
        assert folded.conflicts == ()
        assert (folded.invoice.amount_excl_tax, folded.invoice.state) == (truth.amount_excl_tax, truth.state)
