"""What :class:`StartCollectionOperator` hands on: ids of generations in the ledger, and what their jobs are. Plain JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from fapiao.airflow.batch import Batch
from fapiao.airflow.events import Failure, Job, Wake
from fapiao.errors import ConfigurationError

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench
    from fapiao.collecting.collection import Collector
    from fapiao.collecting.outcomes import Waiting

__all__ = ["Reference", "Started"]

_CLOSED = frozenset({"complete", "incomplete", "abandoned"})


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """One collection that was started."""

    collection_id: int
    job: Job | None = None
    """What to ask the vendor about; None: nothing is left to wait for."""
    is_plain: bool = True
    """One job for all slices. False: there is more to do at the vendor than to wait for ``job``."""

    @classmethod
    def of(cls, collector: Collector) -> Started:
        record = collector.collection()
        if record.state in _CLOSED:
            return cls(collection_id=record.collection_id)
        job = Job(taxpayer_no=record.key.taxpayer_no, not_before=collector.counts_from(), job_id=record.vendor_job_id)
        return cls(collection_id=record.collection_id, job=job, is_plain=not record.part and not collector.is_divided())


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Collections that were started together."""

    source: str
    invoice_month: str
    collections: dict[str, int]
    """Taxpayer number → id of the generation."""
    failed: dict[str, Failure] = msgspec.field(default_factory=dict)
    """Taxpayers that could not be started."""
    single: bool = True
    """Started for one taxpayer, not for a list: later values are one manifest, not a list."""
    slices: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """``[type, direction]`` of each slice of the jobs."""
    jobs: dict[str, Job | None] = msgspec.field(default_factory=dict)
    """Taxpayer number → what to ask the vendor about, None where nothing is left to wait for. Not among them: the ledger says."""

    @classmethod
    def of(cls, batch: Batch, *, single: bool) -> Reference:
        started: dict[str, Started] = batch.results
        return cls(
            source=batch.source,
            invoice_month=batch.invoice_month,
            collections={taxpayer: begun.collection_id for taxpayer, begun in started.items()},
            slices=[(part.type, part.direction) for part in batch.slices],
            jobs={taxpayer: begun.job for taxpayer, begun in started.items() if begun.is_plain},
            failed={taxpayer: Failure.of(error) for taxpayer, error in batch.failed.items()},
            single=single,
        )

    @classmethod
    def read(cls, value: Any) -> Reference:
        """:raises ConfigurationError: it is not what a StartCollectionOperator returned."""
        try:
            return msgspec.convert(value, cls)
        except msgspec.ValidationError as problem:
            raise ConfigurationError(
                f"The argument collection is not a reference to a started collection: {problem}.",
                advice="Pass the output of a StartCollectionOperator.",
            ) from None

    def to_dict(self) -> dict[str, Any]:
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def batch(
        self,
        bench: Bench,
        *,
        step: Callable[[Collector], Waiting | None],
        finish: Callable[[Collector], Any],
        wake: Wake | None,
        poll_interval: float | None,
        on_rejected: str = "fail",
        with_failed: bool = False,
    ) -> Batch:
        """The work on these generations.

        :param with_failed: report the taxpayers that could not even be started as failed.
        :raises ConfigurationError: the reference belongs to another vendor, or to another ledger.
        """
        from fapiao.arguments import CollectRequest

        if self.source != bench.source.name:
            raise ConfigurationError(
                f"The collection belongs to {self.source}, the connection to {bench.source.name}.",
                advice="Give the connection that the collection was started with.",
            )
        if on_rejected not in ("fail", "accept"):
            raise ConfigurationError(f"on_rejected {on_rejected!r} is not valid.", advice="Allowed: fail or accept.")
        slices = {
            collection_id: tuple(part.key for part in bench.ledger.slices(collection_id))
            for collection_id in self.collections.values()
        }

        def open_collection(taxpayer: str) -> Collector:
            collection_id = self.collections[taxpayer]
            request = CollectRequest(
                taxpayer_no=taxpayer,
                invoice_month=self.invoice_month,
                slices=slices[collection_id],
                accept_rejected=on_rejected == "accept",
                poll_interval=poll_interval,
            )
            return bench.collector(request, collection_id)

        failed = dict(self.failed) if with_failed else {}
        if wake:
            failed |= wake.failed
        return Batch(
            self.collections,
            source=self.source,
            invoice_month=self.invoice_month,
            slices=next(iter(slices.values()), ()),
            collector=open_collection,
            step=step,
            finish=finish,
            later=wake.later if wake else None,
            failed={taxpayer: failure.error() for taxpayer, failure in failed.items()},
        )
