"""The code tables of S000621's rows, translated. They are this interface's own: other vendors use the same codes otherwise.

``85`` is a *special* paper digital invoice here and an ordinary one at ekuaibao; state ``1`` is void here and out of control
at another; see the vendor's document, 字段说明 and 发票类型代码说明.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "ABNORMAL_KINDS",
    "CERTIFICATE",
    "CUSTOMS",
    "DEDUCTION_METHODS",
    "INVOICE_TYPES",
    "MANAGEMENT",
    "RISK_LEVELS",
    "STATES",
    "USES",
    "Meaning",
]


class Meaning(NamedTuple):
    """What a raw code means: the canonical name and the vendor's Chinese words."""

    name: str
    title: str


CUSTOMS = "17"
CERTIFICATE = "18"

INVOICE_TYPES: Mapping[str, Meaning] = {
    "01": Meaning("vat_special_paper", "增值税专用发票"),
    "03": Meaning("motor_paper", "机动车销售统一发票"),
    "04": Meaning("vat_ordinary_paper", "增值税普通发票"),
    "08": Meaning("vat_special_e", "增值税电子专用发票"),
    # The document's list says 增值税普票; beside 04 and by every other dictionary it is the electronic one.
    "10": Meaning("vat_ordinary_e", "增值税电子普通发票"),
    "14": Meaning("toll_e", "通行费增值税电子普通发票"),
    CUSTOMS: Meaning("customs_vat", "海关缴款书"),
    CERTIFICATE: Meaning("tax_certificate", "完税凭证"),
    # Rows say 09 and 90, the filter fplxdm says 81 and 82: both are met.
    "09": Meaning("digital_special", "全电发票（增值税专用发票）"),
    "81": Meaning("digital_special", "数电发票（增值税专用发票）"),
    "90": Meaning("digital_ordinary", "全电发票（普通发票）"),
    "82": Meaning("digital_ordinary", "数电发票（普通发票）"),
    "51": Meaning("rail_e", "铁路电子客票"),
    "61": Meaning("air_e", "航空运输电子客票行程单"),
    "83": Meaning("digital_motor", "数电机动车销售统一发票"),
    "85": Meaning("digital_paper_special", "数电纸质发票（增值税专用发票）"),
    "86": Meaning("digital_paper_ordinary", "数电纸质发票（普通发票）"),
    "87": Meaning("digital_paper_motor", "数电纸质发票（机动车销售统一发票）"),
    "8208": Meaning("digital_toll", "数电通行费发票"),
}
"""发票类型 (``invoiceType``; its documented width of 2 is wrong, ``8208`` has 4)."""

STATES: Mapping[str, Meaning] = {
    "0": Meaning("normal", "正常"),
    "1": Meaning("voided", "作废"),
    "2": Meaning("red_unspecified", "红冲"),
    "3": Meaning("out_of_control", "失控"),
    "4": Meaning("abnormal", "异常"),
    "7": Meaning("red_partial", "部分红冲"),
    "8": Meaning("red_full", "全额红冲"),
    "80": Meaning("red_pending", "红字发票待确认"),
}
"""发票状态 (``state``). The filter ``fpztdm`` has a numbering of its own and is never translated."""

USES: Mapping[str, Meaning] = {
    "1": Meaning("deduct", "抵扣"),
    "2": Meaning("refund", "退税"),
    "4": Meaning("not_deduct", "不抵扣勾选"),
}
"""认证模式 (``deductibleMode``)."""

MANAGEMENT: Mapping[str, Meaning] = {
    "0": Meaning("clean", "正常"),
    "1": Meaning("suspect", "疑点"),
    "2": Meaning("abnormal", "异常"),
    "3": Meaning("red_locked", "红字锁定"),
    "4": Meaning("refund_forbidden", "禁止勾选退税"),
    "5": Meaning("vehicle_risk_high", "机动车高风险"),
    "6": Meaning("vehicle_risk_low", "机动车低风险"),
}
"""管理状态 (``managementStatus``)."""

DEDUCTION_METHODS: Mapping[str, str] = {"1": "勾选", "2": "扫描"}
"""认证方式 (``deductibleType``), kept raw."""

ABNORMAL_KINDS: Mapping[str, str] = {"0": "状态异常", "1": "用途变更", "2": "管理状态异常"}
"""异常类别 (``abnormalType``), kept raw."""

RISK_LEVELS: Mapping[str, str] = {"01": "正常", "02": "疑点发票", "03": "异常凭证"}
"""风险等级代码 (filter ``fxdjdm``) in this document's words; the tax bureau's own tables exchange 02 and 03. Passed verbatim."""
