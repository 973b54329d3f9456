"""Tells observers what was committed. Costs nothing where nobody watches."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import sqlalchemy as sa

from fapiao.errors import StoreError
from fapiao.events import PageCommitted, RecordRejected, SliceClosed
from fapiao.invoices.tax_numbers import is_personal
from fapiao.observing import observers
from fapiao.redaction import MASK
from fapiao.store.access.database import Database
from fapiao.store.documents.grouping import StoredPage
from fapiao.store.tables.ledger import collections, slices

__all__ = ["announce_pages", "announce_slices"]

log = logging.getLogger("fapiao.observers")


def announce_pages(stored: Sequence[StoredPage]) -> None:
    """Each page that was committed, followed by its records in quarantine."""
    pages, records = observers.wants(PageCommitted), observers.wants(RecordRejected)
    if not (pages or records):
        return
    for page in stored:
        if pages:
            observers.tell(_page(page))
        if records:
            for event in _rejections(page):
                observers.tell(event)


def announce_slices(database: Database, slice_ids: Sequence[int]) -> None:
    """Slices that were closed, as the ledger has them now."""
    if not slice_ids or not observers.wants(SliceClosed):
        return
    query = sa.select(slices, collections.c.source, collections.c.account, collections.c.kind,
        collections.c.taxpayer_no, collections.c.invoice_month, collections.c.generation,
    ).join(collections, collections.c.collection_id == slices.c.collection_id)  # fmt: skip
    try:
        rows = database.read(
            lambda connection: connection.execute(
                query.where(slices.c.slice_id.in_(slice_ids)).order_by(slices.c.slice_id)
            ).all()
        )
    except StoreError as error:
        log.warning("Observers were not told that %d slices were closed: %s", len(slice_ids), error)
        return
    for row in rows:
        observers.tell(
            SliceClosed(
                at=row.closed_at,
                source=row.source,
                account=row.account,
                kind=row.kind,
                taxpayer_no=_shown(row.taxpayer_no),
                invoice_month=row.invoice_month,
                type=row.type,
                direction=row.direction,
                collection_id=row.collection_id,
                generation=row.generation,
                slice_id=row.slice_id,
                state=row.state,
                expected=row.expected,
                loaded=row.loaded,
                rejected=row.rejected,
                amount_excl_tax=row.amount_excl_tax,
                tax_amount=row.tax_amount,
                code=row.vendor_code,
            )
        )


def _page(page: StoredPage) -> PageCommitted:
    load = page.load
    rejected = sum(1 for record in load.records if record.invoice is None)
    return PageCommitted(
        at=load.fetched_at,
        source=load.source,
        api=load.api,
        taxpayer_no=_shown(load.taxpayer_no),
        invoice_month=load.invoice_month,
        type=load.type,
        direction=load.direction,
        collection_id=load.collection_id,
        slice_id=load.slice_id,
        page_id=int(page.page_id),
        read_no=load.read_no,
        records=len(load.records),
        loaded=len(load.records) - rejected,
        rejected=rejected,
        total=load.total,
        transcript_sha256=load.transcript_sha256,
    )


def _rejections(page: StoredPage) -> list[RecordRejected]:
    load = page.load
    return [
        RecordRejected(
            at=load.fetched_at,
            source=load.source,
            api=load.api,
            taxpayer_no=_shown(load.taxpayer_no),
            invoice_month=load.invoice_month,
            type=load.type,
            direction=load.direction,
            collection_id=load.collection_id,
            slice_id=load.slice_id,
            page_id=int(page.page_id),
            ordinal=record.ordinal,
            rules=tuple(finding.rule for finding in record.rejected),
            fields=tuple(finding.field for finding in record.rejected),
        )
        for record in load.records
        if record.invoice is None
    ]


def _shown(taxpayer_no: str) -> str:
    return MASK if is_personal(taxpayer_no) else taxpayer_no
