"""The head of every shape but customs: VAT, toll, digital, air, rail, motor vehicle.

These shapes share their field names; a motor vehicle invoice names its seller and its tax differently. Which lists and which
vehicle fields a record brings is decided by what it states, so that a type which comes in another shape than its example
loses nothing. Fields nobody knows are kept in ``extra``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fapiao.invoices.codes import UNKNOWN
from fapiao.invoices.dates import month
from fapiao.invoices.model import Invoice, Level, NormalizeContext
from fapiao.invoices.money import money
from fapiao.invoices.numbers import DocumentNumbers, document_numbers
from fapiao.invoices.problems import Problems
from fapiao.invoices.rates import FRACTION, head_rate, rate
from fapiao.invoices.tax_numbers import tax_number
from fapiao.invoices.texts import code, count, flag, identifier, is_blank, name, remark, unknown_fields
from fapiao_collected.children import rows
from fapiao_collected.dialect import SLICE_KEYS, Dialect
from fapiao_collected.journeys import special_businesses, trips
from fapiao_collected.lines import goods_lines, synthetic_line
from fapiao_collected.vehicles import VEHICLE_KEYS, joined, vehicle

__all__ = ["INVOICE_KEYS", "invoice"]

INVOICE_KEYS = frozenset(
    (
        "fpdm", "fphm", "sdphm", "kprq", "jym", "xfsbh", "xfmc", "xsfdzdh", "xsfyhzh", "gfsbh", "gfmc", "gmfdzdh", "gmfyhzh", "skm",
        "je", "se", "jshj", "slv", "bz", "kpr", "skr", "fhr", "tspzDm", "fpztDm", "hwxx", "xhqdBz", "kjlx", "kpjh", "tslsh", "kpyf",
        "xfDsswjgDm", "xfQxswjgDm", "xfSjswjgDm", "mxts", "tdysList", "tdywlx", "xcdList",
    )
)  # fmt: skip
_MOTOR_KEYS = INVOICE_KEYS | VEHICLE_KEYS
_KNOWN = {
    (False, False): INVOICE_KEYS,
    (False, True): INVOICE_KEYS | SLICE_KEYS,
    (True, False): _MOTOR_KEYS,
    (True, True): _MOTOR_KEYS | SLICE_KEYS,
}
"""By whether the record is a vehicle's, and whether it names its slice."""


def invoice(raw: dict[str, Any], context: NormalizeContext, dialect: Dialect, problems: Problems) -> Invoice:
    """One record as an invoice."""
    get = raw.get
    is_motor = not VEHICLE_KEYS.isdisjoint(raw) and any(not is_blank(get(key)) for key in VEHICLE_KEYS)
    car = vehicle(raw, problems) if is_motor else None
    seller_no, seller, tax_raw = get("xfsbh"), get("xfmc"), get("se")
    seller_address = name(get("xsfdzdh"), problems, "seller_address_phone")
    seller_bank = name(get("xsfyhzh"), problems, "seller_bank_account")
    if car is not None:
        # xhdwsbh, xhdwmc: 销货单位; zzsse: 增值税税额
        seller_no, seller, tax_raw = (
            _first(raw, "xhdwsbh", "xfsbh"),
            _first(raw, "xhdwmc", "xfmc"),
            _first(raw, "zzsse", "se"),
        )
        seller_address = joined(car.seller_address, car.seller_phone) or seller_address
        seller_bank = joined(car.seller_bank, car.seller_account) or seller_bank
    amount = money(get("je"), problems, "amount_excl_tax")
    tax = money(tax_raw, problems, "tax_amount")
    with_tax = money(get("jshj"), problems, "amount_incl_tax")
    is_red = _is_red(with_tax, amount, tax)
    stated_rate = rate(get("slv"), problems, "tax_rate", FRACTION)

    goods, goods_left = rows(get("hwxx"), problems, "lines")
    lines = goods_lines(goods, is_red, problems) if goods else ()
    if car is not None and not lines:
        item = joined(car.vehicle_type, car.brand_model)
        lines = (synthetic_line(item, car.tax_class_code, amount, tax, with_tax, stated_rate),)
    journeys, journeys_left = rows(get("xcdList"), problems, "trips")
    elements, elements_left = rows(get("tdysList"), problems, "special_businesses")

    extra = unknown_fields(raw, _KNOWN[is_motor, dialect.names_its_slice])
    if goods_left or journeys_left or elements_left:
        unread = (("hwxx", goods_left), ("xcdList", journeys_left), ("tdysList", elements_left))
        extra = {**(extra or {}), **{key: raw[key] for key, left in unread if left}}

    numbers = _numbers(raw, problems)
    issued_at, issued_on = dialect.issued(get("kprq"), context.invoice_month, problems)
    value, text, kind = head_rate(stated_rate, lines)
    state, state_raw = _state(get("fpztDm"), dialect, problems, is_red)
    business, business_raw = _business(get("tdywlx"), dialect, problems)
    doc_type, doc_type_raw = dialect.document_type(raw, context, problems)
    return Invoice(
        doc_type=doc_type,
        doc_type_raw=doc_type_raw,
        invoice_code=numbers.invoice_code,
        invoice_number=numbers.invoice_number,
        digital_number=numbers.digital_number,
        issued_at=issued_at,
        issued_on=issued_on,
        invoice_month=month(get("kpyf"), problems, "invoice_month"),
        seller_tax_no=tax_number(seller_no, problems, "seller_tax_no"),
        seller_name=name(seller, problems, "seller_name"),
        seller_address_phone=seller_address,
        seller_bank_account=seller_bank,
        buyer_tax_no=tax_number(get("gfsbh"), problems, "buyer_tax_no"),
        buyer_name=name(get("gfmc"), problems, "buyer_name"),
        buyer_address_phone=name(get("gmfdzdh"), problems, "buyer_address_phone"),
        buyer_bank_account=name(get("gmfyhzh"), problems, "buyer_bank_account"),
        amount_excl_tax=amount,
        tax_amount=tax,
        amount_incl_tax=with_tax,
        tax_rate=value,
        tax_rate_text=text,
        tax_rate_kind=kind,
        is_red=is_red,
        state=state,
        state_raw=state_raw,
        special_business=business,
        special_business_raw=business_raw,
        special_kind_raw=code(get("tspzDm"), problems, "special_kind_raw"),
        has_goods_list=flag(get("xhqdBz"), problems, "has_goods_list"),
        declared_line_count=count(get("mxts"), problems, "declared_line_count"),
        check_code=identifier(get("jym"), problems, "check_code"),
        tax_control_code=remark(get("skm"), problems, "tax_control_code"),
        machine_no=identifier(get("kpjh"), problems, "machine_no"),
        push_serial_no=identifier(get("tslsh"), problems, "push_serial_no"),
        # kjlx was met only as "1", on ordinary invoices too: it is no sign of a red letter.
        issue_kind_raw=code(get("kjlx"), problems, "issue_kind_raw"),
        seller_bureau_province=identifier(get("xfSjswjgDm"), problems, "seller_bureau_province"),
        seller_bureau_city=identifier(get("xfDsswjgDm"), problems, "seller_bureau_city"),
        seller_bureau_county=identifier(get("xfQxswjgDm"), problems, "seller_bureau_county"),
        drawer=name(get("kpr"), problems, "drawer"),
        payee=name(get("skr"), problems, "payee"),
        reviewer=name(get("fhr"), problems, "reviewer"),
        remark=remark(get("bz"), problems, "remark"),
        level=Level.FULL if lines else Level.HEAD,
        lines=lines,
        vehicle=car,
        trips=trips(journeys, problems) if journeys else (),
        special_businesses=special_businesses(elements, problems) if elements else (),
        extra=extra,
        findings=problems.found(),
    )


def _first(raw: dict[str, Any], *keys: str) -> Any:
    """The first of the fields that is not empty."""
    for key in keys:
        value = raw.get(key)
        if not is_blank(value):
            return value
    return None


def _numbers(raw: dict[str, Any], problems: Problems) -> DocumentNumbers:
    """``fphm`` holds the 8 digits of a paper or tax-control invoice, or the 20 digits of a digital one.

    The examples name ``sdphm`` (数电票号码) for tickets only; where a paper face brings it, it is the number behind it.
    """
    return document_numbers(raw.get("fpdm"), raw.get("fphm"), raw.get("sdphm"), problems)


def _is_red(*amounts: Decimal | None) -> bool:
    """A red letter (红字) has negative amounts; the first one that is not zero tells."""
    for amount in amounts:
        if amount:
            return amount < 0
    return False


def _state(raw: Any, dialect: Dialect, problems: Problems, is_red: bool) -> tuple[str, str | None]:
    """fpztDm (发票状态代码). Air and rail tickets have none. States speak of blue invoices: a red one is itself normal."""
    stated = code(raw, problems, "state")
    if stated is None:
        return UNKNOWN, None
    state = dialect.states.get(stated)
    if state is None:
        problems.unknown_code("state", stated)
        return UNKNOWN, stated
    if is_red and state.startswith("red_"):
        return "normal", stated
    return state, stated


def _business(raw: Any, dialect: Dialect, problems: Problems) -> tuple[str | None, str | None]:
    """tdywlx (特定业务类型), two digits."""
    stated = code(raw, problems, "special_business")
    if stated is None:
        return None, None
    business = dialect.special_businesses.get(stated.zfill(2))
    if business is None:
        problems.unknown_code("special_business", stated)
    return business, stated
