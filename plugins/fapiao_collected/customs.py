"""The customs payment certificate (海关缴款书, type 17): a shape without invoice code, number, total and state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fapiao.invoices.dates import day, moment, month
from fapiao.invoices.model import Customs, Invoice, Level, Line, NormalizeContext
from fapiao.invoices.money import money, quantity
from fapiao.invoices.numbers import customs_number
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import FRACTION, MISSING_RATE, head_rate, rate
from fapiao.invoices.tax_numbers import tax_number
from fapiao.invoices.texts import code, identifier, name, unknown_fields
from fapiao_collected.children import Rows, rows
from fapiao_collected.dialect import SLICE_KEYS, Dialect
from fapiao_collected.lines import numbering

__all__ = ["CUSTOMS_KEYS", "CUSTOMS_LINE_KEYS", "customs_payment"]

CUSTOMS_KEYS = frozenset(
    (
        "jkshm", "tfrq", "jkdw1nsrsbh", "jkdw1mc", "jkdw2nsrsbh", "jkdw2mc", "jkkadm", "shxx", "skje", "hwxx", "srjg", "yskmdm",
        "skgkdm", "myfs", "sqdwbm", "bgdbh", "hth", "ysgj", "jkqx", "tydh", "tfyf",
    )
)  # fmt: skip
_KNOWN_WITH_SLICE = CUSTOMS_KEYS | SLICE_KEYS
CUSTOMS_LINE_KEYS = frozenset(("mxxh", "shxx", "hwmc", "sl", "dw", "wsjg", "slv", "skje"))


def customs_payment(raw: dict[str, Any], context: NormalizeContext, dialect: Dialect, problems: Problems) -> Invoice:
    """The certificate as an invoice: the first payer is its buyer, there is no seller and no price with tax."""
    get = raw.get
    goods, unread = rows(get("hwxx"), problems, "lines")
    lines = _lines(goods, problems)
    dutiable = _dutiable_value(lines)
    tax = money(get("skje"), problems, "tax_amount")
    issued_at, issued_on = moment(get("tfrq"), problems, "issued_at")
    payer_no = tax_number(get("jkdw1nsrsbh"), problems, "customs.payer1_tax_no")
    payer = name(get("jkdw1mc"), problems, "customs.payer1_name")
    value, text, kind = head_rate(MISSING_RATE, lines)
    doc_type, doc_type_raw = dialect.document_type(raw, context, problems)
    extra = unknown_fields(raw, _KNOWN_WITH_SLICE if dialect.names_its_slice else CUSTOMS_KEYS)
    if unread:
        extra = {**(extra or {}), "hwxx": raw["hwxx"]}
    return Invoice(
        doc_type=doc_type,
        doc_type_raw=doc_type_raw,
        customs_no=customs_number(get("jkshm"), problems, "customs_no"),
        issued_at=issued_at,
        issued_on=issued_on,
        invoice_month=month(get("tfyf"), problems, "invoice_month"),
        buyer_tax_no=payer_no,
        buyer_name=payer,
        amount_excl_tax=dutiable,
        tax_amount=tax,
        amounts_derived=() if dutiable is None else ("amount_excl_tax",),
        tax_rate=value,
        tax_rate_text=text,
        tax_rate_kind=kind,
        is_red=tax is not None and tax < 0,
        level=Level.FULL if lines else Level.HEAD,
        lines=lines,
        customs=Customs(
            payer1_tax_no=payer_no,
            payer1_name=payer,
            payer2_tax_no=tax_number(get("jkdw2nsrsbh"), problems, "customs.payer2_tax_no"),
            payer2_name=name(get("jkdw2mc"), problems, "customs.payer2_name"),
            port_code=code(get("jkkadm"), problems, "customs.port_code"),
            tariff_info=name(get("shxx"), problems, "customs.tariff_info"),
            revenue_authority=name(get("srjg"), problems, "customs.revenue_authority"),
            budget_account=name(get("yskmdm"), problems, "customs.budget_account"),
            treasury_code=name(get("skgkdm"), problems, "customs.treasury_code"),
            trade_mode=name(get("myfs"), problems, "customs.trade_mode"),
            applicant_code=identifier(get("sqdwbm"), problems, "customs.applicant_code"),
            declaration_no=identifier(get("bgdbh"), problems, "customs.declaration_no"),
            contract_no=name(get("hth"), problems, "customs.contract_no"),
            transport_tool=name(get("ysgj"), problems, "customs.transport_tool"),
            payment_due_on=day(get("jkqx"), problems, "customs.payment_due_on"),
            payment_due_text=name(get("jkqx"), problems, "customs.payment_due_text"),
            bill_of_lading=name(get("tydh"), problems, "customs.bill_of_lading"),
        ),
        extra=extra,
        findings=problems.found(),
    )


def _lines(goods: Rows, problems: Problems) -> tuple[Line, ...]:
    """``wsjg`` is the dutiable value (完税价格), ``skje`` the tax; ``dw`` is the unit here, the tonnage of a vehicle there."""
    numbers = numbering(goods, problems)
    lines = []
    for position, row in enumerate(goods):
        problems.enter("lines", position)
        get = row.get
        count, count_text = quantity(get("sl"), problems, "quantity")
        value, text, kind = rate(get("slv"), problems, "tax_rate", FRACTION)
        lines.append(
            Line(
                line_no=numbers[position],
                item_name=name(get("hwmc"), problems, "item_name"),
                unit=name(get("dw"), problems, "unit"),
                quantity=count,
                quantity_text=count_text,
                amount_excl_tax=money(get("wsjg"), problems, "amount_excl_tax"),
                tax_rate=value,
                tax_rate_text=text,
                tax_rate_kind=kind,
                tax_amount=money(get("skje"), problems, "tax_amount"),
                tariff_no=identifier(get("shxx"), problems, "tariff_no"),
                extra=unknown_fields(row, CUSTOMS_LINE_KEYS),
            )
        )
    problems.leave()
    return tuple(lines)


def _dutiable_value(lines: tuple[Line, ...]) -> Decimal | None:
    """The sum of the lines' values; None where one of them is not stated, or there is no line."""
    total = Decimal("0.00")
    for line in lines:
        if line.amount_excl_tax is None:
            return None
        total += line.amount_excl_tax
    return total if lines else None
