"""Layout files (版式文件) of verified invoices: ask each task once, keep the links, fetch, check, archive, read the XML.

Steps over the database, as :class:`fapiao.collecting.verification.Verifier` takes them. Three commits keep a killed run from losing a
file or starting a second paid job: the question before it is sent, the answer with all its links before anything is fetched,
and each file after it is whole in the archive.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

import msgspec

from fapiao.arguments import CHINA
from fapiao.collecting.outcomes import Waiting
from fapiao.engine import BlockingDriver, DriverSettings, Exchange
from fapiao.engine.host_rules import HostRules, Refused
from fapiao.engine.transcript import pack, told
from fapiao.engine.withheld_answers import Answers, KeptRaw, RawRules, kept_raw
from fapiao.errors import (
    ConfigurationError,
    FapiaoError,
    IncompleteError,
    OutcomeUnknown,
    PluginError,
    QuotaExhausted,
    StoreError,
    VendorBroken,
    VendorBusy,
    VendorRefused,
)
from fapiao.invoices.intake import Examined, examine
from fapiao.invoices.model import NormalizeContext
from fapiao.layouts.downloads import Downloader
from fapiao.layouts.einvoice_xml import RULES, normalize, without_personal_data
from fapiao.layouts.places import Place, relative_name
from fapiao.redaction import register
from fapiao.registry import Source
from fapiao.store import Database, SharedAccountState
from fapiao.store.verification.layouts import API, LOST, ArchivedFile, Layouts, LinkRecord, TaskRecord
from fapiao.wire import Account, LayoutFiles, Pending, Request, Response

__all__ = ["ArchiveSummary", "LayoutArchiver"]

log = logging.getLogger(__name__)

MOST_TRIES = 5
"""How often one link is tried in all before it is given up."""
_RETRY = 60.0
"""Seconds until a question that could not be sent, or an answer of the moment, is tried again."""
_RIVAL_POLL = 5.0
_AGAIN = (
    "Ask about the same tasks once more with --ask-lost-again (no new job is started); where the vendor has given the result "
    "away already, only a new, billed verification makes the files again (--max-age 0)."
)


class ArchiveSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a run reports: counts, also the value in Airflow's XCom."""

    source: str
    archived: int
    """Files that this run archived."""
    tasks: dict[str, int]
    """Tasks of the account by state; ``lost``: see :meth:`LayoutArchiver.verdict`."""
    links: dict[str, int]


class LayoutArchiver:
    """Works on every layout task and link of one account that has not ended.

    :param place: where the files go; None: only ask for the links (:meth:`ask`).
    """

    def __init__(
        self,
        source: Source,
        account: Account,
        database: Database,
        place: Place | None,
        *,
        driver: BlockingDriver | None = None,
        downloader: Downloader | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if "files" not in source.descriptor.capabilities:
            raise ConfigurationError(
                f"The source {source.name} makes no layout files.", source=source.name, advice="Use another source."
            )
        self._source = source
        self._account = account
        self._place = place
        self._clock = clock
        self._store = Layouts(database, source.name, account.name)
        self._answers = Answers(RawRules.of(source.descriptor), self._store.withholding)
        self._files = Answers(RULES, self._store.withholding)
        self._owns_driver = driver is None
        self._driver = driver or BlockingDriver(
            source, account, state=SharedAccountState(database, account), clock=clock
        )
        settings = DriverSettings.from_account(account)
        self._downloader = downloader or Downloader(
            HostRules.of(account), timeout=settings.timeout, verify_tls=settings.verify_tls
        )
        self._archived = 0

    def __enter__(self) -> LayoutArchiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the account shares with other processes."""
        if self._owns_driver:
            self._driver.close()

    def advance(self) -> Waiting | None:
        """All that can be done now: ask about tasks that are due, fetch every link. None: nothing is left to wait for."""
        waiting = self.ask()
        self.download()
        return waiting

    def ask_lost_again(self) -> int:
        """Let lost tasks be asked about once more, by the same id. Returns how many those are."""
        return self._store.ask_again()

    def ask(self) -> Waiting | None:
        """Ask about the tasks that are due, each once. None: no task is left that could still bring links.

        :raises FapiaoError: what concerns the whole account, after every answer that came is committed.
        """
        if self._store.lose_dead(self._clock()):
            log.error(
                "A process ended while it asked for the links of layout tasks; see the tasks that are 'lost'. %s",
                _AGAIN,
            )
        due = [task for task in self._store.tasks("waiting") if (task.not_before or 0.0) <= self._clock()]
        if due:
            self._ask_all(due)
        left = self._store.tasks("waiting", "asking")
        if not left:
            return None
        now = self._clock()
        first = min(left, key=lambda task: self._due(task, now))
        return Waiting(
            not_before=self._due(first, now),
            reason=f"{len(left)} layout tasks are not finished at the vendor",
            code=first.code,
        )

    def download(self) -> int:
        """Fetch every link whose file is not archived yet, some at once. Returns how many files came.

        A link that brings no file is tried again by the next run, unless that cannot help.

        :raises StoreError: the archive or the database does not take a file; the links stay.
        """
        if self._place is None:
            return 0
        place = self._place
        before = self._archived
        links = iter(self._store.links())
        under_way: dict[Future[ArchivedFile], LinkRecord] = {}
        with ThreadPoolExecutor(self._driver.max_concurrency, thread_name_prefix="fapiao-file") as pool:
            try:
                while True:
                    while len(under_way) < self._driver.max_concurrency and (link := next(links, None)) is not None:
                        under_way[pool.submit(self._fetch, link, place)] = link
                    if not under_way:
                        break
                    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                    for future in done:
                        self._keep(future, under_way.pop(future))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return self._archived - before

    def summary(self) -> ArchiveSummary:
        """Where the account's files stand."""
        counts = self._store.counts()
        return ArchiveSummary(
            source=self._source.name, archived=self._archived, tasks=counts["tasks"], links=counts["links"]
        )

    def verdict(self) -> None:
        """Say whether every task has ended with its files in the archive.

        :raises IncompleteError: the first that have not, by number, with what to do.
        """
        wrong = self._store.troubles()
        if self._place is None:
            wrong = [part for part in wrong if part[1].startswith("task ")]
        if not wrong:
            return
        shown = "; ".join(
            f"{number}: {what} ({message})" if message else f"{number}: {what}" for number, what, message in wrong[:10]
        )
        more = f"; and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        lost = any(what == "task lost" for _, what, _ in wrong)
        raise IncompleteError(
            f"{len(wrong)} layout tasks or files are missing: {shown}{more}.",
            source=self._source.name,
            advice=_AGAIN
            if lost
            else "See fapiao_layout_task and fapiao_layout_link; run again to try what can be tried.",
        )

    # Asking

    def _ask_all(self, tasks: Sequence[TaskRecord]) -> None:
        waiting = iter(tasks)
        stop: FapiaoError | None = None
        under_way: dict[Future[FapiaoError | None], TaskRecord] = {}
        with ThreadPoolExecutor(self._driver.max_concurrency, thread_name_prefix="fapiao-task") as pool:
            while True:
                while stop is None and len(under_way) < self._driver.max_concurrency:
                    task = next(waiting, None)
                    if task is None:
                        break
                    if self._store.take(task, self._clock()):
                        under_way[pool.submit(self._ask_one, task)] = task
                if not under_way:
                    break
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    del under_way[future]
                    stop = stop or future.result()
        if stop is not None:
            raise stop

    def _ask_one(self, task: TaskRecord) -> FapiaoError | None:
        """In a pool's thread: one question, committed with its answer. Returns what concerns all the others, too."""
        interval = self._source.descriptor.poll_interval
        discretion = self._answers.discretion(task.task.taxpayer_no)
        try:
            completed = self._driver.run(discretion.flow(self._source.layout_files(self._account, task.task)))
        except FapiaoError as error:
            return self._failed(task, error)
        said: Any = completed.value  # what the plugin returned is not known yet
        now = self._clock()
        if isinstance(said, Pending):
            self._store.put_back(task, said.reason, not_before=said.due(now, interval), code=said.code)
            return None
        if not isinstance(said, LayoutFiles):
            return self._failed(
                task, PluginError(f"layout_files() returned {type(said).__name__} instead of LayoutFiles.")
            )
        raw = kept_raw(
            completed.transcript,
            discretion,
            told(self._source.descriptor, self._account, task.task),
            sealed=self._store.seals_raw,
        )
        self._store.answered(task, said, raw, now)
        if said.failed:
            log.error("The layout files of %s are not made: %s (%s)", task.task.number, said.message, said.code)
        return None

    def _failed(self, task: TaskRecord, error: FapiaoError) -> FapiaoError | None:
        error.within(source=self._source.name, taxpayer_no=task.task.taxpayer_no)
        now = self._clock()
        if isinstance(error, OutcomeUnknown | VendorBroken | PluginError):
            # The answer may have been the one that is given once.
            log.error("%s The task of %s is lost. %s", error, task.task.number, _AGAIN)
            self._store.close(task, "lost", error.code, f"{LOST} ({error.what})", now)
            return error if isinstance(error, PluginError) else None
        if isinstance(error, VendorRefused) and not isinstance(error, QuotaExhausted):
            log.error("%s", error)
            self._store.close(task, "failed", error.code, error.what, now)
            return None
        # Nothing was carried out: the question was not sent, or it was turned away.
        wait = error.retry_after if isinstance(error, VendorBusy) else _RETRY
        self._store.put_back(task, error.what, not_before=now + wait, code=error.code)
        return error if isinstance(error, ConfigurationError | QuotaExhausted | StoreError) else None

    def _due(self, task: TaskRecord, now: float) -> float:
        return (task.not_before or now) if task.state == "waiting" else now + _RIVAL_POLL

    # Fetching

    def _fetch(self, link: LinkRecord, place: Place) -> ArchivedFile:
        """In a pool's thread: from the link to a file in the archive, and what it states."""
        url = link.url.reveal()
        register(url, passing=True)
        with self._downloader.fetch(url, link.kind) as fetched:
            examined, raw, at = None, KeptRaw(b"", "", True), self._clock()
            if link.kind == "xml":
                content = fetched.path.read_bytes()
                left, plain = without_personal_data(content, self._files)
                examined = self._read(left, link.number, at)
                # What the file says is the answer that is kept as raw: it can be interpreted again without the archive.
                request = Request(method="GET", path=f"/{relative_name(link.kind, fetched.sha256)}")
                body = content if self._store.seals_raw else plain
                exchange = Exchange(request, Response(status=200, headers={}, body=body))
                raw = KeptRaw(*pack((exchange,)), True)
            uri = place.keep(fetched.path, relative_name(link.kind, fetched.sha256), fetched.size)
            return ArchivedFile(
                link=link,
                sha256=fetched.sha256,
                size=fetched.size,
                uri=uri,
                fetched_at=at,
                examined=examined,
                raw=raw,
            )

    def _read(self, raw: Any, number: str, at: float) -> Examined:
        context = NormalizeContext(
            source=self._source.name, api=API, taxpayer_no="", invoice_month="", type="", direction=""
        )
        in_china = datetime.fromtimestamp(at, CHINA).replace(tzinfo=None)
        examined = examine(raw, 0, normalize(raw, context), context, in_china)
        if examined.invoice is not None and examined.invoice.digital_number != number:
            raise Refused("the XML file is that of another invoice")
        return examined

    def _keep(self, future: Future[ArchivedFile], link: LinkRecord) -> None:
        try:
            file = future.result()
        except Refused as refused:
            final = refused.final or link.tries + 1 >= MOST_TRIES
            log.error("The %s of %s is not archived: %s", link.kind.upper(), link.number, refused.what)
            self._store.missed(link, refused.what, final=final)
            return
        self._store.archived(file)
        self._archived += 1
