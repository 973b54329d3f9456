"""Checking invoices, and the results of the jobs that make their layout files. Both are paid for, so both are counted."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fapiao.invoices.model import Invoice
from fapiao.testing.simulator import Answer
from fapiao_qixiangyun.simulator.answers import Answers
from fapiao_qixiangyun.simulator.bureau import Bureau
from fapiao_qixiangyun.simulator.checks import record_of, type_of
from fapiao_qixiangyun.simulator.file_server import FileServer
from fapiao_qixiangyun.simulator.layout_tasks import LayoutDesk
from fapiao_qixiangyun.simulator.request_checks import check_problem
from fapiao_qixiangyun.simulator.rules import Rules
from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario

__all__ = ["CheckDesk"]


class CheckDesk:
    """``customizedCheck`` and the query of results. Safe for many threads."""

    def __init__(
        self,
        scenario: QixiangyunScenario,
        answers: Answers,
        rules: Rules,
        bureau: Bureau,
        layouts: LayoutDesk,
        files: FileServer,
    ) -> None:
        self._scenario = scenario
        self._answers = answers
        self._rules = rules
        self._bureau = bureau
        self._layouts = layouts
        self._files = files
        self._lock = threading.Lock()
        self._checked: Counter[str] = Counter()
        self._checked_on: Counter[tuple[str, str]] = Counter()

    def checked(self) -> dict[str, int]:
        """Results given about an invoice, per number."""
        with self._lock:
            return dict(self._checked)

    def check(self, body: dict[str, Any]) -> Answer:
        problem = check_problem(body)
        if problem is not None:
            return self._answers.wrong("verify", *problem)
        number, taxpayer_no = body["invoiceNumber"], body["nsrsbh"]
        rule = self._rules.code("verify", number, taxpayer_no)
        if rule is not None:
            return self._answers.refused(rule.code, rule.message)
        if taxpayer_no not in self._scenario.taxpayers or taxpayer_no in self._scenario.without_product:
            return self._answers.refused("CheckAuthorityVerification")
        now = self._answers.now()
        today = now.date()
        try:
            issued_on = date.fromisoformat(body["billingDate"])
        except ValueError:
            return self._answers.wrong("verify", "IllegalParameter.IllegalBillingDate", "billingDate is no date")
        with self._lock:
            self._checked_on[number, today.isoformat()] += 1
            if self._checked_on[number, today.isoformat()] > self._scenario.checks_per_day:
                return self._answers.refused("CheckInvoiceMoreFiveTimes")
            self._checked[number] += 1
        if issued_on > today:
            return self._answers.refused("CheckInvoicesMoreThanToday")
        if (today.year - issued_on.year, today.month, today.day) > (5, issued_on.month, issued_on.day):
            return self._answers.refused("CheckInvoicesOverFiveYears")
        invoice = self._bureau.find(number)
        if invoice is None:
            return self._answers.refused("CheckInvoiceNotExistence")
        if invoice.issued_on != issued_on or invoice.amount_incl_tax != Decimal(body["totalAmount"]):
            return self._answers.refused("CheckInvoiceNotSame")
        return self._genuine(invoice, body, now)

    def result(self, body: dict[str, Any]) -> Answer:
        task_id = body["taskId"]
        job = self._layouts.job(task_id)
        number = str(job.invoice.digital_number) if job is not None else ""
        rule = self._rules.code("result", number, "")
        if rule is not None:
            return self._answers.refused(rule.code, rule.message)
        job, state = self._layouts.look(task_id)
        item: dict[str, Any] = {"qdfphm": number, "zt": state, "code": "2000", "message": "", "taskId": task_id}
        item |= {"pdfUrl": None, "ofdUrl": "", "xmlUrl": None}
        if state == "dead":
            item |= {"zt": "2", "code": "BusinessVerification", "message": "任务已失效或结果已被获取"}
        elif state == "2":
            item |= {"code": "5000", "message": "版式文件下载失败"}
        elif state == "3" and job is not None:
            item |= self._files.links(task_id, job.kinds)
        return self._answers.envelope("2000", [item])

    def _genuine(self, invoice: Invoice, body: dict[str, Any], now: datetime) -> Answer:
        scenario = self._scenario
        record = record_of(scenario, invoice, now, secrets.token_hex(16))
        wanted_types = body["bswjFplx"].split(",") if body["bswjFplx"] else []
        kinds = tuple(kind.lower() for kind in (body.get("bswjLx") or "XML,OFD,PDF").split(","))
        # The range is given in the vendor's own family of codes, whatever family the answer uses.
        own = {"digital_special": "0920", "digital_ordinary": "0910", "rail_e": "83", "air_e": "61"}
        if own.get(invoice.doc_type, type_of(scenario, invoice)) in wanted_types:
            if scenario.direct_links:
                job = self._layouts.order(invoice, kinds, now.date().isoformat())
                record.update(self._files.links(str(job.task_id), kinds))
            else:
                job = self._layouts.order(invoice, kinds, now.date().isoformat())
                record["bswjxzTaskId"] = job.task_id if scenario.task_ids == "number" else str(job.task_id)
        return self._answers.bare(record) if scenario.plain_envelope else self._answers.envelope("2000", record)
