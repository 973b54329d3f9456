"""Reading one page of a slice: ``getInvoiceCollectionData``.

Paging is numbered from 1 (分页的起始值是从 1 开始), so the first page makes all other cursors known and they may be read in any
order. A cursor is ``page/size``: a read that is continued after ``page_size`` was changed keeps to the size it began with.
"""

from __future__ import annotations

from typing import Any

import msgspec

from fapiao.answers import count, kind_of
from fapiao.errors import ConfigurationError, PluginError
from fapiao.wire import Account, Flow, Page, Pending, Request, Response, SliceQuery
from fapiao_ekuaibao.codes import NOTHING_FOUND, pending
from fapiao_ekuaibao.collection import DIRECTION_CODES
from fapiao_ekuaibao.envelope import broken, read
from fapiao_ekuaibao.paths import DATA_PATH

__all__ = ["LARGEST_PAGE", "read_page"]

LARGEST_PAGE = 100
"""最大不能超过 100"""

_MOST_PAGES = 100_000
"""Ten million invoices of one type and direction in one month: beyond that a count is a fault, not a count."""


"""Above this a number is not looked at further: ``1e999999999`` is valid JSON."""


class _Place(msgspec.Struct, frozen=True):
    page: int
    size: int


def read_page(account: Account, query: SliceQuery, cursor: str | None) -> Flow[Page | Pending]:
    """One page. Code 4000 (没有符合条件的记录) is an empty page; the codes that mean *later* are :class:`Pending`.

    :raises ConfigurationError: ``page_size`` is outside 1 to 100.
    :raises VendorBroken: the answer has no list of objects, or no count beside records.
    """
    place = _place(account, cursor)
    response = yield Request(
        method="POST",
        path=DATA_PATH,
        json={
            "corpId": account.name,
            "nsrsbh": query.taxpayer_no,
            "fplx": query.key.type,
            "kpyf": query.invoice_month,
            "jxxbz": DIRECTION_CODES[query.key.direction],
            "page": {"pageSize": place.size, "currentPage": place.page},
        },
    )
    return _page(response, query, place)


def _place(account: Account, cursor: str | None) -> _Place:
    size = account.settings.get("page_size", LARGEST_PAGE)
    if not isinstance(size, int) or not 1 <= size <= LARGEST_PAGE:
        raise ConfigurationError(
            f"The setting page_size of the connection is {size!r}.",
            source=account.source,
            advice=f"Set it to a whole number from 1 to {LARGEST_PAGE}, the vendor's limit.",
        )
    if cursor is None:
        return _Place(1, size)
    page, _, used = cursor.partition("/")
    try:
        place = _Place(int(page), int(used))
    except ValueError:
        place = _Place(0, 0)
    if place.page < 1 or not 1 <= place.size <= LARGEST_PAGE:
        raise PluginError(
            f"The cursor {cursor!r} is not one that ekuaibao's pages name (page/size).", source=account.source
        )
    return place


def _page(response: Response, query: SliceQuery, place: _Place) -> Page | Pending:
    answer = read(response)
    later = pending(answer.code, answer.message, query.invoice_month)
    if later is not None:
        return later
    if answer.code == NOTHING_FOUND:
        return Page(records=[], total=0, code=NOTHING_FOUND)
    data = answer.data
    if data is None:
        raise broken("value.data is missing although the code says success: no count would prove that nothing is there")
    if not isinstance(data, dict):
        raise broken(f"value.data is {kind_of(data)} instead of an object")
    numbers = data.get("page")
    if numbers is None:
        numbers = {}
    if not isinstance(numbers, dict):
        raise broken(f"value.data.page is {kind_of(numbers)} instead of an object")
    total = count(numbers.get("totalCount"), "value.data.page.totalCount", broken)
    records = _records(data.get("list"), total, place)
    if records and total is None:
        raise broken("value.data.page.totalCount is missing: without the vendor's count nothing proves a whole read")
    remaining = (
        _remaining(total, count(numbers.get("totalPage"), "value.data.page.totalPage", broken), len(records), place)
        if place.page == 1
        else ()
    )
    return Page(records=records, total=total, remaining=remaining, code=answer.code)


def _records(rows: Any, total: int | None, place: _Place) -> list[Any]:
    if rows is None:
        if total is not None and total > (place.page - 1) * place.size:
            raise broken(f"value.data.list is missing although totalCount is {total}")
        return []
    if not isinstance(rows, list):
        raise broken(f"value.data.list is {kind_of(rows)} instead of a list")
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise broken(f"value.data.list[{position}] is {kind_of(row)} instead of an object")
    return rows


def _remaining(total: int | None, stated_pages: int | None, received: int, place: _Place) -> tuple[str, ...]:
    """Cursors of the pages after the first.

    The count decides, divided by what the first page really held: a vendor that ignores ``pageSize`` then costs more
    requests but no invoice. ``totalPage`` is believed only where the first page is empty although the count is not: it
    is a derived number, and has been computed from another page size.
    """
    if total is None or total <= received:
        return ()
    pages = -(-total // received) if received else max(stated_pages or 0, -(-total // place.size))
    if pages > _MOST_PAGES:
        raise broken(f"value.data.page.totalCount is {total}, which cannot be true")
    return tuple(f"{page}/{place.size}" for page in range(2, pages + 1))
