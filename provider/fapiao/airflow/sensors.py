"""The sensor that waits for a vendor's job: in the triggerer, in a worker slot, or rescheduled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, NoReturn

from typing_extensions import override

from fapiao.airflow.batch import Batch
from fapiao.airflow.bench import Bench
from fapiao.airflow.compat import (
    AIRFLOW_3_3,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    XComArg,
)
from fapiao.airflow.events import Job, Wake
from fapiao.airflow.failures import translated
from fapiao.airflow.links import note_console
from fapiao.airflow.reference import Reference
from fapiao.airflow.starting import StartArguments, start_arguments
from fapiao.airflow.task import CollectionTask

__all__ = ["CollectionSensor"]


class CollectionSensor(CollectionTask, BaseSensorOperator):
    """The second of three steps: done when every slice can be read, is empty, or is refused.

    A refusal is not this task's failure: :class:`~fapiao.airflow.operators.LoadCollectionOperator` loads what there is
    and reports the rest.

    :param collection: the value of a :class:`~fapiao.airflow.operators.StartCollectionOperator`.
    :param poll_interval: seconds between two looks; also the default of ``poke_interval``.
    :param start_from_trigger: wait, and end with success, in the triggerer without any worker (Airflow 3.3 and newer). Only
        a failure or the end of ``timeout`` goes to a worker. Earlier versions defer from a worker, with a warning.
    """

    template_fields: Sequence[str] = ("conn_id", "into", "collection", "poll_interval")
    ui_color = "#e6f1f2"
    start_trigger_args = StartArguments()

    def __init__(
        self,
        *,
        collection: Mapping[str, Any] | XComArg,
        poll_interval: float | str | None = None,
        start_from_trigger: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(poll_interval, int | float):
            kwargs.setdefault("poke_interval", poll_interval)
        if start_from_trigger and kwargs.setdefault("deferrable", True) is False:
            raise ValueError(
                "start_from_trigger=True waits in the triggerer, deferrable=False in a worker: give one of them"
            )
        super().__init__(poll_interval=poll_interval, **kwargs)
        self.collection = collection
        self._later: dict[str, Job] = {}
        if start_from_trigger:
            self._start_from_trigger()

    def _start_from_trigger(self) -> None:
        if not AIRFLOW_3_3:
            self.log.warning("start_from_trigger needs Airflow 3.3: %s defers from a worker instead.", self.task_id)
            return
        self.start_from_trigger = True
        self.start_trigger_args = start_arguments(
            self._patience(),
            conn_id=self.conn_id,
            collection=dict(self.collection) if isinstance(self.collection, Mapping) else None,
            pulled=_source_of(self.collection),
            poll_interval=self.poll_interval,
            patience=self._patience(),
        )

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
        with translated(self.conn_id), closing(Bench(self.conn_id, self.into, context)) as bench:
            note_console(self, context, bench)
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


def _source_of(collection: Any) -> list[str] | None:
    """Task id and key of an XCom of one task; None of anything else, which only a worker can resolve."""
    operator = getattr(collection, "operator", None)
    return None if operator is None or operator.is_mapped else [operator.task_id, collection.key]
