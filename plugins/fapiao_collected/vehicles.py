"""The fields of a motor vehicle invoice (机动车销售统一发票成功示例) that other invoices do not have.

Used car invoices (15, 70, 88) have no example of their own: they are read by the keys that a record brings.
"""

from __future__ import annotations

from typing import Any

from fapiao.invoices.model import Vehicle
from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import identifier, name

__all__ = ["VEHICLE_KEYS", "joined", "vehicle"]

VEHICLE_KEYS = frozenset(
    (
        "sfzhm", "spbm", "cllx", "cpxh", "cd", "hgzh", "jkzmsh", "sjdh", "fdjhm", "cjhm", "xhdwmc", "dh", "khyh", "xhdwsbh", "zh",
        "dz", "zzsse", "dw", "xcrs",
    )
)  # fmt: skip


def vehicle(raw: dict[str, Any], problems: Problems) -> Vehicle:
    """What is sold. ``dw`` is the tonnage (吨位) here, the unit in a customs line."""
    get = raw.get
    return Vehicle(
        vehicle_type=name(get("cllx"), problems, "vehicle.vehicle_type"),
        brand_model=name(get("cpxh"), problems, "vehicle.brand_model"),
        origin_place=name(get("cd"), problems, "vehicle.origin_place"),
        certificate_no=identifier(get("hgzh"), problems, "vehicle.certificate_no"),
        import_certificate_no=identifier(get("jkzmsh"), problems, "vehicle.import_certificate_no"),
        inspection_no=identifier(get("sjdh"), problems, "vehicle.inspection_no"),
        engine_no=identifier(get("fdjhm"), problems, "vehicle.engine_no"),
        vin=identifier(get("cjhm"), problems, "vehicle.vin"),
        tonnage=name(get("dw"), problems, "vehicle.tonnage"),
        seat_limit=name(get("xcrs"), problems, "vehicle.seat_limit"),
        tax_class_code=identifier(get("spbm"), problems, "vehicle.tax_class_code"),
        buyer_id_no=identifier(get("sfzhm"), problems, "vehicle.buyer_id_no"),
        seller_address=name(get("dz"), problems, "vehicle.seller_address"),
        seller_phone=name(get("dh"), problems, "vehicle.seller_phone"),
        seller_bank=name(get("khyh"), problems, "vehicle.seller_bank"),
        seller_account=identifier(get("zh"), problems, "vehicle.seller_account"),
    )


def joined(*parts: str | None) -> str | None:
    """The parts that are there, one space between them: other invoices state them in one field."""
    return " ".join(part for part in parts if part) or None
