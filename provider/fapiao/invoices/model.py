"""The canonical invoice (发票) as frozen values. Field by field what the tables of ``fapiao.store`` keep.

Money is ``Decimal`` with two decimals, quantities and unit prices are exact ``Decimal`` plus the text as printed,
numbers of any kind are text. Times are naive China time as printed on the invoice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

__all__ = [
    "Customs",
    "Deduction",
    "Finding",
    "Invoice",
    "Level",
    "Line",
    "NormalizeContext",
    "Rejected",
    "Severity",
    "SpecialBusiness",
    "Trip",
    "Vehicle",
]


class Severity(str, Enum):
    """How grave a finding is: ``info`` and ``warning`` leave the invoice loaded, ``reject`` quarantines the record."""

    INFO = "info"
    WARNING = "warning"
    REJECT = "reject"


class Level(str, Enum):
    """How much of the document is known: ``list`` (amounts only), ``head``, ``full`` (with lines), ``file`` (from its XML)."""

    LIST = "list"
    HEAD = "head"
    FULL = "full"
    FILE = "file"


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One remark of a rule about one record."""

    rule: str
    """The rule's id (``A1``, ``N4`` …), see ``fapiao.invoices.checks``."""
    severity: Severity
    field: str
    """Path of the canonical field (``lines[2].tax_amount``), or of the raw one where there is no canonical."""
    message: str
    """One sentence without personal data; the raw value is reached through the record."""


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One line (明细) of an invoice."""

    line_no: int
    """From 1; the vendor's own number where it is present and unique, else the position."""
    item_name: str | None = None
    tax_class_code: str | None = None
    """税收分类编码, 19 digits."""
    spec_model: str | None = None
    unit: str | None = None
    quantity: Decimal | None = None
    quantity_text: str | None = None
    unit_price: Decimal | None = None
    unit_price_text: str | None = None
    amount_excl_tax: Decimal | None = None
    """On a customs line the dutiable value (完税价格)."""
    tax_rate: Decimal | None = None
    """A fraction: 0.13."""
    tax_rate_text: str | None = None
    tax_rate_kind: str | None = None
    """One of ``fapiao.invoices.values.RateKind``."""
    tax_amount: Decimal | None = None
    unit_price_incl_tax: Decimal | None = None
    amount_incl_tax: Decimal | None = None
    kind: str = "normal"
    """``normal``, ``discount`` (折扣行), ``discounted`` (被折扣行), ``summary`` (清单汇总), ``synthetic`` (made from the head)."""
    list_flag_raw: str | None = None
    tariff_no: str | None = None
    """税号 of a customs line."""
    extra: Mapping[str, Any] | None = None
    """Fields the plugin does not know, as they came."""


class Vehicle(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What only vehicle invoices (机动车, 二手车) have."""

    vehicle_type: str | None = None
    brand_model: str | None = None
    origin_place: str | None = None
    certificate_no: str | None = None
    import_certificate_no: str | None = None
    inspection_no: str | None = None
    engine_no: str | None = None
    vin: str | None = None
    tonnage: str | None = None
    seat_limit: str | None = None
    tax_class_code: str | None = None
    buyer_id_no: str | None = None
    """身份证号 / 组织机构代码: personal data."""
    seller_address: str | None = None
    seller_phone: str | None = None
    seller_bank: str | None = None
    seller_account: str | None = None


class Customs(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What only a customs payment certificate (海关缴款书) has."""

    payer1_tax_no: str | None = None
    payer1_name: str | None = None
    payer2_tax_no: str | None = None
    payer2_name: str | None = None
    port_code: str | None = None
    tariff_info: str | None = None
    revenue_authority: str | None = None
    budget_account: str | None = None
    treasury_code: str | None = None
    trade_mode: str | None = None
    applicant_code: str | None = None
    declaration_no: str | None = None
    contract_no: str | None = None
    transport_tool: str | None = None
    payment_due_on: date | None = None
    payment_due_text: str | None = None
    bill_of_lading: str | None = None


class Trip(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One leg of a rail or air ticket (行程单)."""

    trip_no: int
    origin: str | None = None
    destination: str | None = None
    passenger_name: str | None = None
    """Personal data."""
    passenger_id: str | None = None
    """Personal data."""
    digital_number: str | None = None
    flight_no: str | None = None
    carrier: str | None = None
    train_no: str | None = None
    departs_on: date | None = None
    departs_on_text: str | None = None
    departs_at: str | None = None
    """Time of day as printed."""
    recorded_at: datetime | None = None
    """The vendor's own time of the row."""
    extra: Mapping[str, Any] | None = None


class SpecialBusiness(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One element of a specific business (特定业务要素): construction, freight, real estate, passenger transport."""

    seq: int
    construction_place: str | None = None
    project_name: str | None = None
    property_certificate_no: str | None = None
    traveller: str | None = None
    """Personal data."""
    traveller_id: str | None = None
    """Personal data."""
    travel_on: date | None = None
    travel_on_text: str | None = None
    origin: str | None = None
    destination: str | None = None
    seat_class: str | None = None
    transport_type: str | None = None
    vehicle_kind: str | None = None
    plate_no: str | None = None
    ship_from: str | None = None
    cargo_name: str | None = None
    extra: Mapping[str, Any] | None = None


class Deduction(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The deduction state (抵扣) of one input invoice for one holder, as one answer states it. Certification is derived
    from these fields, never from the query that returned the row."""

    is_checked: bool | None = None
    """勾选状态."""
    checked_at: datetime | None = None
    is_certified: bool | None = None
    """认证状态 (确认)."""
    certified_at: datetime | None = None
    tax_period: str | None = None
    """税款所属期 ``yyyymm``."""
    usage: str | None = None
    """One of ``fapiao.invoices.codes.USAGES``."""
    usage_raw: str | None = None
    method_raw: str | None = None
    valid_tax: Decimal | None = None
    """有效税额, at most the tax amount."""
    management: str | None = None
    """One of ``fapiao.invoices.codes.MANAGEMENT_STATES``."""
    management_raw: str | None = None
    abnormal_raw: str | None = None
    risk_raw: str | None = None
    has_mismatch: bool | None = None
    """录入不符项 of a customs certificate."""
    non_deduct_reason_raw: str | None = None
    domestic_conversion_no: str | None = None
    """转内销证明编号."""
    info_source_raw: str | None = None
    extract_flag_raw: str | None = None
    modified_at: datetime | None = None
    """The vendor's own time of change."""
    vendor_row_id: str | None = None


class Invoice(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One document as one source states it."""

    doc_type: str
    """One of ``fapiao.invoices.codes.DOC_TYPES``."""
    doc_type_raw: str

    # Numbers the document goes by; at least one scheme must be complete (see fapiao.invoices.identity).
    invoice_code: str | None = None
    """发票代码, 10 or 12 digits."""
    invoice_number: str | None = None
    """发票号码 of a tax-control or paper invoice, 8 digits."""
    digital_number: str | None = None
    """数电票号码, 20 digits."""
    customs_no: str | None = None
    """海关缴款书号码 with its suffix, normalised."""
    certificate_no: str | None = None
    """完税凭证号码."""

    issued_at: datetime | None = None
    issued_on: date | None = None
    invoice_month: str | None = None
    """开票月份 as the source states it, ``yyyymm``."""

    seller_tax_no: str | None = None
    seller_name: str | None = None
    seller_address_phone: str | None = None
    seller_bank_account: str | None = None
    buyer_tax_no: str | None = None
    buyer_name: str | None = None
    buyer_address_phone: str | None = None
    buyer_bank_account: str | None = None

    amount_excl_tax: Decimal | None = None
    tax_amount: Decimal | None = None
    amount_incl_tax: Decimal | None = None
    amounts_derived: tuple[str, ...] = ()
    """Names of the amounts above that were computed, not stated."""
    tax_rate: Decimal | None = None
    tax_rate_text: str | None = None
    tax_rate_kind: str | None = None

    is_red: bool = False
    """A red-letter invoice (红字): negative amounts, a number of its own."""
    state: str = "unknown"
    """One of ``fapiao.invoices.codes.STATES``, describing the blue invoice."""
    state_raw: str | None = None
    special_business: str | None = None
    """One of ``fapiao.invoices.codes.SPECIAL_BUSINESS``."""
    special_business_raw: str | None = None
    special_kind_raw: str | None = None
    """特殊票种."""

    has_goods_list: bool | None = None
    declared_line_count: int | None = None
    check_code: str | None = None
    tax_control_code: str | None = None
    machine_no: str | None = None
    push_serial_no: str | None = None
    issue_kind_raw: str | None = None
    seller_bureau_province: str | None = None
    seller_bureau_city: str | None = None
    seller_bureau_county: str | None = None
    drawer: str | None = None
    """开票人: personal data."""
    payee: str | None = None
    """收款人: personal data."""
    reviewer: str | None = None
    """复核人: personal data."""
    remark: str | None = None

    level: Level = Level.FULL
    lines: tuple[Line, ...] = ()
    vehicle: Vehicle | None = None
    customs: Customs | None = None
    trips: tuple[Trip, ...] = ()
    special_businesses: tuple[SpecialBusiness, ...] = ()
    deduction: Deduction | None = None
    """Belongs to the holder, not to the document: kept as a snapshot of its own, not part of the folded invoice."""
    extra: Mapping[str, Any] | None = None
    """Fields the plugin does not know, as they came."""
    findings: tuple[Finding, ...] = ()
    """What the mapping noticed. Not part of the content: left out of the observation's hash."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A record that cannot be identified or read; everything wrong with it at once."""

    reasons: tuple[Finding, ...]


class NormalizeContext(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Under which question a record was read."""

    source: str
    api: str
    """Which of the source's interfaces it came from (``collect``): codes are mapped per source and API."""
    taxpayer_no: str
    invoice_month: str
    type: str
    """The vendor's own type code."""
    direction: str
