"""Reading one page of a list: one signed request, two shapes of answer.

The standard shape counts (``count``), so its first page makes all other cursors known and they may be read in any order. The
adapter shape has no count: each page names the next, until one has no rows. A cursor is ``page/size``, with the previous
page's fingerprint behind it where pages are read one after the other: a read that goes on after ``page_size`` was changed
keeps to the size it began with, and no billed page is read twice.

An end without a count proves nothing: a row that the grouped shape leaves out is not missed by anybody. So the last page of
such a list names one more, :data:`COUNT`: the same list without ``adapter``, of which only the count is taken.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from fapiao.answers import count, kind_of
from fapiao.errors import PluginError
from fapiao.wire import Account, Flow, Page, Pending, Request, Response, Secret, Signed, SliceQuery, SyncQuery
from fapiao_jcsk.envelope import billed, broken, read
from fapiao_jcsk.payload import read_content
from fapiao_jcsk.records import digest, records_of
from fapiao_jcsk.settings import LARGEST_PAGE, SERVICE, Settings, read_settings
from fapiao_jcsk.signing import SIGNED_FIELDS, signature
from fapiao_jcsk.wishes import business_content

__all__ = ["COUNT", "read_page", "sign"]

COUNT = "count"
"""The cursor of the page without rows that has a grouped list's count."""

_MOST_PAGES = 100_000
"""Ten million rows in one list: beyond that a count is a fault, not a count."""


class _Place(msgspec.Struct, frozen=True):
    page: int
    size: int
    before: str = ""
    """Fingerprint of the page before, in sequential reading."""


def read_page(account: Account, query: SliceQuery | SyncQuery, cursor: str | None) -> Flow[Page | Pending]:
    """One page; content that is empty is a page without rows.

    :raises ConfigurationError: the connection's settings are wrong.
    :raises VendorBroken: content that cannot be read, or is no object with rows.
    """
    if not isinstance(query, SyncQuery):
        raise PluginError("jcsk reads lists (capability sync), not slices of a collection.", source=account.source)
    settings = read_settings(account)
    if cursor == COUNT:
        response = yield _request(account, settings, _ungrouped(query), _Place(1, 1))
        return _counted(response, settings)
    place = _place(account, settings, query, cursor)
    response = yield _request(account, settings, query, place)
    page = _page(response, settings, place)
    if page.records or page.total is not None or not _is_grouped(query) or not settings.count_grouped:
        return page
    return msgspec.structs.replace(page, remaining=(COUNT,))


def sign(request: Request, account: Account) -> Signed:
    """The signature as one more form field. In a JSON body the flow has put it in place already (``_request``)."""
    fields = dict(request.form) if request.json is None else request.json
    signed = _signature(fields, account, read_settings(account))
    form = (("signature", signed),) if request.json is None else ()
    return Signed(form=form, secrets=(signed,))


def _request(account: Account, settings: Settings, query: SyncQuery, place: _Place) -> Request:
    content = base64.b64encode(msgspec.json.encode(business_content(query, place.page, place.size))).decode()
    fields = {
        "appid": account.name,
        "serviceid": SERVICE,
        "jtnsrsbh": settings.group_tax_no,
        "nsrsbh": query.taxpayer_no,
        "content": content,
        "signType": settings.sign_type,
    }
    if settings.as_json:
        # `Signed` can add fields to a form only. The signature has neither clock nor nonce, so it can be made here.
        body = fields | {"signature": Secret(_signature(fields, account, settings))}
        return Request(method="POST", path=settings.path, json=body)
    return Request(method="POST", path=settings.path, form=tuple(fields.items()))


def _signature(fields: Mapping[str, Any], account: Account, settings: Settings) -> str:
    covered = {name: fields[name] for name in SIGNED_FIELDS}
    return signature(covered, account.secret.reveal(), sign_type=settings.sign_type, prefix=settings.sign_prefix)


def _place(account: Account, settings: Settings, query: SyncQuery, cursor: str | None) -> _Place:
    if cursor is None:
        wanted = dict(query.filters).get("pageSize")
        return _Place(1, int(wanted) if wanted else settings.page_size)
    page, _, rest = cursor.partition("/")
    size, _, before = rest.partition("/")
    try:
        place = _Place(int(page), int(size), before)
    except ValueError:
        place = _Place(0, 0)
    if place.page < 1 or not 1 <= place.size <= LARGEST_PAGE:
        raise PluginError(
            f"The cursor {cursor!r} is not one that jcsk's pages name (page/size).", source=account.source
        )
    return place


def _page(response: Response, settings: Settings, place: _Place) -> Page:
    envelope = read(response)
    charged = billed(envelope)
    content = read_content(envelope.content, settings.limits)
    if content is None:
        # Nothing at all, and no count that would prove it.
        return Page(records=[], billed=charged)
    if not isinstance(content, dict):
        raise broken(f"content is {kind_of(content)} instead of an object")
    records, grouped = records_of(content)
    total = count(content.get("count"), "count", broken)
    if total is None or grouped:
        return _sequential(records, total, charged, place)
    remaining = _numbered(total, len(records), place.size) if place.page == 1 else ()
    return Page(records=records, total=total, remaining=remaining, billed=charged)


def _is_grouped(query: SyncQuery) -> bool:
    return ("adapter", "1") in query.filters


def _ungrouped(query: SyncQuery) -> SyncQuery:
    """The same question in the standard shape, which counts (``count``, 发票总张数)."""
    filters = tuple((name, value) for name, value in query.filters if name != "adapter")
    return msgspec.structs.replace(query, filters=filters)


def _counted(response: Response, settings: Settings) -> Page:
    """The count alone: the rows beside it have been read in the other shape."""
    envelope = read(response)
    content = read_content(envelope.content, settings.limits)
    if content is not None and not isinstance(content, dict):
        raise broken(f"content is {kind_of(content)} instead of an object")
    return Page(records=[], total=count((content or {}).get("count"), "count", broken), billed=billed(envelope))


def _numbered(total: int, received: int, size: int) -> tuple[str, ...]:
    """Cursors of the pages after the first, counted by what the first page really held.

    Page sizes differ by province (默认系统根据不同省份给不同数量): one smaller than asked for costs more requests, but no row.
    A first page without rows beside a count is left to the proof of completeness.
    """
    if total <= received or not received:
        return ()
    pages = -(-total // received)
    if pages > _MOST_PAGES:
        raise broken(f"count is {total}, which cannot be true")
    return tuple(f"{page}/{size}" for page in range(2, pages + 1))


def _sequential(records: list[Any], total: int | None, charged: int | None, place: _Place) -> Page:
    """A page that is the same as the one before ends the list too: some answers ignore the page number.

    Not where it is exactly full: then it may be a fault that hides further rows, and taking it for the end would lose them.
    """
    if not records:
        return Page(records=[], total=total, billed=charged)
    print_ = digest(records)
    if print_ == place.before:
        if len(records) == place.size:
            raise broken(
                f"page {place.page} repeats the rows of page {place.page - 1}, so the end of the list cannot be told"
            )
        return Page(records=[], total=total, billed=charged)
    if place.page >= _MOST_PAGES:
        raise broken(f"the list has not ended after {place.page} pages")
    return Page(records=records, total=total, remaining=(f"{place.page + 1}/{place.size}/{print_}",), billed=charged)
