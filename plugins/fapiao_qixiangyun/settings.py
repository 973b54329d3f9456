"""The settings of a connection as the flows use them."""

from __future__ import annotations

from typing import Any

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.wire import Account
from fapiao_qixiangyun.codes import FAULT_PAUSE
from fapiao_qixiangyun.paths import DEFAULT_RESULT_PATH

__all__ = ["DEFAULT_PAGE", "LARGEST_PAGE", "LAYOUT_PAUSE", "Settings", "read_settings"]

DEFAULT_PAGE = 100
LAYOUT_PAUSE = 60.0
"""Seconds. A layout task takes minutes, and each look at a finished one is the last."""
LARGEST_PAGE = 1000
"""The vendor publishes no limit; over 2 MB it answers with the address of a file instead of a list."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    result_path: str = DEFAULT_RESULT_PATH
    page_size: int = DEFAULT_PAGE
    fault_pause: float = FAULT_PAUSE
    """Seconds to wait after a fault of the tax bureau."""
    layout_pause: float = LAYOUT_PAUSE
    """Seconds between two looks at a layout task that runs."""
    agg_org_id: str | None = None
    account_id: str | None = None


def read_settings(account: Account) -> Settings:
    """:raises ConfigurationError: everything that is wrong, with the allowed values."""
    given = account.settings
    result_path = _text(given.get("result_path")) or DEFAULT_RESULT_PATH
    page_size = given.get("page_size") or DEFAULT_PAGE
    pauses: dict[str, Any] = {}
    for name, usual in (("fault_pause", FAULT_PAUSE), ("layout_pause", LAYOUT_PAUSE)):
        pauses[name] = usual if given.get(name) is None else given[name]
    wrong = []
    if not result_path.startswith("/") or "?" in result_path or " " in result_path:
        wrong.append(f"result_path is {result_path!r}, it must be a path such as {DEFAULT_RESULT_PATH}")
    if isinstance(page_size, bool) or not isinstance(page_size, int) or not 1 <= page_size <= LARGEST_PAGE:
        wrong.append(f"page_size is {page_size!r}, it must be a whole number from 1 to {LARGEST_PAGE}")
    for name, pause in pauses.items():
        if isinstance(pause, bool) or not isinstance(pause, int | float) or not 0 <= pause <= 86_400:
            wrong.append(f"{name} is {pause!r}, it must be seconds from 0 to 86400")
    if wrong:
        raise ConfigurationError(f"The connection's settings are wrong: {'; '.join(wrong)}.", source=account.source)
    return Settings(
        result_path=result_path,
        page_size=page_size,
        fault_pause=float(pauses["fault_pause"]),
        layout_pause=float(pauses["layout_pause"]),
        agg_org_id=_text(given.get("agg_org_id")),
        account_id=_text(given.get("account_id")),
    )


def _text(value: Any) -> str | None:
    text = "" if value is None else str(value).strip()
    return text or None
