"""The settings of a JCSK connection, read and judged together, so that one message names everything that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.wire import Account
from fapiao_jcsk.lists import List, read_profile
from fapiao_jcsk.payload import Limits

__all__ = ["DEFAULT_PATH", "LARGEST_PAGE", "SERVICE", "Settings", "read_settings", "settings_faults"]

SERVICE = "S000621"
DEFAULT_PATH = f"/invoice/{SERVICE}"
LARGEST_PAGE = 1000
"""The document advises 100 and names no limit; beyond this an answer is refused by gateways long before it is useful."""

_PATH = re.compile(r"/(?!/)[^?#\s]*")
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "none", "0"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection says about the vendor's deployment."""

    group_tax_no: str
    """集团税号 (``jtnsrsbh``)."""
    path: str
    sign_type: str
    sign_prefix: str
    as_json: bool
    page_size: int
    count_grouped: bool
    """Whether a list in the grouped shape (``adapter=1``) is counted by one more call in the standard shape."""
    limits: Limits
    profile: Mapping[str, List]


def read_settings(account: Account) -> Settings:
    """The settings of an account. :raises ConfigurationError: names every fault at once."""
    settings, faults = settings_faults(account)
    if faults:
        raise ConfigurationError(
            f"The settings of the connection cannot be used: {'; '.join(faults)}.",
            source=account.source,
            advice="Correct them in the connection's extra.",
        )
    return settings


def settings_faults(account: Account) -> tuple[Settings, list[str]]:
    """The settings as far as they can be read, and everything that is wrong with them."""
    given = account.settings
    profile, faults = read_profile(str(given.get("rzzt_profile") or ""))
    group = re.sub(r"\s", "", str(given.get("group_tax_no") or "")).upper()
    if not re.fullmatch(r"[0-9A-Z]{9,20}", group):
        faults.append("group_tax_no (集团税号) is not 9 to 20 digits and capital letters")
    path = "/" + str(given.get("path") or DEFAULT_PATH).strip().lstrip("/")
    if not _PATH.fullmatch(path):
        faults.append("path is not a path such as /invoice/S000621, or / for a gateway")
    elif path != "/" and account.base_url.endswith(path):
        faults.append(f"the host ends with the path {path} already: give only scheme, host and port as host")
    sign_type = _choice(given, "sign_type", "0", ("0", "1"), faults)
    body_format = _choice(given, "body_format", "form", ("form", "json"), faults)
    settings = Settings(
        group_tax_no=group,
        path=path,
        sign_type=sign_type,
        sign_prefix=_prefix(given.get("sign_prefix"), faults),
        as_json=body_format == "json",
        page_size=_whole(given, "page_size", 100, LARGEST_PAGE, faults),
        count_grouped=_yes_or_no(given, "count_grouped", True, faults),
        limits=Limits(
            inflated=_whole(given, "max_inflated_bytes", Limits().inflated, 1 << 30, faults),
            ratio=_whole(given, "max_inflation_ratio", Limits().ratio, 1100, faults),
            entries=_whole(given, "max_archive_entries", Limits().entries, 1000, faults),
        ),
        profile=profile,
    )
    return settings, faults


def _choice(given: Mapping[str, Any], name: str, default: str, allowed: tuple[str, ...], faults: list[str]) -> str:
    value = given.get(name)
    text = default if value is None or value == "" else str(value).strip().lower()
    if text not in allowed:
        faults.append(f"{name} is {text[:20]!r}, not one of {', '.join(allowed)}")
        return default
    return text


def _prefix(value: Any, faults: list[str]) -> str:
    """``true`` is the ``?`` of working clients, ``false`` is nothing; any other text stands for itself."""
    if value is None or value == "":
        return "?"
    text = str(value).strip()
    word = text.lower()
    if word in _YES:
        return "?"
    if word in _NO:
        return ""
    if len(text) > 8 or not text.isascii() or not text.isprintable():
        faults.append("sign_prefix is not true, false, or up to 8 printable characters")
        return "?"
    return text


def _yes_or_no(given: Mapping[str, Any], name: str, default: bool, faults: list[str]) -> bool:
    value = given.get(name)
    if isinstance(value, bool):
        return value
    word = "" if value is None else str(value).strip().lower()
    if word not in _YES | _NO | {""}:
        faults.append(f"{name} is neither true nor false")
    return default if not word else word in _YES


def _whole(given: Mapping[str, Any], name: str, default: int, largest: int, faults: list[str]) -> int:
    value = given.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        faults.append(f"{name} is not a whole number from 1 to {largest}")
        return default
    return value
