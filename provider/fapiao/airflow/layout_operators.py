"""Layout files (版式文件) in two steps: a sensor that asks finished tasks for their links, an operator that archives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from fapiao.airflow.account_task import AccountTask
from fapiao.airflow.compat import AIRFLOW_3, BaseSensorOperator
from fapiao.airflow.failures import translated

if TYPE_CHECKING:
    from fapiao.airflow.bench import Bench
    from fapiao.airflow.lineage import Lineage
    from fapiao.collecting.outcomes import Waiting
    from fapiao.layouts.archiver import LayoutArchiver

__all__ = ["ArchiveLayoutFilesOperator", "LayoutFilesSensor"]


class LayoutFilesSensor(AccountTask, BaseSensorOperator):
    """Done when no layout task of the account can bring links any more.

    Each task's result is given once: the worker asks, and commits the links together with the answer. The triggerer only
    waits for the time. Tasks that failed, or whose answer was lost, are the archiving task's failure, not this one's.

    :param deferrable: wait in the triggerer; else poke, or ``mode="reschedule"``, as every sensor.
    """

    ui_color = "#e6f1f2"

    @override
    def execute(self, context: Mapping[str, Any]) -> Any:
        """Deferred, or as every sensor does."""
        if self.deferrable:
            return super().execute(context)
        return BaseSensorOperator.execute(self, context)  # type: ignore[arg-type]  # 2.11 and 3.x differ in Context

    @override
    def poke(self, context: Mapping[str, Any]) -> bool:
        """One look at the tasks that are due."""
        from fapiao.airflow.bench import Bench

        with translated(self.conn_id), closing(Bench(self.conn_id, self.into, context)) as bench:
            return self.work(bench, 0.0)[0] is None

    @override
    def work(self, bench: Bench, since: float) -> tuple[Waiting | None, Any]:
        """Ask about the tasks that are due."""
        return _archiver(bench, None).ask(), None


class ArchiveLayoutFilesOperator(AccountTask):
    """Fetches every file of the account that a link names and the archive does not have; reads the XML ones.

    The value is a summary. The task fails when a file is missing at the end; a retry fetches the missing ones only.

    :param archive: a folder that the worker can write, a URL such as ``s3://bucket/invoices``, or an ``ObjectStoragePath``.
    :param ask_lost_again: ask once more for links whose answer was lost; starts no new job.
    """

    template_fields: Sequence[str] = ("conn_id", "into", "archive")

    def __init__(self, *, archive: Any, ask_lost_again: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.archive = archive
        self.ask_lost_again = ask_lost_again

    @override
    def work(self, bench: Bench, since: float) -> tuple[Waiting | None, Any]:
        """Ask about tasks that are still open, fetch what there is."""
        archiver = _archiver(bench, self.archive)
        if self.ask_lost_again:
            archiver.ask_lost_again()
        waiting = archiver.advance()
        summary = archiver.summary()
        self.log.info("%d files archived; tasks %s, links %s.", summary.archived, summary.tasks, summary.links)
        if waiting is None:
            archiver.verdict()
        return waiting, msgspec.to_builtins(summary)

    @override
    def lineage(self, bench: Bench, value: Any) -> Lineage:
        """The vendor's files, and the table that lists the archived ones."""
        from fapiao.airflow.lineage import lineage_of

        return lineage_of(bench, (), "layout-files", {"fapiao_layout_file": value["archived"]})


def _archiver(bench: Bench, archive: Any) -> LayoutArchiver:
    from fapiao.layouts.archiver import LayoutArchiver
    from fapiao.layouts.places import place

    where = None if archive is None else place(_object_path(archive))
    return LayoutArchiver(bench.source, bench.account, bench.database, where, driver=bench.driver)


def _object_path(archive: Any) -> Any:
    """A URL as Airflow's ObjectStoragePath, which knows the stores and connections of the cluster (``s3://conn@bucket``)."""
    if isinstance(archive, str) and "://" in archive and not archive.startswith("file://"):
        module = import_module("airflow.sdk" if AIRFLOW_3 else "airflow.io.path")
        return module.ObjectStoragePath(archive)
    return archive
