"""A :class:`~fapiao.airflow.sensors.CollectionSensor` from its beginning to its end in the triggerer (Airflow 3.3 and newer).

The scheduler makes the trigger, no worker has run before. All that it needs is in the reference of the start operator, an XCom;
the ledger is not asked. A success ends the task here. Everything else (an error, the end of the time allowed, arguments that
only a worker can resolve) goes to a worker, which says it as it always does.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from airflow.triggers.base import BaseTrigger, TriggerEvent
from typing_extensions import override

from fapiao.airflow.events import Failure, Wake
from fapiao.airflow.reference import Reference
from fapiao.airflow.runs import began
from fapiao.airflow.starting import airflows_limit
from fapiao.airflow.task import DEFAULT_TIMEOUT, seconds_of
from fapiao.airflow.triggers import CollectionTrigger
from fapiao.errors import ConfigurationError

__all__ = ["StartedCollectionTrigger"]


class _Unclear(Exception):
    """Only a worker can resolve the arguments."""


class StartedCollectionTrigger(BaseTrigger):
    """Waits for the jobs of a reference. Ends the task with success when all are settled or refused.

    Of a mapped sensor all arguments are missing: they are read from the DAG and the XComs of the run.

    :param conn_id: the vendor connection.
    :param collection: the reference, where the DAG has it.
    :param pulled: task id and key of the XCom that is the reference.
    :param poll_interval: seconds between two looks; None = as the source advises.
    :param patience: seconds that the task may wait.
    """

    def __init__(
        self,
        *,
        conn_id: str = "",
        collection: Mapping[str, Any] | None = None,
        pulled: Sequence[str] | None = None,
        poll_interval: Any = None,
        patience: float = DEFAULT_TIMEOUT,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own lacks types
        self.conn_id = conn_id
        self.collection: Any = collection
        self.pulled = pulled
        self.poll_interval = poll_interval
        self.patience = patience
        self._limit = DEFAULT_TIMEOUT
        self._began = 0.0
        self._unclear = ""

    @override
    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        names = ("conn_id", "collection", "pulled", "poll_interval", "patience")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    @override
    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Called by the triggerer, in its loop, before :meth:`run`."""
        self._began = began(context)
        task: Any = self.task
        try:
            if task.is_mapped:
                self._take(task, context["ti"])
            elif self.pulled:
                task_id, key = self.pulled
                self.collection = context["ti"].xcom_pull(task_ids=task_id, key=key, map_indexes=-1)
            if not isinstance(self.collection, Mapping):
                raise _Unclear("the reference is no XCom of one task")
            if any("xcom_pull" in str(text) for text in (self.conn_id, self.poll_interval)):
                # Without map_indexes it asks for a list, which the triggerer of 3.3.2 cannot fetch: it would wait for ever.
                raise _Unclear("its arguments are XComs")
            super().render_template_fields(context, jinja_env)
        except _Unclear as reason:
            self._unclear = str(reason)
        self._limit = airflows_limit(None if task.is_mapped else self.patience, task.execution_timeout)

    @override
    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event."""
        from airflow.triggers.base import TaskSuccessEvent

        deadline = self._deadline()
        if self._unclear:
            self.log.info("A worker begins the task: %s.", self._unclear)
            wake = Wake(status="due", deadline=deadline, began=self._began)
        else:
            try:
                wake = await self._settled(Reference.read(self.collection), deadline)
            except ConfigurationError as error:
                wake = Wake(status="error", deadline=deadline, began=self._began, failure=Failure.of(error))
        if wake.status == "due" and not wake.later and not wake.unsure and not self._unclear:
            for taxpayer, failure in wake.failed.items():
                self.log.warning("%s: %s The step that loads reports it.", taxpayer, failure.error())
            yield TaskSuccessEvent()
        else:
            yield TriggerEvent(wake.payload())  # type: ignore[no-untyped-call]  # Airflow's own lacks types

    async def _settled(self, reference: Reference, deadline: float) -> Wake:
        """When every job is settled or refused, or a worker is needed."""
        unknown = set(reference.collections) - set(reference.jobs)
        if unknown:
            self._unclear = f"the ledger has to say what {len(unknown)} taxpayers wait for"
        waiting = [job for job in reference.jobs.values() if job is not None]
        refused: dict[str, Failure] = {}
        wake = Wake(status="due", deadline=deadline, began=self._began)
        while waiting and not self._unclear:
            wake = await self._trigger(reference, waiting, deadline).wait()
            refused |= wake.failed
            if wake.status != "due" or wake.unsure:
                break
            waiting = list(wake.later.values())
        return msgspec.structs.replace(wake, failed=refused)

    def _trigger(self, reference: Reference, jobs: list[Any], deadline: float) -> CollectionTrigger:
        return CollectionTrigger(
            conn_id=self.conn_id,
            source=reference.source,
            invoice_month=reference.invoice_month,
            slices=reference.slices,
            jobs=[msgspec.to_builtins(job) for job in jobs],
            deadline=deadline,
            began=self._began,
            poll_interval=seconds_of(self.poll_interval),
            linger=deadline - time.time(),
        )

    def _deadline(self) -> float:
        """The same after a restart of the triggerer: counted back from the limit that Airflow has stored."""
        airflows: Any = getattr(self, "timeout_after", None)
        begun = time.time() if airflows is None else airflows.timestamp() - self._limit
        return begun + self.patience

    # A mapped sensor.

    def _take(self, task: Any, task_instance: Any) -> None:
        """Fill in the arguments of this instance of a mapped sensor."""
        arguments = {**(task.get_dag().default_args or {}), **task.partial_kwargs, **_expanded(task, task_instance)}
        if not arguments.get("conn_id"):
            raise _Unclear("the DAG as Airflow stores it does not say which connection is meant")
        self.conn_id = arguments["conn_id"]
        self.collection = arguments.get("collection")
        self.poll_interval = arguments.get("poll_interval")
        timeout = arguments.get("timeout") or DEFAULT_TIMEOUT
        limit = arguments.get("execution_timeout")
        allowed = [timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)]
        if isinstance(limit, timedelta):
            allowed.append(limit.total_seconds())
        self.patience = min(allowed)
        self.template_fields = ("conn_id", "poll_interval")


def _expanded(task: Any, task_instance: Any) -> dict[str, Any]:
    """The mapped arguments of one instance.

    :raises _Unclear: they are made by functions or combined, which only a worker can do.
    """
    value = task.expand_input.value
    index = task_instance.map_index
    if task.expand_input.EXPAND_INPUT_TYPE == "dict-of-lists":
        if len(value) != 1:
            raise _Unclear("it is mapped over several arguments")
        [(name, listed)] = value.items()
        return {name: _element(listed, index, task_instance)}
    kwargs = _element(value, index, task_instance)
    if not isinstance(kwargs, dict):
        raise _Unclear("its arguments are not a mapping")
    return kwargs


def _element(listed: Any, index: int, task_instance: Any) -> Any:
    if isinstance(listed, list | tuple):
        return listed[index]
    upstream = getattr(listed, "operator", None)
    if upstream is None:
        raise _Unclear("it is mapped over a value that a function makes")
    key = listed.key
    if not upstream.is_mapped:
        return task_instance.xcom_pull(task_ids=upstream.task_id, key=key, map_indexes=-1)[index]
    # Airflow maps over the values that there are: without all of them, the n-th is not the n-th instance's.
    others = ["failed", "skipped", "upstream_failed", "removed"]
    if task_instance.get_ti_count(
        dag_id=task_instance.dag_id, task_ids=[upstream.task_id], run_ids=[task_instance.run_id], states=others
    ):
        raise _Unclear(f"not all of {upstream.task_id} have a value")
    return task_instance.xcom_pull(task_ids=upstream.task_id, key=key, map_indexes=index)
