"""Collection tasks: ``collectTask`` and ``collectTaskStatus``.

One task covers all slices of a job, since the vendor runs one task per tax number (50001). Its pages mix types and directions,
and each row names its own; so the job id that the ledger keeps is the task's id together with what the task was asked for::

    1789012345678901234/81,82/jx,xx

A task of more than 5,000 invoices is refused or fails (4888). The vendor's range is types × directions × whole months, and a
job is one month: so it is divided by direction, then by halves of its types, down to one type and direction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fapiao.answers import kind_of, one_line
from fapiao.errors import OutcomeUnknown, PluginError, RequestRefused, VendorBroken
from fapiao.wire import (
    INPUT,
    OUTPUT,
    Account,
    CollectionJob,
    CollectionStatus,
    Flow,
    Pending,
    Request,
    SliceKey,
    SliceState,
    SliceStatus,
)
from fapiao_qixiangyun.codes import COLLECTION_CODES, TASK_STATUSES, look_up
from fapiao_qixiangyun.envelope import Envelope, broken, exact_text, read
from fapiao_qixiangyun.handling import Handling, refusal
from fapiao_qixiangyun.paths import START_PATH, STATUS_PATH
from fapiao_qixiangyun.settings import read_settings

__all__ = ["LONGEST_JOB_ID", "Task", "ask", "halves", "later", "start"]

_DIRECTION_CODES = {INPUT: "jx", OUTPUT: "xx"}
"""进销项标志: jx:进项;xx:销项"""
_DIRECTIONS = {code: direction for direction, code in _DIRECTION_CODES.items()}
_TASK_ENDED = (Handling.TAXPAYER, Handling.QUOTA, Handling.CONNECTION)
LONGEST_JOB_ID = 128
"""What the ledger keeps of a job's id."""


class Task(msgspec.Struct, frozen=True):
    """A task and what it was asked for. The first type and direction are those of a slice of the job."""

    task_id: str
    types: tuple[str, ...]
    directions: tuple[str, ...]
    """The vendor's ``jx`` and ``xx``."""

    @classmethod
    def of(cls, task_id: str, slices: Iterable[SliceKey]) -> Task:
        keys = tuple(slices)
        types = tuple(dict.fromkeys(key.type for key in keys))
        return cls(task_id, types, tuple(dict.fromkeys(_DIRECTION_CODES[key.direction] for key in keys)))

    @classmethod
    def parse(cls, job_id: str) -> Task:
        """:raises PluginError: not the id of a job that this plugin started."""
        task_id, *parts = job_id.split("/")
        if not task_id or len(parts) != 2 or not all(parts) or not set(parts[1].split(",")) <= set(_DIRECTIONS):
            raise PluginError(f"The job id {job_id!r} is none of qixiangyun's (task/types/directions).")
        return cls(task_id, tuple(parts[0].split(",")), tuple(parts[1].split(",")))

    @property
    def job_id(self) -> str:
        return f"{self.task_id}/{','.join(self.types)}/{','.join(self.directions)}"

    def slices(self) -> Iterator[SliceKey]:
        """All slices that the task was asked for."""
        return (SliceKey(kind, _DIRECTIONS[direction]) for kind in self.types for direction in self.directions)

    def slice_of(self, row: dict[str, Any]) -> SliceKey:
        """The one slice of the task that a row belongs to, by ``fplx`` and ``jxxbz`` of its own.

        A task for one slice needs neither. A row that states something the task was not asked for belongs to the task's
        first slice, so that it is loaded or set aside with the others and never lost.

        :raises VendorBroken: the row states no type or direction, and the task has several.
        """
        kind, direction = self.types[0], self.directions[0]
        if len(self.types) == 1 and len(self.directions) == 1:
            return SliceKey(kind, _DIRECTIONS[direction])
        stated_kind, stated_direction = _code(row.get("fplx")), _code(row.get("jxxbz"))
        if (stated_kind is None and len(self.types) > 1) or (stated_direction is None and len(self.directions) > 1):
            name = "fplx" if stated_kind is None and len(self.types) > 1 else "jxxbz"
            raise VendorBroken(
                f"qixiangyun's rows do not say their {name}, so that they cannot be told apart.",
                advice="Collect one type and one direction at a time: such a task needs no word of its rows.",
            )
        stated_kind, stated_direction = stated_kind or kind, stated_direction or direction
        if stated_kind in self.types and stated_direction in self.directions:
            kind, direction = stated_kind, stated_direction
        return SliceKey(kind, _DIRECTIONS[direction])


def start(account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
    """发起归集任务 for one invoice month. Never resent once it may have arrived: it starts paid work at the tax bureau.

    :raises OutcomeUnknown: the vendor accepted it in an answer that is not as documented.
    """
    settings = read_settings(account)
    wanted = Task.of("", job.slices)
    question = {
        "nsrsbh": job.taxpayer_no,
        "fplx": ",".join(wanted.types),
        "jxxbz": ",".join(wanted.directions),
        "kpyfq": job.invoice_month,
        "kpyfz": job.invoice_month,
    }
    if settings.agg_org_id is not None:
        question["aggOrgId"] = settings.agg_org_id
    if settings.account_id is not None:
        question["accountId"] = settings.account_id
    response = yield Request(method="POST", path=START_PATH, json=question, idempotent=False)
    try:
        answer = read(response)
        pending = later(START_PATH, answer)
        if pending is not None:
            return pending
        row = look_up(START_PATH, answer.code)
        if row is not None and row.handling is Handling.RANGE:
            return _too_large(job, None, answer.code, answer.message)
        if not isinstance(answer.data, dict):
            raise broken(f"data is {kind_of(answer.data)} instead of an object")
        task_id = exact_text(answer.data.get("taskId"))
        if task_id is None or "/" in task_id:
            raise broken("data.taskId is missing")
    except VendorBroken as problem:
        raise OutcomeUnknown(f"The start of the job may have been carried out: {problem.what}") from problem
    job_id = Task.of(task_id, job.slices).job_id
    if len(job_id) > LONGEST_JOB_ID:
        raise RequestRefused(
            "qixiangyun's task id is too long to be kept beside so many types.",
            advice="Collect the month in parts: name fewer types.",
        )
    running = tuple(SliceStatus(key=key, state=SliceState.RUNNING, code="0") for key in job.slices)
    return CollectionStatus(slices=running, job_id=job_id, code=answer.code, message=answer.message)


def ask(account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
    """查询归集任务状态. The vendor lists no tasks: without an id nothing can be asked, and nothing is known.

    :raises TaxpayerRefused: the task has failed for a reason that somebody has to act upon.
    """
    if job.job_id is None:
        return CollectionStatus(slices=())
    task = Task.parse(job.job_id)
    response = yield Request(method="POST", path=STATUS_PATH, json={"taskId": task.task_id, "nsrsbh": job.taxpayer_no})
    answer = read(response)
    pending = later(STATUS_PATH, answer)
    if pending is not None:
        return pending
    if not isinstance(answer.data, dict):
        raise broken(f"data is {kind_of(answer.data)} instead of an object")
    if exact_text(answer.data.get("status")) == "2":
        fail_code = exact_text(answer.data.get("failCode")) or ""
        row = look_up(STATUS_PATH, fail_code)
        if row is not None and row.handling is Handling.RANGE:
            return _too_large(job, job.job_id, fail_code, one_line(answer.data.get("failMsg")))
    return CollectionStatus(
        slices=tuple(_status(answer.data, key) for key in job.slices), job_id=job.job_id, code=answer.code
    )


def halves(slices: Iterable[SliceKey]) -> tuple[tuple[SliceKey, ...], ...]:
    """The parts of a job that is too large, empty where there are none. By direction first: a task is types × directions,
    so a part of one direction covers exactly its slices."""
    keys = tuple(slices)
    by_direction = tuple(tuple(key for key in keys if key.direction == direction) for direction in (INPUT, OUTPUT))
    if all(by_direction):
        return by_direction
    middle = len(keys) // 2
    return (keys[:middle], keys[middle:]) if middle else ()


def later(path: str, answer: Envelope) -> Pending | None:
    """*Later* for the codes that mean it, None for all others."""
    row = look_up(path, answer.code)
    if row is None or row.handling is not Handling.LATER:
        return None
    return Pending(reason=answer.message or row.text, code=answer.code, after=row.after)


def _too_large(job: CollectionJob, job_id: str | None, code: str, message: str) -> CollectionStatus:
    row = COLLECTION_CODES[code]
    told = message or row.text
    parts = halves(job.slices)
    if not parts:
        told = f"{told}. {row.advice}"
    failed = tuple(SliceStatus(key=key, state=SliceState.FAILED, code=code, message=told) for key in job.slices)
    return CollectionStatus(slices=failed, job_id=job_id, parts=parts, code=code, message=message)


def _status(data: dict[str, Any], key: SliceKey) -> SliceStatus:
    status = exact_text(data.get("status")) or ("0" if data.get("status") == 0 else None)
    if status is None:
        raise broken("data.status is missing")
    if status in ("0", "1"):
        return SliceStatus(key=key, state=SliceState.RUNNING, code=status, message=TASK_STATUSES[status])
    if status == "3":
        return SliceStatus(key=key, state=SliceState.READY, code=status, message=TASK_STATUSES[status])
    if status == "6":
        return SliceStatus(
            key=key, state=SliceState.FAILED, code=status, message="the task was revoked (已撤销)", retryable=True
        )
    if status != "2":
        told = f"qixiangyun's document does not list the status {one_line(status)!r}; it is not taken for a success"
        return SliceStatus(key=key, state=SliceState.FAILED, code=one_line(status), message=told)
    return _failed(data, key)


def _failed(data: dict[str, Any], key: SliceKey) -> SliceStatus:
    """The envelope says 2000 even for a failed task; ``failCode`` says why. A passing fault is worth one more task."""
    code, message = exact_text(data.get("failCode")) or "", one_line(data.get("failMsg"))
    row = look_up(STATUS_PATH, code) if code else None
    if row is not None and row.handling in _TASK_ENDED:
        error = refusal(code, row, message)
        if error is not None:
            raise error
    told = message or (row.text if row is not None else "the task has failed without a reason")
    passing = row is not None and row.handling in (Handling.LATER, Handling.RETRY, Handling.THROTTLED)
    return SliceStatus(key=key, state=SliceState.FAILED, code=code or "2", message=told, retryable=passing)


def _code(value: Any) -> str | None:
    """``fplx`` loses its leading zero where it comes as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:02d}" if 0 <= value < 10**8 else None
    return value.strip() or None if isinstance(value, str) else None
