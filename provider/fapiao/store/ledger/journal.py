"""Where answers about single documents are written down: one slice per account and interface, a page per answer."""

from __future__ import annotations

import threading

from fapiao.store.access.database import Database
from fapiao.store.ledger.ledger import Ledger
from fapiao.store.ledger.records import CollectionKey, SliceRecord
from fapiao.wire import SliceKey

__all__ = ["Journal"]


class Journal:
    """The slice of one account's answers of one interface, made when first used.

    Its collection is never closed and has neither taxpayer, month nor vendor's job: nothing about it is to be complete.
    What its pages have is what every page has: transcript, records, and from there the documents.

    :param kind: ``verify`` or ``files``, the collection's kind.
    """

    def __init__(self, database: Database, source: str, account: str, kind: str) -> None:
        self._ledger = Ledger(database)
        self._key = CollectionKey(source=source, account=account, taxpayer_no="", invoice_month="", kind=kind)
        self._slice: SliceRecord | None = None
        self._lock = threading.Lock()

    def slice(self, now: float) -> SliceRecord:
        """The slice; two processes that make it at once get the same one."""
        with self._lock:
            if self._slice is None:
                collection = self._ledger.open(self._key, [SliceKey("", "")], now)
                (self._slice,) = self._ledger.slices(collection.collection_id)
            return self._slice
