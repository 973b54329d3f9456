"""Operators that collect invoices: all of it in one task, or start and load as steps around a sensor."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from fapiao.airflow.batch import Batch
from fapiao.airflow.month import month_of_run
from fapiao.airflow.reference import Reference, Started
from fapiao.airflow.runs import is_automatic_retry
from fapiao.airflow.task import DEFAULT_TIMEOUT, CollectionTask
from fapiao.airflow.taxpayers import is_one, listed, taxpayers_of

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench
    from fapiao.airflow.compat import XComArg
    from fapiao.airflow.events import Wake
    from fapiao.airflow.lineage import Lineage
    from fapiao.airflow.remembering import JobMemory
    from fapiao.arguments import CollectRequest
    from fapiao.collecting.collection import Collector
    from fapiao.collecting.outcomes import Waiting
    from fapiao.manifest import Manifest

__all__ = ["CollectInvoicesOperator", "LoadCollectionOperator", "StartCollectionOperator"]


class _Timed(CollectionTask):
    """An operator that may wait.

    :param timeout: longest wait in all, of one try (seconds or timedelta).
    """

    def __init__(self, *, timeout: float | timedelta = DEFAULT_TIMEOUT, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout = timeout.total_seconds() if isinstance(timeout, timedelta) else float(timeout)


class _Proving(_Timed):
    """An operator that ends with months that are proven."""

    @override
    def tell(self, context: Mapping[str, Any], batch: Batch, since: float) -> None:
        """Asset events, where ``outlets`` has the alias of :func:`~fapiao.airflow.assets.invoice_months`; metrics."""
        from fapiao.airflow.assets import tell_assets

        tell_assets(context, self.outlets, batch, since)

    @override
    def lineage(self, bench: Bench, batch: Batch) -> Lineage:
        """Taxpayers' months, and the tables of invoices and of the proof."""
        from fapiao.airflow.lineage import lineage_of

        return lineage_of(bench, batch.taxpayers, batch.invoice_month, loaded_tables(batch))


class _Requesting(_Timed):
    """An operator that is told what to collect.

    :param taxpayer_no: taxpayer number (纳税人识别号), or a list of them: each is isolated, and the task fails at the end
        when some have failed, naming them. A retry does only the unfinished ones.
    :param invoice_month: ``yyyymm``. Default: the parameter or run configuration ``invoice_month`` of the DAG run, else
        the month before the run's date in China (see :mod:`fapiao.airflow.month`).
    :param types: invoice types, the vendor's codes or canonical names; None = all.
    :param directions: ``input`` (进项), ``output`` (销项); None = both.
    :param refresh: ``always`` = collect anew in each DAG run; ``older-than:6h`` (s, m, h, d) = unless a complete
        collection is younger; ``never`` = unless there is a complete one.
    :param on_rejected: ``fail`` or ``accept``: what rejected records mean for the task. They are kept either way.
    """

    template_fields: Sequence[str] = (
        "conn_id", "into", "taxpayer_no", "invoice_month", "types", "directions", "refresh", "on_rejected",
        "poll_interval",
    )  # fmt: skip

    def __init__(
        self,
        *,
        taxpayer_no: str | Sequence[str] | XComArg,
        invoice_month: str | None = None,
        types: Sequence[str] | None = None,
        directions: Sequence[str] | None = None,
        refresh: str = "always",
        on_rejected: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.taxpayer_no = taxpayer_no
        self.invoice_month = invoice_month
        self.types = types
        self.directions = directions
        self.refresh = refresh
        self.on_rejected = on_rejected
        self._memory: JobMemory | None = None

    def step(self, collector: Collector) -> Waiting | None:
        raise NotImplementedError

    def finish(self, collector: Collector) -> Any:
        raise NotImplementedError

    @override
    def plan(self, context: Mapping[str, Any], bench: Bench, wake: Wake | None, since: float) -> Batch:
        """Every taxpayer's request, all of them checked before the first call."""
        from fapiao.airflow.remembering import JobMemory

        requests = {request.taxpayer_no: request for request in self._requests(context, bench)}
        goes_on = wake is not None or is_automatic_retry(context)
        first = next(iter(requests.values()))
        memory = self._memory = JobMemory(context, bench.source.name, bench.account.name, first.invoice_month)

        def open_collection(taxpayer: str) -> Collector:
            request = requests[taxpayer]
            closed = self._closed_in_this_run(bench, request, since, goes_on)
            return bench.collector(request, closed, continues=memory.recall(taxpayer))

        return Batch(
            requests,
            source=bench.source.name,
            invoice_month=first.invoice_month,
            slices=first.slices,
            collector=open_collection,
            step=self.step,
            finish=self.finish,
            later=wake.later if wake else None,
            failed={taxpayer: failure.error() for taxpayer, failure in wake.failed.items()} if wake else None,
        )

    @override
    def note(self, batch: Batch) -> None:
        """Airflow keeps what was started, for the next try."""
        if self._memory is not None:
            self._memory.note(batch)

    def _requests(self, context: Mapping[str, Any], bench: Bench) -> list[CollectRequest]:
        from fapiao.arguments import collect_request

        taxpayers = taxpayers_of(self.taxpayer_no)
        month = self.invoice_month or month_of_run(context)
        self.log.info("Invoice month %s of %d taxpayers from %s.", month, len(taxpayers), bench.source.name)
        return [
            collect_request(
                bench.source.descriptor,
                taxpayer_no=taxpayer,
                invoice_month=month,
                now=time.time(),
                types=listed(self.types),
                directions=listed(self.directions),
                refresh=self.refresh,
                on_rejected=self.on_rejected,
                poll_interval=self.interval,
            )
            for taxpayer in taxpayers
        ]

    def _closed_in_this_run(self, bench: Bench, request: CollectRequest, since: float, goes_on: bool) -> int | None:
        """The generation that this DAG run has closed already: its result, whatever it is, when the same try goes on.

        A person who clears a task after mending something gets a new generation, unless the old one is complete.
        """
        from fapiao.store import CollectionKey

        key = CollectionKey(
            source=bench.source.name,
            account=bench.account.name,
            taxpayer_no=request.taxpayer_no,
            invoice_month=request.invoice_month,
        )
        closed = bench.ledger.latest_closed(key, request.slices)
        if closed is None or closed.closed_at is None or closed.closed_at < since:
            return None
        if closed.state == "complete" or goes_on:
            return closed.collection_id
        return None


class CollectInvoicesOperator(_Requesting, _Proving):
    """All of it: start or join the vendor's job, wait, read, load, prove. The value is the manifest.

    For one taxpayer that is the manifest with all slices, for a list a summary of each taxpayer.
    """

    @override
    def step(self, collector: Collector) -> Waiting | None:
        """All that can be done now."""
        return collector.advance()

    @override
    def finish(self, collector: Collector) -> Manifest:
        """The manifest, once the proof holds."""
        return proven(collector, self.log)

    @override
    def conclude(self, batch: Batch) -> Any:
        """The manifest, or a summary for a list."""
        if is_one(self.taxpayer_no):
            return next(iter(batch.results.values())).to_dict()
        return [summary(manifest) for manifest in batch.results.values()]


class StartCollectionOperator(_Requesting):
    """The first of three steps: opens the collection and starts the vendor's job, or joins the one that runs.

    The value is a small reference for :class:`~fapiao.airflow.sensors.CollectionSensor` and
    :class:`LoadCollectionOperator`. Of a list, taxpayers that could not be started are named in it, and the load fails
    with them at the end; the task itself fails when none could be started.
    """

    @override
    def step(self, collector: Collector) -> Waiting | None:
        """Only start or join."""
        return collector.start()

    @override
    def finish(self, collector: Collector) -> Started:
        """The generation and its job."""
        started = Started.of(collector)
        if started.job is None:
            collector.verdict()
        return started

    @override
    def tolerates(self, batch: Batch) -> bool:
        """Some started: the others are carried in the reference."""
        return bool(batch.results) and not batch.may_pass()

    @override
    def conclude(self, batch: Batch) -> dict[str, Any]:
        """The reference."""
        return Reference.of(batch, single=is_one(self.taxpayer_no)).to_dict()


class LoadCollectionOperator(_Proving):
    """The last of three steps: reads what the vendor's job has found, loads it, proves it. The value is the manifest.

    Continues exactly the generation it is given and never opens another one; run again after it is closed, it reports
    the same result.

    :param collection: the value of a :class:`StartCollectionOperator`.
    :param on_rejected: ``fail`` or ``accept``: what rejected records mean for the task. They are kept either way.
    """

    template_fields: Sequence[str] = ("conn_id", "into", "collection", "on_rejected", "poll_interval")

    def __init__(self, *, collection: Mapping[str, Any] | XComArg, on_rejected: str = "fail", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.collection = collection
        self.on_rejected = on_rejected

    @override
    def plan(self, context: Mapping[str, Any], bench: Bench, wake: Wake | None, since: float) -> Batch:
        """The generations that the reference names."""
        return Reference.read(self.collection).batch(
            bench,
            step=lambda collector: collector.advance(),
            finish=lambda collector: proven(collector, self.log),
            wake=wake,
            poll_interval=self.interval,
            on_rejected=self.on_rejected,
            with_failed=True,
        )

    @override
    def conclude(self, batch: Batch) -> Any:
        """The manifest, or a summary for a list."""
        if Reference.read(self.collection).single:
            return next(iter(batch.results.values())).to_dict()
        return [summary(manifest) for manifest in batch.results.values()]


def proven(collector: Collector, log: Any) -> Manifest:
    """The manifest of a closed generation, its totals in the log.

    :raises IncompleteError: the proof does not hold; its text has the numbers.
    """
    manifest = collector.manifest()
    loaded, rejected = (sum(getattr(part, name) for part in manifest.slices) for name in ("loaded", "rejected"))
    log.info(
        "%s %s, generation %d: %s; %d invoices loaded, %d rejected, %d slices, %d requests, %.1f s.",
        manifest.taxpayer_no, manifest.invoice_month, manifest.generation, manifest.state, loaded, rejected,
        len(manifest.slices), manifest.requests, manifest.seconds,
    )  # fmt: skip
    collector.verdict()
    return manifest


def loaded_tables(batch: Batch) -> dict[str, int | None]:
    """Table → rows, where the manifests count them."""
    slices = [part for manifest in batch.results.values() for part in manifest.slices]
    return {
        "fapiao_invoice": sum(part.loaded for part in slices),
        "fapiao_invoice_line": None,
        "fapiao_invoice_holding": None,
        "fapiao_rejected": sum(part.rejected for part in slices),
        "fapiao_slice": len(slices),
    }


def summary(manifest: Manifest) -> dict[str, Any]:
    """A manifest without its slices: what a list of thousands of taxpayers may put into one XCom."""
    plain = manifest.to_dict()
    slices = plain.pop("slices")
    plain["slices"] = len(slices)
    plain["loaded"] = sum(part["loaded"] for part in slices)
    plain["rejected"] = sum(part["rejected"] for part in slices)
    return plain
