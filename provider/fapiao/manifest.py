"""The manifest: what a run reports of a collection. Small, without personal data; also the value in Airflow's XCom."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from fapiao.store import CollectionRecord, SliceRecord

__all__ = ["Manifest", "SliceManifest", "manifest_of"]


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


def _money(amount: Decimal | None) -> str:
    return f"{amount or Decimal(0):.2f}"
