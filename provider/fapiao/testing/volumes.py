"""How many invoices a slice holds when a scenario does not say."""

from __future__ import annotations

from fapiao.testing.draws import uniform
from fapiao.testing.kinds import KINDS

__all__ = ["default_count"]

_SHARES: dict[str, float] = {
    "digital_ordinary": 0.45,
    "digital_special": 0.35,
    "rail_e": 0.05,
    "digital_toll": 0.04,
    "vat_ordinary_e": 0.02,
    "air_e": 0.02,
    "vat_special_paper": 0.015,
    "toll_e": 0.01,
    "vat_ordinary_paper": 0.01,
    "vat_special_e": 0.01,
    "customs_vat": 0.01,
    "digital_paper_special": 0.005,
    "digital_paper_ordinary": 0.003,
    "digital_motor": 0.002,
    "motor_paper": 0.001,
}
"""Of a company's invoices of one direction since 2025; the other types are met hardly ever."""


def default_count(seed: int, taxpayer_no: str, invoice_month: str, doc_type: str, direction: str, volume: int) -> int:
    """How many invoices a slice has when nothing else is said: most slices are empty, a few hold nearly everything.

    :param volume: invoices of an average taxpayer, month and direction.
    """
    if direction not in KINDS[doc_type].directions:
        return 0
    expected = volume * _SHARES.get(doc_type, 0.0)
    if direction == "output" and doc_type not in ("digital_ordinary", "digital_special"):
        expected *= 0.02  # who sells tickets or clears customs is rare
    chance = uniform(seed, "count", taxpayer_no, invoice_month, doc_type, direction)
    return int(expected * (0.5 + chance) + chance)
