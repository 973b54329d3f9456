"""The sensor that waits for a vendor's job: in the triggerer, in a worker slot, or rescheduled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, NoReturn

from typing_extensions import override

from fapiao.airflow.batch import Batch
from fapiao.airflow.bench import Bench
from fapiao.airflow.compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    XComArg,
)
from fapiao.airflow.events import Job, Wake
from fapiao.airflow.failures import translated
from fapiao.airflow.reference import Reference
from fapiao.airflow.task import CollectionTask

__all__ = ["CollectionSensor"]


class CollectionSensor(CollectionTask, BaseSensorOperator):
    """The second of three steps: done when every slice can be read, is empty, or is refused.

    A refusal is not this task's failure: :class:`~fapiao.airflow.operators.LoadCollectionOperator` loads what there is
    and reports the rest.

    :param collection: the value of a :class:`~fapiao.airflow.operators.StartCollectionOperator`.
    :param poll_interval: seconds between two looks; also the default of ``poke_interval``.
    """

    template_fields: Sequence[str] = ("conn_id", "into", "collection", "poll_interval")
    ui_color = "#e6f1f2"

    def __init__(
        self, *, collection: Mapping[str, Any] | XComArg, poll_interval: float | str | None = None, **kwargs: Any
    ) -> None:
        if isinstance(poll_interval, int | float):
            kwargs.setdefault("poke_interval", poll_interval)
        super().__init__(poll_interval=poll_interval, **kwargs)
        self.collection = collection
        self._later: dict[str, Job] = {}

    @override
    def plan(self, context: Mapping[str, Any], bench: Bench, wake: Wake | None, since: float) -> Batch:
        """The generations that the reference names."""
        return Reference.read(self.collection).batch(
            bench,
            step=lambda collector: collector.poll(),
            finish=lambda collector: collector.collection().state,
            wake=wake,
            poll_interval=self.interval,
        )

    @override
    def conclude(self, batch: Batch) -> None:
        """A sensor has no value."""

    @override
    def execute(self, context: Mapping[str, Any]) -> Any:
        """Deferred, or as every sensor does."""
        if not self.deferrable:
            return BaseSensorOperator.execute(self, context)  # type: ignore[arg-type]  # 2.11 and 3.x differ in Context
        try:
            return super().execute(context)
        except (AirflowFailException, AirflowSensorTimeout) as error:
            # What the poking loop of Airflow does; after a deferral, its resume_execution does it.
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(f"Skipped, because soft_fail is set: {error}") from None
            raise

    @override
    def poke(self, context: Mapping[str, Any]) -> bool:
        """One look at each job that is due; the vendor is never asked before the time it named."""
        with translated(self.conn_id), closing(Bench(self.conn_id, self.into)) as bench:
            wake = Wake(status="due", deadline=0.0, later=self._later)
            batch = self.plan(context, bench, wake, 0.0)
            batch.advance()
        self._later = dict(batch.waiting)
        if not batch.waiting:
            self._end(batch)
        return not batch.waiting

    @override
    def run_out(self, batch: Batch, why: str) -> NoReturn:
        """Ends the sensor for good, as the timeout of any sensor does."""
        batch.stop_waiting(why)
        raise AirflowSensorTimeout("\n".join(str(error) for error in batch.failed.values()))
