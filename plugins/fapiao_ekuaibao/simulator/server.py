"""The simulated 易快报: its paths, its answers, its strictness."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.simulator import Answer, Call, SimulatedVendor, SliceTruth, Subject
from fapiao.testing.slice_truth import summed
from fapiao_ekuaibao.simulator import document
from fapiao_ekuaibao.simulator.document import DIRECTIONS, TYPES
from fapiao_ekuaibao.simulator.jobs import Busy, JobBoard
from fapiao_ekuaibao.simulator.pages import Cell, Ledger, PageCache, Window
from fapiao_ekuaibao.simulator.request_checks import Problem, apply_problems, body_of, login_problems, read_problems
from fapiao_ekuaibao.simulator.scenario import EkuaibaoScenario
from fapiao_ekuaibao.simulator.tokens import TokenOffice

__all__ = ["EkuaibaoSimulator"]

_ENCODE = msgspec.json.Encoder().encode


class EkuaibaoSimulator(SimulatedVendor[EkuaibaoScenario]):
    """Answers as https://docs.ekuaibao.com describes, down to the types of the fields; all data is synthetic."""

    scenario_type = EkuaibaoScenario

    def begin(self) -> None:
        scenario = self.scenario
        self.tokens = TokenOffice(scenario, self.clock)
        self._jobs = JobBoard(scenario, self.clock)
        self._ledger = Ledger(scenario)
        self._pages = PageCache(scenario, self._ledger)
        self._code_calls = [0] * len(scenario.codes)
        self._code_lock = threading.Lock()

    def connection(self) -> Mapping[str, Any]:
        scenario = self.scenario
        return {
            "host": self.base_url,
            "login": scenario.app_key,
            "password": scenario.app_security,
            "extra": {"corp_id": scenario.corp_id},
        }

    # Truth.

    def truth(self, taxpayer_no: str, invoice_month: str, generation: int = 1) -> list[SliceTruth]:
        """What a perfect collector has stored after the ``generation``-th processed job of every slice."""
        return [
            self._slice_truth((taxpayer_no, invoice_month, type_, direction), generation)
            for type_ in TYPES
            for direction in DIRECTIONS.values()
        ]

    def invoices(
        self, taxpayer_no: str, invoice_month: str, type: str, direction: str, generation: int = 1
    ) -> Iterator[Invoice]:
        return self._ledger.invoices((taxpayer_no, invoice_month, type, direction), generation)

    def prepare(self, taxpayer_no: str, invoice_month: str, type: str, direction: str, page_size: int = 100) -> int:
        cell = (taxpayer_no, invoice_month, type, direction)
        size = min(page_size, self.scenario.page_size_cap or 100)
        total = len(self._ledger.positions(cell, 1))
        pages = -(-total // size)
        for page in range(pages):
            self._pages.rendered(cell, 1, Window(total, page * size, min((page + 1) * size, total)))
        return pages

    def _slice_truth(self, cell: Cell, generation: int) -> SliceTruth:
        taxpayer_no, invoice_month, type_, direction = cell
        outcome = self._jobs.outcome(*cell)
        where: dict[str, Any] = {
            "taxpayer_no": taxpayer_no,
            "invoice_month": invoice_month,
            "type": type_,
            "direction": direction,
        }
        if outcome != "processed":
            return SliceTruth(**where, state="failed" if outcome == "failed" else "unsupported")
        expected = len(self._ledger.positions(cell, generation))
        rejected = self._ledger.rejected(cell, generation)
        sums: dict[str, Any] = summed(self._ledger.invoices(cell, generation)) if expected else {}
        state = "rejected" if rejected else "complete" if expected else "empty"
        return SliceTruth(**where, state=state, expected=expected, rejected=rejected, **sums)

    # Requests.

    def subject(self, call: Call) -> Subject:
        body = body_of(call.body) if call.body else None
        body = body if body is not None else {}
        operation = document.OPERATIONS.get(call.path, "")
        if call.path == document.APPLY_PATH:
            operation = "start" if body.get("addJob") is True else "status"
        page = body.get("page")
        number = page.get("currentPage") if isinstance(page, dict) else 0
        return Subject(
            operation=operation,
            account=_text(body, "corpId"),
            taxpayer_no=_text(body, "nsrsbh"),
            invoice_month=_text(body, "kpyf"),
            type=_text(body, "fplx"),
            direction=DIRECTIONS.get(_text(body, "jxxbz"), ""),
            page=number if isinstance(number, int) else 0,
        )

    def carry_out(self, call: Call, subject: Subject) -> Answer:
        if call.path == document.LOCATION_PATH and call.method == "GET":
            return self._location(call)
        if not subject.operation:
            return self._http_error(404, "NOT_FOUND", f"{call.path} is not a path of the vendor")
        if call.method != "POST":
            return self._http_error(405, "METHOD_NOT_ALLOWED", f"{subject.operation}: {call.method} instead of POST")
        if subject.operation == "refresh":
            return self._refresh(call)
        if not call.headers.get("content-type", "").lower().startswith("application/json"):
            return self._http_error(400, "参数错误", f"{subject.operation}: Content-Type is not application/json")
        body = body_of(call.body)
        if body is None:
            return self._http_error(400, "参数错误", f"{subject.operation}: the body is not a JSON object")
        if subject.operation == "login":
            return self._login(body)
        refusal = self._unauthorized(call, subject.operation)
        if refusal is not None:
            return refusal
        if subject.operation == "read":
            return self._read(body, subject)
        return self._apply(body, subject)

    def _login(self, body: dict[str, Any]) -> Answer:
        problems = login_problems(body)
        if problems:
            return self._http_error(400, problems[0].message, f"login: {problems[0].sentence}")
        known = (self.scenario.app_key, self.scenario.app_security)
        if self.scenario.refuse_logins or (body["appKey"], body["appSecurity"]) != known:
            return self._http_error(403, "appKey或appSecurity不正确")
        return self._issued()

    def _issued(self) -> Answer:
        token, refresh, expires = self.tokens.issue()
        self.observer.login()
        value = {
            "accessToken": token,
            "refreshToken": refresh,
            "expireTime": expires,
            "corporationId": self.scenario.corp_id,
        }
        return Answer(body=_ENCODE({"value": value}))

    def _refresh(self, call: Call) -> Answer:
        query = dict(parse_qsl(call.query))
        if query.get("powerCode") != "219904":
            return self._http_error(412, "powerCode不正确", "refresh: powerCode is not 219904")
        if not self.tokens.refresh(query.get("accessToken", ""), query.get("refreshToken", "")):
            return self._http_error(403, "refreshToken已失效")
        return self._issued()

    def _location(self, call: Call) -> Answer:
        if parse_qs(call.query).get("corpId") != [self.scenario.corp_id]:
            return self._http_error(412, "企业不存在", "location: corpId is missing or unknown")
        return Answer(body=_ENCODE({"value": self.base_url + "/"}))

    def _unauthorized(self, call: Call, operation: str) -> Answer | None:
        """The token travels in the query string, percent-encoded like everything there."""
        given = parse_qsl(call.query, keep_blank_values=True)
        for name, _ in given:
            if name != "accessToken":
                self.observer.violation(f"{operation}: {name} is not a query parameter of this call")
        tokens = [value for name, value in given if name == "accessToken"]
        if len(tokens) != 1 or not tokens[0]:
            return self._http_error(
                403, "accessToken不能为空", f"{operation}: {len(tokens)} access tokens instead of one"
            )
        problem = self.tokens.use(tokens[0])
        if problem is None:
            return None
        if problem == "unknown":
            self.observer.violation(f"{operation}: an access token that was never given out")
        return self._http_error(self.scenario.expired_status, "accessToken已失效,请重新获取")

    # Collection.

    def _apply(self, body: dict[str, Any], subject: Subject) -> Answer:
        problems = apply_problems(body, self.scenario.corp_id)
        if problems:
            return self._wrong(subject.operation, problems)
        taxpayer_no, month = body["nsrsbh"], body["kpyf"]
        keys = [(type_, DIRECTIONS[word]) for word in body["jxxbzs"] for type_ in body["fplxs"]]
        refusal = self._refusal(subject.operation, taxpayer_no, month, keys)
        if refusal is not None:
            return refusal
        if subject.operation == "start":
            try:
                self._jobs.start(taxpayer_no, month, keys)
            except Busy:
                self.observer.start(taxpayer_no, month, refused=True)
                return self._envelope("4008")
            self.observer.start(taxpayer_no, month)
        words = {direction: word for word, direction in DIRECTIONS.items()}
        rows = []
        for type_, direction in keys:
            status = self._jobs.status(taxpayer_no, month, type_, direction)
            if status is not None:
                rows.append(
                    {
                        "kpyf": int(month),
                        "fplx": type_,
                        "jxxbz": words[direction],
                        "nsrsbh": taxpayer_no,
                        "status": status,
                    }
                )
        return self._envelope("2000", data=rows)

    def _read(self, body: dict[str, Any], subject: Subject) -> Answer:
        problems = read_problems(body, self.scenario.corp_id)
        if problems:
            return self._wrong("read", problems)
        cell = (subject.taxpayer_no, subject.invoice_month, subject.type, subject.direction)
        refusal = self._refusal("read", cell[0], cell[1], [(cell[2], cell[3])])
        if refusal is not None:
            return refusal
        generation = self._jobs.generation(*cell)
        if not generation:
            self.observer.violation(f"read: {cell[2]} {cell[3]} of {cell[1]} was read before its job was processed")
            return self._envelope("500", "归集任务未处理完成，请稍后再试")
        page, asked = body["page"]["currentPage"], body["page"]["pageSize"]
        size = min(asked, self.scenario.page_size_cap or asked)
        window = self._pages.window(cell, generation, page, size)
        self.observer.read(*cell, page)
        if not window.total and self.scenario.empty_as == "4000":
            return self._envelope("4000")
        rows = self._pages.rendered(cell, generation, window)
        if not window.total and self.scenario.empty_as == "null":
            rows = b"null"
        self.observer.code("2000")
        # The rows are bytes already: only what is around them is made for every answer.
        return Answer(
            body=b'{"value":{"corpId":"%s","reqId":"%s","code":"2000","success":true,"message":"","data":{"page":'
            b'{"totalPage":%d,"pageSize":%d,"currentPage":%d,"totalCount":%d},"list":%s}}}'
            % (
                self.scenario.corp_id.encode(),
                secrets.token_hex(16).encode(),
                -(-window.total // size),
                size,
                page,
                window.total,
                rows,
            )
        )

    def _refusal(self, operation: str, taxpayer_no: str, month: str, keys: list[tuple[str, str]]) -> Answer | None:
        """The codes that the scenario orders, then those the vendor gives by itself."""
        with self._code_lock:
            for place, rule in enumerate(self.scenario.codes):
                if rule.operation != operation:
                    continue
                if not any(rule.covers(taxpayer_no, month, type_, direction) for type_, direction in keys):
                    continue
                self._code_calls[place] += 1
                if not rule.first or self._code_calls[place] <= rule.first:
                    return self._envelope(rule.code, rule.message or document.CODES.get(rule.code, ""))
        if taxpayer_no not in self.scenario.taxpayers:
            return self._envelope("500", "未开通【增值税发票全量采集】功能")
        if operation == "start" and self.scenario.too_early and self._is_too_early(month):
            return self._envelope("4043")
        return None

    def _is_too_early(self, month: str) -> bool:
        today = self._jobs.today()
        day = date(int(today[:4]), int(today[4:6]), int(today[6:8]))
        last = (day.year * 12 + day.month - 2, day.day < 3)
        return last == (int(month[:4]) * 12 + int(month[4:6]) - 1, True)

    # Answers.

    def _wrong(self, operation: str, problems: list[Problem]) -> Answer:
        for problem in problems:
            self.observer.violation(f"{operation}: {problem.sentence}")
        return self._envelope(problems[0].code, problems[0].message)

    def _envelope(self, code: str, message: str | None = None, data: Any = None) -> Answer:
        self.observer.code(code)
        ok = code == "2000"
        value = {
            "corpId": self.scenario.corp_id,
            "reqId": secrets.token_hex(16) if ok else "",
            "code": code,
            "success": ok,
            "message": (message if message is not None else "" if ok else document.CODES.get(code, "")),
            "data": data,
        }
        return Answer(body=_ENCODE({"value": value}))

    def _http_error(self, status: int, message: str, violation: str | None = None) -> Answer:
        if violation is not None:
            self.observer.violation(violation)
        return Answer(status=status, body=_ENCODE({"errorCode": status, "errorMessage": message, "data": None}))

    def throttled(self) -> bytes:
        return _ENCODE({"errorCode": 429, "errorMessage": "请求过于频繁", "data": None})

    def deform(self, answer: Answer, kind: str) -> Answer:
        if kind == "success_text":
            body = answer.body.replace(b'"success":true', b'"success":"true"').replace(
                b'"success":false', b'"success":"false"'
            )
            return msgspec.structs.replace(answer, body=body)
        envelope = msgspec.json.decode(answer.body)
        value = envelope.get("value")
        if isinstance(value, dict) and "data" in value:
            value["data"] = None
        return msgspec.structs.replace(answer, body=_ENCODE(envelope))


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
