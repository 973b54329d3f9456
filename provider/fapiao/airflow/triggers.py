"""Waits in the triggerer for vendor jobs. Speaks to the vendor only; the ledger is the worker's business."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.triggers.base import BaseTrigger, TriggerEvent
from typing_extensions import override

from fapiao.airflow.accounts import account_of
from fapiao.airflow.crowd import crowd
from fapiao.airflow.events import Failure, Job, Wake
from fapiao.errors import FapiaoError
from fapiao.polling import Vigil, Why, polling
from fapiao.wire import CollectionJob, SliceKey

if TYPE_CHECKING:
    from fapiao.polling import AccountPoller, Ending

__all__ = ["CollectionTrigger"]

BEGUN_AT_ONCE = 50
"""Jobs of a long list that are entered before the other triggers get a turn."""


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
    :param poll_interval: seconds between two looks at one job, at first; None = as the source advises. A job without news is
        looked at less often (see :mod:`fapiao.polling.interval`).
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
        self._wanted = _slices(tuple((part[0], part[1]) for part in slices))
        self.jobs = [msgspec.convert(job, Job) for job in jobs]
        self.deadline = deadline
        self.began = began
        self.poll_interval = poll_interval
        self.linger = linger
        self.error_budget = error_budget

    @override
    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        names = (
            "conn_id", "source", "invoice_month", "deadline", "began", "poll_interval", "linger", "error_budget",
        )  # fmt: skip
        arguments = {name: getattr(self, name) for name in names}
        arguments["jobs"] = msgspec.to_builtins(self.jobs)
        arguments["slices"] = [[part.type, part.direction] for part in self._wanted]
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    @override
    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, always; see :class:`~fapiao.airflow.events.Wake`."""
        wake = await self.wait()
        yield TriggerEvent(wake.payload())  # type: ignore[no-untyped-call]  # Airflow's own lacks types

    # Ten thousand of these wait at once, and Python's garbage collector stops the loop to look through all they hold. So what
    # stays while they wait is kept small: no closures, no intermediate lists, one future.

    async def wait(self) -> Wake:
        """What :meth:`run` tells."""
        try:
            with crowd:
                return await self._wait()
        except FapiaoError as error:
            return Wake(status="error", deadline=self.deadline, began=self.began, failure=Failure.of(error))

    async def _wait(self) -> Wake:
        idle_until = self._idle_until()
        if not any(job.watch for job in self.jobs):
            await _sleep_until(idle_until)
            return self._wake(dict.fromkeys((job.taxpayer_no for job in self.jobs), None), {})
        source, account = await account_of(self.conn_id, self.source)
        async with polling(source, account) as poller:
            vigils: dict[str, Vigil] = {}
            try:
                for job in self.jobs:
                    if job.watch:
                        vigils[job.taxpayer_no] = vigil = self._begin(poller, job, source.descriptor.poll_interval)
                        if not len(vigils) % BEGUN_AT_ONCE:
                            await asyncio.sleep(0)
                        if len(self.jobs) == 1:
                            await vigil.ended
                if len(self.jobs) > 1:
                    await self._first_few([vigil.ended for vigil in vigils.values()], idle_until)
                return self._conclude(vigils, poller)
            finally:
                for vigil in vigils.values():
                    poller.leave(vigil)

    def _idle_until(self) -> float:
        """When there is something to do where no job runs yet: only the time is waited for."""
        return min([job.not_before for job in self.jobs if not job.watch] + [self.deadline])

    def _begin(self, poller: AccountPoller, job: Job, advised: float) -> Vigil:
        vigil = Vigil(
            not_before=job.not_before,
            deadline=self.deadline,
            interval=self.poll_interval or advised,
            error_budget=self.error_budget,
            on_news=self._tell,
        )
        asked = CollectionJob(
            taxpayer_no=job.taxpayer_no, invoice_month=self.invoice_month, slices=self._wanted, job_id=job.job_id
        )
        poller.join(asked, vigil)
        return vigil

    def _tell(self, job: CollectionJob, state: str) -> None:
        self.log.info("%s %s: %s", job.taxpayer_no, job.invoice_month, state)

    async def _first_few(self, endings: list[asyncio.Future[Ending]], idle_until: float) -> None:
        """Until something has ended, and a little longer if that was not all."""
        idling = asyncio.ensure_future(_sleep_until(idle_until)) if len(endings) < len(self.jobs) else None
        everything: list[asyncio.Future[Any]] = [*endings, *([idling] if idling is not None else [])]
        try:
            _, rest = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            if rest and not any(ended.done() and ended.result().why is Why.FAILED for ended in endings):
                await asyncio.wait(rest, timeout=max(0.0, min(self.linger, self.deadline - time.time())))
        finally:
            if idling is not None:
                idling.cancel()

    def _conclude(self, vigils: Mapping[str, Vigil], poller: AccountPoller) -> Wake:
        outcomes: dict[str, Failure | None] = {}
        unsure: list[str] = []
        now = time.time()
        for job in self.jobs:
            vigil = vigils.get(job.taxpayer_no)
            if vigil is None:
                if job.not_before <= now:
                    outcomes[job.taxpayer_no] = None
            elif vigil.ended.done():
                ending = vigil.ended.result()
                if ending.why is Why.FAILED:
                    return self._failed(ending.error)
                if ending.why is Why.GIVEN_UP:
                    unsure.append(job.taxpayer_no)
                    self.log.warning(
                        "%d looks in a row failed; a worker takes over: %s", self.error_budget, ending.error
                    )
                error = ending.error if ending.why is Why.REFUSED else None
                outcomes[job.taxpayer_no] = Failure.of(error) if isinstance(error, FapiaoError) else None
        return self._wake(
            outcomes, {name: poller.due_at(vigil) for name, vigil in vigils.items() if name not in outcomes}, unsure
        )

    def _failed(self, error: Exception | None) -> Wake:
        """The error is shared by all who are told it: it is not raised, only its text goes on."""
        if isinstance(error, FapiaoError):
            return Wake(status="error", deadline=self.deadline, began=self.began, failure=Failure.of(error))
        raise RuntimeError(f"A look at the vendor's jobs crashed: {type(error).__name__}") from error

    def _wake(
        self, outcomes: Mapping[str, Failure | None], due: Mapping[str, float], unsure: Sequence[str] = ()
    ) -> Wake:
        """
        :param outcomes: the taxpayers that are to be looked at by a worker, with the vendor's final refusal if there is one.
        :param due: when the other ones' jobs are asked about next; no worker needs to do it earlier.
        :param unsure: those among ``outcomes`` about which too many looks have failed.
        """
        now = time.time()
        return Wake(
            status="deadline" if now >= self.deadline else "due",
            deadline=self.deadline,
            began=self.began,
            later={
                job.taxpayer_no: msgspec.structs.replace(
                    job, not_before=max(job.not_before, due.get(job.taxpayer_no, now))
                )
                for job in self.jobs
                if job.taxpayer_no not in outcomes
            },
            failed={taxpayer: failure for taxpayer, failure in outcomes.items() if failure is not None},
            unsure=list(unsure),
        )


@functools.lru_cache(maxsize=256)
def _slices(parts: tuple[tuple[str, str], ...]) -> tuple[SliceKey, ...]:
    """One value for the thousands of triggers that want the same slices."""
    return tuple(SliceKey(*part) for part in parts)


async def _sleep_until(epoch: float) -> None:
    """Short naps: the wall clock may be set, a single long sleep would not notice."""
    while (left := epoch - time.time()) > 0:  # noqa: ASYNC110 - there is no event to wait for: time passes
        await asyncio.sleep(min(left, 60.0))
