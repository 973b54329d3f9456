"""How long the pure half of a load takes per invoice of 2.5 lines. Run by hand; asserts nothing.

::

    python tests/benchmarks/bench_examine.py [--profile]
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.invoices import values
from fapiao.invoices.folding import Observation, fold
from fapiao.invoices.intake import examine
from fapiao.invoices.model import Invoice, Level, Line, NormalizeContext
from fapiao.invoices.tax_numbers import check_digit

COUNT = 4000
CONTEXT = NormalizeContext(
    source="any", api="collect", taxpayer_no="9", invoice_month="202411", type="81", direction="input"
)
WORDS = ("甲乙丙测试有限公司", "测试省测试市测试路1号 000-0000000", "测试银行测试支行 990000000000000001")


def tax_number(ordinal: int) -> str:
    body = f"91990000{ordinal:09d}"
    return body + check_digit(body)


def invoice(ordinal: int) -> Invoice:
    lines = tuple(
        Line(
            line_no=number,
            item_name=f"*机械设备*测试泵{number}",
            tax_class_code="1099900000000000000",
            unit="台",
            quantity=Decimal(number),
            quantity_text=str(number),
            unit_price=Decimal("792.920353982300885"),
            unit_price_text="792.920353982300885",
            amount_excl_tax=Decimal("792.92") * number,
            tax_rate=Decimal("0.13"),
            tax_rate_text="0.13",
            tax_rate_kind="normal",
            tax_amount=(Decimal("103.08") * number),
        )
        for number in range(1, 3 + ordinal % 2)
    )
    amount = sum((line.amount_excl_tax for line in lines if line.amount_excl_tax), Decimal(0))
    tax = sum((line.tax_amount for line in lines if line.tax_amount), Decimal(0))
    return Invoice(
        doc_type="digital_special",
        doc_type_raw="81",
        digital_number=f"2499{ordinal:016d}"[:20],
        issued_at=datetime(2024, 11, 5, 14, 58, 24),  # noqa: DTZ001 -- naive China time, as printed
        issued_on=date(2024, 11, 5),
        invoice_month="202411",
        seller_tax_no=tax_number(ordinal % 2000),
        seller_name=WORDS[0],
        buyer_tax_no=tax_number(1),
        buyer_name=WORDS[0],
        amount_excl_tax=amount,
        tax_amount=tax,
        amount_incl_tax=amount + tax,
        state="normal",
        state_raw="0",
        lines=lines,
    )


def parse(rows: int) -> None:
    """The parser calls of one typical record: 24 texts, 6 ids, 5 amounts, a date, a month, and 2.5 lines."""
    problems = values.Problems()
    for text in WORDS * 4:
        values.name(text, problems, "seller_name")
    for _ in range(6):
        values.identifier("1099900000000000000", problems, "tax_class_code")
        values.name("", problems, "payee")
    values.tax_number("91990000MA00000001", problems, "seller_tax_no")
    values.tax_number("91990000MA00000001", problems, "buyer_tax_no")
    values.document_numbers("", "24990000000000000001", None, problems)
    values.moment("2024-11-05 14:58:24", problems, "issued_at")
    values.month(202411, problems, "invoice_month")
    for _ in range(3):
        values.money(Decimal("792.92"), problems, "amount_excl_tax")
    for position in range(rows):
        problems.enter("lines", position)
        values.name("*机械设备*测试泵", problems, "item_name")
        values.identifier("1099900000000000000", problems, "tax_class_code")
        values.name("", problems, "spec_model")
        values.name("台", problems, "unit")
        values.quantity("1", problems, "quantity")
        values.quantity("792.920353982300885", problems, "unit_price")
        values.rate(Decimal("0.13"), problems, "tax_rate", values.FRACTION)
        values.money(Decimal("792.92"), problems, "amount_excl_tax")
        values.money(Decimal("103.08"), problems, "tax_amount")
    problems.found()


def measure(name: str, run: Callable[[int], Any]) -> None:
    best = min(_once(run) for _ in range(5))
    print(f"{name:44s} {best / COUNT * 1e6:7.2f} µs")


def _once(run: Callable[[int], Any]) -> float:
    begun = time.perf_counter()
    for ordinal in range(COUNT):
        run(ordinal)
    return time.perf_counter() - begun


def main() -> None:
    invoices = [invoice(ordinal) for ordinal in range(COUNT)]
    examined = [examine({}, 0, item, CONTEXT) for item in invoices]
    findings = sum(len(item.findings) for item in examined)
    print(f"{COUNT} invoices, {sum(len(item.lines) for item in invoices) / COUNT} lines each, {findings} findings")
    thin = [msgspec.structs.replace(item, lines=(), level=Level.LIST) for item in invoices]
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(lambda: [examine({}, 0, item, CONTEXT) for item in invoices])
        pstats.Stats(profile).sort_stats("tottime").print_stats(14)
        return
    measure("examine", lambda ordinal: examine({}, ordinal, invoices[ordinal], CONTEXT))
    measure("the value parsers of one record", lambda ordinal: parse(2 + ordinal % 2))
    measure("fold, one observation", lambda ordinal: fold([seen(invoices[ordinal], "collect")]))
    measure(
        "fold, a full and a thin one",
        lambda ordinal: fold([seen(invoices[ordinal], "collect"), seen(thin[ordinal], "sync")]),
    )


def seen(item: Invoice, api: str) -> Observation:
    return Observation(source="any", api=api, observed_at=1.0, invoice=item)


if __name__ == "__main__":
    main()
