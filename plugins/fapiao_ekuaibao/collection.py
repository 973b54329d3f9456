"""Starting a collection job and asking for its state: ``applyInvoiceCollectionTask`` with ``addJob`` true or false."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fapiao.answers import kind_of, one_line
from fapiao.errors import OutcomeUnknown, VendorBroken
from fapiao.wire import (
    INPUT,
    OUTPUT,
    Account,
    CollectionJob,
    CollectionStatus,
    Flow,
    Pending,
    Request,
    Response,
    SliceKey,
    SliceState,
    SliceStatus,
)
from fapiao_ekuaibao.codes import NOTHING_FOUND, SLICE_STATUSES, pending
from fapiao_ekuaibao.envelope import broken, read
from fapiao_ekuaibao.paths import APPLY_PATH

__all__ = ["DIRECTION_CODES", "ask", "start"]

DIRECTION_CODES: Mapping[str, str] = {INPUT: "jx", OUTPUT: "xx"}
"""进销项标志: jx:进项;xx:销项"""

_DIRECTIONS = {code: direction for direction, code in DIRECTION_CODES.items()}

_CAUTION = (SliceState.RUNNING, SliceState.FAILED, SliceState.UNSUPPORTED, SliceState.READY)
"""Of two rows about one slice the earlier state here is believed: an old job's row must not end the wait."""


def start(account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
    """第一次调用接口传入 true 发起任务. Never resent once it may have arrived: it starts work at the tax bureau.

    :raises OutcomeUnknown: the vendor accepted it in an answer that is not as documented; asking for the state tells.
    """
    response = yield _request(account, job, add_job=True)
    try:
        return _status(response, job)
    except VendorBroken as problem:
        raise OutcomeUnknown(f"The start of the job may have been carried out: {problem.what}") from problem


def ask(account: Account, job: CollectionJob) -> Flow[CollectionStatus | Pending]:
    """之后定时调用接口传入 false 获取状态. One request answers all slices."""
    response = yield _request(account, job, add_job=False)
    return _status(response, job)


def _request(account: Account, job: CollectionJob, *, add_job: bool) -> Request:
    """One job for all slices: a second one for the same tax number would be refused (4008).

    The vendor takes types × directions. Where the slices are not a full rectangle it collects a few more than asked,
    whose rows are then ignored.
    """
    types = dict.fromkeys(key.type for key in job.slices)
    wanted = {key.direction for key in job.slices}
    return Request(
        method="POST",
        path=APPLY_PATH,
        json={
            "corpId": account.name,
            "nsrsbh": job.taxpayer_no,
            "fplxs": list(types),
            "kpyf": job.invoice_month,
            "jxxbzs": [code for direction, code in DIRECTION_CODES.items() if direction in wanted],
            # The document's table says String, its example sends a JSON boolean.
            "addJob": add_job,
        },
        idempotent=not add_job,
    )


def _status(response: Response, job: CollectionJob) -> CollectionStatus | Pending:
    answer = read(response)
    later = pending(answer.code, answer.message, job.invoice_month)
    if later is not None:
        return later
    if answer.code == NOTHING_FOUND:
        return CollectionStatus(slices=(), nothing_found=True, code=answer.code, message=answer.message)
    rows = [] if answer.data is None else answer.data
    if not isinstance(rows, list):
        raise broken(f"value.data is {kind_of(rows)} instead of a list")
    return CollectionStatus(slices=tuple(_slices(rows, job)), code=answer.code, message=answer.message)


def _slices(rows: Iterable[Any], job: CollectionJob) -> Iterable[SliceStatus]:
    """One status per wanted slice the vendor names. A slice without a row, or with an empty status, is not yet known."""
    wanted = frozenset(job.slices)
    found: dict[SliceKey, SliceStatus] = {}
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            raise broken(f"value.data[{position}] is {kind_of(row)} instead of an object")
        key = _key(row, position)
        if key not in wanted or _of_another_job(row, job):
            continue
        if "status" not in row:
            raise broken(f"value.data[{position}].status is missing")
        status = _slice(key, row, position)
        if status is None:
            continue
        known = found.get(key)
        if known is None or _CAUTION.index(status.state) < _CAUTION.index(known.state):
            found[key] = status
    return [found[key] for key in job.slices if key in found]


def _key(row: Mapping[str, Any], position: int) -> SliceKey | None:
    code = row.get("fplx")
    if isinstance(code, int) and not isinstance(code, bool):
        code = f"{code:02d}"
    if not isinstance(code, str) or not code.strip():
        raise broken(f"value.data[{position}].fplx is {kind_of(code or None)} instead of text")
    direction = row.get("jxxbz")
    if not isinstance(direction, str) or not direction.strip():
        raise broken(f"value.data[{position}].jxxbz is {kind_of(direction or None)} instead of text")
    known = _DIRECTIONS.get(direction.strip())
    return None if known is None else SliceKey(code.strip(), known)


def _of_another_job(row: Mapping[str, Any], job: CollectionJob) -> bool:
    """Whether the row names another month or taxpayer than asked. ``kpyf`` is text in requests and a number in answers."""
    month, taxpayer = row.get("kpyf"), row.get("nsrsbh")
    if month not in (None, "") and str(month).strip() != job.invoice_month:
        return True
    return taxpayer not in (None, "") and str(taxpayer).strip().upper() != job.taxpayer_no.upper()


def _slice(key: SliceKey, row: Mapping[str, Any], position: int) -> SliceStatus | None:
    word = row["status"]
    if word is None or word == "":
        return None
    if not isinstance(word, str):
        raise broken(f"value.data[{position}].status is {kind_of(word)} instead of text")
    word = word.strip()
    message = one_line(row.get("message"))
    known = SLICE_STATUSES.get(word)
    if known is None:
        return SliceStatus(
            key=key,
            state=SliceState.FAILED,
            code=one_line(word),
            message=message
            or f"ekuaibao's document does not list the status {one_line(word)!r}; it is not taken for a success",
        )
    return SliceStatus(key=key, state=known.state, code=word, message=message or known.text, retryable=known.retryable)
