"""The part of Airflow's REST API that the demo and the tests use, of 2.11 (``/api/v1``) and 3.x (``/api/v2``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests

__all__ = ["AirflowApi"]


class AirflowApi:
    """A client of one Airflow.

    :param url: where the API server (3.x) or webserver (2.11) listens.
    :param major: 2 or 3.
    """

    def __init__(self, url: str, major: int) -> None:
        self.url = url
        self._major = major
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc

    def log_in(self, user: str, password: str) -> None:
        """:raises requests.HTTPError: wrong user or password (2.11 tells with the first call)."""
        if self._major == 2:
            self._session.auth = (user, password)
            return
        answer = self._call("POST", "/auth/token", {"username": user, "password": password})
        self._session.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def health(self) -> dict[str, str]:
        """Part of Airflow → ``healthy``, ``unhealthy`` or nothing where it has not shown up yet; needs no login."""
        path = "/api/v1/health" if self._major == 2 else "/api/v2/monitor/health"
        return {part: state["status"] or "" for part, state in self._call("GET", path).items() if state}

    def dags(self) -> set[str]:
        """The ids of all DAGs that were found."""
        return {dag["dag_id"] for dag in self._api("GET", "dags")["dags"]}

    def add_connection(self, conn_id: str, record: Mapping[str, Any]) -> None:
        """:param record: a connection as its JSON is written: ``conn_type``, ``host``, ``login``, ``password``, ``extra``."""
        fields = {**record, "extra": json.dumps(record.get("extra", {}), ensure_ascii=False)}
        self._api("POST", "connections", {"connection_id": conn_id, **fields})

    def add_variable(self, key: str, value: str) -> None:
        self._api("POST", "variables", {"key": key, "value": value})

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> str:
        """Starts a run; its id."""
        given: dict[str, Any] = {"conf": conf}
        if self._major == 3:
            given["logical_date"] = None
        run_id: str = self._api("POST", f"dags/{dag_id}/dagRuns", given)["dag_run_id"]
        return run_id

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        state: str = self._api("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"]
        return state

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run: ``task_id``, ``map_index``, ``state``, ``try_number`` …"""
        found: list[dict[str, Any]] = []
        while True:
            path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100&offset={len(found)}"
            page = self._api("GET", path)
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return found

    def _api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._call(method, f"/api/v{self._major - 1}/{path}", body)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self._session.request(method, self.url + path, json=body, timeout=30)
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text[:500]}", response=answer)
        return answer.json() if answer.content else None
