"""One page: asked for at the vendor, then mapped and examined, ready to be loaded. Nothing here knows of slices' progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from fapiao.arguments import CHINA
from fapiao.engine import BlockingDriver
from fapiao.engine.transcript import told
from fapiao.engine.withheld_answers import Answers, KeptRaw, RawRules, kept_raw
from fapiao.invoices.intake import examine
from fapiao.invoices.model import NormalizeContext
from fapiao.registry import Source
from fapiao.store import CollectionRecord, Loader, PageLoad, SliceRecord
from fapiao.wire import Account, Page, Pending, SliceKey, SliceQuery, SyncQuery

__all__ = ["Fetched", "PageFetcher"]


class Fetched(msgspec.Struct, frozen=True, gc=False):
    """What one read of the vendor brought, as the plugin read it, with what is kept of the answer."""

    cursor: str
    raw: KeptRaw
    parts: tuple[tuple[SliceRecord, Page], ...]
    """The slice that was asked for and its page; then the others that it brought."""

    @property
    def page(self) -> Page:
        """The page that was asked for."""
        return self.parts[0][1]


class PageFetcher:
    """Fetches pages of one collection or sync. Thread-safe.

    :param query: what to ask the plugin for, for a slice.
    :param api: the interface of the vendor that the pages come from; codes are read by it.
    """

    def __init__(
        self,
        *,
        source: Source,
        account: Account,
        driver: BlockingDriver,
        loader: Loader,
        collection: CollectionRecord,
        query: Callable[[SliceRecord], SliceQuery | SyncQuery],
        api: str,
    ) -> None:
        self._source = source
        self._account = account
        self._driver = driver
        self._collection = collection
        self._query = query
        self._api = api
        # A sync is about the state of invoices, whatever month they were issued in.
        self._month = collection.key.invoice_month if collection.key.kind == "collect" else ""
        self._seals_raw = loader.seals_raw
        self._normalize = source.normalizer()
        self._answers = Answers(RawRules.of(source.descriptor), loader.withholding)

    def fetch(self, record: SliceRecord, cursor: str, others: Mapping[SliceKey, SliceRecord]) -> Fetched | Pending:
        """One page from the vendor, and what it brings of ``others``. Calls nothing but the driver.

        :param cursor: empty for the first page.
        :raises FapiaoError: the vendor's, the network's or the plugin's failure.
        """
        query = self._query(record)
        discretion = self._answers.discretion(self._collection.key.taxpayer_no)
        completed = self._driver.run(discretion.flow(self._source.read_page(self._account, query, cursor or None)))
        page = completed.value
        if isinstance(page, Pending):
            return page
        raw = kept_raw(
            completed.transcript,
            discretion,
            told(self._source.descriptor, self._account, query),
            sealed=self._seals_raw,
        )
        brought = (
            (others[key], Page(records=records, total=len(records)))
            for key, records in page.others.items()
            if key in others
        )
        return Fetched(cursor, raw, ((record, page), *brought))

    def examine(self, fetched: Fetched, at: float) -> list[PageLoad]:
        """What is to be loaded, for each slice of the read, in its order. Pure but for the plugin's mapping.

        :param at: when the answer came, epoch seconds.
        """
        return [self._load_of(record, fetched, page, at) for record, page in fetched.parts]

    def _load_of(self, record: SliceRecord, fetched: Fetched, page: Page, at: float) -> PageLoad:
        key = self._collection.key
        raw = fetched.raw
        context = NormalizeContext(
            source=key.source,
            api=self._api,
            taxpayer_no=key.taxpayer_no,
            invoice_month=self._month,
            type=record.key.type,
            direction=record.key.direction,
        )
        normalize = self._normalize
        in_china = datetime.fromtimestamp(at, CHINA).replace(tzinfo=None)
        return PageLoad(
            slice_id=record.slice_id,
            collection_id=record.collection_id,
            read_no=record.read_no,
            cursor=fetched.cursor,
            source=key.source,
            api=self._api,
            fetched_at=at,
            total=page.total,
            remaining=page.remaining,
            record_count=len(page.records),
            transcript=raw.data,
            transcript_sha256=raw.sha256,
            keeps_raw=raw.is_whole,
            taxpayer_no=key.taxpayer_no,
            direction=record.key.direction,
            invoice_month=self._month,
            type=record.key.type,
            billed=page.billed,
            records=[
                examine(record, ordinal, normalize(raw=record, context=context), context, in_china)
                for ordinal, record in enumerate(page.records)
            ],
        )
