"""The vendor's contract as the simulator obeys it: written anew here, not taken from the plugin under test."""

from __future__ import annotations

__all__ = [
    "CHECK_PATH", "COLLECT_TYPES", "DIRECTIONS", "LOGIN_PATH", "OPERATIONS", "PAGES_PATH", "START_PATH", "STATUS_PATH", "TEXTS",
    "VERIFY_STATES", "VERIFY_TYPES",
]  # fmt: skip

LOGIN_PATH = "/v2/public/oauth2/login"
CHECK_PATH = "/v2/invoice/customizedCheck"
START_PATH = "/v2/invoice/gj/collectTask"
STATUS_PATH = "/v2/invoice/gj/collectTaskStatus"
PAGES_PATH = "/v2/invoice/gj/getCollectTaskPageData"

OPERATIONS = {LOGIN_PATH: "login", CHECK_PATH: "verify", START_PATH: "start", STATUS_PATH: "status", PAGES_PATH: "read"}
"""Path → operation; the path of the layout files' results is a setting, and is ``result``; files are ``file``."""

DIRECTIONS = {"jx": "input", "xx": "output"}

COLLECT_TYPES = {
    "01": "vat_special_paper", "03": "motor_paper", "04": "vat_ordinary_paper", "08": "vat_special_e", "10": "vat_ordinary_e",
    "11": "vat_roll", "14": "toll_e", "15": "used_car_paper", "17": "customs_vat", "81": "digital_special", "82": "digital_ordinary",
    "84": "digital_paper_special", "85": "digital_paper_ordinary", "83": "digital_motor", "87": "digital_paper_motor",
    "70": "digital_used_car", "88": "digital_paper_used_car", "51": "rail_e", "61": "air_e", "8208": "digital_toll",
}  # fmt: skip
"""fplx of the collection."""

VERIFY_TYPES = {
    "digital_special": ("0920", "08xdp", "81"),
    "digital_ordinary": ("0910", "10xdp", "82"),
    "rail_e": ("83", "51"),
    "air_e": ("61",),
    "digital_toll": ("8208",),
    "digital_motor": ("0930",),
    "digital_used_car": ("0940",),
}
"""invoiceType of verification: the codes that may be answered for a canonical type."""

VERIFY_STATES = {"normal": "0", "out_of_control": "1", "voided": "2", "red_partial": "7", "red_full": "8"}

TEXTS = {
    "2000": "成功",
    "40100": "access_token不能为空",
    "40101": "access_token已过期",
    "40102": "access_token无效",
    "400429": "请求过于频繁",
    "505018": "请求时间超出允许范围",
    "505019": "签名校验失败",
    "505001": "请求参数校验失败",
    "50001": "任务正在执行中",
    "4888": "查询范围内发票超过5000张",
    "CheckInvoiceNotExistence": "查验成功所查发票不存在",
    "CheckInvoiceNotSame": "查验成功所查发票不一致",
    "CheckInvoicesMoreThanToday": "开票日期超过当前日期",
    "CheckInvoicesOverFiveYears": "超过五年的发票不能查验",
    "CheckInvoiceMoreFiveTimes": "超过该张票当天查验次数",
    "CheckAuthorityVerification": "未订购税号版发票查验版式文件下载产品!",
    "CheckInvoiceSingular": "请求太频繁或超过服务器最大请求数,请稍后访问!",
    "CheckInvoiceException": "税局服务异常,建议15-20分钟后重试",
    "IllegalParameter": "请求参数不正确",
    "IllegalParameter.IllegalInvoiceNumber": "请求参数不正确,参数fphm发票号码不正确!",
    "IllegalParameter.IllegalBillingDate": "请求参数不正确,参数kprq开票日期不正确!",
    "IllegalParameter.IllegalTotalAmountIincludingTax": "请求参数不正确,价税合计为空!",
}
