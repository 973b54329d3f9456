"""What the personal data policy costs an invoice: in answers and in invoices, at the default policy and under stricter ones.

python tests/benchmarks/bench_policy.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from fapiao.engine.withheld_answers import Answers, RawRules
from fapiao.invoices.model import Invoice, NormalizeContext
from fapiao.invoices.personal_data import DEFAULT, Policy
from fapiao.invoices.withholding import Withholding
from fapiao.registry import Source, registry
from fapiao.testing.truth import true_slice
from fapiao_collected.simulated.rows import row
from fapiao_collected.simulated.styles import Style

TAXPAYER = "91990000MA0000002E"
COUNT = 100
POLICIES = {
    "default": DEFAULT,
    "names masked": Policy(name="mask"),
    "everything dropped": Policy(**dict.fromkeys(Policy.__struct_fields__, "drop")),
}


def microseconds(work: Callable[[], object], per: int = COUNT) -> float:
    """The best of some, per invoice."""
    best = float("inf")
    for _ in range(30):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best / per * 1e6


def main() -> None:
    source = registry.get("ekuaibao")
    for code, name in (("81", "digital_special"), ("51", "rail_e")):
        truth = true_slice(1, TAXPAYER, "202411", name, "input").invoices(range(COUNT))
        raws = [row(invoice, Style.drawn((0,) * 16)) for invoice in truth]
        body = msgspec.json.encode({"value": {"code": "2000", "data": {"list": raws}}})
        context = NormalizeContext(
            source="ekuaibao", api="collect", taxpayer_no=TAXPAYER, invoice_month="202411", type=code, direction="input"
        )
        made = [source.normalize(raw, context) for raw in msgspec.json.decode(body)["value"]["data"]["list"]]
        invoices = [invoice for invoice in made if isinstance(invoice, Invoice)]
        print(f"{name}: {len(body) / COUNT:.0f} bytes an invoice ({datetime.now():%H:%M})")  # noqa: DTZ005 - for a person
        for title, policy in POLICIES.items():
            print(f"  {title:<20} {cost(source, policy, body, invoices)}")


def cost(source: Source, policy: Policy, body: bytes, invoices: list[Invoice]) -> str:
    withholding = Withholding(policy)
    answers = Answers(RawRules.of(source.descriptor), withholding)
    raw = microseconds(lambda: answers.body(body, TAXPAYER))
    table = microseconds(lambda: [withholding.invoice(one, TAXPAYER) for one in invoices])
    return f"answer {raw:6.2f} µs   invoice {table:6.2f} µs"


if __name__ == "__main__":
    main()
