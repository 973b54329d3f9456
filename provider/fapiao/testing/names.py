"""Closed lists of synthetic names. Nobody and nothing real is in them; some are chosen to break careless code."""

from __future__ import annotations

__all__ = [
    "CARRIERS",
    "COMPANIES",
    "HOSTILE_COMPANIES",
    "HOSTILE_REMARKS",
    "ITEMS",
    "PERSONS",
    "PLACES",
    "VEHICLES",
    "Item",
]

_ORDINALS = "甲乙丙丁戊己庚辛壬癸"
_TRADES = ("测试", "试验", "样例", "演示", "模拟", "虚构", "示范", "假想")
_FORMS = ("有限公司", "股份有限公司", "(九九)有限公司", "（九九）商贸有限公司", "有限责任公司")

COMPANIES: tuple[str, ...] = tuple(
    f"{first}{second}{trade}{form}"
    for trade in _TRADES
    for form in _FORMS
    for first in _ORDINALS
    for second in _ORDINALS[:5]
)
"""2,000 company names."""

HOSTILE_COMPANIES: tuple[str, ...] = (
    "𠮷野测试有限公司",  # outside the BMP: four bytes in UTF-8, two units in UTF-16
    "䶮䶮测试有限公司",  # CJK extension A
    "㛃测试（九九）有限公司",
    "\uf900甲测试有限公司",  # a compatibility ideograph: NFC and NFKC would fold it into another character
    "甲\ue863测试有限公司",  # private use area, as old bureau software writes rare names
    "ＡＢＣ测试有限公司",  # full-width letters belong to the name
    "测试'有限\"公司; DROP TABLE fapiao_invoice;--",
    "=HYPERLINK(甲)测试有限公司",
    "测试\\n\\u0000%s{0}有限公司",
    "甲乙&丙丁测试有限公司",
    "测试,有限\\.公司",
    "长" * 90 + "测试有限公司",
)
"""Names that careless quoting, charsets, normalisation or column widths destroy. None has outer or doubled spaces."""

HOSTILE_REMARKS: tuple[str, ...] = (
    "备注🧾表情😀",
    "第一行\n第二行\t制表",
    '{"json": "里面"}',
    "\\N",
    "NULL值；100%；'单引号'",
    "项目：测试" * 40,
)

PERSONS: tuple[str, ...] = tuple(f"测试人员{number:03d}" for number in range(1, 51))
PLACES: tuple[str, ...] = ("测试东站", "测试西站", "测试南", "测试北", "虚构市", "样例港", "示范机场", "㛃山站")
CARRIERS: tuple[str, ...] = ("测试航空", "样例航空", "𠮷祥测试航空")
VEHICLES: tuple[tuple[str, str], ...] = (
    ("轿车", "测试牌TS7001"),
    ("多用途乘用车", "样例牌YL6450"),
    ("重型载货汽车", "虚构牌XG1160"),
    ("小型普通客车", "示范牌SF6480BEV"),
)

Item = tuple[str, str, str, str, int]
"""(name with its category, unit, specification, tax classification code, usual rate in ten-thousandths)."""

ITEMS: tuple[Item, ...] = (
    ("*其他机械设备*测试拉力机", "台", "TL-100", "1099900000000000000", 1300),
    ("*纸制品*样例复印纸", "箱", "A4 70g", "1060105040000000000", 1300),
    ("*电子计算机*测试笔记本", "台", "13寸/16G", "1090511010000000000", 1300),
    ("*塑料制品*演示管件", "件", "φ20×3", "1070601990000000000", 1300),
    ("*汽油*样例汽油", "升", "92号", "1070101010100000000", 1300),
    ("*金属制品*虚构螺栓", "千克", "M8×30", "1080414990000000000", 1300),
    ("*信息技术服务*测试软件维护费", "项", "", "3040201020000000000", 600),
    ("*咨询服务*样例咨询费", "次", "", "3040602990000000000", 600),
    ("*住宿服务*测试住宿费", "天", "标准间", "3070402000000000000", 600),
    ("*餐饮服务*样例餐费", "", "", "3070401000000000000", 600),
    ("*运输服务*测试货物运输", "吨", "", "3010102020100000000", 900),
    ("*建筑服务*示范工程款", "项", "", "3050100000000000000", 900),
    ("*谷物*样例大米", "千克", "", "1010101020000000000", 900),
    ("*经营租赁*测试房屋租金", "平方米", "", "3040502020200000000", 900),
    ("*劳务*演示搬运费", "次", "", "2010000000000000000", 300),
    ("*生活服务*虚构保洁费", "月", "", "3079900000000000000", 100),
)
