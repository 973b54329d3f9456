"""Verifying one invoice: ``customizedCheck``, with the job that makes its layout files where they are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from fapiao.answers import kind_of
from fapiao.errors import RequestRefused, VendorBroken
from fapiao.wire import (
    Account,
    Claim,
    Flow,
    LayoutLink,
    LayoutTask,
    Outcome,
    Pending,
    Request,
    Response,
    Secret,
    Verification,
)
from fapiao_qixiangyun.codes import look_up
from fapiao_qixiangyun.envelope import Envelope, broken, exact_text, read
from fapiao_qixiangyun.handling import Handling
from fapiao_qixiangyun.paths import VERIFY_PATH
from fapiao_qixiangyun.settings import read_settings

__all__ = ["LAYOUT_KINDS", "links", "verify"]

LAYOUT_KINDS = ("xml", "ofd", "pdf")
"""``bswjLx``, in the document's order."""
LAYOUT_TYPES = "0910,0920,61,83"
"""``bswjFplx``: the invoice types whose files are made; all that the document allows."""
_CHINA = timezone(timedelta(hours=8))
_A_DAY = 86_400.0
_AFTER_MIDNIGHT = timedelta(minutes=5)
"""The bureau's day and the clocks in between need not change in the same second."""


def verify(account: Account, claim: Claim) -> Flow[Verification | Pending]:
    """One check. All values of the request are texts; ``totalAmount`` is the price *with* tax.

    The request may be sent again after a lost answer: on the same day the vendor answers the same check with the same task id,
    up to five times.

    :raises RequestRefused: this claim cannot be verified by this interface; others can.
    """
    settings = read_settings(account)
    response = yield Request(method="POST", path=VERIFY_PATH, json=_question(claim))
    answer = read(response)
    row = look_up(VERIFY_PATH, answer.code) if answer.code else None
    if row is not None and row.handling is Handling.RESULT:
        return Verification(
            outcome=row.outcome or Outcome.NOT_FOUND,
            code=answer.code,
            message=answer.message or row.text,
            request_id=answer.request_id,
        )
    if row is not None and row.handling is Handling.LATER:
        return Pending(reason=answer.message or row.text, code=answer.code, after=settings.fault_pause)
    if row is not None and row.handling is Handling.TOMORROW:
        return _tomorrow(response, answer.code, answer.message or row.text)
    return _genuine(answer, claim)


def links(files: Mapping[str, Any]) -> tuple[LayoutLink, ...]:
    """``pdfUrl``, ``ofdUrl``, ``xmlUrl`` that are filled in."""
    found = []
    for kind in LAYOUT_KINDS:
        url = files.get(f"{kind}Url")
        if isinstance(url, str) and url.strip() and url.strip().lower() not in ("null", "none"):
            found.append(LayoutLink(kind=kind, url=Secret(url.strip())))
    return tuple(found)


def _question(claim: Claim) -> dict[str, str]:
    wrong = []
    if claim.invoice_code or not (len(claim.number) == 20 and claim.number.isascii() and claim.number.isdigit()):
        wrong.append("only digital invoices with a number of 20 digits can be asked for")
    if claim.amount_incl_tax is None:
        wrong.append("the price with tax (价税合计) is missing")
    if not claim.taxpayer_no:
        wrong.append("the taxpayer on whose behalf it is asked is missing")
    unknown = sorted(set(claim.layouts) - set(LAYOUT_KINDS))
    if unknown:
        wrong.append(f"there are no layout files of the kind {', '.join(unknown)} (known: {', '.join(LAYOUT_KINDS)})")
    if wrong or claim.amount_incl_tax is None or not claim.taxpayer_no:
        raise RequestRefused(
            f"qixiangyun cannot verify this invoice: {'; '.join(wrong)}.",
            advice="Give the 20 digits, the date of issue, the price with tax and the taxpayer number.",
        )
    question = {
        "invoiceNumber": claim.number,
        "billingDate": claim.issued_on.isoformat(),
        "totalAmount": f"{claim.amount_incl_tax:f}",
        "nsrsbh": claim.taxpayer_no,
        # bswjFplx值为空则本字段有值也不进行版式文件下载: empty is the only way to ask for none.
        "bswjFplx": LAYOUT_TYPES if claim.layouts else "",
    }
    if claim.layouts:
        question["bswjLx"] = ",".join(kind.upper() for kind in LAYOUT_KINDS if kind in claim.layouts)
    return question


def _genuine(answer: Envelope, claim: Claim) -> Verification:
    record = answer.data
    if not isinstance(record, dict):
        raise broken(f"data is {kind_of(record)} instead of the invoice")
    number = exact_text(record.get("invoiceNumber"))
    if number is None:
        raise broken("data.invoiceNumber is missing although the code says success")
    if number != claim.number:
        raise broken("data.invoiceNumber is another invoice than the one that was asked for")
    task: LayoutTask | None = None
    message = answer.message
    try:
        task_id = exact_text(record.get("bswjxzTaskId"))
    except VendorBroken as problem:
        # The check itself is good, and was paid for.
        task_id, message = None, f"{message} The layout files have no usable task: {problem.what}".strip()
    if task_id is not None and claim.layouts:
        task = LayoutTask(task_id=task_id, taxpayer_no=claim.taxpayer_no or "", number=claim.number)
    return Verification(
        outcome=Outcome.GENUINE,
        code=answer.code or None,
        message=message,
        record=record,
        request_id=_request_id(record) or answer.request_id,
        checked_at=_moment(record.get("checkTime")),
        task=task,
        links=links(record),
    )


def _request_id(record: Mapping[str, Any]) -> str | None:
    value = record.get("requestId")
    return value.strip() or None if isinstance(value, str) else None


def _moment(value: Any) -> datetime | None:
    """``checkTime``, naive China time. An unreadable one is no reason to lose a check that was paid for."""
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - China time, as the vendor prints it
    except (TypeError, ValueError):
        return None


def _tomorrow(response: Response, code: str, reason: str) -> Pending:
    """The next day in China. A flow has no clock: the answer's own ``Date`` tells the day; without it, a whole day is enough."""
    try:
        today = parsedate_to_datetime(response.headers.get("date", "")).astimezone(_CHINA)
    except (TypeError, ValueError, OverflowError):
        return Pending(reason=reason, code=code, after=_A_DAY)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return Pending(reason=reason, code=code, not_before=midnight + _AFTER_MIDNIGHT)
