"""The vendor's two documents as the simulator obeys them: written anew here, not taken from the plugin under test."""

from __future__ import annotations

__all__ = [
    "APPLY_PATH",
    "CODES",
    "DATA_PATH",
    "DIRECTIONS",
    "LOCATION_PATH",
    "OPERATIONS",
    "REFRESH_PATH",
    "TOKEN_PATH",
    "TYPES",
]

TOKEN_PATH = "/api/openapi/v1/auth/getAccessToken"  # noqa: S105 - a path, not a password
REFRESH_PATH = "/api/openapi/v2/auth/refreshToken"
LOCATION_PATH = "/api/openapi/v2/location"
APPLY_PATH = "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask"
DATA_PATH = "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"

OPERATIONS = {TOKEN_PATH: "login", REFRESH_PATH: "refresh", LOCATION_PATH: "location", DATA_PATH: "read"}
"""``applyInvoiceCollectionTask`` is ``start`` or ``status``, by its ``addJob``."""

DIRECTIONS = {"jx": "input", "xx": "output"}
"""进销项标志."""

TYPES = {
    "01": "vat_special_paper",
    "03": "motor_paper",
    "04": "vat_ordinary_paper",
    "08": "vat_special_e",
    "10": "vat_ordinary_e",
    "11": "vat_roll",
    "14": "toll_e",
    "15": "used_car_paper",
    "17": "customs_vat",
    "81": "digital_special",
    "82": "digital_ordinary",
    "84": "digital_paper_special",
    "85": "digital_paper_ordinary",
    "83": "digital_motor",
    "87": "digital_paper_motor",
    "70": "digital_used_car",
    "88": "digital_paper_used_car",
    "51": "rail_e",
    "61": "air_e",
    "8208": "digital_toll",
}
"""发票类型: the vendor's code → the canonical type. 84 and 85 are one lower than the tax bureau's, 70 is its 84."""

CODES = {
    "500": "未开通【增值税发票全量采集】功能或传参错误",
    "2000": "发送成功",
    "4000": "没有符合条件的记录！",
    "4001": "用户名密码不正确",
    "4002": "企业未注册、停用、注销",
    "4003": "风险纳税人",
    "4004": "企业信息或身份不符",
    "4005": "非办税小号",
    "4006": "必填项为空",
    "4007": "全电发票异常",
    "4008": "当前税号在税局有正在执行的任务",
    "4009": "综服：身份权限",
    "4010": "实名登录人信息不全",
    "4036": "没有找到对应页面菜单返回",
    "4038": "申报发票明细抵扣联查询没有找到《发票数据下载》按钮",
    "4048": "没有勾选统计信息,请做勾选确认",
    "4059": "主管税务机关错误",
    "4041": "暂不支持该地区进行发票归集！",
    "4042": "非办税小号或办税小号未绑定A号",
    "4043": "暂不支持1号采集上月发票数据，建议您3号以后获取上月发票数据",
}
"""发票任务状态代码."""
