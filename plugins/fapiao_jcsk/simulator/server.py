"""The simulated 金财数科: one path, its strictness, its answers."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from fapiao.invoices.model import Invoice
from fapiao.testing.observation import Report
from fapiao.testing.simulator import Answer, Call, SimulatedVendor, SliceTruth, Subject
from fapiao.testing.slice_truth import summed
from fapiao_jcsk.simulator.documents import LISTS, Archive, Change
from fapiao_jcsk.simulator.pages import Pages, query_key
from fapiao_jcsk.simulator.payloads import ENCODE, archived, in_base64, spoilt
from fapiao_jcsk.simulator.requests import (
    Problem,
    content_of,
    content_problems,
    expected_signature,
    fields_of,
    is_form,
)
from fapiao_jcsk.simulator.scenario import JcskScenario, Payload, Refusal

__all__ = ["JcskReport", "JcskSimulator"]


class JcskReport(Report, frozen=True, kw_only=True):
    """What the simulated vendor saw; calls are billed, so what they cost as well."""

    billed: int
    """Sum of ``jf_num`` over all answers."""


class JcskSimulator(SimulatedVendor[JcskScenario]):
    """Answers as the interface document of S000621 describes; all data is synthetic.

    The input documents of a taxpayer stand at one of two times (``scenario.revision``); :meth:`changes` lists what differs.
    """

    scenario_type = JcskScenario

    def begin(self) -> None:
        scenario = self.scenario
        self._archive = Archive(scenario)
        self._pages = Pages(scenario, self._archive)
        self._billed = 0
        self._hits: dict[int, int] = {}
        self._lock = threading.Lock()

    def connection(self) -> Mapping[str, Any]:
        scenario = self.scenario
        prefix = scenario.sign_prefix or "none"
        return {
            "host": self.base_url,
            "login": scenario.app_id,
            "password": scenario.app_secret,
            "extra": {"group_tax_no": scenario.group_tax_no, "path": scenario.path, "sign_prefix": prefix},
        }

    def report(self) -> JcskReport:
        seen = self.observer.report()
        return JcskReport(**{name: getattr(seen, name) for name in seen.__struct_fields__}, billed=self._billed)

    # Truth.

    def truth(self, taxpayer_no: str, invoice_month: str) -> list[SliceTruth]:
        """What a perfect reader has of every list, asked for the tax period ``invoice_month``, or for all with ``""``."""
        return [self.list_truth(taxpayer_no, code, skssq=invoice_month) for code in LISTS]

    def invoices(self, taxpayer_no: str, invoice_month: str, type: str, direction: str) -> Iterator[Invoice]:
        return iter(self.listed(taxpayer_no, type, skssq=invoice_month) if direction == "input" else ())

    def listed(self, taxpayer_no: str, code: str, *, revision: int | None = None, **fields: str) -> list[Invoice]:
        """What a perfect reader stores of one list; ``fields`` as in ``content`` (``rq_q="2024-11-01"``)."""
        content = {"rzzt": code} | fields
        return self._pages.invoices(taxpayer_no, content, self.scenario.revision if revision is None else revision)

    def list_truth(self, taxpayer_no: str, code: str, **fields: str) -> SliceTruth:
        """Counts and sums of one list."""
        content = {"rzzt": code} | fields
        expected = len(self._pages.matching(taxpayer_no, content, self.scenario.revision))
        invoices = self._pages.invoices(taxpayer_no, content, self.scenario.revision)
        sums: dict[str, Any] = summed(invoices)
        rejected = expected - len(invoices)
        return SliceTruth(
            taxpayer_no=taxpayer_no,
            invoice_month=fields.get("skssq", ""),
            type=code,
            direction="input",
            state="rejected" if rejected else "complete" if expected else "empty",
            expected=expected,
            rejected=rejected,
            **sums,
        )

    def changes(self, taxpayer_no: str) -> list[Change]:
        """Exactly what a sync of the lists 10 and 11 at the second time must report against one at the first."""
        return sorted(self._archive.changes(taxpayer_no))

    # Requests.

    def subject(self, call: Call) -> Subject:
        if call.path != self.scenario.path:
            return Subject()
        fields, _ = fields_of(call)
        content = content_of(fields.get("content", "")) or {}
        page = content.get("page", 1)
        return Subject(
            operation="read",
            account=fields.get("appid", ""),
            taxpayer_no=fields.get("nsrsbh", ""),
            invoice_month=_text(content, "skssq"),
            type=_text(content, "rzzt"),
            direction="input",
            page=page if isinstance(page, int) else 0,
        )

    def carry_out(self, call: Call, subject: Subject) -> Answer:
        scenario = self.scenario
        if not subject.operation:
            self.observer.violation(f"{call.path} is not a path of the vendor")
            return Answer(status=404, body=b'{"msg":"Not Found"}')
        if call.method != "POST":
            self.observer.violation(f"{call.method} instead of POST")
            return Answer(status=405, body=b'{"msg":"Method Not Allowed"}')
        if ("form" if is_form(call) else "json") not in scenario.body_formats:
            self.observer.violation("the body is not in a format of this deployment")
            return Answer(status=415, body=b'{"msg":"Unsupported Media Type"}')
        fields, problems = fields_of(call)
        if problems:
            return self._wrong("1001", problems)
        if fields["appid"] != scenario.app_id:
            return self._refused("1002", "appid不存在")
        if not hmac.compare_digest(expected_signature(scenario, fields).encode(), fields["signature"].encode()):
            return self._refused("1003", "签名验证失败")
        if fields["jtnsrsbh"] != scenario.group_tax_no:
            return self._refused("1004", "集团税号未授权")
        if fields["nsrsbh"] not in scenario.taxpayers:
            return self._refused("2001", "纳税人未授权")
        content = content_of(fields["content"])
        if content is None:
            return self._wrong("1005", [Problem("content格式错误", "content is not the Base64 of a JSON object")])
        problems = content_problems(content, scenario, LISTS)
        if problems:
            return self._wrong("1006", problems)
        return self._read(fields["nsrsbh"], content, subject)

    def deform(self, answer: Answer, kind: str) -> Answer:
        """This vendor has no ``success``: the code becomes a number instead."""
        body = msgspec.json.decode(answer.body)
        if kind == "success_text":
            body["code"] = 0
        else:
            body["content"] = None
        return msgspec.structs.replace(answer, body=ENCODE(body))

    def throttled(self) -> bytes:
        return '{"uuid":"","code":"9429","msg":"请求过于频繁","content":""}'.encode()

    # Answers.

    def _read(self, taxpayer_no: str, content: dict[str, Any], subject: Subject) -> Answer:
        refusal = self._rule(self.scenario.refusals, subject)
        if refusal is not None:
            return self._refused(refusal.code, refusal.message)
        key = query_key(taxpayer_no, content)
        page, rows = self._pages.page(taxpayer_no, content, key)
        self._observe_read(taxpayer_no, content)
        payload = self._rule(self.scenario.payloads, subject)
        data = ENCODE(page)
        if payload is not None:
            text = spoilt(data, payload.kind)
        else:
            if content.get("iszip") == "1" and not self.scenario.zip_ignored:
                data = archived(("0", data))
            text = in_base64(data, self.scenario.encoding)
        return self._answer_ok(text, rows)

    def _observe_read(self, taxpayer_no: str, content: dict[str, Any]) -> None:
        """Reads of one query are counted by page: a page that comes twice was paid twice."""
        filters = [f"{name}={value}" for name, value in sorted(content.items()) if name not in _NOT_THE_QUERY]
        query = " ".join([content["rzzt"], *filters])
        self.observer.read(taxpayer_no, content.get("skssq", ""), query, "input", content.get("page", 1))

    def _answer_ok(self, content: str, rows: int) -> Answer:
        self.observer.code("0000")
        body: dict[str, Any] = {"uuid": "99999999999999999999999999999999", "code": "0000", "msg": "请求成功"}
        billing = self.scenario.billing
        units = rows if billing == "row" else 1 if billing == "call" else 0
        if billing != "silent":
            body |= {"sfjf": "N" if billing == "free" else "Y", "jf_num": units}
        with self._lock:
            self._billed += units
        return Answer(body=ENCODE(body | {"content": content}))

    def _wrong(self, code: str, problems: Sequence[Problem]) -> Answer:
        for problem in problems:
            self.observer.violation(problem.sentence)
        return self._refused(code, problems[0].message)

    def _refused(self, code: str, message: str) -> Answer:
        self.observer.code(code)
        body = {"uuid": "", "code": code, "msg": message, "sfjf": "N", "jf_num": 0, "content": ""}
        return Answer(body=ENCODE(body))

    def _rule(self, rules: Sequence[_Rule], subject: Subject) -> Any:
        """The first rule that is about this request and not used up."""
        for rule in rules:
            if rule.page not in (0, subject.page):
                continue
            if not rule.covers(subject.taxpayer_no, subject.invoice_month, subject.type, subject.direction):
                continue
            with self._lock:
                hits = self._hits[id(rule)] = self._hits.get(id(rule), 0) + 1
            if not rule.first or hits <= rule.first:
                return rule
        return None


_Rule = Refusal | Payload
_NOT_THE_QUERY = frozenset({"page", "pageSize", "iszip", "rzzt", "skssq"})


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""
