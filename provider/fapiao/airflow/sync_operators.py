"""The operator that syncs the deduction state (抵扣) of input invoices from a vendor's lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fapiao.airflow.batch import Batch
from fapiao.airflow.operators import loaded_tables, summary
from fapiao.airflow.runs import is_automatic_retry
from fapiao.airflow.task import DEFAULT_TIMEOUT, CollectionTask
from fapiao.airflow.taxpayers import is_one, taxpayers_of
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench
    from fapiao.airflow.compat import XComArg
    from fapiao.airflow.events import Wake
    from fapiao.airflow.lineage import Lineage
    from fapiao.collecting.sync import Syncer
    from fapiao.manifest import SyncManifest
    from fapiao.sync_arguments import SyncRequest

__all__ = ["SyncDeductionsOperator"]


class SyncDeductionsOperator(CollectionTask):
    """Reads lists of input invoices to their end, loads them, proves them, tells what changed. The value is the manifest.

    For one taxpayer that is the manifest with all lists, for a list of taxpayers a summary of each. A retry or a cleared
    task goes on where the stored pages end: a billed page is not read twice.

    :param taxpayer_no: taxpayer number (纳税人识别号), or a list of them: each is isolated, and the task fails at the end
        when some have failed, naming them. A retry does only the unfinished ones.
    :param query: the vendor's code of the list (JCSK ``rzzt``), or several, as a list or with commas: they are one sync, so
        a document that moves from one to another is told as what it is.
    :param tax_period: tax period (税款所属期) ``yyyymm``; None = as the list understands it.
    :param first_on: ``yyyy-mm-dd``; which date is filtered depends on the list.
    :param last_on: ``yyyy-mm-dd``.
    :param filters: further filters by the vendor's names.
    :param zipped: ask for compressed answers.
    :param on_rejected: ``fail`` or ``accept``: what rejected records mean for the task. They are kept either way.
    :param timeout: longest wait in all, of one try (seconds or timedelta).
    """

    template_fields: Sequence[str] = (
        "conn_id", "into", "taxpayer_no", "query", "tax_period", "first_on", "last_on", "filters", "zipped", "on_rejected",
    )  # fmt: skip

    def __init__(
        self,
        *,
        taxpayer_no: str | Sequence[str] | XComArg,
        query: str | Sequence[str] | XComArg,
        tax_period: str | None = None,
        first_on: str | None = None,
        last_on: str | None = None,
        filters: Mapping[str, str] | None = None,
        zipped: bool | str = False,
        on_rejected: str = "fail",
        timeout: float | timedelta = DEFAULT_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.taxpayer_no = taxpayer_no
        self.query = query
        self.tax_period = tax_period
        self.first_on = first_on
        self.last_on = last_on
        self.filters = filters
        self.zipped = zipped
        self.on_rejected = on_rejected
        self.timeout = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)

    @override
    def plan(self, context: Mapping[str, Any], bench: Bench, wake: Wake | None, since: float) -> Batch:
        """Every taxpayer's request, all of them checked before the first call."""
        from fapiao.collecting.sync import Syncer

        requests = {request.taxpayer_no: request for request in self._requests(bench)}
        goes_on = wake is not None or is_automatic_retry(context)

        def open_run(taxpayer: str) -> Syncer:
            request = requests[taxpayer]
            closed = self._closed_in_this_run(bench, request, since, goes_on)
            return Syncer(
                bench.source,
                bench.account,
                bench.database,
                request,
                driver=bench.driver,
                collection_id=closed,
                task=bench.task,
            )

        first = next(iter(requests.values()))
        return Batch(
            requests,
            source=bench.source.name,
            invoice_month=first.tax_period,
            slices=first.slices,
            collector=open_run,
            step=lambda syncer: syncer.advance(),
            finish=self._proven,
            later=wake.later if wake else None,
            failed={taxpayer: failure.error() for taxpayer, failure in wake.failed.items()} if wake else None,
        )

    @override
    def conclude(self, batch: Batch) -> Any:
        """The manifest, or a summary for a list."""
        if is_one(self.taxpayer_no):
            return next(iter(batch.results.values())).to_dict()
        return [summary(manifest) for manifest in batch.results.values()]

    @override
    def lineage(self, bench: Bench, batch: Batch) -> Lineage:
        """Taxpayers' lists, and the tables of invoices, deduction states and the proof."""
        from fapiao.airflow.lineage import lineage_of

        tables = {**loaded_tables(batch), "fapiao_deduction": None}
        return lineage_of(bench, batch.taxpayers, f"deductions/{batch.invoice_month or 'all'}", tables)

    def _requests(self, bench: Bench) -> list[SyncRequest]:
        from fapiao.sync_arguments import sync_request

        taxpayers = taxpayers_of(self.taxpayer_no)
        # Airflow has replaced an XCom by its value when this runs.
        codes: Any = self.query
        filters: Any = self.filters or {}
        if not isinstance(filters, Mapping):
            raise ConfigurationError("The argument filters is not a mapping.", advice='Write it as {"name": "value"}.')
        return [
            sync_request(
                bench.source,
                bench.account,
                taxpayer_no=taxpayer,
                queries=str(codes).split(",") if is_one(codes) else list(codes or ()),
                tax_period=self.tax_period,
                first_on=self.first_on,
                last_on=self.last_on,
                filters=[(str(name), str(value)) for name, value in filters.items()],
                zipped=str(self.zipped).strip().lower() in ("true", "1", "yes"),
                on_rejected=self.on_rejected,
            )
            for taxpayer in taxpayers
        ]

    def _closed_in_this_run(self, bench: Bench, request: SyncRequest, since: float, goes_on: bool) -> int | None:
        """The sync that this DAG run has closed already: its result, whatever it is, when the same try goes on.

        A person who clears a task after mending something gets a new sync, unless the old one is complete.
        """
        from fapiao.collecting.sync import key_of

        closed = bench.ledger.latest_closed(key_of(bench.source, bench.account, request), request.slices)
        if closed is None or closed.closed_at is None or closed.closed_at < since:
            return None
        return closed.collection_id if closed.state == "complete" or goes_on else None

    def _proven(self, syncer: Syncer) -> SyncManifest:
        manifest = syncer.manifest()
        changed = ", ".join(f"{count} {kind}" for kind, count in manifest.changes.items() if count)
        self.log.info(
            "%s, lists %s, run %d: %s; %d documents loaded, %s units billed; changed: %s.",
            manifest.taxpayer_no, manifest.query, manifest.run, manifest.state, manifest.loaded, manifest.billed,
            changed or "nothing",
        )  # fmt: skip
        syncer.verdict()
        return manifest
