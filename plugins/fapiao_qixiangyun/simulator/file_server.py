"""The server that files lie on: whoever has a signed address has the file, and the scenario's troubles come instead."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qs

import msgspec

from fapiao.testing.observation import Observer
from fapiao.testing.simulator import Answer, Call
from fapiao_qixiangyun.simulator.answers import encode
from fapiao_qixiangyun.simulator.files import MEDIA_TYPES, entity_xml, layout, traversing_ofd
from fapiao_qixiangyun.simulator.layout_tasks import LayoutDesk
from fapiao_qixiangyun.simulator.rules import Rules
from fapiao_qixiangyun.simulator.scenario import FileTrouble, QixiangyunScenario

__all__ = ["FILES", "FileServer"]

FILES = "/files/"
_HEADS = {"pdf": b"%PDF-1.4\n", "ofd": b"PK\x03\x04", "xml": b"<EInvoice>", "json": b"[0"}
_DENIED = Answer(status=403, body=b"<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")


class FileServer:
    """Layout files by their task, and the files of collections that stand in for lists over 2 MB."""

    def __init__(
        self,
        scenario: QixiangyunScenario,
        observer: Observer,
        rules: Rules,
        layouts: LayoutDesk,
        base_url: Callable[[], str],
    ) -> None:
        self._scenario = scenario
        self._observer = observer
        self._rules = rules
        self._layouts = layouts
        self._base_url = base_url
        self._lock = threading.Lock()
        self._kept: dict[str, bytes] = {}
        self._fetched: Counter[str] = Counter()
        self.signature = secrets.token_hex(16)

    def fetched(self) -> dict[str, int]:
        """How often each path was fetched."""
        with self._lock:
            return dict(self._fetched)

    def links(self, task_id: str, kinds: tuple[str, ...]) -> dict[str, str]:
        """``pdfUrl`` … of a layout task."""
        return {f"{kind}Url": self._signed(f"{task_id}/{task_id}.{kind}") for kind in kinds}

    def rows(self, name: str, rows: bytes, count: int) -> str:
        """The address of a file with a collection's rows, or of an index of such files."""
        most = self._scenario.index_over_rows
        if not most or count <= most:
            return self._keep(f"{name}.txt", rows)
        decoded = msgspec.json.decode(rows, type=list[msgspec.Raw])
        parts = [
            self._keep(f"{name}-{start}.txt", encode(decoded[start : start + most])) for start in range(0, count, most)
        ]
        return self._keep(f"{name}_bigDataMark.txt", encode(parts))

    def answer(self, call: Call) -> Answer:
        """The file. Nothing but its address belongs on such a request."""
        for name in ("access_token", "req_sign", "authorization", "cookie"):
            if name in call.headers:
                self._observer.violation(f"file: the header {name} was sent to the file server")
        if call.method != "GET":
            self._observer.violation(f"file: {call.method} instead of GET")
            return Answer(status=405)
        if parse_qs(call.query).get("Signature") != [self.signature]:
            return _DENIED
        with self._lock:
            self._fetched[call.path] += 1
        name = call.path.rpartition("/")[2]
        kind = name.rpartition(".")[2]
        kind = "json" if kind == "txt" else kind
        job = self._layouts.job(call.path.removeprefix(FILES).partition("/")[0])
        number = str(job.invoice.digital_number) if job is not None else ""
        trouble = None if "moved" in parse_qs(call.query) else self._rules.trouble(kind, number)
        if trouble is not None:
            return self._troubled(trouble, call, kind, number)
        if job is not None and kind in job.kinds:
            return Answer(body=layout(kind, job.invoice), content_type=MEDIA_TYPES[kind])
        with self._lock:
            content = self._kept.get(name)
        if content is None:
            return Answer(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml")
        return Answer(body=content, content_type=MEDIA_TYPES["json"])

    def _troubled(self, trouble: FileTrouble, call: Call, kind: str, number: str) -> Answer:
        what = trouble.kind
        if what in ("redirect", "redirect_here"):
            here = f"{self._base_url()}{call.path}?{call.query}&moved=1"
            target = trouble.redirect_to if what == "redirect" else here
            return Answer(status=302, headers=(("Location", target),))
        if what == "expired":
            return _DENIED
        if what == "empty":
            return Answer(content_type=MEDIA_TYPES[kind])
        if what == "html":
            page = "<!DOCTYPE html><html><body><h1>链接已失效</h1></body></html>".encode()
            return Answer(body=page, content_type="text/html; charset=utf-8")
        if what == "oversize":
            head = _HEADS[kind]
            return Answer(
                body=head + b" " * (self._scenario.oversize_bytes - len(head)), content_type=MEDIA_TYPES[kind]
            )
        body = entity_xml(number) if what == "entities" else traversing_ofd()
        return Answer(body=body, content_type=MEDIA_TYPES[kind])

    def _keep(self, name: str, content: bytes) -> str:
        with self._lock:
            self._kept[name] = content
        return self._signed(f"collected/{name}")

    def _signed(self, place: str) -> str:
        return f"{self._base_url()}{FILES}{place}?Expires=9999999999&Signature={self.signature}"
