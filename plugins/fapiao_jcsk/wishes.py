"""From a user's wish to the query that is read: which request field may go with which list.

The names are the vendor's own; values of filters are passed on verbatim, never translated, because the vendor's gloss of
its filter codes contradicts the tax bureau's (``fpztdm`` 2, ``fxdjdm`` 02 and 03).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date

import msgspec

from fapiao.errors import ConfigurationError
from fapiao.wire import Account, SyncQuery
from fapiao_jcsk.lists import List
from fapiao_jcsk.settings import LARGEST_PAGE, Settings, settings_faults

__all__ = ["FILTERS", "business_content", "query_of"]

FILTERS: Mapping[str, str] = {
    "adapter": "0 or 1: rows grouped by period",
    "fpdm": "税控发票代码",
    "fphm": "税控发票号码",
    "fplxdm": "发票类型代码",
    "fpztdm": "发票状态代码",
    "fxdjdm": "风险等级代码",
    "gxrq_q": "勾选日期起, yyyy-mm-dd",
    "gxrq_z": "勾选日期止, yyyy-mm-dd",
    "pageSize": "rows per page",
    "qdfphm": "数电发票号码",
    "znxpz": "N or Y: 转内销",
}
"""Every filter that a wish may set by the vendor's name, with what it takes."""

_EVERYWHERE = frozenset({"pageSize"})
_OWN_ARGUMENT = {
    "iszip": "ask for a compressed answer instead",
    "page": "the run reads every page itself",
    "rq_q": "give the first date instead",
    "rq_z": "give the last date instead",
    "rzzt": "give it as the query",
    "skssq": "give the tax period instead",
}
_TAXPAYER = re.compile(r"[0-9A-Z]{9,20}")
_MONTH = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_VALUE = 2000


def query_of(account: Account, wish: SyncQuery) -> SyncQuery:
    """The wish, checked and put in order.

    :raises ConfigurationError: one sentence with everything that is wrong with the wish and the connection's settings.
    """
    settings, faults = settings_faults(account)
    kind = settings.profile.get(wish.query)
    if kind is None:
        known = ", ".join(f"{code} ({entry.label})" for code, entry in settings.profile.items())
        faults.append(
            f"the list (rzzt) {wish.query[:20]!r} is not known; known are {known}; add others to rzzt_profile"
        )
    if not _TAXPAYER.fullmatch(wish.taxpayer_no):
        faults.append("the taxpayer number is not 9 to 20 digits and capital letters")
    if wish.tax_period is not None and not _MONTH.fullmatch(wish.tax_period):
        faults.append(f"the tax period (skssq) {wish.tax_period[:20]!r} is not a month yyyymm")
    _check_window("the dates", wish.first_on, wish.last_on, faults)
    _check_filters(wish, kind, settings, faults)
    if faults:
        raise ConfigurationError(
            f"The deduction list cannot be asked for: {'; '.join(faults)}.",
            source=account.source,
            taxpayer_no=wish.taxpayer_no,
            advice="Filters are named as in the vendor's document: " + ", ".join(FILTERS) + ".",
        )
    return msgspec.structs.replace(wish, filters=tuple(sorted(wish.filters)))


def business_content(query: SyncQuery, page: int, page_size: int) -> dict[str, str | int]:
    """The JSON object that becomes ``content``, its keys in order: the same question is the same bytes every time."""
    content: dict[str, str | int] = {"page": page, "rzzt": query.query}
    if query.tax_period:
        content["skssq"] = query.tax_period
    if query.first_on and query.last_on:
        content["rq_q"] = query.first_on
        content["rq_z"] = query.last_on
    if query.zipped:
        content["iszip"] = "1"
    content.update(query.filters)
    content["pageSize"] = page_size
    return dict(sorted(content.items()))


def _check_window(what: str, first: str | None, last: str | None, faults: list[str]) -> None:
    if first is None and last is None:
        return
    if first is None or last is None:
        faults.append(f"{what} have only one end: give both")
        return
    days = []
    for text in (first, last):
        try:
            if not _DAY.fullmatch(text):  # Python 3.11 also reads 2024-W01-1
                raise ValueError
            days.append(date.fromisoformat(text))
        except ValueError:
            faults.append(f"{what} name {text[:20]!r}, which is no day yyyy-mm-dd")
    if len(days) == 2 and days[0] > days[1]:
        faults.append(f"{what} end on {last} before they begin on {first}")


def _check_filters(wish: SyncQuery, kind: List | None, settings: Settings, faults: list[str]) -> None:
    for name, times in Counter(name for name, _ in wish.filters).items():
        if times > 1:
            faults.append(f"the filter {name} is given {times} times")
    filters = dict(wish.filters)
    for name, value in sorted(filters.items()):
        if name in _OWN_ARGUMENT:
            faults.append(f"the filter {name} has an argument of its own: {_OWN_ARGUMENT[name]}")
        elif name not in FILTERS:
            faults.append(f"the filter {name[:20]!r} is not known")
        elif kind is not None and name not in _EVERYWHERE and name not in kind.filters:
            at = ", ".join(code for code, entry in settings.profile.items() if name in entry.filters)
            faults.append(f"the filter {name} does not go with the list {wish.query}; it goes with {at or 'no list'}")
        elif not value or value != value.strip() or len(value) > _LONGEST_VALUE or not value.isprintable():
            faults.append(f"the filter {name} has an empty or unprintable value")
        elif name == "adapter" and value not in ("0", "1"):
            faults.append("the filter adapter is neither 0 nor 1")
        elif name == "znxpz" and value not in ("N", "Y"):
            faults.append("the filter znxpz is neither N nor Y")
        elif name == "pageSize" and not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= LARGEST_PAGE):
            faults.append(f"the filter pageSize is not a whole number from 1 to {LARGEST_PAGE}")
    _check_window("the selection dates (gxrq_q, gxrq_z)", filters.get("gxrq_q"), filters.get("gxrq_z"), faults)
