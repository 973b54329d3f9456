"""The vendor's code tables as data: those of every interface, of verification, of collection.

The texts of :data:`VERIFICATION_CODES` are the document's; those of the other two tables say in the vendor's language what
the codes are known to mean. What to do about each is this plugin's reading. A code that is in no table is never a success. The collection's 4000 means a login error here, "no records" at 易快报.
"""

from __future__ import annotations

from collections.abc import Mapping

from fapiao.wire import Outcome
from fapiao_qixiangyun.handling import Code, Handling
from fapiao_qixiangyun.paths import COLLECTION_PATHS, VERIFY_PATH

__all__ = ["COLLECTION_CODES", "COMMON_CODES", "FAULT_PAUSE", "OK", "TASK_STATUSES", "VERIFICATION_CODES", "look_up"]

OK = "2000"

FAULT_PAUSE = 1050.0
"""税局服务异常,建议15-20分钟后重试: the middle, in seconds."""

_H = Handling
_HEADERS = (
    "The headers access_token, req_date and req_sign may have been dropped on the way: proxies and gateways such as nginx drop "
    "names with underscores unless told otherwise (underscores_in_headers on). If there is none in between, check login "
    "and password with 'fapiao check qixiangyun'."
)
_CLOCK = (
    "The vendor allows 15 minutes: set the clock of this machine, and check that login and password of the connection "
    "belong together and that no proxy changes the body."
)
_LOCK = " It is not tried again automatically: repeated wrong logins can lock the taxpayer's account at the tax bureau."
_PACKAGE = "Renew or extend the vendor's package, then run again."

COMMON_CODES: Mapping[str, Code] = {
    "2000": Code("成功", _H.OK),
    "40100": Code("access_token为空或无效", _H.REAUTHORIZE, _HEADERS),
    "40101": Code("access_token已过期", _H.REAUTHORIZE),
    "40102": Code("access_token校验失败", _H.REAUTHORIZE),
    "400429": Code("请求过于频繁", _H.THROTTLED),
    "400430": Code("系统维护中", _H.THROTTLED, "The vendor is under maintenance; run again later.", after=1800.0),
    "50014": Code("超过并发限制", _H.THROTTLED),
    "504001": Code("网关超时", _H.RETRY),
    "505002": Code("服务调用异常", _H.RETRY),
    "59999": Code("未知异常", _H.RETRY),
    "505017": Code("签名错误", _H.CONNECTION, _CLOCK),
    "505018": Code("请求时间超出允许范围", _H.CONNECTION, _CLOCK),
    "505019": Code("签名校验失败", _H.CONNECTION, _CLOCK),
    "401103": Code(
        "IP不在白名单",
        _H.CONNECTION,
        "Have the address that this machine goes out with added to the vendor's white list.",
    ),
    "505069": Code("产品已过期", _H.QUOTA, _PACKAGE),
    "505070": Code("产品用量已用完", _H.QUOTA, _PACKAGE),
    "400000": Code("请求参数错误", _H.REQUEST),
    "505001": Code("请求参数校验失败", _H.REQUEST),
    "50008": Code("字段文件名称不能为空(name)", _H.REQUEST),
}
"""平台公共code码."""

_ILLEGAL = "请求参数不正确"
_ILLEGAL_PREFIX = "IllegalParameter."
_LATER = "税局服务异常,建议15-20分钟后重试"
_FACTORS = "Compare number, date of issue and price with tax with the invoice; the layout types and the taxpayer with the vendor's package."

VERIFICATION_CODES: Mapping[str, Code] = {
    "CheckInvoiceNotExistence": Code("查验成功所查发票不存在", _H.RESULT, outcome=Outcome.NOT_FOUND),
    "CheckInvoiceNotSame": Code("查验成功所查发票不一致", _H.RESULT, outcome=Outcome.DIFFERENT),
    "CheckInvoicesOverFiveYears": Code("超过五年的发票不能查验", _H.RESULT, outcome=Outcome.TOO_OLD),
    "CheckInvoicesMoreThanToday": Code("开票日期超过当前日期", _H.RESULT, outcome=Outcome.NOT_YET),
    "CheckInvoiceForTheSameFrequent": Code("当前发票正在查验中,请不要频繁请求", _H.THROTTLED),
    "CheckInvoiceSingular": Code("请求太频繁或超过服务器最大请求数,请稍后访问!", _H.THROTTLED),
    "50014": COMMON_CODES["50014"],
    "CheckInvoiceException": Code(_LATER, _H.LATER, after=FAULT_PAUSE),
    "CheckAbnormal": Code("查验异常", _H.LATER, after=FAULT_PAUSE),
    "ServerError": Code("服务器异常,请稍后重试", _H.RETRY),
    "InternalServerError": Code("服务遇到未知错误,请稍后重试", _H.RETRY),
    "RemoteDataException": Code("税局数据异常", _H.RETRY),
    "RemoteResultFail": Code("调用税局异常,请稍后重试。", _H.RETRY),
    "59999": COMMON_CODES["59999"],
    "CheckInvoiceMoreFiveTimes": Code("超过该张票当天查验次数", _H.TOMORROW),
    "CheckExceedingLimit": Code("查验发票张数超过限制", _H.QUOTA, _PACKAGE),
    "CheckAuthorityVerification": Code(
        "未开通发票查验版式文件下载权限!",
        _H.QUOTA,
        "Order the product 0013 or 0014 (发票查验+版式文件下载, 税号版) for this taxpayer at the vendor.",
    ),
    "IllegalParameter": Code(_ILLEGAL, _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalInvoiceCode": Code(f"{_ILLEGAL},参数fpdm发票代码不正确!", _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalInvoiceNumber": Code(f"{_ILLEGAL},参数fphm发票号码不正确!", _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalBillingDate": Code(f"{_ILLEGAL},参数kprq开票日期不正确!", _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalCheckCode": Code(f"{_ILLEGAL},参数jym[发票校验码后6位]不正确", _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalTotalAmount": Code(f"{_ILLEGAL},参数je[不含税金额]不正确", _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalTotalAmountIincludingTax": Code(f"{_ILLEGAL},价税合计为空!", _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalXfsbh": Code(f"{_ILLEGAL},销售方识别号为空!", _H.REQUEST, _FACTORS),
    "IllegalParameter.IllegalArea": Code(f"{_ILLEGAL},参数dq地区不正确!", _H.REQUEST, _FACTORS),
    "CheckInvoiceRequestNonStandard": Code("请求不规范", _H.REQUEST, _FACTORS),
    "CheckInvoiceNotStandard": Code("查询发票不规范", _H.REQUEST, _FACTORS),
    "CheckInvoiceNotSupport": Code(
        "暂不支持该(省市)电子票据查验", _H.REQUEST, "The vendor does not verify this kind of invoice of this region."
    ),
    "CheckInvoicesOverOneYears": Code(
        "仅可查验最近一年内开具的财政电子票据!请检查开票日期!",
        _H.REQUEST,
        "Fiscal receipts are verified for one year only.",
    ),
    "50008": COMMON_CODES["50008"],
}
"""错误码 of customizedCheck, all of them."""

_NARROWER = (
    "The job was already divided down to this one type and direction. The vendor's range is counted in whole months, so "
    "it cannot be made smaller: ask the vendor for a larger range, or give account_id where the taxpayer has several accounts."
)

COLLECTION_CODES: Mapping[str, Code] = {
    "50001": Code("任务正在执行中", _H.LATER, after=30.0),
    "5000": Code("系统异常", _H.LATER, after=300.0),
    "5002": Code("税局异常", _H.LATER, after=300.0),
    "9901": Code("税局繁忙", _H.LATER, after=600.0),
    "4888": Code("查询范围内发票超过5000张", _H.RANGE, _NARROWER),
    "4811": Code(
        "超过当月导出次数上限", _H.TAXPAYER, "The bureau's export limit of the month is reached; collect next month."
    ),
    "4812": Code("所属期未统计", _H.TAXPAYER, "The bureau has not counted this period yet; collect it again later."),
    "5001": Code("登录失效", _H.TAXPAYER, "A new login at the tax bureau is needed for this taxpayer." + _LOCK),
    "5009": Code("需要重新登录", _H.TAXPAYER, "A new login at the tax bureau is needed for this taxpayer." + _LOCK),
    "8000": Code("需要重新登录", _H.TAXPAYER, "A new login at the tax bureau is needed for this taxpayer." + _LOCK),
}
"""Codes of the collection interface, of answers and of failed tasks alike."""

_BUREAU_LOGIN = Code(
    "税局登录错误",
    _H.TAXPAYER,
    "Correct the taxpayer's login at the tax bureau in its set-up at the vendor." + _LOCK,
)
"""4000 to 4999, where nothing else is known of them. Logging in at the *vendor* again does not help."""

TASK_STATUSES: Mapping[str, str] = {"0": "等待中", "1": "执行中", "2": "失败", "3": "成功", "6": "已撤销"}
"""``status`` of collectTaskStatus."""


def look_up(path: str, code: str) -> Code | None:
    """The row of a code as it is meant on this path; None where no table lists it."""
    if path == VERIFY_PATH:
        row = VERIFICATION_CODES.get(code)
        if row is None and code.startswith(_ILLEGAL_PREFIX):
            row = VERIFICATION_CODES["IllegalParameter"]
    else:
        row = COLLECTION_CODES.get(code) if path in COLLECTION_PATHS else None
    row = row or COMMON_CODES.get(code)
    if row is None and len(code) == 4 and code.isascii() and code.isdigit() and code.startswith("4"):
        return _BUREAU_LOGIN
    return row
