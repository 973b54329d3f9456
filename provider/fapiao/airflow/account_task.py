"""What the operators and sensors of verification share: steps over an account's work, waiting in the triggerer or not.

While they wait only time passes: a layout task's result is given once, so the question belongs to the worker that can commit
its answer, never to a trigger.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fapiao.airflow.compat import AirflowException, BaseOperator, deferrable_by_default
from fapiao.airflow.databases import mask_url
from fapiao.airflow.events import Wake
from fapiao.airflow.failures import as_airflow, translated
from fapiao.airflow.links import LINKS, note_console
from fapiao.airflow.runs import began
from fapiao.errors import VendorBusy

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench
    from fapiao.airflow.lineage import Lineage
    from fapiao.collecting.outcomes import Waiting

__all__ = ["AccountTask"]

SLACK = 120.0
"""Seconds by which Airflow's limit on a deferral lies behind ours, which can explain itself."""


class AccountTask(BaseOperator):
    """Base of tasks that work on single documents of one vendor account.

    :param conn_id: the vendor connection; its type is the vendor.
    :param into: the id of a database connection, or a database URL: where invoices and answers are.
    :param deferrable: wait in the triggerer instead of a worker slot; None = the cluster's ``default_deferrable``.
    :param timeout: longest wait in all, of one try (seconds or timedelta).
    """

    template_fields: Sequence[str] = ("conn_id", "into")
    ui_color = "#e3efdc"
    operator_extra_links = LINKS

    def __init__(
        self,
        *,
        conn_id: str,
        into: str,
        deferrable: bool | None = None,
        timeout: float | timedelta = 86400.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        mask_url(into)
        self.conn_id = conn_id
        self.into = into
        self.deferrable = deferrable_by_default() if deferrable is None else deferrable
        self.timeout = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)
        self._lineage: Lineage | None = None

    def lineage(self, bench: Bench, value: Any) -> Lineage | None:
        """What was read and written, of a task that stores something.

        :param value: of the task.
        """
        return None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """What the OpenLineage provider asks for where it is installed; also of a task that has failed."""
        from fapiao.airflow.lineage import facets

        return facets(self._lineage)

    def work(self, bench: Bench, since: float) -> tuple[Waiting | None, Any]:
        """Everything that can be done now: what must be waited for, and the value that the task has then.

        :param since: epoch second at which this DAG run began.
        """
        raise NotImplementedError

    @override
    def execute(self, context: Mapping[str, Any]) -> Any:
        """Do what can be done, wait, and so on, until nothing waits."""
        return self._work(context, began(context), time.time() + self._patience())

    def execute_complete(self, context: Mapping[str, Any], event: Mapping[str, Any] | None = None) -> Any:
        """The time has come. The event is a hint only: the database says what is to be done."""
        try:
            wake = Wake.read(event)
        except ValueError as problem:
            raise AirflowException(f"{problem}; the next try continues where the database stands.") from None
        if wake.failure is not None:
            raise as_airflow(wake.failure.error(), self.conn_id)
        return self._work(context, wake.began or began(context), wake.deadline)

    def _work(self, context: Mapping[str, Any], since: float, deadline: float) -> Any:
        from fapiao.airflow.bench import Bench

        with translated(self.conn_id), closing(Bench(self.conn_id, self.into, context)) as bench:
            note_console(self, context, bench)
            while True:
                waiting, value = self.work(bench, since)
                self._lineage = self.lineage(bench, value)
                if waiting is None:
                    return value
                self.log.info(
                    "Waits until %s: %s", time.strftime("%H:%M:%S UTC", time.gmtime(waiting.not_before)), waiting.reason
                )
                if waiting.not_before > deadline:
                    raise VendorBusy(
                        f"It is not finished within the {self._patience():.0f} seconds allowed: {waiting.reason}.",
                        retry_after=max(0.0, waiting.not_before - time.time()),
                        code=waiting.code,
                    )
                if self.deferrable:
                    self._defer(bench.source.name, waiting, since, deadline)
                time.sleep(max(0.0, waiting.not_before - time.time()))

    def _defer(self, source: str, waiting: Waiting, since: float, deadline: float) -> None:
        from fapiao.airflow.triggers import CollectionTrigger

        self.defer(
            trigger=CollectionTrigger(
                conn_id=self.conn_id,
                source=source,
                invoice_month="",
                slices=[],
                jobs=[{"taxpayer_no": "", "not_before": waiting.not_before, "watch": False}],
                deadline=deadline,
                began=since,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=max(1.0, deadline - time.time()) + SLACK),
        )

    def _patience(self) -> float:
        # Airflow 3 does not count a deferral towards execution_timeout, so it is counted here.
        limits = [self.timeout]
        if self.execution_timeout is not None:
            limits.append(self.execution_timeout.total_seconds())
        return min(limits)
