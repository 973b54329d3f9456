"""Stored raw answers as they are read now: every page driven again through its plugin's flow, without a request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fapiao.arguments import CHINA
from fapiao.engine import Exchange
from fapiao.engine.host_rules import Refused
from fapiao.engine.transcript import Told, replay, unpack_told
from fapiao.engine.withheld_answers import Answers, RawRules
from fapiao.errors import ConfigurationError, FapiaoError, PluginError, StoreError
from fapiao.invoices.intake import Examined, examine
from fapiao.invoices.model import NormalizeContext
from fapiao.invoices.withholding import Withholding
from fapiao.layouts import einvoice_xml
from fapiao.registry import Registry, Source
from fapiao.settings import COMMON_FIELDS
from fapiao.store import PageLoad
from fapiao.store.access.sealing import RawKeys
from fapiao.store.documents.loading import withheld
from fapiao.store.raw.pages import RawPage
from fapiao.store.raw.questions import ANSWER_KINDS, AskedCheck, AskedFile, AskedTask
from fapiao.store.rereading.comparing import Replayed
from fapiao.wire import Account, Flow, LayoutFiles, Page, Secret, SliceKey, SliceQuery, SyncQuery, Verification

__all__ = ["Replayer", "replay_account"]

T = TypeVar("T")
_KEPT = 24
"""Replayed pages kept for documents that several generations have."""


def replay_account(source: Source, name: str, told: Told) -> Account:
    """The account as a replayed flow sees it: its name, the settings its pages were read with, no credentials."""
    settings: dict[str, Any] = {
        field.name: field.default for field in (*source.descriptor.fields, *COMMON_FIELDS) if field.place == "extra"
    }
    for field in source.descriptor.fields:
        value = told.settings.get(field.name)
        if value is not None:
            settings[field.name] = float(value) if isinstance(value, Decimal) else value
    return Account(
        source=source.name,
        name=name,
        base_url=source.descriptor.default_host.rstrip("/"),
        login="",
        secret=Secret(""),
        settings=settings,
    )


class Replayer:
    """Pages as they are read now, the newest of them kept: generations of a month hold the same documents."""

    def __init__(self, sources: Registry, keys: RawKeys, withholding: Withholding) -> None:
        self._sources = sources
        self._keys = keys
        self._withholding = withholding
        self._answers: dict[str, Answers] = {}
        self._files = Answers(einvoice_xml.RULES, withholding)
        self._normalizers: dict[str, Any] = {}
        self._kept: OrderedDict[int, Replayed | None] = OrderedDict()
        self.failures: dict[int, str] = {}

    def replay(self, page: RawPage) -> Replayed | None:
        """None: the raw was purged, or the plugin cannot read it any more (see ``failures``).

        What the database has of a page changes while it is written: the page given is the one returned.
        """
        if page.page_id in self._kept:
            self._kept.move_to_end(page.page_id)
            kept = self._kept[page.page_id]
            return None if kept is None else msgspec.structs.replace(kept, page=page)
        item = None
        if page.transcript:
            data = self._keys.open(page.transcript, str(page))  # without the key nothing goes on
            try:
                item = self._read(page, data)
            except (PluginError, ConfigurationError, StoreError) as problem:
                self.failures[page.page_id] = f"{page}: {problem.what}"
        self._kept[page.page_id] = item
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return item

    def _read(self, page: RawPage, data: bytes) -> Replayed:
        transcript, told = unpack_told(data, page.transcript_sha256)
        if page.kind not in ANSWER_KINDS:
            return self._page(page, transcript, told)
        if isinstance(page.asked, AskedCheck):
            return self._check(page, page.asked, transcript, told)
        if isinstance(page.asked, AskedTask):
            return self._task(page, page.asked, transcript, told)
        if isinstance(page.asked, AskedFile):
            return self._file(page, page.asked, transcript)
        raise StoreError("The row of the question that it answers is gone.", advice="Restore it from a backup.")

    def _page(self, page: RawPage, transcript: Sequence[Exchange], told: Told) -> Replayed:
        """A page of a collection or a list."""
        reading = _Reading(self, page, told)
        query: SliceQuery | SyncQuery = told.sync or SliceQuery(
            taxpayer_no=page.taxpayer_no,
            invoice_month=page.invoice_month,
            key=SliceKey(page.type, page.direction),
            job_id=page.vendor_job_id,
        )
        said = reading.drive(reading.source.read_page(reading.account, query, page.cursor or None), transcript, Page)
        records = [reading.examined(raw, ordinal) for ordinal, raw in enumerate(said.records)]
        return Replayed(page, self._load(page, records, reading.is_whole, total=said.total, remaining=said.remaining))

    def _check(self, page: RawPage, asked: AskedCheck, transcript: Sequence[Exchange], told: Told) -> Replayed:
        """The answer to a verification."""
        reading = _Reading(self, page, told)
        said = reading.drive(reading.source.verify(reading.account, asked.claim), transcript, Verification)
        records = [] if said.record is None else [reading.examined(said.record, 0)]
        return Replayed(page, self._load(page, records, reading.is_whole), said)

    def _task(self, page: RawPage, asked: AskedTask, transcript: Sequence[Exchange], told: Told) -> Replayed:
        """The answer that names where layout files are."""
        reading = _Reading(self, page, told)
        said = reading.drive(reading.source.layout_files(reading.account, asked.task), transcript, LayoutFiles)
        return Replayed(page, self._load(page, [], reading.is_whole), said)

    def _file(self, page: RawPage, asked: AskedFile, transcript: Sequence[Exchange]) -> Replayed:
        """An XML file, which the framework reads itself."""
        if len(transcript) != 1:
            raise StoreError(f"A stored file consists of {len(transcript)} answers instead of one.")
        try:
            content = einvoice_xml.stored_raw_of(transcript[0].response.body)
        except Refused as refused:
            raise StoreError(f"The stored file cannot be read any more: {refused.what}.") from None
        raw, _ = self._files.document(content)
        context = _context(page)
        record = examine(raw, 0, einvoice_xml.normalize(raw, context), context, _in_china(page))
        if record.invoice is not None and record.invoice.digital_number != asked.number:
            raise StoreError(f"The stored file is now read as that of another invoice than {asked.number}.")
        return Replayed(page, self._load(page, [record], is_whole=True))

    def _load(
        self,
        page: RawPage,
        records: Sequence[Examined],
        is_whole: bool,
        *,
        total: int | None = None,
        remaining: tuple[str, ...] = (),
    ) -> PageLoad:
        load = PageLoad(
            slice_id=page.slice_id,
            collection_id=page.collection_id,
            read_no=page.read_no,
            cursor=page.cursor,
            source=page.source,
            api=page.api,
            fetched_at=page.fetched_at,
            total=total,
            remaining=remaining,
            record_count=len(records),
            transcript=b"",
            transcript_sha256=page.transcript_sha256,
            taxpayer_no=page.taxpayer_no,
            direction=page.direction,
            invoice_month=page.invoice_month,
            type=page.type,
            records=records,
            keeps_raw=is_whole,
        )
        return withheld(load, self._withholding)

    def source_of(self, name: str) -> tuple[Source, Answers, Any]:
        """A source, the policy for its answers, and its ``normalize``.

        :raises ConfigurationError: it is not installed.
        """
        source = self._sources.get(name)
        if name not in self._answers:
            self._answers[name] = Answers(RawRules.of(source.descriptor), self._withholding)
            self._normalizers[name] = source.normalizer()
        return source, self._answers[name], self._normalizers[name]


class _Reading:
    """One page in the hands of its plugin."""

    def __init__(self, replayer: Replayer, page: RawPage, told: Told) -> None:
        self.source, answers, self._normalize = replayer.source_of(page.source)
        self.account = replay_account(self.source, page.account, told)
        self._discretion = answers.discretion(page.taxpayer_no)
        self._context = _context(page)
        self._in_china = _in_china(page)

    @property
    def is_whole(self) -> bool:
        """Whether everything that the policy does not keep was found."""
        return self._discretion.is_whole

    def drive(self, flow: Flow[Any], transcript: Sequence[Exchange], kind: type[T]) -> T:
        """What the flow returns of the stored answers.

        :raises PluginError: it asks for something else, or the answers are now read as an error or as 'later'.
        """
        try:
            value = replay(self.source, self._discretion.flow(flow), transcript)
        except PluginError:
            raise
        except FapiaoError as problem:
            raise PluginError(
                f"The stored answer is now read as an error: {problem.what}", source=self.source.name
            ) from None
        if not isinstance(value, kind):
            raise PluginError("The stored answer is now read as 'later'.", source=self.source.name)
        return value

    def examined(self, raw: Any, ordinal: int) -> Examined:
        """One record, mapped and judged."""
        mapped = self._normalize(raw=raw, context=self._context)
        return examine(raw, ordinal, mapped, self._context, self._in_china)


def _context(page: RawPage) -> NormalizeContext:
    return NormalizeContext(
        source=page.source,
        api=page.api,
        taxpayer_no=page.taxpayer_no,
        invoice_month=page.invoice_month,
        type=page.type,
        direction=page.direction,
    )


def _in_china(page: RawPage) -> datetime:
    """When it was read, naive China time."""
    return datetime.fromtimestamp(page.fetched_at, CHINA).replace(tzinfo=None)
