"""The vendor's two tables 发票任务状态代码 as data: what each job code and each slice status means for the collector.

Source: https://docs.ekuaibao.com/docs/open-api/invoice/apply-invoice-collection-task, at its end. The vendor publishes the
texts only; what to do about each is this plugin's reading of them. A code that is not in the table is never a success.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from enum import Enum

import msgspec

from fapiao.errors import Fault, RequestRefused, TaxpayerRefused, VendorRefused
from fapiao.wire import Pending, SliceState

__all__ = [
    "JOB_CODES",
    "NOTHING_FOUND",
    "OK",
    "SLICE_STATUSES",
    "Handling",
    "JobCode",
    "SliceWord",
    "earliest_collection",
    "pending",
    "refusal",
]

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has kept +08:00 without daylight saving time since 1991, so no time zone database is needed."""

OK = "2000"
NOTHING_FOUND = "4000"
TOO_EARLY = "4043"


class Handling(str, Enum):
    """What the collector does about a job code."""

    OK = "ok"
    EMPTY = "empty"
    """A success: nothing matches."""
    LATER = "later"
    """Nothing is wrong with the request; it must be asked again later."""
    REQUEST = "request"
    """The account's set-up or the request is wrong; asking again does not help."""
    TAXPAYER = "taxpayer"
    """This taxpayer cannot be served until somebody acts; the others can."""


class JobCode(msgspec.Struct, frozen=True):
    """One row of the vendor's table, with what to do."""

    text: str
    """The vendor's own text."""
    handling: Handling
    advice: str = ""
    fault: Fault | None = None
    """Whose fault, where it is not the one that the error class names."""
    after: float | None = None
    """Seconds to wait (LATER)."""


_LOCK = " It is not tried again automatically: repeated wrong logins can lock the taxpayer's account at the tax bureau."
_QUARTER = 900.0

JOB_CODES: dict[str, JobCode] = {
    "2000": JobCode("发送成功", Handling.OK),
    "4000": JobCode("没有符合条件的记录！", Handling.EMPTY),
    "500": JobCode(
        "未开通【增值税发票全量采集】功能或传参错误",
        Handling.REQUEST,
        "Have the function 增值税发票全量 enabled for the corporation and the tax number entered in its set-up, and check "
        "corp_id, the taxpayer number, the month and the types.",
    ),
    "4006": JobCode(
        "必填项为空",
        Handling.REQUEST,
        "Check that corp_id and the taxpayer number are given; if they are, report it to the plugin's author.",
    ),
    "4001": JobCode(
        "用户名密码不正确",
        Handling.TAXPAYER,
        "Correct the taxpayer's tax bureau user and password at the vendor." + _LOCK,
    ),
    "4004": JobCode(
        "企业信息或身份不符",
        Handling.TAXPAYER,
        "Correct the enterprise data or the identity that the taxpayer logs in with at the vendor." + _LOCK,
    ),
    "4005": JobCode(
        "非办税小号",
        Handling.TAXPAYER,
        "Bind a tax-filing sub-number (办税小号) for this taxpayer at the vendor." + _LOCK,
    ),
    "4009": JobCode(
        "综服：身份权限",
        Handling.TAXPAYER,
        "Give the taxpayer's login identity the right to query invoices in the tax bureau's service platform." + _LOCK,
    ),
    "4010": JobCode(
        "实名登录人信息不全",
        Handling.TAXPAYER,
        "Complete the data of the real-name login person at the vendor." + _LOCK,
    ),
    "4042": JobCode(
        "非办税小号或办税小号未绑定A号",
        Handling.TAXPAYER,
        "Bind the taxpayer's tax-filing sub-number (办税小号) to its A number at the vendor." + _LOCK,
    ),
    "4002": JobCode(
        "企业未注册、停用、注销",
        Handling.TAXPAYER,
        "Register or re-activate the enterprise at the vendor, or take the taxpayer off the list if it is deregistered.",
    ),
    "4003": JobCode(
        "风险纳税人",
        Handling.TAXPAYER,
        "The tax bureau marks this taxpayer as a risk: have that cleared at the bureau first.",
    ),
    "4041": JobCode(
        "暂不支持该地区进行发票归集！",
        Handling.TAXPAYER,
        "The vendor does not collect in this taxpayer's region yet: ask the vendor, or take the taxpayer off the list.",
        Fault.VENDOR,
    ),
    "4048": JobCode(
        "没有勾选统计信息,请做勾选确认",
        Handling.TAXPAYER,
        "Finish the deduction selection and its confirmation (勾选确认) at the tax bureau, then run again.",
    ),
    "4059": JobCode(
        "主管税务机关错误",
        Handling.TAXPAYER,
        "Correct the taxpayer's competent tax authority (主管税务机关) at the vendor.",
    ),
    "4007": JobCode("全电发票异常", Handling.LATER, after=_QUARTER),
    "4036": JobCode("没有找到对应页面菜单返回", Handling.LATER, after=_QUARTER),
    "4038": JobCode("申报发票明细抵扣联查询没有找到《发票数据下载》按钮", Handling.LATER, after=_QUARTER),
    # One active job per tax number, whoever started it.
    "4008": JobCode("当前税号在税局有正在执行的任务", Handling.LATER, after=300.0),
    # Waits for a date, not for a time: see earliest_collection.
    TOO_EARLY: JobCode("暂不支持1号采集上月发票数据，建议您3号以后获取上月发票数据", Handling.LATER),
}


class SliceWord(msgspec.Struct, frozen=True):
    """One row of the vendor's table of task states."""

    text: str
    state: SliceState
    retryable: bool = False


SLICE_STATUSES: dict[str, SliceWord] = {
    "toProcess": SliceWord("已发起申请，待处理", SliceState.RUNNING),
    "processing": SliceWord("处理中", SliceState.RUNNING),
    "processed": SliceWord("处理完成", SliceState.READY),
    "failed": SliceWord("处理失败", SliceState.FAILED, retryable=True),
    "disabled": SliceWord("不支持", SliceState.UNSUPPORTED),
    "notSupported": SliceWord(
        "接口不支持 如: 发票下载不支持的发票类型/ 取票月份大于当前时间/销项不支持海关缴款书等", SliceState.UNSUPPORTED
    ),
}


def earliest_collection(invoice_month: str) -> datetime:
    """The 3rd of the month after ``invoice_month`` (``yyyymm``), 00:00 in China (code 4043)."""
    year, month = int(invoice_month[:4]), int(invoice_month[4:])
    return datetime(year + month // 12, month % 12 + 1, 3, tzinfo=CHINA)


def pending(code: str, message: str, invoice_month: str) -> Pending | None:
    """*Later* for the codes that mean it, None for all others. ``message`` is the vendor's own text of this answer."""
    row = JOB_CODES.get(code)
    if row is None or row.handling is not Handling.LATER:
        return None
    reason = message or row.text
    if code == TOO_EARLY:
        return Pending(reason=reason, code=code, not_before=earliest_collection(invoice_month))
    return Pending(reason=reason, code=code, after=row.after)


def refusal(code: str, message: str) -> VendorRefused | None:
    """The error of a final refusal, None for codes that a flow turns into a result (2000, 4000 and *later*)."""
    row = JOB_CODES.get(code)
    if row is None:
        return VendorRefused(
            f"ekuaibao answered the code {code or '(none)'}, which its document does not list: {message or 'no message'}.",
            code=code or None,
            advice="It is not taken for a success. Ask the vendor what the code means, then run again.",
        )
    if row.handling not in (Handling.REQUEST, Handling.TAXPAYER):
        return None
    error = RequestRefused if row.handling is Handling.REQUEST else TaxpayerRefused
    said = row.text if message in ("", row.text) else f"{row.text}: {message}"
    return error(f"ekuaibao refused the request, {code} {said}.", code=code, advice=row.advice, fault=row.fault)
