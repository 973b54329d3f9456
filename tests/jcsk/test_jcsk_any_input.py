"""Whatever JSON a vendor sends: normalize answers, and the gate judges."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from fapiao.invoices.intake import examine
from fapiao.invoices.model import NormalizeContext
from fapiao_jcsk import plugin

CONTEXT = NormalizeContext(
    source="jcsk", api="sync", taxpayer_no="91990000000000027W", invoice_month="", type="11", direction="input"
)
PLAIN = (
    some.none()
    | some.booleans()
    | some.integers(-(10**25), 10**25)
    | some.decimals()
    | some.text(max_size=25)
    | some.sampled_from(
        [
            "",
            "null",
            "0",
            "1",
            "17",
            "18",
            "85",
            "2024-11-05",
            "2020-02-28 22:01:30",
            "1e999",
            "９",
            "\ud800",
            "9" * 5000,
        ]
    )
)
ANYTHING = some.recursive(
    PLAIN,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "abnormalType", "billingDate", "checkCode", "checkDate", "checkStatus", "checkTime", "deductible", "deductibleDate",
    "deductibleMode", "deductiblePeriod", "deductibleType", "fxdjdm", "id", "invoiceCode", "invoiceNumber", "invoiceType",
    "managementStatus", "purchaserName", "salesTaxNo", "source", "state", "tdyslxDm", "totalAmount", "totalTax", "validTax", "xg_sj",
    "ylzd2", "ylzd3", "ylzd4", "ylzd5",
]  # fmt: skip
ROWS = some.dictionaries(some.sampled_from(FIELDS), ANYTHING, max_size=30)


@given(ROWS | ANYTHING | some.fixed_dictionaries({"period": ANYTHING, "family": ANYTHING, "row": ROWS | ANYTHING}))
def test_whatever_comes_normalize_answers_and_the_gate_judges(raw: Any) -> None:
    made = plugin.normalize(raw, CONTEXT)
    assert made == plugin.normalize(raw, CONTEXT)
    examined = examine(raw, 0, made, CONTEXT)
    assert (examined.invoice is None) == bool(examined.rejected)
