"""What all operators and sensors of collections share: the waiting, deferred or not, and how a task ends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from fapiao.airflow.compat import AirflowException, AirflowFailException, BaseOperator, deferrable_by_default
from fapiao.airflow.databases import mask_url
from fapiao.airflow.events import Wake
from fapiao.airflow.failures import as_airflow, translated
from fapiao.airflow.links import LINKS, note_console
from fapiao.airflow.metrics import count
from fapiao.airflow.runs import began
from fapiao.airflow.summary import run_summary
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.airflow.batch import Batch
    from fapiao.airflow.bench import Bench
    from fapiao.airflow.lineage import Lineage

__all__ = ["DEFAULT_TIMEOUT", "CollectionTask", "seconds_of"]

DEFAULT_TIMEOUT = 7 * 86400.0
"""Seconds; Airflow's own default for sensors. Some vendors open the last month on the third day only."""

SLACK = 120.0
"""Seconds by which Airflow's limit on a deferral lies behind ours, so that ours, which can explain itself, comes first."""


class CollectionTask(BaseOperator):
    """Base of the operators and sensors that work on collections.

    A task is a loop over the ledger: do all that can be done now, wait, do it again. Waiting is a sleep in the worker or
    a deferral; both come back to the same loop, so a deferred and a blocking run take the same road.

    :param conn_id: the vendor connection; its type is the vendor.
    :param into: the id of a database connection, or a database URL: where the invoices and the ledger are.
    :param poll_interval: seconds between two looks at a job; None = as the source advises.
    :param deferrable: wait in the triggerer instead of a worker slot; None = the cluster's ``default_deferrable``.
    """

    template_fields: Sequence[str] = ("conn_id", "into", "poll_interval")
    ui_color = "#f5e6c8"
    operator_extra_links = LINKS
    timeout: float = DEFAULT_TIMEOUT

    def __init__(
        self,
        *,
        conn_id: str,
        into: str,
        poll_interval: float | str | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        mask_url(into)
        self.conn_id = conn_id
        self.into = into
        self.poll_interval = poll_interval
        self.deferrable = deferrable_by_default() if deferrable is None else deferrable
        self._lineage: Lineage | None = None

    def plan(self, context: Mapping[str, Any], bench: Bench, wake: Wake | None, since: float) -> Batch:
        """What is to be done, checked before any vendor is called.

        :param since: epoch second; what was closed later is this run's own work.
        """
        raise NotImplementedError

    def conclude(self, batch: Batch) -> Any:
        """The task's value; called when nothing waits and nothing has failed (unless :meth:`tolerates` says so)."""
        raise NotImplementedError

    def tolerates(self, batch: Batch) -> bool:
        """Whether the task succeeds although taxpayers have failed, because a later task reports them."""
        return False

    @override
    def execute(self, context: Mapping[str, Any]) -> Any:
        """Do what can be done, wait, and so on, until nothing waits."""
        return self._work(context, None)

    def execute_complete(self, context: Mapping[str, Any], event: Mapping[str, Any] | None = None) -> Any:
        """The trigger has ended. The event is a hint only: the arguments and the ledger say what is to be done."""
        try:
            wake = Wake.read(event)
        except ValueError as problem:
            raise AirflowException(f"{problem}; the next try continues where the ledger stands.") from None
        if wake.failure is not None:
            raise as_airflow(wake.failure.error(), self.conn_id)
        return self._work(context, wake)

    @property
    def interval(self) -> float | None:
        """``poll_interval`` as a number; a rendered template gives text.

        :raises ConfigurationError: it is none.
        """
        return seconds_of(self.poll_interval)

    def _work(self, context: Mapping[str, Any], wake: Wake | None) -> Any:
        from fapiao.airflow.bench import Bench

        deadline = wake.deadline if wake else time.time() + self._patience()
        since = wake.began if wake else began(context)
        with translated(self.conn_id), closing(Bench(self.conn_id, self.into, context)) as bench:
            note_console(self, context, bench)
            batch = self.plan(context, bench, wake, since)
            batch.advance()
            self.note(batch)
            while batch.waiting and time.time() < deadline and batch.due <= deadline:
                if self.deferrable:
                    self._defer(batch, deadline, since)
                time.sleep(max(0.0, batch.due - time.time()))
                batch.advance()
                self.note(batch)
            self._lineage = self.lineage(bench, batch)
        if batch.waiting:
            self.run_out(batch, f"it is not finished within the {self._patience():.0f} seconds allowed")
        count(batch, since)
        value = self._end(batch)
        self.tell(context, batch, since)
        return value

    def lineage(self, bench: Bench, batch: Batch) -> Lineage | None:
        """What was read and written, of a task that loads."""
        return None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """What the OpenLineage provider asks for where it is installed; also of a task that has failed."""
        from fapiao.airflow.lineage import facets

        return facets(self._lineage)

    def note(self, batch: Batch) -> None:
        """Something may have been started; called before the task waits or ends."""

    def tell(self, context: Mapping[str, Any], batch: Batch, since: float) -> None:
        """Tell Airflow what this task has brought; called when it has succeeded."""

    def run_out(self, batch: Batch, why: str) -> None:
        """The time allowed is over. A retry continues with the same job."""
        batch.stop_waiting(why)

    def _defer(self, batch: Batch, deadline: float, since: float) -> None:
        from fapiao.airflow.triggers import CollectionTrigger

        self.defer(
            trigger=CollectionTrigger(
                conn_id=self.conn_id,
                source=batch.source,
                invoice_month=batch.invoice_month,
                slices=[[part.type, part.direction] for part in batch.slices],
                jobs=[msgspec.to_builtins(job) for job in batch.waiting.values()],
                deadline=deadline,
                began=since,
                poll_interval=self.interval,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(1.0, deadline - time.time()) + SLACK),
        )

    def _patience(self) -> float:
        # Airflow 3 does not count a deferral towards execution_timeout, so it is counted here.
        limits = [float(self.timeout)]
        if self.execution_timeout is not None:
            limits.append(self.execution_timeout.total_seconds())
        return min(limits)

    def _end(self, batch: Batch) -> Any:
        table = run_summary(batch.results, batch.failed)
        if table:
            self.log.info("The run has ended.\n%s", table)
        if not batch.failed or self.tolerates(batch):
            return self.conclude(batch)
        if len(batch.failed) + len(batch.results) == 1:
            raise as_airflow(next(iter(batch.failed.values())), self.conn_id)
        shown = "\n".join(f"- {taxpayer}: {error}" for taxpayer, error in list(batch.failed.items())[:20])
        more = f"\nand {len(batch.failed) - 20} more, see the log" if len(batch.failed) > 20 else ""
        total = len(batch.failed) + len(batch.results)
        kind = AirflowException if batch.may_pass() else AirflowFailException
        raise kind(f"{len(batch.failed)} of {total} taxpayers failed:\n{shown}{more}")


def seconds_of(poll_interval: Any) -> float | None:
    """Seconds as a number, from what a template has rendered; None where it is left out.

    :raises ConfigurationError: it is no number.
    """
    text = str(poll_interval or "").strip()
    try:
        return float(text) if text and text != "None" else None
    except ValueError:
        raise ConfigurationError(
            f"The poll interval {text[:40]!r} is not a number.", advice="Give seconds, or leave it out."
        ) from None
