"""Waits in the triggerer for vendor jobs. Speaks to the vendor only; the ledger is the worker's business."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.triggers.base import BaseTrigger, TriggerEvent
from typing_extensions import override

from fapiao.airflow.compat import aget_connection
from fapiao.airflow.connections import connection_of
from fapiao.airflow.events import Failure, Job, Wake
from fapiao.errors import ConfigurationError, FapiaoError, QuotaExhausted, VendorBroken, VendorBusy, VendorUnreachable
from fapiao.wire import CollectionJob, CollectionStatus, Pending, SliceKey, SliceState

if TYPE_CHECKING:
    from fapiao.engine import AsyncDriver
    from fapiao.registry import Source
    from fapiao.wire import Account

__all__ = ["CollectionTrigger"]

PASSING = (VendorUnreachable, VendorBroken, VendorBusy)
"""What may pass by itself: counted against the error budget, then the worker is asked to look."""


class CollectionTrigger(BaseTrigger):
    """Ends when the jobs it was given may be looked at again: finished, refused, or the time is over.

    Every argument is plain JSON and none is secret; times are epoch seconds.

    :param conn_id: the vendor connection.
    :param source: name of the vendor plugin.
    :param invoice_month: ``yyyymm``.
    :param slices: ``[type, direction]`` of each slice of the jobs.
    :param jobs: one mapping for each taxpayer, see :class:`~fapiao.airflow.events.Job`.
    :param deadline: when to end at the latest.
    :param began: when the task began; only handed back.
    :param poll_interval: seconds between two looks at one job; None = as the source advises.
    :param linger: seconds to wait for the other jobs once one is finished, so that they are loaded in one go.
    :param error_budget: how many looks in a row may fail before a worker is woken to meet the error itself.
    """

    def __init__(
        self,
        *,
        conn_id: str,
        source: str,
        invoice_month: str,
        slices: Sequence[Sequence[str]],
        jobs: Sequence[Mapping[str, Any]],
        deadline: float,
        began: float = 0.0,
        poll_interval: float | None = None,
        linger: float = 60.0,
        error_budget: int = 5,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's own lacks types
        self.conn_id = conn_id
        self.source = source
        self.invoice_month = invoice_month
        self.slices = [list(part) for part in slices]
        self.jobs = [dict(job) for job in jobs]
        self.deadline = deadline
        self.began = began
        self.poll_interval = poll_interval
        self.linger = linger
        self.error_budget = error_budget

    @override
    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        names = (
            "conn_id", "source", "invoice_month", "slices", "jobs", "deadline", "began", "poll_interval", "linger", "error_budget",
        )  # fmt: skip
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    @override
    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, always; see :class:`~fapiao.airflow.events.Wake`."""
        try:
            wake = await self._wait()
        except FapiaoError as error:
            wake = Wake(status="error", deadline=self.deadline, began=self.began, failure=Failure.of(error))
        yield TriggerEvent(wake.payload())  # type: ignore[no-untyped-call]  # Airflow's own lacks types

    async def _wait(self) -> Wake:
        from fapiao.airflow.clients import shared_driver
        from fapiao.airflow.masking import mask_in_airflow

        jobs = [msgspec.convert(job, Job) for job in self.jobs]
        if not any(job.watch for job in jobs):
            await _sleep_until(min([job.not_before for job in jobs] + [self.deadline]))
            return self._wake({job.taxpayer_no: None for job in jobs}, jobs)
        mask_in_airflow()
        source, account = await self._account()
        async with shared_driver(source, account) as driver:
            watches = {asyncio.create_task(self._watch(source, account, driver, job)): job.taxpayer_no for job in jobs}
            try:
                finished, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
                if len(finished) < len(watches):
                    patience = max(0.0, min(self.linger, self.deadline - time.time()))
                    finished, _ = await asyncio.wait(watches, timeout=patience)
                return self._wake({watches[watch]: watch.result() for watch in finished}, jobs)
            finally:
                for watch in watches:
                    watch.cancel()
                await asyncio.gather(*watches, return_exceptions=True)

    def _wake(self, outcomes: Mapping[str, Failure | None], jobs: Sequence[Job]) -> Wake:
        now = time.time()
        return Wake(
            status="deadline" if now >= self.deadline else "due",
            deadline=self.deadline,
            began=self.began,
            later={
                job.taxpayer_no: msgspec.structs.replace(job, not_before=max(job.not_before, now))
                for job in jobs
                if job.taxpayer_no not in outcomes
            },
            failed={taxpayer: failure for taxpayer, failure in outcomes.items() if failure is not None},
        )

    async def _account(self) -> tuple[Source, Account]:
        # Importing a plugin reads files, which must not happen in the loop.
        source = await asyncio.to_thread(_load_source, self.source)
        record = await aget_connection(self.conn_id)
        return source, source.account(connection_of(record))

    async def _watch(self, source: Source, account: Account, driver: AsyncDriver, job: Job) -> Failure | None:
        """Until the job is settled, the deadline has come, or too many looks failed.

        :returns: the vendor's final refusal of this taxpayer, else None.
        :raises FapiaoError: what concerns every taxpayer of the account.
        """
        asked = CollectionJob(
            taxpayer_no=job.taxpayer_no,
            invoice_month=self.invoice_month,
            slices=tuple(SliceKey(*part) for part in self.slices),
            job_id=job.job_id,
        )
        interval = self.poll_interval or source.descriptor.poll_interval
        due, failures, said = job.not_before, 0, ""
        while True:
            # Jobs that were started together must not be asked about together for ever.
            await _sleep_until(min(due + random.uniform(0, interval / 10), self.deadline))  # noqa: S311 - not for secrets
            if time.time() >= self.deadline or not job.watch:
                return None
            try:
                answer = (await driver.run(source.collection_status(account, asked))).value
                failures = 0
            except PASSING as error:
                failures += 1
                if failures >= self.error_budget:
                    self.log.warning("%d looks in a row failed; a worker takes over: %s", failures, error)
                    return None
                due = time.time() + max(interval * 2 ** (failures - 1), getattr(error, "retry_after", 0.0))
                state = f"no answer ({type(error).__name__})"
            except (ConfigurationError, QuotaExhausted):
                raise
            except FapiaoError as error:
                return Failure.of(error)
            else:
                if isinstance(answer, Pending):
                    due, state = answer.due(time.time(), interval), f"waits: {answer.reason}"
                elif _is_settled(answer, asked.slices):
                    self.log.info("%s %s: every slice is settled.", job.taxpayer_no, self.invoice_month)
                    return None
                else:
                    due, state = time.time() + interval, _counts(answer, asked.slices)
            if state != said:
                said = state
                self.log.info("%s %s: %s", job.taxpayer_no, self.invoice_month, state)


def _load_source(name: str) -> Source:
    from fapiao.registry import registry

    return registry.get(name)


def _is_settled(status: CollectionStatus, wanted: Sequence[SliceKey]) -> bool:
    """Every slice is known and none runs. What it means for each is decided by the worker, with the ledger."""
    known = {part.key for part in status.slices}
    running = any(part.state is SliceState.RUNNING for part in status.slices)
    return not running and (status.nothing_found or known.issuperset(wanted))


def _counts(status: CollectionStatus, wanted: Sequence[SliceKey]) -> str:
    by_state = [part.state.value for part in status.slices if part.key in set(wanted)]
    parts = [f"{by_state.count(state.value)} {state.value}" for state in SliceState if state.value in by_state]
    unknown = len(wanted) - len(by_state)
    return ", ".join(parts + ([f"{unknown} not yet known"] if unknown > 0 else [])) or "not yet known"


async def _sleep_until(epoch: float) -> None:
    """Short naps: the wall clock may be set, a single long sleep would not notice."""
    while (left := epoch - time.time()) > 0:  # noqa: ASYNC110 - there is no event to wait for: time passes
        await asyncio.sleep(min(left, 60.0))
