"""Which fields of the rows are personal data, and every field that the rows' mapping knows."""

from __future__ import annotations

from collections.abc import Mapping

from fapiao_collected.customs import CUSTOMS_KEYS, CUSTOMS_LINE_KEYS
from fapiao_collected.dialect import SLICE_KEYS
from fapiao_collected.heads import INVOICE_KEYS
from fapiao_collected.journeys import ELEMENT_KEYS, TRIP_KEYS
from fapiao_collected.lines import LINE_KEYS
from fapiao_collected.vehicles import VEHICLE_KEYS

__all__ = ["KNOWN_FIELDS", "PERSONAL"]

PERSONAL: Mapping[str, str] = {
    "xfsbh": "seller_tax_no",
    "xhdwsbh": "seller_tax_no",
    "xfmc": "seller_name",
    "xhdwmc": "seller_name",
    "gfsbh": "buyer_tax_no",
    "gfmc": "buyer_name",
    "jkdw1nsrsbh": "payer1_tax_no",
    "jkdw1mc": "payer1_name",
    "jkdw2nsrsbh": "payer2_tax_no",
    "jkdw2mc": "payer2_name",
    "sfzhm": "buyer_id_no",
    "yxsfzh": "identity",  # of a passenger (xcdList), of a traveller (tdysList)
    "kpr": "drawer",
    "skr": "payee",
    "fhr": "reviewer",
    "lkxm": "passenger_name",
    "cxr": "traveller",
    "xsfdzdh": "seller_address_phone",
    "gmfdzdh": "buyer_address_phone",
    "dz": "contact",
    "dh": "contact",
    "xsfyhzh": "seller_bank_account",
    "gmfyhzh": "buyer_bank_account",
    "khyh": "bank",
    "zh": "seller_account",
    "bz": "remark",
    "cjhm": "vin",
    "fdjhm": "engine_no",
    "ysgjph": "plate_no",
    "cqzs": "property_certificate_no",
}
"""The field → the canonical one that is made of it, or its class."""

KNOWN_FIELDS = frozenset().union(
    INVOICE_KEYS, VEHICLE_KEYS, SLICE_KEYS, LINE_KEYS, TRIP_KEYS, ELEMENT_KEYS, CUSTOMS_KEYS, CUSTOMS_LINE_KEYS
)
"""Everything else is *unknown* to a policy."""
