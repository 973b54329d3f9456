"""The manifest: what a run reports of a collection. Small, without personal data; also the value in Airflow's XCom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.store import CollectionRecord, SliceRecord

__all__ = ["Manifest", "SliceManifest", "SyncManifest", "SyncSliceManifest", "manifest_of", "sync_manifest_of"]


class SliceManifest(msgspec.Struct, frozen=True, kw_only=True):
    """One slice and its proof: ``expected`` is the vendor's own count, ``loaded + rejected`` is ours."""

    type: str
    direction: str
    state: str
    expected: int | None
    loaded: int
    rejected: int
    amount_excl_tax: str
    tax_amount: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One generation of one collection."""

    source: str
    taxpayer_no: str
    invoice_month: str
    generation: int
    state: str
    slices: tuple[SliceManifest, ...]
    requests: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values (lists, not tuples: Airflow stores those as objects); amounts are text."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain

    def to_json(self) -> str:
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    @property
    def loaded(self) -> int:
        return sum(part.loaded for part in self.slices)


class SyncSliceManifest(SliceManifest, frozen=True, kw_only=True):
    """One list of a sync; ``type`` is its code."""

    billed: int | None
    """Units that the vendor says it charged for the reads; None where it says nothing."""
    message: str
    """What is remarkable: the vendor gives no count, or why the list is not complete."""


class SyncManifest(Manifest, frozen=True, kw_only=True):
    """One run of one sync. ``invoice_month`` is empty: a sync is about invoices of any month."""

    run: int
    """Its id, for ``fapiao changes --run``."""
    query: str
    """What was asked for."""
    tax_period: str
    """税款所属期 ``yyyymm`` that was asked for, or empty."""
    billed: int | None
    changes: Mapping[str, int]
    """How many documents are newly certified, revoked … since the sync before; all 0 while the run is open."""


def manifest_of(collection: CollectionRecord, slices: Iterable[SliceRecord], now: float) -> Manifest:
    """The manifest of a collection as the ledger has it; ``seconds`` runs until ``now`` while it is open."""
    return Manifest(
        source=collection.key.source,
        taxpayer_no=collection.key.taxpayer_no,
        invoice_month=collection.key.invoice_month,
        generation=collection.generation,
        state=collection.state,
        slices=tuple(
            SliceManifest(
                type=part.key.type,
                direction=part.key.direction,
                state=part.state,
                expected=part.expected,
                loaded=part.loaded,
                rejected=part.rejected,
                amount_excl_tax=_money(part.amount_excl_tax),
                tax_amount=_money(part.tax_amount),
            )
            for part in slices
        ),
        requests=collection.requests,
        seconds=round((collection.closed_at or now) - collection.opened_at, 3),
    )


def sync_manifest_of(
    run: CollectionRecord,
    slices: Iterable[SliceRecord],
    billed: Mapping[int, int | None],
    changes: Mapping[str, int],
    now: float,
) -> SyncManifest:
    """The manifest of a sync; ``billed`` by slice id."""
    parts = list(slices)
    plain = manifest_of(run, parts, now)
    units = [value for value in billed.values() if value is not None]
    return SyncManifest(
        source=plain.source,
        taxpayer_no=plain.taxpayer_no,
        invoice_month="",
        generation=plain.generation,
        state=plain.state,
        slices=tuple(
            SyncSliceManifest(
                **{name: getattr(shown, name) for name in SliceManifest.__struct_fields__},
                billed=billed.get(part.slice_id),
                message=part.vendor_message or "",
            )
            for shown, part in zip(plain.slices, parts, strict=True)
        ),
        requests=plain.requests,
        seconds=plain.seconds,
        run=run.collection_id,
        query=run.key.query,
        tax_period=run.key.invoice_month,
        billed=sum(units) if units else None,
        changes=changes,
    )


def _money(amount: Decimal | None) -> str:
    return f"{amount or Decimal(0):.2f}"
