"""Canonical codes: document types, states, specific businesses, uses of input tax. No vendor's code is here.

A plugin translates its vendor's codes per interface, because the same raw code means different things at different
vendors (``83`` is a railway ticket at one and a motor vehicle at another). A raw code that is in no table keeps its
raw text, becomes ``unknown`` and is reported (rule ``C1``); it never stops an invoice.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import msgspec

__all__ = [
    "DOC_TYPES",
    "MANAGEMENT_STATES",
    "NOT_DEDUCTED_REASONS",
    "SPECIAL_BUSINESS",
    "SPECIAL_BUSINESS_BY_CODE",
    "STATES",
    "UNKNOWN",
    "USAGES",
    "Deductible",
    "DocType",
    "Family",
    "Scheme",
    "SpecialBusinessType",
]

UNKNOWN = "unknown"
"""The canonical value of every code that no table explains."""


class Scheme:
    """The four ways a document is numbered; a :class:`fapiao.invoices.identity.Number` names one of them."""

    DIGITAL20 = "digital20"
    """数电票号码: 20 digits, unique in the country."""
    CODE_NO = "code_no"
    """发票代码 (10 or 12 digits) and 发票号码 (8 digits): ``code:number``."""
    CUSTOMS = "customs"
    """海关缴款书号码 with the suffix of its tax: ``18 digits-L01``."""
    CERTIFICATE = "certificate"
    """完税凭证: ``payer's tax number:certificate number``, since the number alone is not proven unique."""


class Family(str, Enum):
    """Which kind of document a type is; decides the checks and the extra tables."""

    VAT = "vat"
    VEHICLE = "vehicle"
    CUSTOMS = "customs"
    TAX_CERTIFICATE = "tax_certificate"
    TRAVEL = "travel"
    OTHER = "other"


class Deductible(str, Enum):
    """Whether a buyer may deduct the tax of such a document as input tax (进项抵扣)."""

    YES = "yes"
    NO = "no"
    TRAVEL = "travel"
    """Only for domestic passenger transport (and, on paperless ordinary invoices, tolls)."""
    RARELY = "rarely"
    HISTORIC = "historic"
    UNKNOWN = "unknown"


class DocType(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One document type (发票类型)."""

    name: str
    title: str
    """The Chinese name."""
    family: Family
    needs: tuple[str, ...]
    """Schemes of which the document must carry a number (all of them, see rule N6)."""
    expects: tuple[str, ...] = ()
    """Schemes that it usually carries as well; a list of one vendor may leave them out (rule N7)."""
    deductible: Deductible = Deductible.NO
    parties: bool = True
    """A seller and a buyer are printed on it (not on customs certificates and tickets without a buyer)."""


def _table(*kinds: DocType) -> Mapping[str, DocType]:
    return {kind.name: kind for kind in kinds}


_PAPER = (Scheme.CODE_NO,)
_DIGITAL = (Scheme.DIGITAL20,)
_VAT, _VEHICLE, _TRAVEL, _OTHER = Family.VAT, Family.VEHICLE, Family.TRAVEL, Family.OTHER
_YES, _RARELY = Deductible.YES, Deductible.RARELY

DOC_TYPES: Mapping[str, DocType] = _table(
    # Tax-control era: paper and electronic invoices with code and number.
    DocType(name="vat_special_paper", title="增值税专用发票", family=_VAT, needs=_PAPER, deductible=_YES),
    DocType(
        name="freight_special",
        title="货物运输业增值税专用发票",
        family=_VAT,
        needs=_PAPER,
        deductible=Deductible.HISTORIC,
    ),
    DocType(name="motor_paper", title="机动车销售统一发票", family=_VEHICLE, needs=_PAPER, deductible=_YES),
    DocType(name="vat_ordinary_paper", title="增值税普通发票", family=_VAT, needs=_PAPER),
    DocType(name="vat_special_e", title="增值税电子专用发票", family=_VAT, needs=_PAPER, deductible=_YES),
    DocType(name="vat_ordinary_e", title="增值税电子普通发票", family=_VAT, needs=_PAPER, deductible=Deductible.TRAVEL),
    DocType(name="vat_roll", title="增值税普通发票（卷票）", family=_VAT, needs=_PAPER),
    DocType(name="toll_e", title="通行费增值税电子普通发票", family=_VAT, needs=_PAPER, deductible=_YES),
    DocType(name="used_car_paper", title="二手车销售统一发票", family=_VEHICLE, needs=_PAPER, deductible=_RARELY),
    # Certificates.
    DocType(
        name="customs_vat",
        title="海关进口增值税专用缴款书",
        family=Family.CUSTOMS,
        needs=(Scheme.CUSTOMS,),
        deductible=_YES,
        parties=False,
    ),
    DocType(
        name="tax_certificate",
        title="代扣代缴税收完税凭证",
        family=Family.TAX_CERTIFICATE,
        needs=(Scheme.CERTIFICATE,),
        deductible=_YES,
        parties=False,
    ),
    # Digital invoices (数电票): one number of 20 digits.
    DocType(name="digital_special", title="电子发票（增值税专用发票）", family=_VAT, needs=_DIGITAL, deductible=_YES),
    DocType(
        name="digital_ordinary", title="电子发票（普通发票）", family=_VAT, needs=_DIGITAL, deductible=Deductible.TRAVEL
    ),
    DocType(
        name="digital_generic", title="全电发票（未分专普）", family=_VAT, needs=_DIGITAL, deductible=Deductible.UNKNOWN
    ),
    DocType(
        name="digital_motor", title="数电票（机动车销售统一发票）", family=_VEHICLE, needs=_DIGITAL, deductible=_YES
    ),
    DocType(
        name="digital_used_car",
        title="数电票（二手车销售统一发票）",
        family=_VEHICLE,
        needs=_DIGITAL,
        deductible=_RARELY,
    ),
    DocType(name="digital_toll", title="数电票（通行费发票）", family=_VAT, needs=_DIGITAL, deductible=_YES),
    DocType(name="rail_e", title="电子发票（铁路电子客票）", family=_TRAVEL, needs=_DIGITAL, deductible=_YES),
    DocType(name="air_e", title="电子发票（航空运输电子客票行程单）", family=_TRAVEL, needs=_DIGITAL, deductible=_YES),
    # Paper faces of digital invoices (数电纸质发票): code and number printed, a 20-digit number behind them.
    DocType(
        name="digital_paper_special",
        title="数电纸质发票（增值税专用发票）",
        family=_VAT,
        needs=_PAPER,
        expects=_DIGITAL,
        deductible=_YES,
    ),
    DocType(
        name="digital_paper_ordinary", title="数电纸质发票（普通发票）", family=_VAT, needs=_PAPER, expects=_DIGITAL
    ),
    DocType(
        name="digital_paper_motor",
        title="数电纸质发票（机动车销售统一发票）",
        family=_VEHICLE,
        needs=_PAPER,
        expects=_DIGITAL,
        deductible=_YES,
    ),
    DocType(
        name="digital_paper_used_car",
        title="数电纸质发票（二手车销售统一发票）",
        family=_VEHICLE,
        needs=_PAPER,
        expects=_DIGITAL,
        deductible=_RARELY,
    ),
    # Receipts outside the VAT system; vendors number them as they like.
    DocType(name="blockchain", title="区块链电子发票", family=_OTHER, needs=()),
    DocType(name="fiscal", title="财政电子票据", family=_OTHER, needs=(), parties=False),
    DocType(name="generic_e", title="通用（电子）发票", family=_OTHER, needs=()),
    DocType(name="other_receipt", title="其他票据", family=_OTHER, needs=(), parties=False),
    DocType(name=UNKNOWN, title="未知类型", family=_OTHER, needs=(), deductible=Deductible.UNKNOWN, parties=False),
)
"""Every canonical document type by name."""

STATES: Mapping[str, str] = {
    "normal": "正常",
    "voided": "作废",
    "red_full": "已全额红冲",
    "red_partial": "部分红冲",
    "red_unspecified": "已红冲",
    "red_pending": "红字发票待确认",
    "out_of_control": "失控",
    "abnormal": "异常",
    UNKNOWN: "未知",
}
"""States (发票状态) with their Chinese terms. They describe the *blue* invoice; a red one is itself ``normal``."""


class SpecialBusinessType(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One specific business (特定业务类型)."""

    name: str
    code: str
    """The tax bureau's code; all vendors met so far agree on it."""
    title: str


SPECIAL_BUSINESS: Mapping[str, SpecialBusinessType] = {
    name: SpecialBusinessType(name=name, code=code, title=title)
    for code, name, title in (
        ("01", "refined_oil", "成品油"),
        ("02", "rare_earth", "稀土"),
        ("03", "construction", "建筑服务"),
        ("04", "freight", "货物运输服务"),
        ("05", "real_estate_sale", "不动产销售"),
        ("06", "real_estate_lease", "不动产经营租赁服务"),
        ("07", "vehicle_vessel_tax", "代收车船税"),
        ("08", "toll", "通行费"),
        ("09", "passenger_transport", "旅客运输服务"),
        ("10", "inpatient_care", "医疗服务（住院）"),
        ("11", "outpatient_care", "医疗服务（门诊）"),
        ("12", "own_farm_produce_sale", "自产农产品销售"),
        ("13", "tractor_harvester", "拖拉机和联合收割机"),
        ("14", "motor_vehicle", "机动车"),
        ("15", "used_car", "二手车"),
        ("16", "farm_produce_purchase", "农产品收购"),
        ("17", "solar_power_purchase", "光伏收购"),
        ("18", "cigarettes", "卷烟"),
        ("19", "export", "出口"),
        ("20", "farm_produce", "农产品"),
    )
}
"""Specific businesses by canonical name. Codes outside 01–20 are kept raw and reported."""

SPECIAL_BUSINESS_BY_CODE: Mapping[str, str] = {kind.code: name for name, kind in SPECIAL_BUSINESS.items()}
"""The tax bureau's two-digit code → canonical name."""

USAGES: Mapping[str, str] = {
    "none": "未勾选",
    "deduct": "抵扣",
    "refund": "退税",
    "agency_refund": "代办退税",
    "not_deduct": "不抵扣",
    "overdue": "逾期",
    UNKNOWN: "未知",
}
"""What an input invoice was selected for (勾选用途)."""

NOT_DEDUCTED_REASONS: Mapping[str, str] = {
    "1": "用于非应税项目",
    "2": "用于免税项目",
    "3": "用于集体福利或者个人消费",
    "4": "遭受非正常损失",
    "5": "其他",
}
"""不抵扣类型: one numbering, agreed upon by the bureau and every vendor met."""

MANAGEMENT_STATES: Mapping[str, str] = {
    "clean": "正常",
    "suspect": "疑点",
    "abnormal": "异常",
    "red_locked": "红字锁定",
    "refund_forbidden": "禁止勾选退税",
    "vehicle_risk_high": "机动车高风险",
    "vehicle_risk_low": "机动车低风险",
    UNKNOWN: "未知",
}
"""管理状态 of an input invoice."""
