"""Reading a slice: ``getCollectTaskPageData``, and the files that stand in for lists over 2 MB.

The pages of a task mix its types and directions and state one count for all. What proves a slice is therefore the task as a
whole: all its pages are read in one flow, they must hold exactly the rows that the vendor counts, and each row belongs to exactly
one slice. So the slices' counts add up to the vendor's, and one read brings all of them.
"""

from __future__ import annotations

from typing import Any

from fapiao.answers import count, kind_of
from fapiao.errors import PluginError, RequestRefused
from fapiao.wire import Account, Flow, Page, Pending, Request, Response, Secret, SliceKey, SliceQuery, SyncQuery
from fapiao_qixiangyun.envelope import broken, read
from fapiao_qixiangyun.paths import PAGES_PATH
from fapiao_qixiangyun.settings import Settings, read_settings
from fapiao_qixiangyun.tasks import Task, later

__all__ = ["read_page"]

_MOST_PAGES = 120
"""A task holds up to 5,000 invoices (4888), fifty pages of a hundred."""
_MOST_FILES = 60
_INDEX_MARK = "bigDataMark"
_URL_FIELDS = ("url", "jsonUrl", "fileUrl", "downloadLink", "downloadUrl")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Rows = list[dict[str, Any]]


def read_page(account: Account, query: SliceQuery | SyncQuery, cursor: str | None) -> Flow[Page | Pending]:
    """The whole slice as one page, and beside it the task's other slices; ``total`` is the number of rows of the slice.

    :raises VendorBroken: the pages do not hold what the vendor counts, or a row cannot be told to its slice.
    :raises ConfigurationError: a file lies on a host that the connection does not allow.
    """
    if not isinstance(query, SliceQuery):
        raise PluginError(
            "qixiangyun reads slices of a collection, not lists (capability sync).", source=account.source
        )
    if cursor is not None or query.job_id is None:
        raise PluginError("qixiangyun reads a slice as one page, by its job's id.", source=account.source)
    task = Task.parse(query.job_id)
    rows = yield from _all_rows(read_settings(account), task, query.taxpayer_no)
    if isinstance(rows, Pending):
        return rows
    found: dict[SliceKey, Rows] = {key: [] for key in (query.key, *task.slices())}
    for row in rows:
        found[task.slice_of(row)].append(row)
    own = found.pop(query.key)
    return Page(records=own, total=len(own), others=found)


def _all_rows(settings: Settings, task: Task, taxpayer_no: str) -> Flow[Rows | Pending]:
    rows: Rows = []
    total: int | None = None
    for page in range(1, _MOST_PAGES + 1):
        response = yield Request(
            method="POST",
            path=PAGES_PATH,
            json={
                "taskId": task.task_id,
                "nsrsbh": taxpayer_no,
                "page": {"pageSize": settings.page_size, "currentPage": page},
            },
        )
        answer = read(response)
        pending = later(PAGES_PATH, answer)
        if pending is not None:
            return pending
        data = answer.data
        if not isinstance(data, dict):
            raise broken(f"data is {kind_of(data)} instead of an object: no count would prove that nothing is there")
        counted = count(data.get("total"), "data.total", broken)
        if counted is None:
            raise broken("data.total is missing: without the vendor's count nothing proves a whole read")
        if total is not None and counted != total:
            raise broken(f"data.total changed from {total} to {counted} between pages")
        total = counted
        held = yield from _rows_of(data, page)
        rows += held
        if len(rows) >= total:
            break
        if not held:
            raise broken(f"page {page} is empty although {total} rows are counted and {len(rows)} were read")
    else:
        raise RequestRefused(
            f"The task has more than {_MOST_PAGES} pages of {settings.page_size} rows.",
            advice="Set page_size of the connection to a larger number.",
        )
    if len(rows) != total:
        raise broken(f"the pages hold {len(rows)} rows, data.total counts {total}")
    return rows


def _rows_of(data: dict[str, Any], page: int) -> Flow[Rows]:
    """``list``, or where it is empty the rows of ``jsonUrl``: over 2 MB an empty list is not an empty page."""
    listed = data.get("list")
    if listed is not None and not isinstance(listed, list):
        raise broken(f"data.list of page {page} is {kind_of(listed)} instead of a list")
    url = data.get("jsonUrl")
    if listed or not isinstance(url, str) or not url.strip():
        return _checked(listed or [], f"data.list of page {page}")
    content = yield from _fetched(url.strip())
    if not _is_index(url):
        return _checked(content, "a file")
    rows: Rows = []
    addresses = [_address(entry) for entry in content]
    if len(addresses) > _MOST_FILES:
        raise broken(f"an index names {len(addresses)} files")
    for address in addresses:
        part = yield from _fetched(address)
        rows += _checked(part, "a file of an index")
    return rows


def _fetched(url: str) -> Flow[list[Any]]:
    """A JSON array by its signed address. Sent without token and signature, to allowed hosts only: the driver sees to it."""
    response = yield Request(method="GET", file_url=Secret(url))
    plain = Response(status=response.status, headers={}, body=response.body.removeprefix(_BYTE_ORDER_MARK))
    content = plain.json()
    if not isinstance(content, list):
        raise broken(f"a file holds {kind_of(content)} instead of a list")
    return content


def _is_index(url: str) -> bool:
    name = url.partition("?")[0].rpartition("/")[2]
    return _INDEX_MARK.lower() in name.lower()


def _address(entry: Any) -> str:
    """An index lists addresses, or objects with one."""
    if isinstance(entry, dict):
        entry = next((entry[name] for name in _URL_FIELDS if isinstance(entry.get(name), str)), None)
    if not isinstance(entry, str) or not entry.strip():
        raise broken(f"an index holds {kind_of(entry)} instead of an address")
    return entry.strip()


def _checked(rows: list[Any], where: str) -> Rows:
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise broken(f"row {position} of {where} is {kind_of(row)} instead of an object")
    return rows
