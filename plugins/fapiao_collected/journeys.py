"""The lists of travel and specific business: ``xcdList`` (行程单信息) and ``tdysList`` (特定业务要素)."""

from __future__ import annotations

from fapiao.invoices.dates import day, moment
from fapiao.invoices.model import SpecialBusiness, Trip
from fapiao.invoices.numbers import number
from fapiao.invoices.problems import Problems
from fapiao.invoices.texts import identifier, name, unknown_fields
from fapiao_collected.children import Rows

__all__ = ["ELEMENT_KEYS", "TRIP_KEYS", "special_businesses", "trips"]

TRIP_KEYS = frozenset(("cfd", "ddd", "lkxm", "sdphm", "hbh", "createTime", "sj", "cyr", "rq", "yxsfzh", "cxcc"))

ELEMENT_KEYS = frozenset(
    (
        "jzfwfsd", "jzxmmc", "cqzs", "cxr", "yxsfzh", "cxrq", "cfd", "ddd", "dj", "jtgjlx", "ysgjzl", "ysgjph", "qyd", "yshwmc",
    )
)  # fmt: skip


def trips(rows: Rows, problems: Problems) -> tuple[Trip, ...]:
    """The legs of a rail ticket (``cxcc``) or of an air ticket (``hbh``, ``cyr``)."""
    legs = []
    for position, row in enumerate(rows):
        problems.enter("trips", position)
        get = row.get
        legs.append(
            Trip(
                trip_no=position + 1,
                origin=name(get("cfd"), problems, "origin"),
                destination=name(get("ddd"), problems, "destination"),
                passenger_name=name(get("lkxm"), problems, "passenger_name"),
                passenger_id=identifier(get("yxsfzh"), problems, "passenger_id"),
                digital_number=number(get("sdphm"), problems, "digital_number"),
                flight_no=identifier(get("hbh"), problems, "flight_no"),
                carrier=name(get("cyr"), problems, "carrier"),
                train_no=identifier(get("cxcc"), problems, "train_no"),
                departs_on=day(get("rq"), problems, "departs_on"),
                departs_on_text=name(get("rq"), problems, "departs_on_text"),
                departs_at=name(get("sj"), problems, "departs_at"),
                recorded_at=moment(get("createTime"), problems, "recorded_at")[0],
                extra=unknown_fields(row, TRIP_KEYS),
            )
        )
    problems.leave()
    return tuple(legs)


def special_businesses(rows: Rows, problems: Problems) -> tuple[SpecialBusiness, ...]:
    """Elements of construction (03), freight (04), real estate (05, 06) and passenger transport (09).

    ``dj`` is the seat class (等级) here, the unit price in a goods line; ``ddd`` is where the traveller or the freight goes.
    """
    elements = []
    for position, row in enumerate(rows):
        problems.enter("special_businesses", position)
        get = row.get
        elements.append(
            SpecialBusiness(
                seq=position + 1,
                construction_place=name(get("jzfwfsd"), problems, "construction_place"),
                project_name=name(get("jzxmmc"), problems, "project_name"),
                property_certificate_no=name(get("cqzs"), problems, "property_certificate_no"),
                traveller=name(get("cxr"), problems, "traveller"),
                traveller_id=identifier(get("yxsfzh"), problems, "traveller_id"),
                travel_on=day(get("cxrq"), problems, "travel_on"),
                travel_on_text=name(get("cxrq"), problems, "travel_on_text"),
                origin=name(get("cfd"), problems, "origin"),
                destination=name(get("ddd"), problems, "destination"),
                seat_class=name(get("dj"), problems, "seat_class"),
                transport_type=name(get("jtgjlx"), problems, "transport_type"),
                vehicle_kind=name(get("ysgjzl"), problems, "vehicle_kind"),
                plate_no=name(get("ysgjph"), problems, "plate_no"),
                ship_from=name(get("qyd"), problems, "ship_from"),
                cargo_name=name(get("yshwmc"), problems, "cargo_name"),
                extra=unknown_fields(row, ELEMENT_KEYS),
            )
        )
    problems.leave()
    return tuple(elements)
