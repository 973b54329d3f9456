"""Loops that run triggers as a triggerer does: a plain one, and Airflow's own class without its supervisor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

Order = tuple[str, dict[str, Any]]
"""Class path and arguments of a trigger."""


class Idle(BaseTrigger):
    """Waits for nothing."""

    def serialize(self) -> Order:
        return "trigger_loops.Idle", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.Event().wait()
        yield TriggerEvent(None)  # type: ignore[no-untyped-call]  # Airflow's own lacks types


def class_of(classpath: str) -> Any:
    module, _, name = classpath.rpartition(".")
    return getattr(import_module(module), name)


class PlainLoop:
    """Creates the triggers one by one, with turns of the loop in between, and runs them."""

    def __init__(self) -> None:
        self.created = 0
        self.ended = 0

    def load(self, classpath: str) -> None:
        # A triggerer has imported this before its first trigger: connections are looked up by it.
        import_module("airflow.jobs.triggerer_job_runner")
        import_module("airflow.sdk.execution_time.supervisor" if find_spec("airflow.sdk") else "airflow.models")
        class_of(classpath)

    async def run(self, orders: Iterable[Order], _: int) -> None:
        tasks = []
        for classpath, arguments in orders:
            await asyncio.sleep(0)
            tasks.append(asyncio.create_task(self._run(class_of(classpath)(**arguments))))
            await asyncio.sleep(0)
            self.created += 1
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, trigger: BaseTrigger) -> None:
        async for _ in trigger.run():
            self.ended += 1


class AirflowLoop:
    """Airflow 3's TriggerRunner, its own loop of creating, cleaning up and cancelling; only its supervisor is left out."""

    def __init__(self) -> None:
        from airflow.jobs.triggerer_job_runner import TriggerRunner

        self._runner: Any = TriggerRunner()  # type: ignore[no-untyped-call]  # Airflow's own lacks types
        self._ended = 0
        self._orders = 0

    @property
    def created(self) -> int:
        return self._orders - len(self._runner.to_create) if self._orders else 0

    @property
    def ended(self) -> int:
        self._ended += len(self._runner.events)
        self._runner.events.clear()
        return self._ended

    def load(self, classpath: str) -> None:
        self._runner.get_trigger_by_classpath(classpath)

    async def run(self, orders: Iterable[Order], number_of_orders: int) -> None:
        from airflow.executors.workloads.trigger import RunTrigger
        from airflow.models.trigger import Trigger

        for number, (classpath, arguments) in enumerate(orders, 1):
            encrypted = Trigger.encrypt_kwargs(arguments)
            self._runner.to_create.append(RunTrigger(id=number, classpath=classpath, encrypted_kwargs=encrypted))
            if not number % 50:
                await asyncio.sleep(0)
        self._orders = number_of_orders
        try:
            while True:
                await self._runner.cleanup_finished_triggers()
                await self._runner.create_triggers()
                await self._runner.cancel_triggers()
                await asyncio.sleep(1)
        finally:
            tasks = [details["task"] for details in self._runner.triggers.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
