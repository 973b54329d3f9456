"""Collecting: starting a task, its state, its pages."""

from __future__ import annotations

from typing import Any

import msgspec

from fapiao.testing.observation import Observer
from fapiao.testing.simulator import Answer
from fapiao_qixiangyun.simulator import document
from fapiao_qixiangyun.simulator.answers import Answers
from fapiao_qixiangyun.simulator.collect_tasks import Busy, CollectTask, CollectTasks, TooMany
from fapiao_qixiangyun.simulator.document import COLLECT_TYPES, DIRECTIONS
from fapiao_qixiangyun.simulator.file_server import FileServer
from fapiao_qixiangyun.simulator.rules import Rules
from fapiao_qixiangyun.simulator.scenario import CodeAnswer, QixiangyunScenario

__all__ = ["CollectDesk"]


class CollectDesk:
    """``collectTask``, ``collectTaskStatus``, ``getCollectTaskPageData``."""

    def __init__(
        self,
        scenario: QixiangyunScenario,
        observer: Observer,
        answers: Answers,
        rules: Rules,
        tasks: CollectTasks,
        files: FileServer,
    ) -> None:
        self._scenario = scenario
        self._observer = observer
        self._answers = answers
        self._rules = rules
        self._tasks = tasks
        self._files = files
        self._failures: dict[str, CodeAnswer | None] = {}

    def answer(self, operation: str, body: dict[str, Any]) -> Answer:
        taxpayer_no = body["nsrsbh"]
        rule = self._rules.code(operation, "", taxpayer_no)
        if rule is not None:
            return self._answers.refused(rule.code, rule.message)
        if taxpayer_no not in self._scenario.taxpayers:
            return self._answers.refused("4002", "企业未注册")
        if operation == "start":
            return self._start(taxpayer_no, body)
        task = self._tasks.task(body["taskId"])
        if task is None or task.taxpayer_no != taxpayer_no:
            return self._answers.wrong(operation, "505001", "taskId is no task of this taxpayer")
        state = self._tasks.state(task)
        if operation == "status":
            data: dict[str, Any] = {"status": state, "failCode": None, "failMsg": None, "jsonUrl": None}
            failure = None if state in ("0", "1") else self._failure(task)
            if failure is not None:
                data |= {"status": "2", "failCode": failure.code, "failMsg": failure.message}
            elif state == "2":
                data |= {"failCode": "4888", "failMsg": document.TEXTS["4888"]}
            return self._answers.envelope("2000", data)
        if state != "3":
            return self._answers.wrong(operation, "50002", "a page of a task that has not succeeded")
        return self._page(task, body["page"])

    def _failure(self, task: CollectTask) -> CodeAnswer | None:
        """The failure that the scenario orders for a task; one that has failed stays so."""
        if task.task_id not in self._failures:
            self._failures[task.task_id] = self._rules.code("status", "", task.taxpayer_no, in_task=True)
        return self._failures[task.task_id]

    def _start(self, taxpayer_no: str, body: dict[str, Any]) -> Answer:
        if body["kpyfq"] != body["kpyfz"]:
            self._observer.violation("start: several months in one task")
        types = body["fplx"].split(",") if body.get("fplx") else list(COLLECT_TYPES)
        words = body["jxxbz"].split(",") if body.get("jxxbz") else list(DIRECTIONS)
        cells = tuple((taxpayer_no, body["kpyfq"], type_, DIRECTIONS[word]) for type_ in types for word in words)
        try:
            task = self._tasks.start(taxpayer_no, cells)
        except Busy:
            self._observer.start(taxpayer_no, body["kpyfq"], refused=True)
            return self._answers.refused("50001")
        except TooMany:
            return self._answers.refused("4888")
        self._observer.start(taxpayer_no, body["kpyfq"])
        return self._answers.envelope("2000", {"taskId": int(task.task_id)})

    def _page(self, task: CollectTask, asked: dict[str, int]) -> Answer:
        scenario = self._scenario
        size = min(asked["pageSize"], scenario.page_size_cap or asked["pageSize"])
        rows, count = self._tasks.page(task, asked["currentPage"], size)
        taxpayer_no, month = task.cells[0][:2]
        self._observer.read(taxpayer_no, month, task.task_id, "", asked["currentPage"])
        head: dict[str, Any] = {
            "total": task.total,
            "totalPages": -(-task.total // size),
            "pageNum": asked["currentPage"],
            "pageSize": size,
            "jsonUrl": None,
        }
        if len(rows) > scenario.file_over_bytes:
            head["jsonUrl"] = self._files.rows(f"{task.task_id}-{asked['currentPage']}", rows, count)
            rows = b"[]"
        return self._answers.envelope("2000", head | {"list": msgspec.Raw(rows)})
