"""Which numbers, families and directions the canonical document types have, for generating them."""

from __future__ import annotations

import msgspec

__all__ = ["KINDS", "Kind"]


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How documents of one canonical type are made."""

    doc_type: str
    slice_no: int
    """Two digits that keep the numbers of types apart."""
    family: str
    """``vat`` (tax-control), ``toll``, ``digital``, ``air``, ``rail``, ``vehicle``, ``customs``."""
    code: str = ""
    """Pattern of 发票代码, see ``Numbering``; ``""`` where the type has none."""
    digital: bool = False
    """Has a 20-digit number; together with ``code``: a paper digital invoice, which has three numbers."""
    special: bool = False
    """专用发票: the buyer is a company, lines bear a rate."""
    voidable: bool = False
    """May be 作废: tax-control paper only, digital invoices are red-flushed instead."""
    used: bool = False
    """二手车."""
    directions: tuple[str, ...] = ("input", "output")


KINDS: dict[str, Kind] = {
    kind.doc_type: kind
    for kind in (
        Kind(doc_type="vat_special_paper", slice_no=1, family="vat", code="99rryyb130", special=True, voidable=True),
        Kind(doc_type="motor_paper", slice_no=3, family="vehicle", code="199rryybbb10", voidable=True),
        Kind(doc_type="vat_ordinary_paper", slice_no=4, family="vat", code="099rryybbb04", voidable=True),
        Kind(doc_type="vat_special_e", slice_no=8, family="vat", code="099rryybbb13", special=True),
        Kind(doc_type="vat_ordinary_e", slice_no=10, family="vat", code="099rryybbb11"),
        Kind(doc_type="vat_roll", slice_no=11, family="vat", code="099rryybbb07", voidable=True),
        Kind(doc_type="toll_e", slice_no=14, family="toll", code="099rryybbb12"),
        Kind(doc_type="used_car_paper", slice_no=15, family="vehicle", code="099rryybbb17", voidable=True, used=True),
        Kind(doc_type="customs_vat", slice_no=17, family="customs", directions=("input",)),
        Kind(doc_type="rail_e", slice_no=51, family="rail", digital=True),
        Kind(doc_type="air_e", slice_no=61, family="air", digital=True),
        Kind(doc_type="digital_used_car", slice_no=70, family="vehicle", digital=True, used=True),
        Kind(doc_type="digital_special", slice_no=81, family="digital", digital=True, special=True),
        Kind(doc_type="digital_ordinary", slice_no=82, family="digital", digital=True),
        Kind(doc_type="digital_motor", slice_no=83, family="vehicle", digital=True),
        Kind(
            doc_type="digital_paper_special",
            slice_no=85,
            family="digital",
            code="99rryyb160",
            digital=True,
            special=True,
        ),
        Kind(doc_type="digital_paper_ordinary", slice_no=86, family="digital", code="099rryybbb05", digital=True),
        Kind(doc_type="digital_paper_motor", slice_no=87, family="vehicle", code="199rryybbb20", digital=True),
        Kind(
            doc_type="digital_paper_used_car",
            slice_no=88,
            family="vehicle",
            code="099rryybbb16",
            digital=True,
            used=True,
        ),
        Kind(doc_type="digital_toll", slice_no=28, family="toll", digital=True),
    )
}
"""The twenty types met at the vendors' collection interfaces, by canonical name."""
