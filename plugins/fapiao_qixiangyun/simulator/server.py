"""The simulated 企享云: its paths, its strictness, its answers, and the server its files lie on."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.draws import uniform
from fapiao.testing.observation import Report
from fapiao.testing.simulator import Answer, Call, SimulatedVendor, SliceTruth, Subject
from fapiao.testing.slice_truth import summed
from fapiao.testing.truth import true_slice
from fapiao.wire import Claim
from fapiao_qixiangyun.simulator import document
from fapiao_qixiangyun.simulator.bureau import Bureau
from fapiao_qixiangyun.simulator.checks import record_of, stated_by_check, type_of
from fapiao_qixiangyun.simulator.collect_tasks import Busy, CollectDesk, CollectTask, TooMany
from fapiao_qixiangyun.simulator.document import COLLECT_TYPES, DIRECTIONS
from fapiao_qixiangyun.simulator.files import MEDIA_TYPES, entity_xml, layout, traversing_ofd
from fapiao_qixiangyun.simulator.layout_tasks import LayoutDesk
from fapiao_qixiangyun.simulator.request_checks import body_of, check_problem, login_problem, problems
from fapiao_qixiangyun.simulator.scenario import CodeAnswer, FileTrouble, QixiangyunScenario
from fapiao_qixiangyun.simulator.tokens import TokenOffice

__all__ = ["QixiangyunReport", "QixiangyunSimulator"]

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode
_CHINA = timezone(timedelta(hours=8))
_FILES = "/files/"
_HEADS = {"pdf": b"%PDF-1.4\n", "ofd": b"PK\x03\x04", "xml": b"<EInvoice>", "json": b"[0"}


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
        self._tasks = CollectDesk(scenario, self.bureau, self.clock)
        self._signature = secrets.token_hex(16)
        self._lock = threading.Lock()
        self._checked: Counter[str] = Counter()
        self._checked_on: Counter[tuple[str, str]] = Counter()
        self._fetched: Counter[str] = Counter()
        self._hits: Counter[int] = Counter()
        self._failures: dict[str, CodeAnswer | None] = {}

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
        with self._lock:
            return QixiangyunReport(
                **{name: getattr(seen, name) for name in seen.__struct_fields__},
                checks=dict(self._checked),
                layout_jobs=dict(self.layouts.started),
                layout_answers=dict(self.layouts.answered),
                files=dict(self._fetched),
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
        if call.path.startswith(_FILES):
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
            return self._file(call)
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
            return self._wrong(operation, "505001", "the body is not a JSON object")
        if operation == "login":
            return self._login(body)
        refused = self.tokens.refusal(call.headers, call.body)
        if refused is not None:
            return self._wrong(operation, *refused)
        if operation == "verify":
            return self._verify(body)
        found = problems(operation, body)
        if found:
            return self._wrong(operation, "505001", found[0])
        if operation == "result":
            return self._result(body)
        return self._collect(operation, body)

    def deform(self, answer: Answer, kind: str) -> Answer:
        if kind == "success_text":
            body = answer.body.replace(b'"success":true', b'"success":"true"')
            return msgspec.structs.replace(answer, body=body.replace(b'"success":false', b'"success":"false"'))
        document_ = msgspec.json.decode(answer.body)
        document_["data"] = None
        return msgspec.structs.replace(answer, body=_ENCODE(document_))

    def throttled(self) -> bytes:
        return _ENCODE({"reqId": "", "code": "400429", "success": False, "message": "请求过于频繁", "data": None})

    # Logging in.

    def _login(self, body: dict[str, Any]) -> Answer:
        rule = self._rule("login", "", "")
        if rule is not None:
            return self._refused(rule.code, rule.message)
        problem = login_problem(body, self.scenario.app_key, self.scenario.app_secret)
        if problem is not None:
            if problem:
                self.observer.violation(f"login: {problem}")
            # As the vendor does: a success, with an error inside.
            return self._envelope("2000", {"error_msg": "client_secret不正确", "error_code": "invalid_client"})
        self.observer.login()
        seconds = self.scenario.token_seconds
        expires = int(seconds) if self.scenario.expires_in_seconds else int(seconds * 1000)
        if not self.scenario.expires_in_seconds and expires <= 10_000_000:
            expires = int(seconds)  # a short life of a test, in the unit that a reader takes it for
        token = self.tokens.issue()
        return self._envelope(
            "2000",
            {"access_token": token, "expires_in": expires, "refresh_token": secrets.token_hex(16), "scope": None},
        )

    # Verification.

    def _verify(self, body: dict[str, Any]) -> Answer:
        problem = check_problem(body)
        if problem is not None:
            return self._wrong("verify", *problem)
        number, taxpayer_no = body["invoiceNumber"], body["nsrsbh"]
        rule = self._rule("verify", number, taxpayer_no)
        if rule is not None:
            return self._refused(rule.code, rule.message)
        if taxpayer_no not in self.scenario.taxpayers or taxpayer_no in self.scenario.without_product:
            return self._refused("CheckAuthorityVerification")
        now = self._now()
        today = now.date()
        try:
            issued_on = date.fromisoformat(body["billingDate"])
        except ValueError:
            return self._wrong("verify", "IllegalParameter.IllegalBillingDate", "billingDate is no date")
        with self._lock:
            self._checked_on[number, today.isoformat()] += 1
            if self._checked_on[number, today.isoformat()] > self.scenario.checks_per_day:
                return self._refused("CheckInvoiceMoreFiveTimes")
            self._checked[number] += 1
        if issued_on > today:
            return self._refused("CheckInvoicesMoreThanToday")
        if (today.year - issued_on.year, today.month, today.day) > (5, issued_on.month, issued_on.day):
            return self._refused("CheckInvoicesOverFiveYears")
        invoice = self.bureau.find(number)
        if invoice is None:
            return self._refused("CheckInvoiceNotExistence")
        if invoice.issued_on != issued_on or invoice.amount_incl_tax != Decimal(body["totalAmount"]):
            return self._refused("CheckInvoiceNotSame")
        return self._genuine(invoice, body, now)

    def _genuine(self, invoice: Invoice, body: dict[str, Any], now: datetime) -> Answer:
        scenario = self.scenario
        record = record_of(scenario, invoice, now, secrets.token_hex(16))
        wanted_types = body["bswjFplx"].split(",") if body["bswjFplx"] else []
        kinds = tuple(kind.lower() for kind in (body.get("bswjLx") or "XML,OFD,PDF").split(","))
        # The range is given in the vendor's own family of codes, whatever family the answer uses.
        own = {"digital_special": "0920", "digital_ordinary": "0910", "rail_e": "83", "air_e": "61"}
        if own.get(invoice.doc_type, type_of(scenario, invoice)) in wanted_types:
            if scenario.direct_links:
                job = self.layouts.order(invoice, kinds, now.date().isoformat())
                record.update(self._links(str(job.task_id), kinds))
            else:
                job = self.layouts.order(invoice, kinds, now.date().isoformat())
                record["bswjxzTaskId"] = job.task_id if scenario.task_ids == "number" else str(job.task_id)
        if scenario.plain_envelope:
            self.observer.code("2000")
            return Answer(body=_ENCODE({"data": record, "success": True}), headers=self._date())
        return self._envelope("2000", record)

    # Layout files.

    def _result(self, body: dict[str, Any]) -> Answer:
        task_id = body["taskId"]
        job = self.layouts.job(task_id)
        number = str(job.invoice.digital_number) if job is not None else ""
        rule = self._rule("result", number, "")
        if rule is not None:
            return self._refused(rule.code, rule.message)
        job, state = self.layouts.look(task_id)
        item: dict[str, Any] = {"qdfphm": number, "zt": state, "code": "2000", "message": "", "taskId": task_id}
        item |= {"pdfUrl": None, "ofdUrl": "", "xmlUrl": None}
        if state == "dead":
            item |= {"zt": "2", "code": "BusinessVerification", "message": "任务已失效或结果已被获取"}
        elif state == "2":
            item |= {"code": "5000", "message": "版式文件下载失败"}
        elif state == "3" and job is not None:
            item |= self._links(task_id, job.kinds)
        return self._envelope("2000", [item])

    def _links(self, task_id: str, kinds: tuple[str, ...]) -> dict[str, str]:
        return {
            f"{kind}Url": f"{self.base_url}{_FILES}{task_id}/{task_id}.{kind}?Expires=9999999999&Signature={self._signature}"
            for kind in kinds
        }

    def _file(self, call: Call) -> Answer:
        """Signed addresses: whoever has one has the file. Nothing else belongs on such a request."""
        for name in ("access_token", "req_sign", "authorization", "cookie"):
            if name in call.headers:
                self.observer.violation(f"file: the header {name} was sent to the file server")
        if call.method != "GET":
            self.observer.violation(f"file: {call.method} instead of GET")
            return Answer(status=405)
        if parse_qs(call.query).get("Signature") != [self._signature]:
            return Answer(status=403, body=b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        with self._lock:
            self._fetched[call.path] += 1
        name = call.path.rpartition("/")[2]
        kind = name.rpartition(".")[2]
        kind = "json" if kind == "txt" else kind
        job = self.layouts.job(call.path.removeprefix(_FILES).partition("/")[0])
        number = str(job.invoice.digital_number) if job is not None else ""
        trouble = None if "moved" in parse_qs(call.query) else self._trouble(kind, number)
        if trouble is not None:
            return self._troubled(trouble, call, kind, number)
        if job is not None and kind in job.kinds:
            return Answer(body=layout(kind, job.invoice), content_type=MEDIA_TYPES[kind])
        content = self._tasks.file(name)
        if content is None:
            return Answer(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml")
        return Answer(body=content, content_type=MEDIA_TYPES["json"])

    def _troubled(self, trouble: FileTrouble, call: Call, kind: str, number: str) -> Answer:
        what = trouble.kind
        if what in ("redirect", "redirect_here"):
            here = f"{self.base_url}{call.path}?{call.query}&moved=1"
            target = trouble.redirect_to if what == "redirect" else here
            return Answer(status=302, headers=(("Location", target),))
        if what == "expired":
            return Answer(status=403, body=b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        if what == "empty":
            return Answer(content_type=MEDIA_TYPES[kind])
        if what == "html":
            page = "<!DOCTYPE html><html><body><h1>链接已失效</h1></body></html>".encode()
            return Answer(body=page, content_type="text/html; charset=utf-8")
        if what == "oversize":
            head = _HEADS[kind]
            return Answer(body=head + b" " * (self.scenario.oversize_bytes - len(head)), content_type=MEDIA_TYPES[kind])
        body = entity_xml(number) if what == "entities" else traversing_ofd()
        return Answer(body=body, content_type=MEDIA_TYPES[kind])

    # Collection.

    def _collect(self, operation: str, body: dict[str, Any]) -> Answer:
        taxpayer_no = body["nsrsbh"]
        rule = self._rule(operation, "", taxpayer_no)
        if rule is not None:
            return self._refused(rule.code, rule.message)
        if taxpayer_no not in self.scenario.taxpayers:
            return self._refused("4002", "企业未注册")
        if operation == "start":
            return self._start(taxpayer_no, body)
        task = self._tasks.task(body["taskId"])
        if task is None or task.taxpayer_no != taxpayer_no:
            return self._wrong(operation, "505001", "taskId is no task of this taxpayer")
        state = self._tasks.state(task)
        if operation == "status":
            data: dict[str, Any] = {"status": state, "failCode": None, "failMsg": None, "jsonUrl": None}
            failure = None if state in ("0", "1") else self._failure(task)
            if failure is not None:
                data |= {"status": "2", "failCode": failure.code, "failMsg": failure.message}
            elif state == "2":
                data |= {"failCode": "4888", "failMsg": document.TEXTS["4888"]}
            return self._envelope("2000", data)
        if state != "3":
            return self._wrong(operation, "50002", "a page of a task that has not succeeded")
        return self._page(task, body["page"])

    def _failure(self, task: CollectTask) -> CodeAnswer | None:
        """The failure that the scenario orders for a task; one that has failed stays so."""
        if task.task_id not in self._failures:
            self._failures[task.task_id] = self._rule("status", "", task.taxpayer_no, in_task=True)
        return self._failures[task.task_id]

    def _start(self, taxpayer_no: str, body: dict[str, Any]) -> Answer:
        if body["kpyfq"] != body["kpyfz"]:
            self.observer.violation("start: several months in one task")
        types = body["fplx"].split(",") if body.get("fplx") else list(COLLECT_TYPES)
        words = body["jxxbz"].split(",") if body.get("jxxbz") else list(DIRECTIONS)
        cells = tuple((taxpayer_no, body["kpyfq"], type_, DIRECTIONS[word]) for type_ in types for word in words)
        try:
            task = self._tasks.start(taxpayer_no, cells)
        except Busy:
            self.observer.start(taxpayer_no, body["kpyfq"], refused=True)
            return self._refused("50001")
        except TooMany:
            return self._refused("4888")
        self.observer.start(taxpayer_no, body["kpyfq"])
        return self._envelope("2000", {"taskId": int(task.task_id)})

    def _page(self, task: CollectTask, asked: dict[str, int]) -> Answer:
        scenario = self.scenario
        size = min(asked["pageSize"], scenario.page_size_cap or asked["pageSize"])
        rows, count = self._tasks.page(task, asked["currentPage"], size)
        taxpayer_no, month = task.cells[0][:2]
        self.observer.read(taxpayer_no, month, task.task_id, "", asked["currentPage"])
        head: dict[str, Any] = {
            "total": task.total,
            "totalPages": -(-task.total // size),
            "pageNum": asked["currentPage"],
            "pageSize": size,
            "jsonUrl": None,
        }
        if len(rows) > scenario.file_over_bytes:
            head["jsonUrl"] = self._kept(f"{task.task_id}-{asked['currentPage']}", rows, count)
            rows = b"[]"
        return self._envelope("2000", head | {"list": msgspec.Raw(rows)})

    def _kept(self, name: str, rows: bytes, count: int) -> str:
        """The address of a file with the rows, or of an index of such files."""
        most = self.scenario.index_over_rows
        if not most or count <= most:
            return self._address(f"{name}.txt", rows)
        decoded = msgspec.json.decode(rows, type=list[msgspec.Raw])
        parts = [
            self._address(f"{name}-{start}.txt", _ENCODE(decoded[start : start + most]))
            for start in range(0, count, most)
        ]
        return self._address(f"{name}_bigDataMark.txt", _ENCODE(parts))

    def _address(self, name: str, content: bytes) -> str:
        self._tasks.keep(name, content)
        return f"{self.base_url}{_FILES}collected/{name}?Expires=9999999999&Signature={self._signature}"

    # Answers.

    def _now(self) -> datetime:
        now = datetime.fromtimestamp(self.clock(), _CHINA)
        if not self.scenario.today:
            return now
        return datetime.combine(date.fromisoformat(self.scenario.today), now.timetz())

    def _rule(self, operation: str, number: str, taxpayer_no: str, *, in_task: bool = False) -> CodeAnswer | None:
        for place, rule in enumerate(self.scenario.codes):
            if rule.operation != operation or rule.taxpayer_no not in ("", taxpayer_no):
                continue
            if rule.in_task is not in_task or (rule.numbers and number not in rule.numbers):
                continue
            with self._lock:
                self._hits[place] += 1
                hits = self._hits[place]
            if rule.first and hits > rule.first:
                continue
            if rule.probability and uniform(self.scenario.seed, "code", place, hits) >= rule.probability:
                continue
            return rule
        return None

    def _trouble(self, kind: str, number: str) -> FileTrouble | None:
        for place, rule in enumerate(self.scenario.file_troubles):
            if (rule.files and kind not in rule.files) or (rule.numbers and number not in rule.numbers):
                continue
            if rule.kind in ("entities", "traversal") and kind != {"entities": "xml", "traversal": "ofd"}[rule.kind]:
                continue
            with self._lock:
                self._hits[-1 - place] += 1
                if rule.first and self._hits[-1 - place] > rule.first:
                    continue
            return rule
        return None

    def _wrong(self, operation: str, code: str, sentence: str) -> Answer:
        if sentence:
            self.observer.violation(f"{operation}: {sentence}")
        return self._refused(code)

    def _refused(self, code: str, message: str = "") -> Answer:
        return self._envelope(code, None, message or document.TEXTS.get(code, "测试拒绝"))

    def _envelope(self, code: str, data: Any, message: str = "") -> Answer:
        self.observer.code(code)
        body = {"reqId": secrets.token_hex(16), "code": code, "success": code == "2000"}
        return Answer(body=_ENCODE(body | {"message": message, "data": data}), headers=self._date())

    def _date(self) -> tuple[tuple[str, str], ...]:
        return (("Date", formatdate(self._now().timestamp(), usegmt=True)),)
