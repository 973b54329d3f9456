"""True invoices as rows of a collection: seven shapes (see the response examples of 获取增值税发票全量采集票据数据接口)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fapiao.invoices.model import Customs, Invoice, Line, SpecialBusiness, Trip
from fapiao_collected.simulated.styles import Style

__all__ = ["UNDOCUMENTED", "row"]

Row = dict[str, Any]

UNDOCUMENTED = ("wlzd01", "文档未列")
"""A field that no document names, and its value."""

_STATES = {"normal": "0", "voided": "2", "red_partial": "7", "red_full": "8"}
_DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y%m%d", "%Y%m%d%H%M%S")


def row(invoice: Invoice, style: Style, slice_: tuple[str, str] | None = None) -> Row:
    """One element of ``list``. ``slice_``: the vendor's codes of type and direction, where its rows name them; such rows also
    have the number behind a paper face."""
    made = _SHAPES[invoice.doc_type](invoice, style)
    if slice_ is not None and invoice.invoice_number is not None and invoice.digital_number is not None:
        made["sdphm"] = invoice.digital_number
    if style.nothing:
        if style.nothing == 2:
            made = {key: value for key, value in made.items() if value is not None}
    else:
        made = {key: "" if value is None else value for key, value in made.items()}
    if style.undocumented:
        made[UNDOCUMENTED[0]] = UNDOCUMENTED[1]
    if slice_ is not None:
        kind, direction = slice_
        made["fplx"] = int(kind) if style.code_as_int and not style.number_as_int else kind
        made["jxxbz"] = direction
    return made


def state_code(invoice: Invoice, style: Style) -> str:
    """``fpztDm``. Old software calls a red-flushed invoice, and its red letter too, 已红冲 (3)."""
    if style.old_red and (invoice.state == "red_full" or invoice.is_red):
        return "3"
    return _STATES[invoice.state]


def _vat(invoice: Invoice, style: Style) -> Row:
    """01 04 08 10 11."""
    return {
        "fpdm": invoice.invoice_code,
        "fphm": _number(invoice, style),
        "kprq": _date(invoice.issued_at, style),
        "jym": invoice.check_code,
        "xfsbh": invoice.seller_tax_no,
        "xfmc": style.name(invoice.seller_name),
        "xsfdzdh": style.name(invoice.seller_address_phone),
        "xsfyhzh": invoice.seller_bank_account,
        "gfsbh": invoice.buyer_tax_no,
        "gfmc": style.name(invoice.buyer_name),
        "gmfdzdh": invoice.buyer_address_phone,
        "gmfyhzh": invoice.buyer_bank_account,
        "skm": invoice.tax_control_code,
        "je": style.amount(invoice.amount_excl_tax),
        "se": style.amount(invoice.tax_amount),
        "jshj": style.amount(invoice.amount_incl_tax),
        "bz": invoice.remark,
        "kpr": invoice.drawer,
        "skr": invoice.payee,
        "fhr": invoice.reviewer,
        "tspzDm": invoice.special_kind_raw,
        "fpztDm": _state(invoice, style),
        "hwxx": [_vat_line(line, style) for line in invoice.lines] or None,
        "xhqdBz": "Y" if invoice.has_goods_list else "N",
        "kjlx": invoice.issue_kind_raw,
        "kpjh": invoice.machine_no,
        "tslsh": invoice.push_serial_no,
        "kpyf": _month(invoice, style),
        "xfDsswjgDm": invoice.seller_bureau_city,
        "xfQxswjgDm": invoice.seller_bureau_county,
        "xfSjswjgDm": invoice.seller_bureau_province,
    }


def _vat_line(line: Line, style: Style) -> Row:
    made = _line(line, style)
    made["qdbz"] = "00"
    if style.line_number != 2:
        made["mxxh"] = line.line_no if style.line_number == 0 else str(line.line_no)
    if line.amount_incl_tax is not None:  # 卷票的字段
        price = line.unit_price_incl_tax
        made["hsdj"] = "" if price is None else str(price)
        made["hsje"] = str(line.amount_incl_tax)
    return made


def _line(line: Line, style: Style) -> Row:
    return {
        "spbm": line.tax_class_code or "",
        "mc": style.name(line.item_name),
        "ggxh": line.spec_model or "",
        "sl": style.quantity(line.quantity, line.quantity_text),
        "jldw": line.unit or "",
        "dj": style.quantity(line.unit_price, line.unit_price_text),
        "slv": style.rate(line.tax_rate, line.tax_rate_text),
        "se": style.amount(line.tax_amount),
        "je": style.amount(line.amount_excl_tax),
    }


def _toll(invoice: Invoice, style: Style) -> Row:
    """14 8208: fewer fields, no ``kpyf``."""
    return {
        "fpdm": invoice.invoice_code,
        "fphm": _number(invoice, style),
        "kprq": _date(invoice.issued_at, style),
        "jym": invoice.check_code,
        "xfsbh": invoice.seller_tax_no,
        "xfmc": style.name(invoice.seller_name),
        "xsfdzdh": invoice.seller_address_phone,
        "xsfyhzh": invoice.seller_bank_account,
        "gfsbh": invoice.buyer_tax_no,
        "gfmc": style.name(invoice.buyer_name),
        "gmfdzdh": invoice.buyer_address_phone,
        "gmfyhzh": invoice.buyer_bank_account,
        "skm": invoice.tax_control_code,
        "je": style.amount(invoice.amount_excl_tax),
        "se": style.amount(invoice.tax_amount),
        "jshj": style.amount(invoice.amount_incl_tax),
        "bz": invoice.remark,
        "kpr": invoice.drawer,
        "skr": invoice.payee,
        "fhr": invoice.reviewer,
        "fpztDm": _state(invoice, style),
        "hwxx": [_line(line, style) for line in invoice.lines],
    }


def _digital(invoice: Invoice, style: Style) -> Row:
    """81 82 84 85: also the common part of tickets."""
    made = {
        "xfsbh": invoice.seller_tax_no,
        "kpyf": _month(invoice, style),
        "gfmc": style.name(invoice.buyer_name),
        "gmfyhzh": invoice.buyer_bank_account,
        "xsfdzdh": style.name(invoice.seller_address_phone),
        "se": style.amount(invoice.tax_amount),
        "skm": None,
        "kprq": _date(invoice.issued_at, style),
        "bz": invoice.remark,
        "mxts": invoice.declared_line_count,
        "kjlx": invoice.issue_kind_raw,
        "skr": invoice.payee,
        "fpztDm": _state(invoice, style),
        "gfsbh": invoice.buyer_tax_no,
        "fpdm": invoice.invoice_code,
        "kpr": invoice.drawer,
        "fhr": invoice.reviewer,
        "gmfdzdh": invoice.buyer_address_phone,
        "xsfyhzh": invoice.seller_bank_account,
        "jshj": style.amount(invoice.amount_incl_tax),
        "je": style.amount(invoice.amount_excl_tax),
        "xfmc": style.name(invoice.seller_name),
        "slv": style.rate(invoice.tax_rate, invoice.tax_rate_text),
        "hwxx": [_line(line, style) for line in invoice.lines],
        "fphm": _number(invoice, style),
        "jym": None,
    }
    if invoice.special_businesses:
        made["tdysList"] = [_element(element) for element in invoice.special_businesses]
    made["tdywlx"] = invoice.special_business_raw
    return made


def _ticket(invoice: Invoice, style: Style) -> Row:
    """51 61."""
    made = _digital(invoice, style)
    del made["tdywlx"]
    if not style.state_shown:
        del made["fpztDm"]
    made["xcdList"] = [_trip(trip) for trip in invoice.trips]
    return made


def _trip(trip: Trip) -> Row:
    made = {
        "cfd": trip.origin,
        "ddd": trip.destination,
        "lkxm": trip.passenger_name,
        "sdphm": trip.digital_number,
        "createTime": None if trip.recorded_at is None else trip.recorded_at.strftime(_DATES[0]),
        "sj": trip.departs_at,
        "rq": trip.departs_on_text,
        "yxsfzh": trip.passenger_id,
    }
    if trip.train_no is not None:
        made["cxcc"] = trip.train_no
    else:
        made["hbh"] = trip.flight_no
        made["cyr"] = trip.carrier
    return made


def _element(element: SpecialBusiness) -> Row:
    return {
        "jzfwfsd": element.construction_place,
        "jzxmmc": element.project_name,
        "cqzs": element.property_certificate_no,
        "cxr": element.traveller,
        "yxsfzh": element.traveller_id,
        "cxrq": element.travel_on_text,
        "cfd": element.origin,
        "ddd": element.destination,
        "dj": element.seat_class,
        "jtgjlx": element.transport_type,
        "ysgjzl": element.vehicle_kind,
        "ysgjph": element.plate_no,
        "qyd": element.ship_from,
        "yshwmc": element.cargo_name,
    }


def _motor(invoice: Invoice, style: Style) -> Row:
    """03 83 87, and of it what used cars (15 70 88) have."""
    car = invoice.vehicle
    assert car is not None  # the truth gives every vehicle type one
    made = {
        "fpdm": invoice.invoice_code,
        "fphm": _number(invoice, style),
        "kprq": _date(invoice.issued_at, style),
        "skm": invoice.tax_control_code,
        "gfmc": style.name(invoice.buyer_name),
        "sfzhm": car.buyer_id_no,
        "gfsbh": invoice.buyer_tax_no,
        "spbm": car.tax_class_code,
        "cllx": car.vehicle_type,
        "cpxh": car.brand_model,
        "cjhm": car.vin,
        "jshj": style.amount(invoice.amount_incl_tax),
        "xhdwmc": style.name(invoice.seller_name),
        "dh": car.seller_phone,
        "khyh": car.seller_bank,
        "xhdwsbh": invoice.seller_tax_no,
        "zh": car.seller_account,
        "dz": car.seller_address,
        "slv": style.rate(invoice.tax_rate, invoice.tax_rate_text),
        "zzsse": style.amount(invoice.tax_amount),
        "je": style.amount(invoice.amount_excl_tax),
        "kpr": invoice.drawer,
        "fpztDm": _state(invoice, style),
        "tslsh": invoice.push_serial_no,
        "kpyf": _month(invoice, style),
    }
    if car.engine_no is not None:
        made.update(
            cd=car.origin_place,
            hgzh=car.certificate_no,
            jkzmsh=car.import_certificate_no,
            sjdh=car.inspection_no,
            fdjhm=car.engine_no,
            dw=car.tonnage,
            xcrs=car.seat_limit,
        )
    return made


def _customs(invoice: Invoice, style: Style) -> Row:
    """17: neither code nor number, neither total nor state."""
    payment: Customs | None = invoice.customs
    assert payment is not None  # the truth gives every customs payment one
    number = str(invoice.customs_no)
    if style.damage:
        number = (number.replace("-", "/"), number.replace("-", "*"), number.lower())[style.damage - 1]
    return {
        "jkshm": number,
        "tfrq": None if invoice.issued_on is None else invoice.issued_on.strftime(_DATES[2 if style.date == 2 else 1]),
        "jkdw1nsrsbh": payment.payer1_tax_no,
        "jkdw1mc": style.name(payment.payer1_name),
        "jkdw2nsrsbh": payment.payer2_tax_no,
        "jkdw2mc": payment.payer2_name,
        "jkkadm": payment.port_code,
        "shxx": payment.tariff_info,
        "skje": style.amount(invoice.tax_amount),
        "hwxx": [
            {
                "shxx": line.tariff_no,
                "hwmc": style.name(line.item_name),
                "sl": style.quantity(line.quantity, line.quantity_text),
                "dw": line.unit,
                "wsjg": style.amount(line.amount_excl_tax),
                "slv": style.rate(line.tax_rate, line.tax_rate_text),
                "skje": style.amount(line.tax_amount),
            }
            for line in invoice.lines
        ],
        "srjg": payment.revenue_authority,
        "yskmdm": payment.budget_account,
        "skgkdm": payment.treasury_code,
        "myfs": payment.trade_mode,
        "sqdwbm": payment.applicant_code,
        "bgdbh": payment.declaration_no,
        "hth": payment.contract_no,
        "ysgj": payment.transport_tool,
        "jkqx": payment.payment_due_text,
        "tydh": payment.bill_of_lading,
        "tfyf": _month(invoice, style),
    }


def _number(invoice: Invoice, style: Style) -> Any:
    """``fphm``: the paper number where there is one, else the 20 digits of a digital invoice."""
    number = invoice.invoice_number or invoice.digital_number
    return int(number) if style.number_as_int and number is not None else number


def _state(invoice: Invoice, style: Style) -> Any:
    code = state_code(invoice, style)
    return int(code) if style.code_as_int else code


def _month(invoice: Invoice, style: Style) -> Any:
    """``kpyf`` comes as a number, though it is asked for as text."""
    month = invoice.invoice_month
    return month if style.code_as_int or month is None else int(month)


def _date(at: datetime | None, style: Style) -> str | None:
    if at is None:
        return None
    if style.date == 0:
        return at.isoformat(" ")
    return at.strftime(_DATES[style.date])


_SHAPES: dict[str, Callable[[Invoice, Style], Row]] = {
    **dict.fromkeys(("vat_special_paper", "vat_ordinary_paper", "vat_special_e", "vat_ordinary_e", "vat_roll"), _vat),
    **dict.fromkeys(("toll_e", "digital_toll"), _toll),
    **dict.fromkeys(
        ("digital_special", "digital_ordinary", "digital_paper_special", "digital_paper_ordinary"), _digital
    ),
    **dict.fromkeys(("rail_e", "air_e"), _ticket),
    **dict.fromkeys(("motor_paper", "digital_motor", "digital_paper_motor"), _motor),
    **dict.fromkeys(("used_car_paper", "digital_used_car", "digital_paper_used_car"), _motor),
    "customs_vat": _customs,
}
