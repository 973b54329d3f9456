"""The codes of verification (发票查验) as canonical ones.

The vendor emits three families of type codes: the tax bureau's (81), its own of four digits (0920), and those of another
dictionary (``08xdp``). Type 83 is a railway ticket here and a motor vehicle in collection; states 1, 2, 3 mean other things there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["DOC_TYPES", "STATES", "document_type"]

DOC_TYPES: Mapping[str, str] = {
    "01": "vat_special_paper",
    "03": "motor_paper",
    "04": "vat_ordinary_paper",
    "08": "vat_special_e",
    "10": "vat_ordinary_e",
    "11": "vat_roll",
    "14": "toll_e",
    "15": "used_car_paper",
    "09": "digital_generic",
    "81": "digital_special",
    "0920": "digital_special",
    "08xdp": "digital_special",
    "82": "digital_ordinary",
    "90": "digital_ordinary",
    "0910": "digital_ordinary",
    "10xdp": "digital_ordinary",
    "85": "digital_paper_special",
    "0901": "digital_paper_special",
    "08xdpzz": "digital_paper_special",
    "86": "digital_paper_ordinary",
    "0904": "digital_paper_ordinary",
    "0930": "digital_motor",
    "87": "digital_paper_motor",
    "0903": "digital_paper_motor",
    "0940": "digital_used_car",
    "88": "digital_paper_used_car",
    "0915": "digital_paper_used_car",
    "83": "rail_e",
    "51": "rail_e",
    "61": "air_e",
    "8208": "digital_toll",
    "100": "blockchain",
    "101": "fiscal",
    "102": "generic_e",
    **dict.fromkeys(
        ("801", "900", "901", "902", "903", "904", "905", "906", "907", "909", "910", "ylsfdzpj"), "other_receipt"
    ),
}
"""invoiceType → canonical document type (发票附录, and codes met in answers)."""

STATES: Mapping[str, str] = {
    "0": "normal",
    "1": "out_of_control",
    "2": "voided",
    "3": "red_unspecified",
    "7": "red_partial",
    "8": "red_full",
}
"""发票状态(0 正常,1 失控,2 作废,3 红冲); 7 and 8 are in no document, but 8 is in its example."""

_VEHICLE_FIELDS = frozenset(("vehicleType", "vehicleNo", "frameNo", "engineNo", "brandModel", "cllx", "cjhm", "fdjhm"))


def document_type(code: str, record: Mapping[str, Any]) -> str | None:
    """The canonical type; None for a code that is in no table.

    The bureau's own 83 is a motor vehicle: a record that has a vehicle's fields is believed to be one.
    """
    if code == "83" and not _VEHICLE_FIELDS.isdisjoint(record):
        return "digital_motor"
    return DOC_TYPES.get(code)
