"""The simulated 企享云: its paths, its strictness, its answers, and the server its files lie on."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.observation import Report
from fapiao.testing.simulator import Answer, Call, SimulatedVendor, SliceTruth, Subject
from fapiao.testing.slice_truth import summed
from fapiao.testing.truth import true_slice
from fapiao.wire import Claim
from fapiao_qixiangyun.simulator import document
from fapiao_qixiangyun.simulator.answers import Answers, encode
from fapiao_qixiangyun.simulator.bureau import Bureau
from fapiao_qixiangyun.simulator.check_desk import CheckDesk
from fapiao_qixiangyun.simulator.checks import stated_by_check
from fapiao_qixiangyun.simulator.collect_desk import CollectDesk
from fapiao_qixiangyun.simulator.collect_tasks import CollectTasks
from fapiao_qixiangyun.simulator.document import COLLECT_TYPES, DIRECTIONS
from fapiao_qixiangyun.simulator.file_server import FILES, FileServer
from fapiao_qixiangyun.simulator.files import layout
from fapiao_qixiangyun.simulator.layout_tasks import LayoutDesk
from fapiao_qixiangyun.simulator.request_checks import body_of, login_problem, problems
from fapiao_qixiangyun.simulator.rules import Rules
from fapiao_qixiangyun.simulator.scenario import QixiangyunScenario
from fapiao_qixiangyun.simulator.tokens import TokenOffice

__all__ = ["QixiangyunReport", "QixiangyunSimulator"]


class QixiangyunReport(Report, frozen=True, kw_only=True):
    """What the simulated vendor saw; checks and layout jobs are paid for."""

    checks: dict[str, int]
    """Results given about an invoice, per number: 1 each where nobody paid twice."""
    layout_jobs: dict[str, int]
    """Jobs for layout files, per number."""
    layout_answers: dict[str, int]
    """Results of finished jobs given, per task id."""
    files: dict[str, int]
    """Files fetched, per path."""


class QixiangyunSimulator(SimulatedVendor[QixiangyunScenario]):
    """Answers as the documents describe, down to the types of the fields; all data is synthetic."""

    scenario_type = QixiangyunScenario

    def begin(self) -> None:
        scenario = self.scenario
        self.tokens = TokenOffice(scenario, self.clock)
        self.bureau = Bureau(scenario)
        self.layouts = LayoutDesk(scenario, self.clock)
        self._answers = Answers(scenario, self.observer, self.clock)
        self._rules = rules = Rules(scenario)
        self.files = FileServer(scenario, self.observer, rules, self.layouts, lambda: self.base_url)
        self._checks = CheckDesk(scenario, self._answers, rules, self.bureau, self.layouts, self.files)
        tasks = CollectTasks(scenario, self.bureau, self.clock)
        self._collections = CollectDesk(scenario, self.observer, self._answers, rules, tasks, self.files)

    def connection(self) -> Mapping[str, Any]:
        return {
            "host": self.base_url,
            "login": self.scenario.app_key,
            "password": self.scenario.app_secret,
            "extra": {
                "result_path": self.scenario.result_path,
                "allow_private_hosts": True,
                "allow_http_files": True,
                "requests_per_second": 0,
            },
        }

    def report(self) -> QixiangyunReport:
        seen = self.observer.report()
        return QixiangyunReport(
            **{name: getattr(seen, name) for name in seen.__struct_fields__},
            checks=self._checks.checked(),
            layout_jobs=dict(self.layouts.started),
            layout_answers=dict(self.layouts.answered),
            files=self.files.fetched(),
        )

    # Truth.

    def truth(self, taxpayer_no: str, invoice_month: str) -> list[SliceTruth]:
        return [
            self._slice_truth(taxpayer_no, invoice_month, type_, direction)
            for type_ in COLLECT_TYPES
            for direction in DIRECTIONS.values()
        ]

    def _slice_truth(self, taxpayer_no: str, month: str, type_: str, direction: str) -> SliceTruth:
        cell = (taxpayer_no, month, type_, direction)
        expected = self.bureau.count(cell)
        sums: dict[str, Any] = summed(self.bureau.invoices(cell)) if expected else {}
        return SliceTruth(
            taxpayer_no=taxpayer_no,
            invoice_month=month,
            type=type_,
            direction=direction,
            state="complete" if expected else "empty",
            expected=expected,
            **sums,
        )

    def invoices(self, taxpayer_no: str, invoice_month: str, type: str, direction: str) -> Iterator[Invoice]:
        return self.bureau.invoices((taxpayer_no, invoice_month, type, direction))

    def true_invoices(
        self, count: int, taxpayer_no: str = "", invoice_month: str = "202411", doc_type: str = "digital_special"
    ) -> list[Invoice]:
        """The first so many digital invoices that a taxpayer (the first one) has bought: all of them can be verified."""
        owner = taxpayer_no or self.scenario.taxpayers[0]
        source = true_slice(self.scenario.seed, owner, invoice_month, doc_type, "input")
        return [source.invoice(index) for index in range(count)]

    def claims(self, count: int, layouts: tuple[str, ...] = (), **which: str) -> list[Claim]:
        """Claims that the bureau finds genuine; ``which`` as in :meth:`true_invoices`."""
        owner = which.get("taxpayer_no") or self.scenario.taxpayers[0]
        return [
            Claim(
                number=str(invoice.digital_number),
                issued_on=invoice.issued_on or date.min,
                amount_incl_tax=invoice.amount_incl_tax,
                doc_type=invoice.doc_type,
                taxpayer_no=owner,
                layouts=layouts,
            )
            for invoice in self.true_invoices(count, **which)
        ]

    def verified(self, number: str) -> Invoice | None:
        """What a perfect reader makes of the answer about an invoice."""
        invoice = self.bureau.find(number)
        return None if invoice is None else stated_by_check(self.scenario, invoice)

    def file_content(self, kind: str, number: str) -> bytes | None:
        """The layout file that a perfect archive holds."""
        invoice = self.bureau.find(number)
        return None if invoice is None else layout(kind, invoice)

    # Requests.

    def subject(self, call: Call) -> Subject:
        operation = document.OPERATIONS.get(call.path, "")
        if call.path == self.scenario.result_path:
            operation = "result"
        if call.path.startswith(FILES):
            return Subject(operation="file")
        body = (body_of(call.body) if call.body else None) or {}
        page = body.get("page")
        number = page.get("currentPage") if isinstance(page, dict) else 0
        taxpayer_no = body.get("nsrsbh")
        return Subject(
            operation=operation,
            account=self.scenario.app_key,
            taxpayer_no=taxpayer_no if isinstance(taxpayer_no, str) else "",
            page=number if isinstance(number, int) else 0,
        )

    def carry_out(self, call: Call, subject: Subject) -> Answer:
        operation = subject.operation
        if operation == "file":
            return self.files.answer(call)
        if not operation:
            self.observer.violation(f"{call.path} is not a path of the vendor")
            return Answer(status=404, body=b'{"message":"Not Found"}')
        if call.method != "POST":
            self.observer.violation(f"{operation}: {call.method} instead of POST")
            return Answer(status=405, body=b'{"message":"Method Not Allowed"}')
        if call.headers.get("content-type", "").replace(" ", "").lower() != "application/json;charset=utf-8":
            self.observer.violation(f"{operation}: Content-Type is not application/json;charset=UTF-8")
        body = body_of(call.body)
        if body is None:
            return self._answers.wrong(operation, "505001", "the body is not a JSON object")
        if operation == "login":
            return self._login(body)
        refused = self.tokens.refusal(call.headers, call.body)
        if refused is not None:
            return self._answers.wrong(operation, *refused)
        if operation == "verify":
            return self._checks.check(body)
        found = problems(operation, body)
        if found:
            return self._answers.wrong(operation, "505001", found[0])
        if operation == "result":
            return self._checks.result(body)
        return self._collections.answer(operation, body)

    def deform(self, answer: Answer, kind: str) -> Answer:
        if kind == "success_text":
            body = answer.body.replace(b'"success":true', b'"success":"true"')
            return msgspec.structs.replace(answer, body=body.replace(b'"success":false', b'"success":"false"'))
        document_ = msgspec.json.decode(answer.body)
        document_["data"] = None
        return msgspec.structs.replace(answer, body=encode(document_))

    def throttled(self) -> bytes:
        return encode({"reqId": "", "code": "400429", "success": False, "message": "请求过于频繁", "data": None})

    # Logging in.

    def _login(self, body: dict[str, Any]) -> Answer:
        rule = self._rules.code("login", "", "")
        if rule is not None:
            return self._answers.refused(rule.code, rule.message)
        problem = login_problem(body, self.scenario.app_key, self.scenario.app_secret)
        if problem is not None:
            if problem:
                self.observer.violation(f"login: {problem}")
            # As the vendor does: a success, with an error inside.
            return self._answers.envelope("2000", {"error_msg": "client_secret不正确", "error_code": "invalid_client"})
        self.observer.login()
        seconds = self.scenario.token_seconds
        expires = int(seconds) if self.scenario.expires_in_seconds else int(seconds * 1000)
        if not self.scenario.expires_in_seconds and expires <= 10_000_000:
            expires = int(seconds)  # a short life of a test, in the unit that a reader takes it for
        token = self.tokens.issue()
        return self._answers.envelope(
            "2000",
            {"access_token": token, "expires_in": expires, "refresh_token": secrets.token_hex(16), "scope": None},
        )
