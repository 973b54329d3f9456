"""One row of a list as a thin canonical invoice with its deduction state.

A row states amounts, parties, state and deduction, and no line: the invoice's level is ``list``. Certification is read from
the row's own fields; the list it was found in proves nothing. A document's family decides what its number is: a customs
certificate (缴款书), a tax certificate (完税凭证), or an invoice.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from fapiao.invoices.codes import SPECIAL_BUSINESS_BY_CODE, UNKNOWN
from fapiao.invoices.dates import moment, month
from fapiao.invoices.model import Deduction, Invoice, Level, NormalizeContext, Rejected
from fapiao.invoices.money import money
from fapiao.invoices.numbers import customs_number, document_numbers, number
from fapiao.invoices.problems import Problems, finding
from fapiao.invoices.tax_numbers import tax_number
from fapiao.invoices.texts import code, flag, identifier, is_blank, name, unknown_fields
from fapiao_jcsk.codes import CERTIFICATE, CUSTOMS, INVOICE_TYPES, MANAGEMENT, STATES, USES
from fapiao_jcsk.records import unwrap

__all__ = ["ROW_KEYS", "normalize"]

ROW_KEYS = frozenset(
    (
        "abnormalType", "billingDate", "checkCode", "checkDate", "checkStatus", "checkTime", "deductible", "deductibleDate",
        "deductibleMode", "deductiblePeriod", "deductibleType", "fxdjdm", "id", "invoiceCode", "invoiceNumber", "invoiceType",
        "managementStatus", "purchaserName", "purchaserTaxNo", "salesTaxName", "salesTaxNo", "source", "state", "tdyslxDm",
        "totalAmount", "totalTax", "tq_bj", "validTax", "xg_sj", "ylzd2", "ylzd3", "ylzd4", "ylzd5",
    )
)  # fmt: skip
_INVOICES, _CUSTOMS_FAMILY = "FP", "HGJKS"
_DERIVED = ("amount_incl_tax",)
_FLAGS = ("checkStatus", "deductible", "ylzd2")
_USUAL_FLAGS = ("0", "1", "", None)
_FLUSHED = frozenset(("red_full", "red_partial", "red_unspecified"))


def normalize(raw: Any, context: NormalizeContext) -> Invoice | Rejected:
    """The record as an invoice with everything the mapping noticed, or a rejection where there is no row.

    ``context`` is not needed: the row says everything itself. Pure, and never raises.
    """
    row, period, family = unwrap(raw)
    if not isinstance(row, dict):
        return Rejected(reasons=(finding("V3", ""),))
    problems = Problems()
    type_raw = _type(row, family, problems)
    without_tax = money(row.get("totalAmount"), problems, "amount_excl_tax")
    tax = money(row.get("totalTax"), problems, "tax_amount")
    if type_raw == CUSTOMS and not without_tax:
        without_tax = None  # 缴款书 have none here: a nought would be a value, before which another source's gives way
    # A customs certificate's tax is no part of a price: it has neither an amount without nor one with tax.
    with_tax = without_tax + tax if without_tax is not None and tax is not None and type_raw != CUSTOMS else None
    is_red = _is_red(without_tax, tax)
    numbers = _numbers(row, type_raw, problems)
    issued_at, issued_on = _issue(row.get("billingDate"), problems)
    state, state_raw = _state(row.get("state"), problems, is_red)
    business, business_raw = _business(row.get("tdyslxDm"), problems)
    doc_type = INVOICE_TYPES.get(type_raw)
    deduction = _deduction(row, period, problems)
    return Invoice(
        doc_type=doc_type.name if doc_type else UNKNOWN,
        doc_type_raw=type_raw,
        invoice_code=numbers.get("invoice_code"),
        invoice_number=numbers.get("invoice_number"),
        digital_number=numbers.get("digital_number"),
        customs_no=numbers.get("customs_no"),
        certificate_no=numbers.get("certificate_no"),
        issued_at=issued_at,
        issued_on=issued_on,
        seller_tax_no=tax_number(row.get("salesTaxNo"), problems, "seller_tax_no"),
        seller_name=name(row.get("salesTaxName"), problems, "seller_name"),
        buyer_tax_no=tax_number(row.get("purchaserTaxNo"), problems, "buyer_tax_no"),
        buyer_name=name(row.get("purchaserName"), problems, "buyer_name"),
        amount_excl_tax=without_tax,
        tax_amount=tax,
        amount_incl_tax=with_tax,
        amounts_derived=() if with_tax is None else _DERIVED,
        is_red=is_red,
        state=state,
        state_raw=state_raw,
        special_business=business,
        special_business_raw=business_raw,
        check_code=identifier(row.get("checkCode"), problems, "check_code"),
        level=Level.LIST,
        deduction=deduction,
        extra=_extra(row, family),
        findings=problems.found(),
    )


def _type(row: dict[str, Any], family: Any, problems: Problems) -> str:
    """``invoiceType``; a row of the family HGJKS (海关缴款书) without one is what its family says."""
    stated = code(row.get("invoiceType"), problems, "doc_type")
    if stated is None:
        if family == _CUSTOMS_FAMILY:
            return CUSTOMS
        problems.add("C1", "doc_type", "The row states no invoice type.")
        return ""
    stated = stated.zfill(2)
    if stated not in INVOICE_TYPES:
        problems.unknown_code("doc_type", stated)
    return stated


def _numbers(row: dict[str, Any], type_raw: str, problems: Problems) -> dict[str, str | None]:
    """``invoiceNumber`` is the number of whatever the document is; ``ylzd5`` the 20 digits behind a paper digital invoice."""
    stated = row.get("invoiceNumber")
    if type_raw == CUSTOMS:
        return {"customs_no": customs_number(stated, problems, "customs_no")}
    if type_raw == CERTIFICATE:
        return {"certificate_no": number(stated, problems, "certificate_no")}
    code_ = None if is_blank(row.get("invoiceCode")) else row.get("invoiceCode")
    behind = None if is_blank(row.get("ylzd5")) else row.get("ylzd5")
    return document_numbers(code_, stated, behind, problems)._asdict()


def _issue(raw: Any, problems: Problems) -> tuple[datetime | None, date | None]:
    """``billingDate``: a day, which the adapter shape writes as that day's midnight."""
    at, on = moment(raw, problems, "issued_on")
    return (None if at is not None and at.time() == time.min else at), on


def _is_red(*amounts: Decimal | None) -> bool:
    """A red letter (红字) has negative amounts; the first one that is not zero tells."""
    for amount in amounts:
        if amount:
            return amount < 0
    return False


def _state(raw: Any, problems: Problems, is_red: bool) -> tuple[str, str | None]:
    """``state`` speaks of blue invoices: a red one is itself normal."""
    stated = code(raw, problems, "state")
    if stated is None:
        return UNKNOWN, None
    meaning = STATES.get(stated)
    if meaning is None:
        problems.unknown_code("state", stated)
        return UNKNOWN, stated
    if is_red and meaning.name in _FLUSHED:
        return "normal", stated
    return meaning.name, stated


def _business(raw: Any, problems: Problems) -> tuple[str | None, str | None]:
    """``tdyslxDm``; empty or null is 无业务类型."""
    stated = code(raw, problems, "special_business")
    if stated is None:
        return None, None
    business = SPECIAL_BUSINESS_BY_CODE.get(stated.zfill(2))
    if business is None:
        problems.unknown_code("special_business", stated)
    return business, stated


def _deduction(row: dict[str, Any], period: Any, problems: Problems) -> Deduction:
    get = row.get
    usage, usage_raw = _usage(get("deductibleMode"), problems)
    management, management_raw = _management(get("managementStatus"), problems)
    row_id = identifier(get("id"), problems, "deduction.vendor_row_id")
    return Deduction(
        is_checked=flag(get("checkStatus"), problems, "deduction.is_checked"),
        checked_at=_checked(row, problems),
        is_certified=flag(get("deductible"), problems, "deduction.is_certified"),
        certified_at=_instant(get("deductibleDate"), problems, "deduction.certified_at"),
        tax_period=_period(get("deductiblePeriod"), period, problems),
        usage=usage,
        usage_raw=usage_raw,
        method_raw=code(get("deductibleType"), problems, "deduction.method_raw"),
        valid_tax=money(get("validTax"), problems, "deduction.valid_tax"),
        management=management,
        management_raw=management_raw,
        abnormal_raw=code(get("abnormalType"), problems, "deduction.abnormal_raw"),
        # Not among the documented fields of a row; the filter of this name is the risk level (风险等级代码).
        risk_raw=code(get("fxdjdm"), problems, "deduction.risk_raw"),
        has_mismatch=flag(get("ylzd2"), problems, "deduction.has_mismatch"),
        non_deduct_reason_raw=code(get("ylzd4"), problems, "deduction.non_deduct_reason_raw"),
        domestic_conversion_no=identifier(get("ylzd3"), problems, "deduction.domestic_conversion_no"),
        info_source_raw=code(get("source"), problems, "deduction.info_source_raw"),
        extract_flag_raw=code(get("tq_bj"), problems, "deduction.extract_flag_raw"),
        modified_at=_instant(get("xg_sj"), problems, "deduction.modified_at"),
        vendor_row_id=None if row_id == "0" else row_id,
    )


def _usage(raw: Any, problems: Problems) -> tuple[str | None, str | None]:
    stated = code(raw, problems, "deduction.usage")
    if stated is None:
        return None, None
    meaning = USES.get(stated)
    if meaning is None:
        problems.unknown_code("deduction.usage", stated)
        return UNKNOWN, stated
    return meaning.name, stated


def _management(raw: Any, problems: Problems) -> tuple[str | None, str | None]:
    stated = code(raw, problems, "deduction.management")
    if stated is None:
        return None, None
    meaning = MANAGEMENT.get(stated)
    if meaning is None:
        problems.unknown_code("deduction.management", stated)
        return UNKNOWN, stated
    return meaning.name, stated


def _checked(row: dict[str, Any], problems: Problems) -> datetime | None:
    """``checkTime`` (adapter shape only) is at least as exact as ``checkDate``."""
    at = _instant(row.get("checkTime"), problems, "deduction.checked_at")
    return at if at is not None else _instant(row.get("checkDate"), problems, "deduction.checked_at")


def _instant(raw: Any, problems: Problems, field: str) -> datetime | None:
    """A time, or the midnight of a day without one: the canonical fields are times."""
    at, on = moment(raw, problems, field)
    if at is not None or on is None:
        return at
    return datetime.combine(on, time.min)


def _period(stated: Any, filed: Any, problems: Problems) -> str | None:
    """The row's own period, else the one that the answer names or files it under."""
    own = month(stated, problems, "deduction.tax_period")
    outer = month(filed, problems, "deduction.tax_period") if not is_blank(filed) else None
    if own is not None and outer is not None and own != outer:
        problems.add("D5", "deduction.tax_period", "The row's own tax period is not the one it is filed under.")
    return own if own is not None else outer


def _extra(row: dict[str, Any], family: Any) -> dict[str, Any] | None:
    """What nobody knows, as it came: fields, the name of a family, a yes or no that is neither."""
    extra = unknown_fields(row, ROW_KEYS)
    for key in _FLAGS:
        if row.get(key) not in _USUAL_FLAGS and flag(row[key], Problems(), key) is None and not is_blank(row[key]):
            extra = {**(extra or {}), key: row[key]}
    if family in (None, _INVOICES, _CUSTOMS_FAMILY):
        return extra
    return {**(extra or {}), "family": family}
