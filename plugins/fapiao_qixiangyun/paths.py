"""Where 企享云 answers: the paths this plugin calls."""

from __future__ import annotations

__all__ = [
    "COLLECTION_PATHS", "DEFAULT_HOST", "DEFAULT_RESULT_PATH", "LOGIN_PATH", "PAGES_PATH", "START_PATH", "STATUS_PATH", "VERIFY_PATH",
]  # fmt: skip

DEFAULT_HOST = "https://api.qixiangyun.com"

LOGIN_PATH = "/v2/public/oauth2/login"
"""获取access_token."""

VERIFY_PATH = "/v2/invoice/customizedCheck"
"""税号版数电票查验及版式文件下载."""

DEFAULT_RESULT_PATH = "/v2/invoice/cy/bsxzJgCx"
"""发票查验版式文件下载结果查询. The path of the standard edition; for this edition it is not documented, hence a setting."""

START_PATH = "/v2/invoice/gj/collectTask"
"""发起发票归集任务."""

STATUS_PATH = "/v2/invoice/gj/collectTaskStatus"
"""查询归集任务状态."""

PAGES_PATH = "/v2/invoice/gj/getCollectTaskPageData"
"""获取发票数据."""

COLLECTION_PATHS = frozenset((START_PATH, STATUS_PATH, PAGES_PATH))
