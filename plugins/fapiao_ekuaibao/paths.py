"""Where 易快报 answers: the three paths this plugin calls, and the hosts its platforms live on."""

from __future__ import annotations

__all__ = ["APPLY_PATH", "DATA_PATH", "DEFAULT_HOST", "HOST_HELP", "TOKEN_PATH"]

TOKEN_PATH = "/api/openapi/v1/auth/getAccessToken"  # noqa: S105 - a path, not a password
"""获取授权: https://docs.ekuaibao.com/docs/open-api/getting-started/auth"""

APPLY_PATH = "/api/openapi/v2/invoice/v2/applyInvoiceCollectionTask"
"""增值税发票全量采集申请接口: https://docs.ekuaibao.com/docs/open-api/invoice/apply-invoice-collection-task"""

DATA_PATH = "/api/openapi/v2/invoice/v2/getInvoiceCollectionData"
"""获取增值税发票全量采集票据数据接口: https://docs.ekuaibao.com/docs/open-api/invoice/get-invoice-collection-data"""

DEFAULT_HOST = "https://app.ekuaibao.com"

HOST_HELP = (
    "Each platform has a host of its own (地址前缀): app.ekuaibao.com, dd2.hosecloud.com (DingTalk), wx2.ekuaibao.com (WeCom), "
    "feishu.ekuaibao.com (Feishu), kdcloud2.ekuaibao.com (Kingdee), ddenterprise.ekuaibao.com (DingTalk enterprise). "
    "A wrong one answers HTTP 403; GET /api/openapi/v2/location?corpId=… names the right one."
)
