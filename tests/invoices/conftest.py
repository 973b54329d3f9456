"""What the invoice tests share: one sound invoice to spoil, and the question it was read under."""
# ruff: noqa: DTZ001 -- times printed on documents are naive China time

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fapiao.invoices.intake import Examined, examine
from fapiao.invoices.model import Invoice, Line, NormalizeContext
from fapiao.invoices.tax_numbers import check_digit

SELLER = "9199000000000001X"
BUYER = "91990000000000028"

SOUND = Invoice(
    doc_type="digital_special",
    doc_type_raw="81",
    digital_number="24991000000000000001",
    issued_at=datetime(2024, 11, 5, 14, 58, 24),
    issued_on=date(2024, 11, 5),
    invoice_month="202411",
    seller_tax_no=SELLER + check_digit(SELLER),
    seller_name="甲乙丙测试有限公司",
    buyer_tax_no=BUYER + check_digit(BUYER),
    buyer_name="丁戊己测试有限公司",
    amount_excl_tax=Decimal("300.00"),
    tax_amount=Decimal("39.00"),
    amount_incl_tax=Decimal("339.00"),
    state="normal",
    state_raw="0",
    lines=(
        Line(
            line_no=1,
            item_name="*机械设备*测试泵",
            quantity=Decimal(2),
            quantity_text="2",
            unit_price=Decimal(50),
            unit_price_text="50",
            amount_excl_tax=Decimal("100.00"),
            tax_rate=Decimal("0.13"),
            tax_rate_text="0.13",
            tax_rate_kind="normal",
            tax_amount=Decimal("13.00"),
        ),
        Line(
            line_no=2,
            item_name="*机械设备*测试阀",
            quantity=Decimal(4),
            quantity_text="4",
            unit_price=Decimal(50),
            unit_price_text="50",
            amount_excl_tax=Decimal("200.00"),
            tax_rate=Decimal("0.13"),
            tax_rate_text="0.13",
            tax_rate_kind="normal",
            tax_amount=Decimal("26.00"),
        ),
    ),
)

PAPER = msgspec.structs.replace(
    SOUND,
    doc_type="vat_special_paper",
    doc_type_raw="01",
    digital_number=None,
    invoice_code="9900241130",
    invoice_number="00000017",
)

CONTEXT = NormalizeContext(
    source="anysource",
    api="collect",
    taxpayer_no="919900000000000000",
    invoice_month="202411",
    type="81",
    direction="input",
)

Make = Callable[..., Invoice]
Judge = Callable[[Invoice], Examined]


@pytest.fixture
def make() -> Make:
    """``make(tax_amount=…)``: the sound digital invoice with other values; ``line={…}`` changes its first line."""

    def build(line: dict[str, Any] | None = None, **changes: Any) -> Invoice:
        invoice = msgspec.structs.replace(SOUND, **changes)
        if line is None:
            return invoice
        first = msgspec.structs.replace(invoice.lines[0], **line)
        return msgspec.structs.replace(invoice, lines=(first, *invoice.lines[1:]))

    return build


@pytest.fixture
def paper() -> Make:
    """The same for a paper special invoice with code and number."""

    def build(**changes: Any) -> Invoice:
        return msgspec.structs.replace(PAPER, **changes)

    return build


@pytest.fixture
def judge() -> Judge:
    """Examine one invoice under the usual question."""

    def run(invoice: Invoice) -> Examined:
        return examine({}, 0, invoice, CONTEXT)

    return run


@pytest.fixture
def context() -> NormalizeContext:
    return CONTEXT
