"""The settings of a connection as the flows use them."""

from __future__ import annotations

from typing import Any

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.wire import Account
from fapiao_qixiangyun.codes import FAULT_PAUSE
from fapiao_qixiangyun.paths import DEFAULT_RESULT_PATH

__all__ = ["DEFAULT_PAGE", "LARGEST_PAGE", "Settings", "read_settings"]

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
"""The vendor publishes no limit; over 2 MB it answers with the address of a file instead of a list."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    result_path: str = DEFAULT_RESULT_PATH
    page_size: int = DEFAULT_PAGE
    fault_pause: float = FAULT_PAUSE
    """Seconds to wait after a fault of the tax bureau."""
    agg_org_id: str | None = None
    account_id: str | None = None


def read_settings(account: Account) -> Settings:
    """:raises ConfigurationError: everything that is wrong, with the allowed values."""
    given = account.settings
    result_path = _text(given.get("result_path")) or DEFAULT_RESULT_PATH
    page_size = given.get("page_size") or DEFAULT_PAGE
    pause = given.get("fault_pause")
    pause = FAULT_PAUSE if pause is None else pause
    wrong = []
    if not result_path.startswith("/") or "?" in result_path or " " in result_path:
        wrong.append(f"result_path is {result_path!r}, it must be a path such as {DEFAULT_RESULT_PATH}")
    if isinstance(page_size, bool) or not isinstance(page_size, int) or not 1 <= page_size <= LARGEST_PAGE:
        wrong.append(f"page_size is {page_size!r}, it must be a whole number from 1 to {LARGEST_PAGE}")
    if isinstance(pause, bool) or not isinstance(pause, int | float) or not 0 <= pause <= 86_400:
        wrong.append(f"fault_pause is {pause!r}, it must be seconds from 0 to 86400")
    if wrong:
        raise ConfigurationError(f"The connection's settings are wrong: {'; '.join(wrong)}.", source=account.source)
    return Settings(
        result_path=result_path,
        page_size=page_size,
        fault_pause=float(pause),
        agg_org_id=_text(given.get("agg_org_id")),
        account_id=_text(given.get("account_id")),
    )


def _text(value: Any) -> str | None:
    text = "" if value is None else str(value).strip()
    return text or None
