"""The result of a job that makes layout files (发票查验版式文件下载结果查询): given once, then the task id is dead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fapiao.answers import kind_of, one_line
from fapiao.wire import Account, Flow, LayoutFiles, LayoutTask, Pending, Request
from fapiao_qixiangyun.envelope import broken, exact_text, read
from fapiao_qixiangyun.settings import read_settings
from fapiao_qixiangyun.verification import links

__all__ = ["NO_FILES", "layout_files"]

NO_FILES = "NoFiles"
"""Our own code for a task that is done and names no file."""
_RUNNING, _FAILED, _DONE = "1", "2", "3"


def layout_files(account: Account, task: LayoutTask) -> Flow[LayoutFiles | Pending]:
    """One look. Never sent again once it may have arrived: the answer to a finished task is given only once.

    An expired task, or one whose result was taken, is answered with the item code BusinessVerification: it has failed.
    """
    settings = read_settings(account)
    response = yield Request(method="POST", path=settings.result_path, json={"taskId": task.task_id}, idempotent=False)
    item = _item(read(response).data, task)
    state = exact_text(item.get("zt"))
    code, message = exact_text(item.get("code")), one_line(item.get("message"))
    if state == _RUNNING:
        return Pending(reason=message or "the layout files are being made", code=code, after=settings.layout_pause)
    if state == _FAILED:
        return LayoutFiles(failed=True, code=code, message=message or "the vendor could not make the files")
    if state != _DONE:
        raise broken(f"data.zt is {kind_of(item.get('zt'))} that is none of 1, 2 and 3")
    found = links(item)
    if not found:
        return LayoutFiles(
            failed=True, code=code if code not in (None, "2000") else NO_FILES, message=message or "no file is named"
        )
    return LayoutFiles(links=found, code=code, message=message)


def _item(data: Any, task: LayoutTask) -> Mapping[str, Any]:
    """The task's own entry; the answer lists one for every task asked for."""
    items = [data] if isinstance(data, dict) else data
    if not isinstance(items, list) or not items:
        raise broken(f"data is {kind_of(data)} instead of a list with the task")
    entries = [item for item in items if isinstance(item, dict)]
    for entry in entries:
        if exact_text(entry.get("qdfphm")) == task.number:
            return entry
    if len(items) == 1 and entries and exact_text(entries[0].get("qdfphm")) is None:
        return entries[0]
    raise broken("data lists other invoices than the one whose files were asked for")
